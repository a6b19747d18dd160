#include "proxy/net/renewable_dns.h"

#include <iterator>
#include <utility>

namespace postern::net {
namespace {

// Longer than any call of a client lasts: who is buried is in none, though its last look-up may have ended in one.
constexpr Duration kMourning = std::chrono::seconds(10);

}  // namespace

class RenewableDns::Operation final : public Pending::Operation {
 public:
  Operation(std::shared_ptr<int> user, Pending lookup) : user_(std::move(user)), lookup_(std::move(lookup)) {}

 private:
  std::shared_ptr<int> user_;
  Pending lookup_;
};

Result<std::unique_ptr<RenewableDns>> RenewableDns::create(Loop& loop, const Clock& clock, DnsOptions options,
                                                           Duration max_age) {
  std::unique_ptr<RenewableDns> dns(new RenewableDns(loop, clock, std::move(options), max_age));
  if (auto added = dns->add(); !added) return tl::unexpected(std::move(added.error()));
  return dns;
}

RenewableDns::~RenewableDns() = default;

Result<void> RenewableDns::add() {
  auto dns = UnboundClient::create(loop_, clock_, options_);
  if (!dns) return tl::unexpected(std::move(dns.error()));
  Client& client = clients_.emplace_back();
  client.dns = std::move(*dns);
  client.made = clock_.now();
  return {};
}

void RenewableDns::bury() {
  TimePoint now = clock_.now();
  for (auto client = clients_.begin(); client != std::prev(clients_.end());) {
    bool idle = client->users.use_count() == 1 && now - std::next(client)->made > kMourning;
    client = idle ? clients_.erase(client) : std::next(client);
  }
}

void RenewableDns::renew() {
  bury();
  static_cast<void>(add());
}

Pending RenewableDns::lookup(const dns::Question& question, Duration timeout, Callback callback) {
  if (clock_.now() - clients_.back().made > max_age_) renew();
  Client& client = clients_.back();
  return Pending(std::make_unique<Operation>(client.users, client.dns->lookup(question, timeout, std::move(callback))));
}

}  // namespace postern::net
