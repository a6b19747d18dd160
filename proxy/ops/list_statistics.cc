#include "proxy/ops/list_statistics.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "proxy/ops/http.h"

namespace postern::ops {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr size_t kListed = 1;
static_assert(kListResults[kListed] == "listed");
constexpr std::array<size_t, 3> kErrors{3, 4, 5};
static_assert(kListResults[kErrors.front()] == "refused" && kListResults[kErrors.back()] == "noanswer");

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Numbers as people read them: four digits behind the point.
double rounded(double number) {
  return std::round(number * 1e4) / 1e4;
}

double milliseconds(Duration time) {
  return std::round(static_cast<double>(time.count()) / 10) / 100;
}

std::string_view name_of(lists::Zone::State state) {
  switch (state) {
    case lists::Zone::State::Up: return "up";
    case lists::Zone::State::Down: return "suspended";
    case lists::Zone::State::Unknown: break;
  }
  return "unknown";
}

nlohmann::ordered_json to_json(const ListStatistics::Report& report, const lists::Zone::Status& status) {
  const lists::List& list = report.list;
  nlohmann::ordered_json object{{"list", list.name}};
  // A zone may hold the key of a subscription: where there is a title it speaks for the list.
  object[list.title.empty() ? "zone" : "title"] = list.title.empty() ? list.zone : list.title;
  object["of"] = lists::to_string(list.of);
  object["allow"] = list.allow;
  object["state"] = name_of(status.state);
  object["reason"] = status.reason;
  object["since"] = status.since_ms / 1000;
  object["probed"] = status.probed_ms / 1000;
  object["asked"] = report.asked;
  object["queries"] = nlohmann::ordered_json::object();
  for (size_t i = 0; i < kListResults.size(); ++i) object["queries"][std::string(kListResults[i])] = report.queries[i];
  object["errors"] = report.errors;
  object["listed_share"] = rounded(report.listed_share);
  object["milliseconds"] = {{"mean", milliseconds(report.mean)}, {"p95", milliseconds(report.p95)}};
  object["messages"] = report.listed;
  object["overlap"] = nlohmann::ordered_json::object();
  for (const auto& other : report.others) object["overlap"][other.list] = rounded(other.share);
  object["decisive"] = report.decisive;
  object["decisive_share"] = rounded(report.decisive_share);
  return object;
}

}  // namespace

/// Upper ends in microseconds, each 1.3 times the one before: 0.1 ms to half a minute. The last one is without end.
const std::array<int64_t, ListStatistics::kTimes>& ListStatistics::bounds() {
  static const std::array<int64_t, kTimes> ends = [] {
    std::array<int64_t, kTimes> made{};
    double end = 100;
    for (int64_t& each : made) {
      each = static_cast<int64_t>(end);
      end *= 1.3;
    }
    return made;
  }();
  return ends;
}

ListStatistics::Counters& ListStatistics::of(const std::string& list) const {
  return *counters_.get(list, [this](std::string_view) {
    auto made = std::make_unique<Counters>();
    made->place = std::min(places_.fetch_add(1, kRelaxed), kMost - 1);
    made->judged_before = judged_.load(kRelaxed);
    return made;
  });
}

void ListStatistics::in_force(lists::ListsPtr lists) {
  if (lists) {
    for (const lists::List& list : *lists) {
      if (list.enabled) of(list.name);
    }
  }
  std::lock_guard lock(mutex_);
  lists_ = std::move(lists);
}

void ListStatistics::asked(const std::string& list, size_t result, Duration time) {
  Counters& counters = of(list);
  counters.queries[result].fetch_add(1, kRelaxed);
  int64_t took = time.count();
  if (!was_answered(result) || took <= 0) return;
  int64_t longest = counters.longest.load(kRelaxed);
  while (took > longest && !counters.longest.compare_exchange_weak(longest, took, kRelaxed)) {}
  const auto& ends = bounds();
  auto at = static_cast<size_t>(std::lower_bound(ends.begin(), ends.end(), took) - ends.begin());
  counters.times[std::min(at, kTimes - 1)].fetch_add(1, kRelaxed);
  counters.microseconds.fetch_add(static_cast<uint64_t>(took), kRelaxed);
}

uint64_t ListStatistics::failed(const std::string& list) {
  return of(list).failures.fetch_add(1, kRelaxed) + 1;
}

void ListStatistics::said(const lists::Lists& lists, const std::vector<lists::Outcome>& outcomes) {
  using State = lists::Outcome::State;
  struct Said {
    Counters* counters;
    bool listed;
  };
  std::vector<Said> all;
  size_t count = std::min(lists.size(), outcomes.size());
  all.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    State state = outcomes[i].state;
    if (state == State::Listed || state == State::Unlisted) all.push_back({&of(lists[i].name), state == State::Listed});
  }
  for (const Said& one : all) {
    if (!one.listed) continue;
    one.counters->listed.fetch_add(1, kRelaxed);
    for (const Said& other : all) {
      if (other.counters == one.counters) continue;
      one.counters->answered[other.counters->place].fetch_add(1, kRelaxed);
      if (other.listed) one.counters->both[other.counters->place].fetch_add(1, kRelaxed);
    }
  }
}

void ListStatistics::decisive(const std::string& list) {
  of(list).decisive.fetch_add(1, kRelaxed);
}

/// Spread evenly within its bucket, which ends at the longest time that was seen.
Duration ListStatistics::percentile(const Counters& counters, double share) {
  std::array<uint64_t, kTimes> times{};
  uint64_t total = 0;
  for (size_t i = 0; i < kTimes; ++i) total += times[i] = counters.times[i].load(kRelaxed);
  if (total == 0) return {};
  double wanted = share * static_cast<double>(total);
  double below = 0;
  for (size_t i = 0; i < kTimes; ++i) {
    auto here = static_cast<double>(times[i]);
    if (below + here >= wanted && here > 0) {
      auto first = static_cast<double>(i == 0 ? 0 : bounds()[i - 1]);
      auto longest = static_cast<double>(counters.longest.load(kRelaxed));
      double last = i + 1 == kTimes ? longest : std::min(longest, static_cast<double>(bounds()[i]));
      return Duration(static_cast<int64_t>(first + (last - first) * (wanted - below) / here));
    }
    below += here;
  }
  return Duration(counters.longest.load(kRelaxed));
}

std::vector<ListStatistics::Overlap> ListStatistics::overlaps(const Counters& counters,
                                                              const lists::Lists& lists) const {
  std::vector<Overlap> found;
  for (const lists::List& other : lists) {
    if (!other.enabled) continue;
    size_t place = of(other.name).place;
    uint64_t both = counters.both[place].load(kRelaxed);
    if (place == counters.place || both == 0) continue;
    found.push_back({other.name, ratio(both, std::max(both, counters.answered[place].load(kRelaxed)))});
  }
  std::stable_sort(found.begin(), found.end(), [](const Overlap& a, const Overlap& b) { return a.share > b.share; });
  return found;
}

ListStatistics::Report ListStatistics::report(const lists::List& list, const lists::Lists& all) const {
  const Counters& counters = of(list.name);
  Report out;
  out.list = list;
  for (size_t i = 0; i < kListResults.size(); ++i) {
    out.queries[i] = counters.queries[i].load(kRelaxed);
    if (was_asked(i)) out.asked += out.queries[i];
  }
  for (size_t i : kErrors) out.errors += out.queries[i];
  out.listed_share = ratio(out.queries[kListed], out.asked);
  for (const Count& times : counters.times) out.timed += times.load(kRelaxed);
  uint64_t spent = counters.microseconds.load(kRelaxed);
  out.mean = Duration(out.timed == 0 ? 0 : static_cast<int64_t>(spent / out.timed));
  out.p95 = percentile(counters, 0.95);
  out.listed = counters.listed.load(kRelaxed);
  out.others = overlaps(counters, all);
  out.decisive = counters.decisive.load(kRelaxed);
  uint64_t judged = judged_.load(kRelaxed);
  out.decisive_share = ratio(out.decisive, judged - std::min(judged, counters.judged_before));
  return out;
}

std::vector<ListStatistics::Report> ListStatistics::report() const {
  lists::ListsPtr lists;
  {
    std::lock_guard lock(mutex_);
    lists = lists_;
  }
  std::vector<Report> out;
  if (!lists) return out;
  out.reserve(lists->size());
  for (const lists::List& list : *lists) {
    if (list.enabled) out.push_back(report(list, *lists));
  }
  return out;
}

void add_list_route(HttpServer& server, const ListStatistics& statistics, lists::Zones& zones) {
  server.route("GET", "/api/lists", [&statistics, &zones](const HttpRequest&) {
    nlohmann::ordered_json body{{"lists", nlohmann::ordered_json::array()}};
    for (const auto& report : statistics.report()) {
      body["lists"].push_back(to_json(report, zones.of(report.list)->status()));
    }
    return HttpResponse{200, body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
                        "application/json"};
  });
}

}  // namespace postern::ops
