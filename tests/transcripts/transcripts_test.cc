// Every dialogue of every *.smtp file here is one test.
#include <set>

#include <gtest/gtest.h>

#include "filters/base/bytes.h"
#include "tests/transcripts/play.h"

namespace postern::transcripts {
namespace {

// Relative to the project's top, which is where tests run.
const Result<std::vector<Dialogue>>& loaded() {
  static const Result<std::vector<Dialogue>> all = load("tests/transcripts");
  return all;
}

// Empty when they cannot be read; a test of its own says why.
const std::vector<Dialogue>& dialogues() {
  static const std::vector<Dialogue> none;
  return loaded() ? *loaded() : none;
}

// A dialogue this long is not cut at every place: the cost grows with the square of its length.
constexpr size_t kFullyCut = 6000;

class Transcript : public testing::TestWithParam<size_t> {
 protected:
  [[nodiscard]] static const Dialogue& dialogue() { return dialogues().at(GetParam()); }
};

TEST_P(Transcript, HappensAsWritten) {
  Log want = expected(dialogue(), true);
  EXPECT_EQ(difference(want, play(dialogue(), [](size_t) { return false; })), "");
  if (!may_play_at_once(dialogue())) return;
  EXPECT_EQ(difference(expected(dialogue(), false), play_at_once(dialogue())), "") << "when the client never waits";
}

TEST_P(Transcript, HappensTheSameOctetByOctet) {
  Log want = expected(dialogue(), true);
  EXPECT_EQ(difference(want, play(dialogue(), [](size_t) { return true; })), "");
}

TEST_P(Transcript, HappensTheSameWhereverItIsCut) {
  Log want = expected(dialogue(), true);
  size_t size = input_size(dialogue());
  size_t stride = size <= kFullyCut ? 1 : 61;
  for (size_t place = 0; place < size; place += stride) {
    ASSERT_EQ(difference(want, play(dialogue(), [&](size_t at) { return at == place; })), "") << "cut at " << place;
  }
}

INSTANTIATE_TEST_SUITE_P(, Transcript, testing::Range<size_t>(0, dialogues().size()), [](const auto& test) {
  std::string name = dialogues().at(test.param).file + "_" + dialogues().at(test.param).name;
  for (char& c : name) c = ascii_alnum(c) ? c : '_';
  return name;
});

TEST(Transcripts, AreReadAndHaveNamesOfTheirOwn) {
  ASSERT_TRUE(loaded()) << loaded().error().message;
  EXPECT_GE(dialogues().size(), 60U);
  std::set<std::string> names;
  for (const auto& dialogue : dialogues()) {
    EXPECT_TRUE(names.insert(dialogue.file + ": " + dialogue.name).second) << dialogue.file << ": " << dialogue.name;
  }
}

}  // namespace
}  // namespace postern::transcripts
