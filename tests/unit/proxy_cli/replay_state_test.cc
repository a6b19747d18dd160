// The file from which an interrupted replay goes on.
#include "proxy/cli/replay_state.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace postern::cli {
namespace {

using nlohmann::ordered_json;
using rules::Verdict;
using testing::HasSubstr;
using testing::IsEmpty;

class ReplayStateTest : public testing::Test {
 public:
  ReplayStateTest() = default;
  ReplayStateTest(const ReplayStateTest&) = delete;
  ReplayStateTest& operator=(const ReplayStateTest&) = delete;
  ~ReplayStateTest() override {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }

 protected:
  std::unique_ptr<ReplayState> open(const ordered_json& run = {{"before", "1"}}) {
    note_.clear();
    auto state = ReplayState::open(path_, run, note_);
    EXPECT_TRUE(state) << state.error().message;
    return state ? std::move(*state) : nullptr;
  }
  void put(const std::string& file, double score) {
    auto state = open();
    Sample sample;
    sample.before.verdict = Verdict::Tag;
    sample.before.score = score;
    sample.before.hits = {{"A", score, false}, {"B", 1, true}};
    sample.before.decided_by = "A";
    sample.after = sample.before;
    sample.after->verdict = Verdict::Reject;
    EXPECT_TRUE(state->put(key(file), sample));
  }
  static MessageKey key(const std::string& file) { return {file, 100, 1234567890123456789, 1}; }
  [[nodiscard]] std::string text() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(const std::string& text) const { std::ofstream(path_, std::ios::binary) << text; }

  std::string path_ = testing::TempDir() + "postern_state_" + std::to_string(::getpid()) + "_" +
                      testing::UnitTest::GetInstance()->current_test_info()->name();
  std::string note_;
};

TEST_F(ReplayStateTest, WhatWasJudgedIsKnownAgain) {
  put("mail \xff\n\"1\".eml", 7.25);
  auto state = open();
  EXPECT_THAT(note_, IsEmpty());
  auto sample = state->find(key("mail \xff\n\"1\".eml"));
  ASSERT_TRUE(sample);
  EXPECT_EQ(sample->before.verdict, Verdict::Tag);
  EXPECT_EQ(sample->before.score, 7.25);
  EXPECT_EQ(sample->before.decided_by, "A");
  ASSERT_EQ(sample->before.hits.size(), 2U);
  EXPECT_TRUE(sample->before.hits[1].shadow);
  ASSERT_TRUE(sample->after);
  EXPECT_EQ(sample->after->verdict, Verdict::Reject);
  EXPECT_EQ(sample->after->mildest, Verdict::Reject);
}

TEST_F(ReplayStateTest, AFileThatChangedIsNot) {
  put("a", 1);
  auto state = open();
  MessageKey larger = key("a");
  larger.size = 101;
  EXPECT_FALSE(state->find(larger));
  MessageKey later = key("a");
  ++later.mtime;
  EXPECT_FALSE(state->find(later));
  MessageKey second = key("a");
  second.number = 2;
  EXPECT_FALSE(state->find(second));
  EXPECT_FALSE(state->find(key("b")));
  EXPECT_TRUE(state->find(key("a")));
}

// Whoever was killed while it wrote goes on all the same.
TEST_F(ReplayStateTest, ACutLastLineIsNoMistake) {
  put("a", 1);
  put("b", 2);
  std::string whole = text();
  for (size_t cut = 1; cut < 60; ++cut) {
    write(whole.substr(0, whole.size() - cut));
    auto state = open();
    EXPECT_THAT(note_, IsEmpty());
    EXPECT_TRUE(state->find(key("a"))) << cut;
    EXPECT_FALSE(state->find(key("b"))) << cut;
    state.reset();
    put("b", 2);
    EXPECT_EQ(text(), whole) << cut;
  }
}

TEST_F(ReplayStateTest, ABeginningThatWasCutBeginsAnew) {
  put("a", 1);
  write(text().substr(0, 20));
  auto state = open();
  EXPECT_FALSE(state->find(key("a")));
  state.reset();
  put("a", 1);
  EXPECT_TRUE(open()->find(key("a")));
}

TEST_F(ReplayStateTest, OtherRulesBeginAnewAndSaySo) {
  put("a", 1);
  auto state = open({{"before", "2"}});
  EXPECT_THAT(note_, HasSubstr(path_));
  EXPECT_THAT(note_, HasSubstr("other rules"));
  EXPECT_FALSE(state->find(key("a")));
}

TEST_F(ReplayStateTest, ALineThatIsNoneIsPassedOver) {
  put("a", 1);
  write(text() +
        "{\"file\":3}\nnonsense\n{\"file\":\"c\",\"number\":1,\"size\":100,\"mtime\":1234567890123456789,"
        "\"before\":[99,1,\"\",[]]}\n");
  put("b", 2);
  auto state = open();
  EXPECT_TRUE(state->find(key("a")));
  EXPECT_TRUE(state->find(key("b")));
  EXPECT_FALSE(state->find(key("c")));
}

TEST_F(ReplayStateTest, SomebodyElsesFileIsLeftAlone) {
  for (const char* other : {"Subject: a letter\n\nDear all\n", "{\"a\":1}\n", "x"}) {
    write(other);
    std::string note;
    auto state = ReplayState::open(path_, {{"before", "1"}}, note);
    ASSERT_FALSE(state) << other;
    EXPECT_THAT(state.error().message, HasSubstr(path_));
    EXPECT_EQ(text(), other);
  }
}

TEST_F(ReplayStateTest, WhatCannotBeWrittenIsAnError) {
  std::string note;
  EXPECT_FALSE(ReplayState::open("/nonexistent/state", {{"before", "1"}}, note));
}

}  // namespace
}  // namespace postern::cli
