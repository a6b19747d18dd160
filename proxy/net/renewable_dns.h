// A dns::Client that can forget what it knows.
#pragma once

#include <list>
#include <memory>

#include "proxy/net/dns_unbound.h"

namespace postern::net {

/// libunbound has no order to forget answers, and its limits on their time are the process's, not a context's. So there
/// is one UnboundClient after the other: a new one begins with nothing. One thread: the loop's. Look-ups may outlive
/// it: they are then never answered.
class RenewableDns final : public dns::Client {
 public:
  /// A client older than `max_age` is replaced before it is asked: for who must hear what servers say now. Fails as
  /// UnboundClient::create does. `loop` and `clock` outlive it.
  static Result<std::unique_ptr<RenewableDns>> create(Loop& loop, const Clock& clock, DnsOptions options,
                                                      Duration max_age = Duration::max());
  ~RenewableDns() override;

  [[nodiscard]] Pending lookup(const dns::Question& question, Duration timeout, Callback callback) override;
  /// What is asked from now on is asked anew. What is under way goes on. Without memory for another client the old one
  /// stays.
  void renew();

 private:
  class Operation;
  struct Client {
    std::unique_ptr<UnboundClient> dns;
    TimePoint made;
    std::shared_ptr<int> users = std::make_shared<int>();  // its use count less one: look-ups under way
  };

  RenewableDns(Loop& loop, const Clock& clock, DnsOptions options, Duration max_age)
      : loop_(loop), clock_(clock), options_(std::move(options)), max_age_(max_age) {}
  Result<void> add();
  void bury();

  Loop& loop_;
  const Clock& clock_;
  DnsOptions options_;
  Duration max_age_;
  std::list<Client> clients_;  // the last one is asked
};

}  // namespace postern::net
