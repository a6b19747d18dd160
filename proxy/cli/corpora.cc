#include "proxy/cli/corpora.h"

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace postern::cli {
namespace {

namespace fs = std::filesystem;

struct Place {
  fs::path path;  // without links and dots; "-" is standard input
  std::string named;
};

void add(std::string_view option, const std::vector<std::string>& inputs, std::vector<Place>& places) {
  places.reserve(places.size() + inputs.size());
  for (const std::string& input : inputs) {
    std::error_code error;
    fs::path path = input == "-" ? fs::path(input) : fs::canonical(input, error);
    if (!error) places.push_back({std::move(path), fmt::format("{} {}", option, input)});
  }
}

bool is_inside(const fs::path& inner, const fs::path& outer) {
  auto [end, rest] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  return end == outer.end();
}

}  // namespace

Result<void> check_distinct(const std::vector<std::string>& ham, const std::vector<std::string>& spam) {
  std::vector<Place> places;
  add("--ham", ham, places);
  add("--spam", spam, places);
  // Paths are compared name by name, so what is inside of a directory comes right behind it.
  std::stable_sort(places.begin(), places.end(), [](const Place& a, const Place& b) { return a.path < b.path; });
  for (size_t i = 1; i < places.size(); ++i) {
    const Place& outer = places[i - 1];
    const Place& inner = places[i];
    if (inner.path == outer.path) {
      return fail(Code::BadInput, fmt::format("{} and {}: that is the same place, and its messages would count twice",
                                              outer.named, inner.named));
    }
    if (is_inside(inner.path, outer.path)) {
      return fail(Code::BadInput, fmt::format("{} and {}: the second is inside of the first, and its messages would "
                                              "count twice",
                                              outer.named, inner.named));
    }
  }
  return {};
}

}  // namespace postern::cli
