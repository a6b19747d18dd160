#include "proxy/session/retry_memory.h"

#include <utility>

namespace postern::session {

// order_ may hold an old time of a key that was remembered again; it is known by not being the entry's, and skipped.
void RetryMemory::expire(TimePoint now) {
  while (!order_.empty() && (order_.front().first <= now || order_.size() > kMaxEntries)) {
    auto entry = entries_.find(order_.front().second);
    if (entry != entries_.end() && entry->second.until == order_.front().first) entries_.erase(entry);
    order_.pop_front();
  }
  empty_.store(entries_.empty(), std::memory_order_relaxed);
}

void RetryMemory::remember(const Key& key, std::string reply_text, TimePoint now) {
  // RFC 5321, 4.5.3.1.5: more than 512 octets would not be sent anyway.
  if (reply_text.size() > 512) reply_text.resize(512);
  TimePoint until = now + kKeep;
  std::lock_guard<std::mutex> lock(mutex_);
  Entry& entry = entries_[key];
  // Two equal times of one key could not be told apart when the first of them is dropped.
  if (entry.until != until) order_.emplace_back(until, key);
  entry = Entry{std::move(reply_text), until};
  expire(now);
}

std::optional<std::string> RetryMemory::find(const Key& key, TimePoint now) {
  std::lock_guard<std::mutex> lock(mutex_);
  expire(now);
  auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.until <= now) return std::nullopt;
  return entry->second.reply;
}

}  // namespace postern::session
