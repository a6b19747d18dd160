#include "proxy/ops/bulk_routes.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "filters/base/bytes.h"

namespace postern::ops {
namespace {

using nlohmann::ordered_json;

constexpr std::string_view kRoot = "/api/bulk";
constexpr std::string_view kAllow = "/allow";
constexpr size_t kMost = 100;              // clusters in an answer, where nobody says how many
constexpr size_t kMostOfAll = 1000;        // whatever is said: the control thread has other things to do
constexpr uint64_t kMany = 1'000'000'000;  // what `at_least` may be

/// Numbers as people read them: four digits behind the point.
double rounded(double number) {
  return std::round(number * 1e4) / 1e4;
}

ordered_json to_json(const bulk::Passed& passed) {
  return {{"id", passed.id},
          {"queue", passed.queue},
          {"from", passed.from},
          {"recipients", passed.recipients},
          {"time", passed.wall_ms / 1000}};
}

ordered_json to_json(const bulk::Report& report) {
  const bulk::Outcome& outcome = report.outcome;
  ordered_json object{{"cluster", bulk::cluster_name(report.cluster)}};
  object["count"] = outcome.count;
  object["of"] = bulk::to_string(outcome.aspect);
  object["similarity"] = rounded(outcome.similarity);
  object["first_seen"] = outcome.first_seen;
  object["last_seen"] = report.last_seen;
  object["age"] = outcome.age;
  object["networks"] = outcome.networks;
  object["senders"] = outcome.senders;
  object["domains"] = outcome.domains;
  object["recipients"] = outcome.recipients;
  object["authenticated_share"] = rounded(outcome.authenticated_share);
  object["allowed"] = outcome.allowed;
  object["subject"] = report.subject;
  object["from"] = report.from;
  object["let_through"] = report.let_through;
  object["passed"] = ordered_json::array();
  for (const bulk::Passed& passed : report.passed) object["passed"].push_back(to_json(passed));
  return object;
}

HttpResponse answer(const ordered_json& body) {
  // Subjects and senders are anybody's: what is no UTF-8 must not throw.
  return {200, body.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n", "application/json"};
}

struct Wanted {
  uint64_t at_least = 0;
  uint64_t most = kMost;
};

/// What is wrong with it, or nothing.
std::optional<std::string> read_query(std::string_view query, Wanted& wanted) {
  while (!query.empty()) {
    std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), part.size() + 1));
    std::string_view name = part.substr(0, part.find('='));
    std::string_view value = part.substr(std::min(part.size(), name.size() + 1));
    bool is_most = name == "most";
    if (!is_most && name != "at_least") {
      return fmt::format("'{}' is not known here: at_least and most are", escape_for_log(name, 40));
    }
    uint64_t number = 0;
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    uint64_t bound = is_most ? kMostOfAll : kMany;
    if (error != std::errc() || end != value.data() + value.size() || number < 1 || number > bound) {
      return fmt::format("{} is a number from 1 to {}, not '{}'", name, bound, escape_for_log(value, 40));
    }
    (is_most ? wanted.most : wanted.at_least) = number;
  }
  return std::nullopt;
}

HttpResponse unknown_cluster(std::string_view name) {
  return http_error(404, fmt::format("there is no cluster '{}', or it is forgotten by now", escape_for_log(name, 40)));
}

HttpResponse list(const bulk::Index& index, const Clock& clock, const HttpRequest& request) {
  Wanted wanted;
  wanted.at_least = index.limit();
  if (auto wrong = read_query(request.query, wanted)) return http_error(400, *wrong);
  // One more than is shown tells whether there are more.
  auto reports = index.list(clock.wall_ms(), wanted.at_least, wanted.most + 1);
  ordered_json body{{"clusters", ordered_json::array()}, {"limit", index.limit()}};
  body["more"] = reports.size() > wanted.most;
  if (reports.size() > wanted.most) reports.resize(wanted.most);
  for (const bulk::Report& report : reports) body["clusters"].push_back(to_json(report));
  return answer(body);
}

HttpResponse show(const bulk::Index& index, const Clock& clock, const HttpRequest& request) {
  std::string_view name = request.path.substr(std::min(request.path.size(), kRoot.size() + 1));
  uint64_t cluster = 0;
  if (!bulk::parse_cluster_name(name, cluster)) return unknown_cluster(name);
  auto report = index.find(cluster, clock.wall_ms());
  return report ? answer(to_json(*report)) : unknown_cluster(name);
}

HttpResponse order(const bulk::Index& index, const Clock& clock, const std::function<bool(const bulk::Allowed&)>& allow,
                   const HttpRequest& request) {
  std::string_view name = request.path.substr(std::min(request.path.size(), kRoot.size() + 1));
  if (!name.ends_with(kAllow)) return http_error(404, "what is to be done with the cluster? /allow is known");
  name.remove_suffix(kAllow.size());
  bulk::Allowed wanted;
  wanted.allowed = request.method == "POST";
  if (!bulk::parse_cluster_name(name, wanted.cluster)) return unknown_cluster(name);
  auto report = index.find(wanted.cluster, clock.wall_ms());
  if (!report) return unknown_cluster(name);
  if (!allow(wanted)) {
    return http_error(409, fmt::format("{} clusters are allowed already, which is the most: take some of them back",
                                       bulk::Index::kMaxAllowed));
  }
  // Where gateways share, the index may learn of it a moment later.
  report->outcome.allowed = wanted.allowed;
  return answer(to_json(*report));
}

}  // namespace

void add_bulk_routes(HttpServer& server, const bulk::Index& index, const Clock& clock,
                     std::function<bool(const bulk::Allowed&)> allow) {
  std::string root(kRoot);
  server.route("GET", root, [&index, &clock](const HttpRequest& request) { return list(index, clock, request); });
  server.route("GET", root + "/*",
               [&index, &clock](const HttpRequest& request) { return show(index, clock, request); });
  auto ordered = [&index, &clock, allow = std::move(allow)](const HttpRequest& request) {
    return order(index, clock, allow, request);
  };
  server.route("POST", root + "/*", ordered);
  server.route("DELETE", root + "/*", ordered);
}

void add_no_bulk_routes(HttpServer& server) {
  auto off = [](const HttpRequest&) {
    return http_error(404, "this gateway does not count alike messages: [bulk] store is off");
  };
  std::string root(kRoot);
  server.route("GET", root, off);
  for (const char* method : {"GET", "POST", "DELETE"}) server.route(method, root + "/*", off);
}

}  // namespace postern::ops
