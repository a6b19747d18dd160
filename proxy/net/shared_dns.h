// dns::Client for DNS lists: each question belongs to one worker, whoever asks it, so the whole process asks it once.
//
// Theory of operation. A question is looked for in an AnswerCache of this worker, then among those under way here
// (equal ones share one), then sent to the worker that its hash picks, whose own dns::Client asks; both keep the answer
// until the moment that its TTL says. The answer comes back through the inbox of the asker's loop. A worker that is
// gone is replaced by the asker's own client, and a lost answer by the look-up's deadline: nothing here waits for
// another thread for ever.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "filters/dns/dns.h"
#include "proxy/net/answer_cache.h"
#include "proxy/net/loop.h"

namespace postern::net {

/// The workers that share questions. Filled before the first of them runs; thread-safe afterwards.
class DnsRing {
 public:
  DnsRing() = default;
  DnsRing(const DnsRing&) = delete;
  DnsRing& operator=(const DnsRing&) = delete;
  ~DnsRing();

  /// How many look-ups went over to another worker; for tests and benchmarks. Any thread.
  [[nodiscard]] uint64_t crossings() const { return crossings_.load(std::memory_order_relaxed); }

 private:
  friend class SharedDns;
  /// What one worker offers to the others: a letter box.
  class Seat;
  std::vector<std::shared_ptr<Seat>> seats_;
  std::atomic<uint64_t> crossings_{0};
};

/// One worker's door. One thread: the loop's. Contract of dns::Client. Its look-ups may outlive it: they are then never
/// answered.
class SharedDns final : public dns::Client {
 public:
  /// Questions under way here, the other workers' included; more are TempFail.
  static constexpr size_t kMaxOutstanding = 20'000;
  /// Answers kept here, and their size in bytes.
  static constexpr size_t kAnswers = 10'000;
  static constexpr size_t kAnswerBytes = 8U << 20U;

  /// `own` and the ring outlive it; `clock` too. Takes a seat in the ring; leaves it when destroyed (which happens on
  /// the loop's thread, before the loop and `own` go). Questions that it was answering for others are asked anew by
  /// these.
  SharedDns(Loop& loop, const Clock& clock, std::shared_ptr<DnsRing> ring, dns::Client& own);
  ~SharedDns() override;
  [[nodiscard]] Pending lookup(const dns::Question& question, Duration timeout, Callback callback) override;
  /// Nothing that was asked before is kept from now on; what is under way is still answered.
  void forget();
  /// Questions under way here, the other workers' included.
  [[nodiscard]] size_t outstanding() const;

 private:
  friend class DnsRing;
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::net
