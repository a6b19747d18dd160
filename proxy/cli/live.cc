#include "proxy/cli/live.h"

#include <memory>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "filters/base/signal.h"
#include "filters/lists/probe.h"
#include "proxy/net/dns_unbound.h"
#include "proxy/net/loop.h"

namespace postern::cli {
namespace {

uint64_t fresh_salt() {
  std::random_device random;
  return (static_cast<uint64_t>(random()) << 32U) | random();
}

struct Probed {
  const lists::List* list;
  std::unique_ptr<Background<lists::ProbeResult>> result;
};

Task<void> probe_all(dns::Client& dns, const Clock& clock, const Loaded& loaded, LiveReport& report) {
  Duration timeout = loaded.config->policy.dns.lookup;
  auto resolver = co_await lists::check_resolver(dns, loaded.config->dns_servers, fresh_salt(), timeout);
  report.faults = std::move(resolver.faults);
  report.notes = std::move(resolver.notes);
  std::vector<Probed> all;
  for (const lists::List& list : *loaded.rules->lists()) {
    if (!list.enabled) continue;
    if (!list.probe) {
      report.notes.push_back(fmt::format("list {} has no test points and is taken on trust", list.name));
      continue;
    }
    all.push_back({&list, std::make_unique<Background<lists::ProbeResult>>(
                              lists::probe(dns, clock, list, fresh_salt(), timeout))});
  }
  for (Probed& each : all) {
    lists::ProbeResult result = co_await each.result->get();
    ++report.lists;
    if (result.fault.empty()) continue;
    // A zone may hold the key of a subscription: where there is a title it speaks for the list.
    const lists::List& list = *each.list;
    report.faults.push_back(
        fmt::format("list {} ({}): {}", list.name, list.title.empty() ? list.zone : list.title, result.fault));
  }
}

}  // namespace

Result<LiveReport> check_live(const Loaded& loaded) {
  SystemClock clock;
  net::Loop loop;
  net::DnsOptions options;
  options.servers = loaded.config->dns_servers;
  auto dns = net::UnboundClient::create(loop, clock, options);
  if (!dns) return tl::unexpected(dns.error());
  LiveReport report;
  Background<void> work{probe_all(**dns, clock, loaded, report)};
  while (!work.ready()) loop.turn(true);
  return report;
}

}  // namespace postern::cli
