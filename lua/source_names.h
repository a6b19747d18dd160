// The global variables of a rule file: which it reads without having made them, and which it makes too late.
#pragma once

#include <cstddef>
#include <vector>

#include "lua/source.h"
#include "lua/source_parser.h"

namespace postern::rules::source {

/// Outline::free_names and ::late_globals. `rules`: the tables of the file's rules. Linear.
void add_names(const Syntax& syntax, const std::vector<size_t>& rules, Outline& outline);

}  // namespace postern::rules::source
