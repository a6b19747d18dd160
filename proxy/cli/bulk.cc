// postern bulk list | show | allow: the clusters of alike messages that the running gateway has seen.
#include <algorithm>
#include <iostream>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "filters/base/bytes.h"
#include "filters/bulk/facts.h"
#include "proxy/cli/api_client.h"
#include "proxy/cli/bulk_table.h"
#include "proxy/cli/cli.h"

namespace postern::cli {
namespace {

using nlohmann::ordered_json;

/// What `bulk list` asks for at most, and the gateway gives.
constexpr size_t kMost = 1000;

int complain(std::string_view what) {
  std::cerr << "postern bulk: " << what << '\n';
  return kBadInput;
}

int complain_of_version() {
  return complain("what the gateway says of its clusters cannot be read: is it of another version?");
}

/// As ASCII: a terminal may show it, whatever a subject holds.
void print_json(const ordered_json& object) {
  std::cout << object.dump(-1, ' ', true, ordered_json::error_handler_t::replace) << '\n';
}

/// What belongs behind a command so that it asks the same gateway.
std::string options_of(const std::string& config) {
  if (config == kDefaultConfig) return "";
  bool plain = std::all_of(config.begin(), config.end(), [](char c) {
    return ascii_alnum(c) || std::string_view("/._-+,:=@%").find(c) != std::string_view::npos;
  });
  if (plain) return fmt::format(" --config {}", config);
  std::string quoted;
  for (char c : escape_for_log(config, 4096)) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return fmt::format(" --config '{}'", quoted);
}

int list(const BulkOptions& options, const ApiOptions& api) {
  std::string path = fmt::format("/api/bulk?most={}", kMost);
  if (options.at_least) path += fmt::format("&at_least={}", *options.at_least);
  auto answer = api_request(api, "GET", path);
  if (!answer) return complain(answer.error().message);
  auto body = ordered_json::parse(*answer, nullptr, false);
  if (!body.is_object() || !body.contains("clusters") || !body["clusters"].is_array()) return complain_of_version();
  std::vector<ordered_json> clusters;
  for (auto& cluster : body["clusters"]) {
    if (cluster.is_object()) clusters.push_back(std::move(cluster));
  }
  if (options.json) {
    for (const auto& cluster : clusters) print_json(cluster);
  } else {
    uint64_t limit = body.contains("limit") && body["limit"].is_number_unsigned() ? body["limit"].get<uint64_t>() : 0;
    std::cout << bulk_table(clusters, options.at_least.value_or(limit));
  }
  if (body.contains("more") && body["more"] == true) {
    std::cerr << "postern bulk: these are the largest " << clusters.size() << "; there are more\n";
  }
  return kDone;
}

int one(const BulkOptions& options, const ApiOptions& api) {
  uint64_t number = 0;
  if (!bulk::parse_cluster_name(options.cluster, number)) {
    return complain(
        fmt::format("'{}' is no name of a cluster: those have 13 letters and digits, as 'postern bulk list' "
                    "and the log show them",
                    escape_for_log(options.cluster, 80)));
  }
  std::string path = fmt::format("/api/bulk/{}", bulk::cluster_name(number));
  std::string method = "GET";
  if (options.what == BulkOptions::What::Allow) {
    path += "/allow";
    method = options.undo ? "DELETE" : "POST";
  }
  auto answer = api_request(api, method, path);
  if (!answer) return complain(answer.error().message);
  auto body = ordered_json::parse(*answer, nullptr, false);
  if (!body.is_object() || !body.contains("cluster")) return complain_of_version();
  if (options.json) {
    print_json(body);
  } else if (options.what == BulkOptions::What::Show) {
    std::cout << bulk_details(body, SystemClock().wall_ms(), options_of(options.config));
  } else {
    std::cout << bulk::cluster_name(number) << (options.undo ? " is not allowed any more\n" : " is allowed\n");
  }
  return kDone;
}

}  // namespace

int bulk(const BulkOptions& options) {
  // Whether it counts, and from what on, is the gateway's to say: the file may be newer than what it runs with.
  auto config = ops::load_config(options.config);
  if (!config) {
    for (const auto& problem : config.error()) std::cerr << problem.to_string() << '\n';
    return kBadInput;
  }
  ApiOptions api = api_of(**config);
  return options.what == BulkOptions::What::List ? list(options, api) : one(options, api);
}

}  // namespace postern::cli
