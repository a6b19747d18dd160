// map("file") as rules use it.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "tests/fakes/fake_dns.h"
#include "tests/unit/lua/support.h"

namespace postern::rules {
namespace {

/// Rules beside a map file "list.map".
class MapApi : public testing::Test {
 public:
  MapApi() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-map-api-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    write("list.map", "192.0.2.0/24\nexample.net\n.example.com\n42\n/lottery/i\n");
  }
  ~MapApi() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  MapApi(const MapApi&) = delete;
  MapApi& operator=(const MapApi&) = delete;

 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name, std::ios::binary | std::ios::trunc) << text;
  }
  [[nodiscard]] auto try_load(const std::string& text, const Limits& limits = {}) const {
    return RuleSet::from_texts({{"rules/test.lua", text}}, {limits, "", directory_});
  }
  /// The problems of the set, the directory left out.
  [[nodiscard]] std::vector<std::string> problems(const std::string& text) const {
    auto set = try_load(text);
    std::vector<std::string> all = texts(set ? (*set)->run_examples() : set.error());
    for (std::string& problem : all) {
      size_t at = problem.find(directory_ + "/");
      if (at != std::string::npos) problem.erase(at, directory_.size() + 1);
    }
    return all;
  }
  [[nodiscard]] RuleSetPtr load(const std::string& text, const Limits& limits = {}) const {
    auto set = try_load(text, limits);
    if (set) return *set;
    for (const std::string& problem : texts(set.error())) ADD_FAILURE() << problem;
    return RuleSet::empty();
  }
  /// What `return true, tostring(expression)` gives, or the failure. `before`: lines at the top of the file.
  [[nodiscard]] std::string value(const std::string& expression, const std::string& before = "") const {
    Judged run(load(before + rule_text("VALUE", "return true, tostring(" + expression + ")")));
    return run.seen.failures.empty() ? run.detail() : run.seen.failures[0] + ": " + run.seen.messages[0];
  }

  std::string directory_;
};

using Texts = std::vector<std::string>;

TEST_F(MapApi, HasFindsAddressesNamesTextsAndNumbers) {
  EXPECT_EQ(value("map('list.map'):has(mail.client.ip)"), "true");
  EXPECT_EQ(value("map('list.map'):has(mail.from)"), "true");
  EXPECT_EQ(value("map('list.map'):has('WWW.Example.com')"), "true");
  EXPECT_EQ(value("map('list.map'):has('the Lottery')"), "true");
  EXPECT_EQ(value("map('list.map'):has(42)"), "true");
  EXPECT_EQ(value("map('list.map'):has(43)"), "false");
  EXPECT_EQ(value("map('list.map'):has('')"), "false");
  EXPECT_EQ(value("map('list.map'):has(mail.helo)"), "false");
}

TEST_F(MapApi, KindsSayHowLinesAreTaken) {
  EXPECT_EQ(value("map('list.map', 'exact'):has('.example.com')"), "true");
  EXPECT_EQ(value("map('list.map', 'exact'):has('www.example.com')"), "false");
  EXPECT_EQ(value("map('list.map', 'regex'):has('an example-net')"), "true");
  EXPECT_EQ(value("map('list.map', 'auto'):has(42)"), "true");
}

TEST_F(MapApi, AMapMayStandAtTheTopOfAFile) {
  EXPECT_EQ(value("list:has('example.net')", "local list = map('list.map')\n"), "true");
  EXPECT_EQ(value("list:has('example.net')", "local name = 'list' .. '.map'\nlocal list = map(name)\n"), "true");
}

TEST_F(MapApi, MistakesAreNamedWhenTheRulesAreRead) {
  EXPECT_EQ(problems("\n" + rule_text("A", "return map('lost.map'):has(mail.from)")),
            Texts{"rules/test.lua:2: map(\"lost.map\"): lost.map: No such file or directory"});
  write("bad.map", "fine\n192.0.2.1/24\n");
  Texts found = problems("local list = map('bad.map')\n" + rule_text("A", "return list:has(mail.from)"));
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].starts_with("bad.map:2: '192.0.2.1/24' has bits behind its prefix")) << found[0];
  for (const auto& [call, text] : std::vector<std::pair<std::string, std::string>>{
           {"map(5)", "'map' wants the name of a file in quotes, not a number"},
           {"map('' .. '')", "'' is no name of a file"},
           {"map('list.map', 'domian')",
            "map: there is no kind 'domian' (did you mean 'domain'?); there are auto, exact, "
            "domain, cidr and regex"},
           {"map('list.map', {})", "map: the kind is a text, \"domain\" for example, not a table"},
           {"map('list.map'):has('x')", "a map can be asked only while a message is judged"},
           {"map('list.map').entries()", "a map has no field 'entries': there is only :has(value)"}}) {
    EXPECT_EQ(problems("\nlocal x = " + call + "\n"), Texts{"rules/test.lua:2: " + text}) << call;
  }
}

TEST_F(MapApi, MistakesOfARuleThatRuns) {
  const std::string where = "VALUE error: rules/test.lua:";
  EXPECT_EQ(value("map('list.map'):has(nil)"), where + "1: has() wants a text or a number, not nil");
  EXPECT_EQ(value("map('list.map'):has()"), where + "1: has() wants a text or a number, not nil");
  EXPECT_EQ(value("map('list.map'):has({})"), where + "1: has() wants a text or a number, not a table");
  EXPECT_EQ(value("map('list.map').has('x')"), where + "1: has is asked with a colon: map(\"file\"):has(value)");
  EXPECT_EQ(value("map('list.map').has(mail, 'x')"), where + "1: has is asked with a colon: map(\"file\"):has(value)");
  EXPECT_EQ(value("map('lis' .. 't.mab'):has('x')", "local list = map('list.map')\n"),
            where +
                "2: there is no map 'list.mab' (did you mean 'list.map'?); a map is read with the rules if its name "
                "stands there in quotes");
  EXPECT_EQ(value("map('list.map', 'do' .. 'main'):has('x')", "local list = map('list.map')\n"),
            where +
                "2: there is no map 'list.map' of kind \"domain\" (did you mean 'list.map'?); a map is read with the "
                "rules if its name stands there in quotes");
}

TEST_F(MapApi, NothingOfAMapCanBeReachedOrChanged) {
  const std::string top = "local list = map('list.map')\n";
  EXPECT_NE(value("(function() list.has = 1 end)()", top).find("a map cannot be changed by a rule"), std::string::npos);
  EXPECT_NE(value("list.__index", top).find("a map has no field '__index'"), std::string::npos);
  EXPECT_NE(value("list[1]", top).find("a map has no field"), std::string::npos);
  EXPECT_NE(value("#list", top).find("attempt to get length"), std::string::npos);
}

TEST_F(MapApi, TheNextMessageSeesTheNewVersion) {
  RuleSetPtr set = load(rule_text("LISTED", "return map('list.map'):has('example.net')"));
  EXPECT_EQ(Judged(set).seen.hits, Texts{"LISTED"});
  write("list.map", "something.else.example\n");
  EXPECT_EQ(set->maps().refresh().size(), 1U);
  EXPECT_EQ(Judged(set).seen.hits, Texts{});
}

TEST_F(MapApi, ARuleThatWaitsDoesNotSeeTwoVersions) {
  RuleSetPtr set = load("local list = map('list.map')\n" +
                        rule_text("LISTED",
                                  "local before = list:has('example.net') dns.txt('a.example') "
                                  "return before and list:has('example.net')") +
                        rule_text("LATER", "dns.txt('b.example') return list:has('example.net')"));
  test::FakeDns dns;
  dns.txt("a.example", "x").txt("b.example", "x");
  Recorder seen;
  Host host(set, &seen);
  Message message;
  Evaluation evaluation;
  bool done = false;
  Task<void> task = host.judge(Stage::Message, message.facts, evaluation, {&dns, std::chrono::seconds(5)});
  task.start([&done] { done = true; });
  ASSERT_FALSE(done);
  write("list.map", "something.else.example\n");
  EXPECT_EQ(set->maps().refresh().size(), 1U);
  dns.run();
  EXPECT_TRUE(done);
  EXPECT_EQ(seen.hits, (Texts{"LISTED", "LATER"}));
}

TEST_F(MapApi, ExamplesMayBringTheirOwnEntries) {
  EXPECT_EQ(
      problems("local list = map('list.map')\n" +
               rule_text("A", "return list:has(mail.from)",
                         "examples = { { hit = true, from = 'a@example.net' }, { hit = false, from = 'a@b.example' "
                         "},\n { hit = true, from = 'a@b.example', maps = { ['list.map'] = { 'b.example' } } } },")),
      Texts{});
}

TEST_F(MapApi, ThousandsOfExpressionsCannotHoldARule) {
  std::string many;
  for (int i = 0; i < 700; ++i) many += "/" + std::to_string(i) + "[^x]{100}z/\n";
  write("slow.map", many);
  Limits limits;
  limits.rule_cpu = std::chrono::milliseconds(5);
  RuleSetPtr set = load("local slow = map('slow.map')\n" +
                            rule_text("SLOW", "local t = ('12345'):rep(10000) while true do slow:has(t) end"),
                        limits);
  Judged run(set);
  EXPECT_EQ(run.seen.failures, Texts{"SLOW cpu"});
}

}  // namespace
}  // namespace postern::rules
