#include "proxy/net/answer_cache.h"

#include <algorithm>
#include <array>
#include <random>

#include <xxhash.h>

#include "filters/base/bytes.h"

namespace postern::net {
namespace {

uint64_t seed() {
  static const uint64_t value = [] {
    std::random_device source;
    return (static_cast<uint64_t>(source()) << 32U) | source();
  }();
  return value;
}

// What one entry costs, about: the nodes of map and list, the shared answer, and what hangs on it.
size_t size_of(const dns::Question& question, const dns::Answer& answer) {
  size_t size = 256 + sizeof(dns::Answer) + question.name.size() + answer.addresses.size() * sizeof(IpAddress);
  for (const auto& text : answer.texts) size += sizeof(std::string) + text.size();
  for (const auto& name : answer.names) size += sizeof(std::string) + name.size();
  for (const auto& mx : answer.exchanges) size += sizeof(dns::Mx) + mx.name.size();
  return size;
}

}  // namespace

size_t QuestionHash::operator()(const dns::Question& question) const {
  std::array<char, 256> lower{};
  size_t length = std::min(question.name.size(), lower.size());
  std::transform(question.name.begin(), question.name.begin() + static_cast<std::ptrdiff_t>(length), lower.begin(),
                 ascii_lower);
  return XXH3_64bits_withSeed(lower.data(), length, seed() ^ static_cast<uint64_t>(question.type));
}

bool QuestionEqual::operator()(const dns::Question& a, const dns::Question& b) const {
  return a.type == b.type && equal_nocase(a.name, b.name);
}

AnswerPtr AnswerCache::find(const dns::Question& question, TimePoint now) {
  auto found = entries_.find(question);
  if (found == entries_.end()) return nullptr;
  if (found->second.until <= now) {
    erase(found);
    return nullptr;
  }
  by_use_.splice(by_use_.begin(), by_use_, found->second.use);
  return found->second.answer;
}

void AnswerCache::store(const dns::Question& question, AnswerPtr answer, TimePoint now) {
  if (answer->status == dns::Status::TempFail || answer->ttl == 0) return;
  size_t bytes = size_of(question, *answer);
  if (max_entries_ == 0 || bytes > max_bytes_ / 16) return;
  auto [place, added] = entries_.try_emplace(question);
  if (added) {
    by_use_.push_front(&place->first);
    place->second.use = by_use_.begin();
  }
  Entry& entry = place->second;
  bytes_ += bytes - entry.bytes;
  entry.bytes = bytes;
  entry.until = now + std::min<Duration>(std::chrono::seconds(answer->ttl), kMaxKept);
  entry.answer = std::move(answer);
  // The new one is in front, so it is never the one to go.
  while (entries_.size() > max_entries_ || bytes_ > max_bytes_) erase(entries_.find(*by_use_.back()));
}

void AnswerCache::clear() {
  by_use_.clear();
  entries_.clear();
  bytes_ = 0;
}

void AnswerCache::erase(Entries::iterator entry) {
  bytes_ -= entry->second.bytes;
  by_use_.erase(entry->second.use);
  entries_.erase(entry);
}

}  // namespace postern::net
