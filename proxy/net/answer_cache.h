// AnswerCache: parsed DNS answers in front of libunbound's own cache, so that a hot name costs one hash look-up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <unordered_map>

#include "filters/dns/dns.h"

namespace postern::net {

/// Names are hashed and compared without regard to ASCII case (RFC 4343, 3). Seeded: names come from strangers.
struct QuestionHash {
  size_t operator()(const dns::Question& question) const;
};
struct QuestionEqual {
  bool operator()(const dns::Question& a, const dns::Question& b) const;
};

using AnswerPtr = std::shared_ptr<const dns::Answer>;

/// Bounded in entries and in bytes; the least recently used goes first. One thread.
class AnswerCache {
 public:
  /// No answer is kept longer, whatever its TTL says.
  static constexpr Duration kMaxKept = std::chrono::seconds(300);

  AnswerCache(size_t max_entries, size_t max_bytes) : max_entries_(max_entries), max_bytes_(max_bytes) {}

  /// Null when there is none that still lives. The answer's ttl is the one that it came with.
  [[nodiscard]] AnswerPtr find(const dns::Question& question, TimePoint now);
  /// Keeps it for its TTL. Failures and answers with TTL 0 are not kept.
  void store(const dns::Question& question, AnswerPtr answer, TimePoint now);
  void clear();
  [[nodiscard]] size_t entries() const { return entries_.size(); }
  [[nodiscard]] size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    AnswerPtr answer;
    TimePoint until;
    size_t bytes = 0;
    std::list<const dns::Question*>::iterator use;
  };
  using Entries = std::unordered_map<dns::Question, Entry, QuestionHash, QuestionEqual>;
  void erase(Entries::iterator entry);

  size_t max_entries_;
  size_t max_bytes_;
  size_t bytes_ = 0;
  Entries entries_;
  std::list<const dns::Question*> by_use_;  // keys of entries_; the latest used in front
};

}  // namespace postern::net
