// Messages from files: .eml, Maildir, mbox, standard input.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "filters/base/result.h"

namespace postern::cli {

/// One message, with CRLF line ends as it would have come by SMTP.
struct InputMessage {
  std::string name;  // the file; "file#2" for the second message of an mbox
  std::string text;
};

/// Where messages stand: files as named, directories searched recursively, in name order. "-" is standard input. What
/// was found and cannot be read (a link that leads nowhere, a file or folder without permission) is among them:
/// read_messages says why.
[[nodiscard]] Result<std::vector<std::string>> find_messages(const std::vector<std::string>& inputs);

/// Calls `use` for every message of the file (one, or many for an mbox). Fails (BadInput, "FILE: why") where it cannot
/// be read. Blocks.
[[nodiscard]] Result<void> read_messages(const std::string& file, const std::function<void(InputMessage)>& use);

}  // namespace postern::cli
