// postern check --live: what only the network can tell.
#pragma once

#include <string>
#include <vector>

#include "proxy/cli/cli.h"

namespace postern::cli {

struct LiveReport {
  std::vector<std::string> faults;  // sentences for an admin; empty: good
  std::vector<std::string> notes;   // what could not be told
  size_t lists = 0;                 // probed
};

/// Asks whether the resolver is one that DNS lists can be asked through, and each enabled list by its test points
/// (RFC 5782, 5). Takes as long as [dns] timeout at most, twice. Fails where nobody can be asked at all.
[[nodiscard]] Result<LiveReport> check_live(const Loaded& loaded);

}  // namespace postern::cli
