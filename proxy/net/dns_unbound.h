// dns::Client on libunbound, in our own event loop.
//
// Theory of operation. A question is looked for in the AnswerCache, then among the questions that are under way (equal
// ones share one), then given to libunbound. Whatever is known at once waits in a ready list that a zero timer empties,
// so no callback ever runs inside lookup(). Each look-up has its own deadline; when the last one that waits for a
// question has gone, libunbound is told to forget it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "filters/dns/dns.h"
#include "proxy/net/loop.h"

namespace postern::net {

struct DnsOptions {
  std::vector<std::string> servers;   // "127.0.0.1@5353", "::1"; empty: resolve from the root
  size_t message_cache = 16U << 20U;  // bytes, libunbound's
  size_t record_cache = 32U << 20U;   // bytes, libunbound's
  size_t answers = 10'000;            // parsed answers kept
  size_t answer_bytes = 8U << 20U;    // and their size
  /// Each look-up that was not answered from the parsed answers: its type, how it ended, how long it took. On the
  /// loop's thread, must not call the client.
  std::function<void(dns::Type, dns::Status, Duration)> observer;
};

/// One thread: the loop's. Its look-ups may outlive it: they are then never answered.
class UnboundClient final : public dns::Client {
 public:
  /// Questions under way in one client; more are TempFail.
  static constexpr size_t kMaxOutstanding = 10'000;

  /// Fails when a server is no "ADDRESS" or "ADDRESS@PORT".
  static Result<std::unique_ptr<UnboundClient>> create(Loop& loop, const Clock& clock, DnsOptions options);
  ~UnboundClient() override;

  [[nodiscard]] Pending lookup(const dns::Question& question, Duration timeout, Callback callback) override;
  /// Questions that libunbound works on for us.
  [[nodiscard]] size_t outstanding() const;

 private:
  class Impl;
  explicit UnboundClient(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::net
