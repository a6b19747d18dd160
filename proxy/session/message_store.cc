#include "proxy/session/message_store.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::session {
namespace {

/// Memory is taken in steps of this size, so that the shared counter is touched once per 16 KB.
constexpr uint64_t kStep = 16U << 10U;

std::string errno_text() {
  return std::generic_category().message(errno);
}

}  // namespace

MessageStore::~MessageStore() {
  if (taken_ > 0) budget_.give_back(taken_);
  if (file_ >= 0) ::close(file_);
}

Result<void> MessageStore::append(std::string_view bytes) {
  std::string_view fits = bytes.substr(0, kHead - std::min<uint64_t>(kHead, head_.size()));
  uint64_t needed = head_.size() + fits.size();
  if (needed > taken_) {
    uint64_t more = (needed - taken_ + kStep - 1) / kStep * kStep;
    if (!budget_.take(more)) return fail(Code::Limit, "memory for messages in flight is used up ([limits] memory)");
    taken_ += more;
  }
  head_.append(fits);
  bytes.remove_prefix(fits.size());
  return bytes.empty() ? Result<void>{} : append_spool(bytes);
}

Result<void> MessageStore::open_spool() {
  file_ = ::open(spool_directory_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ >= 0) return {};
  // File systems without O_TMPFILE: a named file that is unlinked at once.
  std::string name = spool_directory_ + "/message.XXXXXX";
  file_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (file_ < 0) return fail(Code::Io, "spool file in " + spool_directory_ + ": " + errno_text());
  ::unlink(name.c_str());
  return {};
}

Result<void> MessageStore::append_spool(std::string_view bytes) {
  if (file_ < 0) {
    if (auto opened = open_spool(); !opened) return opened;
  }
  while (!bytes.empty()) {
    ssize_t written = ::write(file_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return fail(Code::Io, "write spool file in " + spool_directory_ + ": " + errno_text());
    bytes.remove_prefix(static_cast<size_t>(written));
    spooled_ += static_cast<uint64_t>(written);
  }
  return {};
}

Result<std::string_view> MessageStore::read(uint64_t offset, size_t limit) {
  if (offset < head_.size()) return std::string_view(head_).substr(offset, limit);
  uint64_t at = offset - head_.size();
  if (at >= spooled_) return std::string_view();
  buffer_.resize(std::min<uint64_t>(limit, spooled_ - at));
  while (true) {
    ssize_t got = ::pread(file_, buffer_.data(), buffer_.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return fail(Code::Io, "read spool file: " + (got == 0 ? std::string("too short") : errno_text()));
    return std::string_view(buffer_).substr(0, static_cast<size_t>(got));
  }
}

}  // namespace postern::session
