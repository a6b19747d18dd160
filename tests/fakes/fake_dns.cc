#include "tests/fakes/fake_dns.h"

#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"
#include "filters/base/result.h"

namespace postern::test {
namespace {

IpAddress address(std::string_view text) {
  auto parsed = IpAddress::parse(text);
  POSTERN_CHECK(parsed.has_value());
  return *parsed;
}

dns::Answer status(dns::Status status, std::string reason = "") {
  dns::Answer answer;
  answer.status = status;
  answer.reason = std::move(reason);
  return answer;
}

constexpr std::string_view kTimeout = "timeout";

}  // namespace

/// Owns the flight: when it goes, the queue's weak pointer finds nothing.
class FakeDns::Operation final : public Pending::Operation {
 public:
  explicit Operation(std::shared_ptr<Flight> flight) : flight_(std::move(flight)) {}

 private:
  std::shared_ptr<Flight> flight_;
};

FakeDns::Node& FakeDns::node(std::string_view name) {
  return zone_[to_lower(name)];
}

dns::Answer& FakeDns::records(std::string_view name, dns::Type type) {
  dns::Answer& answer = node(name).records[type];
  answer.status = dns::Status::Found;
  answer.ttl = 300;
  return answer;
}

FakeDns& FakeDns::a(std::string_view name, std::string_view text) {
  records(name, dns::Type::A).addresses.push_back(address(text));
  return *this;
}
FakeDns& FakeDns::aaaa(std::string_view name, std::string_view text) {
  // An IPv4-mapped AAAA stays out of the answer (see dns::Answer), and may leave it empty.
  IpAddress parsed = address(text);
  if (parsed.is_v4()) return empty(name);
  records(name, dns::Type::AAAA).addresses.push_back(parsed);
  return *this;
}
FakeDns& FakeDns::txt(std::string_view name, std::string_view text) {
  records(name, dns::Type::TXT).texts.emplace_back(text);
  return *this;
}
FakeDns& FakeDns::mx(std::string_view name, uint16_t preference, std::string_view host) {
  records(name, dns::Type::MX).exchanges.push_back({preference, std::string(host)});
  return *this;
}
FakeDns& FakeDns::ptr(std::string_view name, std::string_view target) {
  records(name, dns::Type::PTR).names.emplace_back(target);
  return *this;
}
FakeDns& FakeDns::cname(std::string_view name, std::string_view target) {
  node(name).alias = to_lower(target);
  return *this;
}
FakeDns& FakeDns::empty(std::string_view name) {
  static_cast<void>(node(name));
  return *this;
}
FakeDns& FakeDns::temp_fail(std::string_view name, std::optional<dns::Type> type) {
  node(name).troubles[type] = Trouble::TempFail;
  return *this;
}
FakeDns& FakeDns::never(std::string_view name, std::optional<dns::Type> type) {
  node(name).troubles[type] = Trouble::Never;
  return *this;
}
void FakeDns::clear() {
  zone_.clear();
}

bool FakeDns::is_above_a_name(std::string_view name) const {
  std::string suffix = '.' + std::string(name);
  return std::any_of(zone_.begin(), zone_.end(), [&](const auto& entry) {
    const std::string& known = entry.first;
    return known.size() > suffix.size() && known.compare(known.size() - suffix.size(), suffix.size(), suffix) == 0;
  });
}

dns::Answer FakeDns::resolve(const dns::Question& question) const {
  std::string name = to_lower(question.name);
  for (int hops = 0; hops < 10; ++hops) {
    if (!dns::is_valid_name(name)) return status(dns::Status::NoName);
    auto at = zone_.find(name);
    if (at == zone_.end()) return status(is_above_a_name(name) ? dns::Status::NoRecord : dns::Status::NoName);
    const Node& here = at->second;
    auto found = here.records.find(question.type);
    if (found != here.records.end()) return found->second;
    auto trouble = here.troubles.find(question.type);
    if (trouble == here.troubles.end()) trouble = here.troubles.find(std::nullopt);
    if (trouble != here.troubles.end()) {
      bool never = trouble->second == Trouble::Never;
      return status(dns::Status::TempFail, never ? std::string(kTimeout) : "SERVFAIL");
    }
    if (!here.alias) return status(dns::Status::NoRecord);
    name = *here.alias;
  }
  return status(dns::Status::TempFail, "CNAME loop");
}

Pending FakeDns::lookup(const dns::Question& question, Duration timeout, Callback callback) {
  asked_.push_back(question);
  auto flight = std::make_shared<Flight>();
  flight->answer =
      timeout <= Duration::zero() ? status(dns::Status::TempFail, std::string(kTimeout)) : resolve(question);
  flight->callback = std::move(callback);
  bool late = timeout > Duration::zero() && flight->answer.reason == kTimeout;
  (late ? timeouts_ : queue_).push_back(flight);
  return Pending(std::make_unique<Operation>(std::move(flight)));
}

bool FakeDns::run_one() {
  while (!queue_.empty() || !timeouts_.empty()) {
    auto& from = queue_.empty() ? timeouts_ : queue_;
    std::shared_ptr<Flight> flight = from.front().lock();
    from.pop_front();
    if (!flight) continue;
    // Moved out first: the callback may destroy the handle, this client's user, or the flight.
    Callback callback = std::move(flight->callback);
    dns::Answer answer = std::move(flight->answer);
    flight.reset();
    callback(answer);
    return true;
  }
  return false;
}

size_t FakeDns::run() {
  size_t delivered = 0;
  while (run_one()) ++delivered;
  return delivered;
}

size_t FakeDns::pending() const {
  auto alive = [](const std::weak_ptr<Flight>& flight) { return !flight.expired(); };
  return static_cast<size_t>(std::count_if(queue_.begin(), queue_.end(), alive) +
                             std::count_if(timeouts_.begin(), timeouts_.end(), alive));
}

}  // namespace postern::test
