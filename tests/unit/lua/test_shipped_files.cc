// The shipped rule files and what is written about them: every rule says what it means, every snippet of the guide
// works.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lua/source.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::vector<fs::path> rule_files() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator("rules")) {
    if (entry.path().extension() == ".lua" && entry.path().filename() != "local.lua") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// A copy of the shipped rules with another local.lua; what is wrong with it, as the admin reads it.
class RulesWithLocal {
 public:
  RulesWithLocal() {
    std::string pattern = testing::TempDir() + "postern-shipped-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a folder like " + pattern);
    folder_ = pattern;
    fs::copy("rules", folder_, fs::copy_options::recursive);
  }
  RulesWithLocal(const RulesWithLocal&) = delete;
  RulesWithLocal& operator=(const RulesWithLocal&) = delete;
  ~RulesWithLocal() { fs::remove_all(folder_); }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  [[nodiscard]] std::vector<std::string> problems(const std::string& local) const {
    write("local.lua", local);
    auto set = RuleSet::load(folder_.string(), {});
    return texts(set ? (*set)->run_examples() : set.error());
  }

 private:
  fs::path folder_;
};

TEST(ShippedFiles, EveryExampleHolds) {
  auto set = RuleSet::load("rules", {});
  ASSERT_TRUE(set) << testing::PrintToString(texts(set.error()));
  EXPECT_THAT(texts((*set)->run_examples()), IsEmpty());
  EXPECT_THAT((*set)->notes(), IsEmpty());
}

TEST(ShippedFiles, EveryRuleSaysWhatItMeansAndBelongsToAGroup) {
  auto set = RuleSet::load("rules", {});
  ASSERT_TRUE(set);
  EXPECT_GT((*set)->rules().size(), 290U);
  for (const RuleInfo& rule : (*set)->rules()) {
    EXPECT_GT(rule.about.size(), 20U) << rule.name;
    EXPECT_TRUE(rule.about.empty() || (rule.about.back() != '.' && rule.about.back() != ' ')) << rule.name;
    if (!rule.action) {
      EXPECT_NE(rule.group, "") << rule.name;
    }
    if (rule.kind != RuleInfo::Kind::List) {
      EXPECT_GE(rule.examples, 2U) << rule.name;
    }
  }
}

TEST(ShippedFiles, EveryRuleHasExamplesBothWays) {
  for (const fs::path& path : rule_files()) {
    std::string text = read(path);
    std::vector<std::string> lines = lines_of(text);
    for (const RuleOutline& rule : outline_of(text).rules) {
      std::string body;
      for (int line = rule.line; line <= rule.last_line; ++line) body += lines.at(static_cast<size_t>(line) - 1) + '\n';
      EXPECT_NE(body.find("hit = true"), std::string::npos) << rule.name;
      EXPECT_NE(body.find("hit = false"), std::string::npos) << rule.name;
    }
  }
}

// The forms of the language that an admin may want to copy.
TEST(ShippedFiles, EveryFormIsShown) {
  std::map<std::string, int> shown;
  for (const fs::path& path : rule_files()) {
    for (const RuleOutline& rule : outline_of(read(path)).rules) {
      for (const auto& field : rule.fields) ++shown[field.first];
    }
  }
  for (const char* form : {"when", "header", "body", "url", "attachment", "all", "expression", "mode"}) {
    EXPECT_GE(shown[form], 2) << form;
  }
  EXPECT_GE(shown["raw"], 1);
  EXPECT_GE(shown["action"], 1);
}

TEST(ShippedFiles, EverySnippetOfTheGuideIsRight) {
  RulesWithLocal rules;
  std::string all;
  std::vector<std::string> lines = lines_of(read("rules/README.md"));
  size_t blocks = 0;
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& opening = lines[i];
    if (opening != "```lua" && !opening.starts_with("```map ")) continue;
    std::string block;
    while (++i < lines.size() && lines[i] != "```") block += lines[i] + '\n';
    ++blocks;
    if (opening == "```lua") {
      all += block;
    } else {
      rules.write(opening.substr(7), block);
    }
  }
  EXPECT_GT(blocks, 8U);
  EXPECT_THAT(rules.problems(all), IsEmpty()) << all;
}

// A block of local.lua that is commented out: "-- rule ..." or "-- list ..." to "-- }", or one of the short statements.
std::string without_dashes(const std::string& text) {
  std::string out;
  bool inside = false;
  for (const std::string& line : lines_of(text)) {
    std::string code = line.starts_with("-- ") ? line.substr(3) : std::string();
    inside = inside || code.starts_with("rule \"") || code.starts_with("list \"");
    bool statement = code.starts_with("score \"") || code.starts_with("disable \"") || code.starts_with("enable \"") ||
                     code.starts_with("group(");
    out += inside || statement ? code + '\n' : std::string("\n");
    if (code == "}") inside = false;
  }
  return out;
}

TEST(ShippedFiles, EverySampleOfLocalLuaIsRight) {
  RulesWithLocal rules;
  rules.write("maps/local-blocked.map", "spam.example\n");
  rules.write("maps/local-partners.map", "a.example\n");
  std::string text = without_dashes(read("rules/local.lua"));
  EXPECT_GE(outline_of(text).rules.size(), 9U);
  EXPECT_THAT(rules.problems(text), IsEmpty()) << text;
}

// Bulk of developers' and users' lists, as it came: what our own rules (all but those on the sender's authenticity,
// whose keys are of their day) say of honest mail.
TEST(ShippedFiles, HonestListMailIsNotMarked) {
  const fs::path folder = "../shared/data/dkim/real-lists/messages";
  if (!fs::exists(folder)) GTEST_SKIP() << folder << " is not here";
  auto set = RuleSet::load("rules", {});
  ASSERT_TRUE(set);
  std::set<std::string> foreign;
  for (const RuleInfo& rule : (*set)->rules()) {
    if (rule.group == "authentication") foreign.insert(rule.name);
  }
  Message message;
  message.facts.helo_is = {false, false, true, true, true};
  Recorder seen;
  Host host(*set, &seen);
  size_t messages = 0;
  size_t marked = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    message.text = read(entry.path());
    message.facts.message = message.text;
    message.facts.size = message.text.size();
    Evaluation evaluation;
    host.run(Stage::Message, message.facts, evaluation);
    EXPECT_FALSE(evaluation.decision) << entry.path();
    std::erase_if(evaluation.hits, [&](const Hit& hit) { return foreign.contains(hit.rule); });
    double score = sum(evaluation.hits, (*set)->groups());
    EXPECT_LT(score, *Thresholds().reject) << entry.path();
    ++messages;
    if (score >= *Thresholds().tag) ++marked;
  }
  EXPECT_THAT(seen.failures, IsEmpty());
  EXPECT_GT(messages, 100U);
  EXPECT_LE(marked, 2U);  // two of them are spam that the list let through
}

}  // namespace
}  // namespace postern::rules
