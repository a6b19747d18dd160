#include "proxy/cli/live.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "filters/base/signal.h"
#include "filters/lists/probe.h"
#include "filters/lists/zone.h"
#include "proxy/net/dns_unbound.h"
#include "proxy/net/loop.h"

namespace postern::cli {
namespace {

/// One zone and the lists that ask it in one way; at least one.
struct Probed {
  const lists::Zone* zone;
  std::vector<const lists::List*> lists;
  std::unique_ptr<Background<lists::ProbeResult>> result;  // null: taken on trust
};

/// The enabled lists, by zone, in the order of their declaration.
std::vector<Probed> by_zone(const lists::Lists& lists, const Clock& clock) {
  lists::Zones zones(clock, lists::Zone::State::Unknown);
  std::vector<lists::ZonePtr> zone_of = zones.of(lists);
  std::vector<Probed> all;
  for (size_t i = 0; i < lists.size(); ++i) {
    if (!zone_of[i]) continue;
    auto known = std::find_if(all.begin(), all.end(), [&](const Probed& one) { return one.zone == zone_of[i].get(); });
    if (known == all.end()) known = all.insert(all.end(), Probed{zone_of[i].get(), {}, nullptr});
    known->lists.push_back(&lists[i]);
  }
  return all;
}

/// "list A", "lists A, B and C".
std::string in_words(const std::vector<const lists::List*>& lists) {
  std::string words = lists.size() > 1 ? "lists " : "list ";
  for (size_t i = 0; i < lists.size(); ++i) {
    if (i > 0) words += i + 1 == lists.size() ? " and " : ", ";
    words += lists[i]->name;
  }
  return words;
}

/// A zone may hold the key of a subscription: where there is a title it speaks for the list.
const std::string& known_as(const std::vector<const lists::List*>& lists) {
  auto titled = std::find_if(lists.begin(), lists.end(), [](const lists::List* list) { return !list->title.empty(); });
  return titled == lists.end() ? lists.front()->zone : (*titled)->title;
}

Task<void> probe_all(dns::Client& dns, const Clock& clock, const Loaded& loaded, LiveReport& report) {
  Duration timeout = loaded.config->policy.dns.lookup;
  auto resolver = co_await lists::check_resolver(dns, loaded.config->dns_servers, lists::fresh_salt(), timeout);
  report.faults = std::move(resolver.faults);
  report.notes = std::move(resolver.notes);
  std::vector<Probed> all = by_zone(*loaded.rules->lists(), clock);
  for (Probed& each : all) {
    const lists::List& list = *each.lists.front();
    if (!list.probe) {
      report.notes.push_back(fmt::format("{} {} no test points and {} taken on trust", in_words(each.lists),
                                         each.lists.size() > 1 ? "have" : "has", each.lists.size() > 1 ? "are" : "is"));
      continue;
    }
    each.result =
        std::make_unique<Background<lists::ProbeResult>>(lists::probe(dns, clock, list, lists::fresh_salt(), timeout));
  }
  for (Probed& each : all) {
    if (!each.result) continue;
    lists::ProbeResult result = co_await each.result->get();
    report.lists += each.lists.size();
    if (result.fault.empty()) continue;
    report.faults.push_back(fmt::format("{} ({}): {}", in_words(each.lists), known_as(each.lists), result.fault));
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
