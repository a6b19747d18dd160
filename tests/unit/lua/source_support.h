// What the outline of a rule file says, as short texts to compare.
#pragma once

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "lua/source.h"

namespace postern::rules {

/// "2 spf.result", "3 header()", "4 urls.[].host ?" for one that is perhaps never reached.
inline std::vector<std::string> reads(const RuleOutline& rule) {
  std::vector<std::string> out;
  for (const FactRead& read : rule.reads) {
    std::string path;
    for (const std::string& step : read.path) path += (path.empty() ? "" : ".") + step;
    out.push_back(std::to_string(read.line) + " " + path + (read.call ? "()" : "") + (read.maybe ? " ?" : ""));
  }
  return out;
}

inline std::vector<std::string> literals(const std::vector<Literal>& all) {
  std::vector<std::string> out;
  out.reserve(all.size());
  for (const Literal& each : all) out.push_back(std::to_string(each.line) + " " + each.text);
  return out;
}

inline RuleOutline only_rule(const std::string& text) {
  Outline outline = outline_of(text);
  EXPECT_EQ(outline.rules.size(), 1U) << text;
  return outline.rules.empty() ? RuleOutline() : outline.rules[0];
}

/// Of one rule whose `when` has this body from line 1 on.
inline RuleOutline of_body(const std::string& body) {
  return only_rule("rule 'X' { when = function(mail) " + body + "\nend }");
}

inline std::vector<std::string> reads_of(const std::string& body) {
  return reads(of_body(body));
}

}  // namespace postern::rules
