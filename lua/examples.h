// Examples: small tables in a rule file that say what a message looks like and whether the rule hits.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <lua.hpp>

#include "filters/facts.h"
#include "lua/sandbox.h"

namespace postern::rules {

struct Example {
  /// `maps`, ready to be looked into.
  std::shared_ptr<SeenMaps> parsed_maps = std::make_shared<SeenMaps>();
  Facts facts;  // its `message` looks into `text`
  std::string text;
  std::optional<std::vector<std::string>> hits;          // rules that hit before; none given: those asked for are run
  ExampleDns dns;                                        // dns = { txt = { ["a.example"] = { "..." } } }
  std::map<std::string, std::vector<std::string>> maps;  // maps = { ["file"] = { "entry", ... } }; else the real files
  std::optional<bool> hit;
  std::optional<std::string> detail;
  std::optional<double> score;
};

/// A harmless message: what an example does not say is as in this one.
void set_plain(Example& example);

/// Reads the table on top of the stack. `lists`: those that rule files declare. Mistakes are added to `problems`. Runs
/// under State::call().
void parse_example(lua_State* lua, const lists::Lists& lists, Example& example, std::vector<std::string>& problems);

}  // namespace postern::rules
