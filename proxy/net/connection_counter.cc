#include "proxy/net/connection_counter.h"

namespace postern::net {

ConnectionCounter::Shard& ConnectionCounter::shard(const IpAddress& ip) {
  unsigned sum = 0;
  for (char octet : ip.octets()) sum = sum * 31 + static_cast<unsigned char>(octet);
  return shards_.at(sum % shards_.size());
}

ConnectionCounter::Ticket ConnectionCounter::enter(size_t limit) {
  if (total_.fetch_add(1, std::memory_order_relaxed) < limit) return Ticket(this);
  total_.fetch_sub(1, std::memory_order_relaxed);
  return {};
}

bool ConnectionCounter::Ticket::identify(const IpAddress& ip, size_t limit) {
  Shard& shard = counter_->shard(ip);
  std::lock_guard lock(shard.mutex);
  size_t& count = shard.counts[ip];
  if (count >= limit) {
    if (count == 0) shard.counts.erase(ip);
    return false;
  }
  ++count;
  ip_ = ip;
  return true;
}

void ConnectionCounter::Ticket::leave() {
  if (counter_ == nullptr) return;
  if (ip_) {
    Shard& shard = counter_->shard(*ip_);
    std::lock_guard lock(shard.mutex);
    auto found = shard.counts.find(*ip_);
    if (--found->second == 0) shard.counts.erase(found);
    ip_.reset();
  }
  std::exchange(counter_, nullptr)->total_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace postern::net
