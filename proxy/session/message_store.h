// MessageStore: the content of one message, decoded, until its verdict. Memory first, then an unlinked file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "proxy/session/memory_budget.h"

namespace postern::session {

/// One owner, one thread. The first kHead octets stay in memory, where filters and rules read them; the rest goes to a
/// file in the spool directory that has no name, so nothing is left behind whatever happens. Writing to it may block
/// for as long as the disk needs.
class MessageStore {
 public:
  static constexpr uint64_t kHead = 1U << 20U;

  /// `budget` and `spool_directory` outlive the store.
  MessageStore(MemoryBudget& budget, const std::string& spool_directory)
      : budget_(budget), spool_directory_(spool_directory) {}
  MessageStore(const MessageStore&) = delete;
  MessageStore& operator=(const MessageStore&) = delete;
  ~MessageStore();

  /// Code::Limit: the memory budget is spent; Code::Io: the spool failed (disk full). The store is then useless.
  Result<void> append(std::string_view bytes);
  [[nodiscard]] uint64_t size() const { return head_.size() + spooled_; }
  /// The first octets, all of the message when !spooled().
  [[nodiscard]] std::string_view head() const { return head_; }
  [[nodiscard]] bool spooled() const { return spooled_ > 0; }
  /// Up to `limit` octets from `offset` on, "" at the end; the view is valid until the next call.
  Result<std::string_view> read(uint64_t offset, size_t limit);

 private:
  Result<void> append_spool(std::string_view bytes);
  Result<void> open_spool();

  MemoryBudget& budget_;
  const std::string& spool_directory_;
  std::string head_;
  uint64_t taken_ = 0;  // from the budget
  uint64_t spooled_ = 0;
  int file_ = -1;
  std::string buffer_;  // of read()
};

}  // namespace postern::session
