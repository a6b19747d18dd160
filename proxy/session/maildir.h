// Delivery into a Maildir: the embedded backend and the quarantine.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "filters/base/result.h"

namespace postern::session {

/// Takes a piece of the message, of any size, with CRLF line ends; pieces may be cut anywhere.
using PieceWriter = std::function<Result<void>(std::string_view)>;
/// Writes a message piece by piece. It returns the writer's first error, or one of its own.
using MessageProducer = std::function<Result<void>(const PieceWriter& write)>;

/// Stores one message as a file in `directory`/new and returns the file's name; then it is on disk: file and directory
/// are synced. Lines end with LF in the file, as readers of a Maildir expect. `directory` and its cur, new and tmp are
/// made with mode 0700 where they are missing; files have 0600. `hostname` is ours, for the name.
///
/// Blocks (disk): not for an event loop's thread. Any thread, any number at once, also of other processes. On any error
/// nothing stays in `directory`: Code::Io with the path and the system's reason, or what `produce` returned. An
/// exception of `produce` passes through, the same way.
[[nodiscard]] Result<std::string> deliver_to_maildir(const std::string& directory, const std::string& hostname,
                                                     const MessageProducer& produce);

}  // namespace postern::session
