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

void RetryMemory::insert(const Key& key, Entry entry, TimePoint now) {
  std::lock_guard<std::mutex> lock(mutex_);
  Entry& place = entries_[key];
  // Two equal times of one key could not be told apart when the first of them is dropped.
  if (place.until != entry.until) order_.emplace_back(entry.until, key);
  place = std::move(entry);
  expire(now);
}

void RetryMemory::pend(const Key& key, TimePoint now) {
  insert(key, Entry{true, "", now + kKeep}, now);
}

void RetryMemory::remember(const Key& key, std::string reply_text, TimePoint now) {
  // RFC 5321, 4.5.3.1.5: more than 512 octets would not be sent anyway.
  if (reply_text.size() > 512) reply_text.resize(512);
  insert(key, Entry{false, std::move(reply_text), now + kKeep}, now);
}

void RetryMemory::forget(const Key& key) {
  std::lock_guard<std::mutex> lock(mutex_);
  entries_.erase(key);
  empty_.store(entries_.empty(), std::memory_order_relaxed);
}

std::optional<RetryMemory::Found> RetryMemory::take(const Key& key, TimePoint now) {
  std::lock_guard<std::mutex> lock(mutex_);
  expire(now);
  auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.until <= now) return std::nullopt;
  if (entry->second.pending) return Found{true, ""};
  Found found{false, std::move(entry->second.reply)};
  entries_.erase(entry);
  empty_.store(entries_.empty(), std::memory_order_relaxed);
  return found;
}

}  // namespace postern::session
