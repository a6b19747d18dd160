// postern lists: how the DNS lists of the running gateway do.
#include <iostream>
#include <vector>

#include <nlohmann/json.hpp>

#include "proxy/cli/api_client.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/list_table.h"

namespace postern::cli {

int lists(const std::string& config_file, bool json) {
  // The rules are not looked at: those that count are the gateway's.
  auto config = ops::load_config(config_file);
  if (!config) {
    for (const auto& problem : config.error()) std::cerr << problem.to_string() << '\n';
    return kBadInput;
  }
  auto answer = api_request(api_of(**config), "GET", "/api/lists");
  if (!answer) {
    std::cerr << "postern lists: " << answer.error().message << '\n';
    return kBadInput;
  }
  auto body = nlohmann::ordered_json::parse(*answer, nullptr, false);
  if (!body.is_object() || !body.contains("lists") || !body["lists"].is_array()) {
    std::cerr << "postern lists: what the gateway says of its lists cannot be read: is it of another version?\n";
    return kBadInput;
  }
  std::vector<nlohmann::ordered_json> all;
  for (auto& list : body["lists"]) {
    if (list.is_object()) all.push_back(std::move(list));
  }
  if (json) {
    for (const auto& list : all) {
      std::cout << list.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
    }
  } else {
    std::cout << list_table(all, SystemClock().wall_ms());
  }
  return kDone;
}

}  // namespace postern::cli
