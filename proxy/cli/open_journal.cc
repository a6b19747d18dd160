#include "proxy/cli/open_journal.h"

#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

namespace postern::cli {

Result<std::unique_ptr<ops::JournalReader>> open_journal(const std::string& path) {
  auto journal = ops::JournalReader::open(path);
  if (journal) return journal;
  std::string text = fmt::format("the journal cannot be read: {}", journal.error().message);
  if (journal.error().code == Code::NotFound) {
    text += " (a gateway with this [journal] path makes it when it starts)";
  } else if (::access(path.c_str(), R_OK) != 0 && errno == EACCES) {
    // SQLite has one sentence for all that the system refuses.
    text += " (no permission: run this as root or as the gateway's user)";
  }
  return fail(journal.error().code, std::move(text));
}

}  // namespace postern::cli
