// What is said of a journal that cannot be written.
#include "proxy/ops/journal_health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_clock.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class JournalHealthTest : public testing::Test {
 public:
  JournalHealthTest() = default;
  JournalHealthTest(const JournalHealthTest&) = delete;
  JournalHealthTest& operator=(const JournalHealthTest&) = delete;
  ~JournalHealthTest() override = default;

 protected:
  std::optional<JournalHealth::Note> works(uint64_t rows = 10) { return health_.wrote(rows, 0, "", clock_.now()); }
  std::optional<JournalHealth::Note> fails(uint64_t lost = 10) {
    return health_.wrote(0, lost, "j.db: database or disk is full", clock_.now());
  }

  test::FakeClock clock_;
  JournalHealth health_;
};

TEST_F(JournalHealthTest, NothingIsSaidOfOneThatWorks) {
  for (int i = 0; i < 1000; ++i, clock_.advance(250ms)) EXPECT_FALSE(works());
}

TEST_F(JournalHealthTest, ADiskThatIsFullNowAndThenIsSaidOnce) {
  auto note = fails();
  ASSERT_TRUE(note);
  EXPECT_TRUE(note->warning);
  EXPECT_THAT(note->text, AllOf(HasSubstr("j.db: database or disk is full"), HasSubstr("messages go on")));
  for (int i = 0; i < 1000; ++i, clock_.advance(50s)) EXPECT_FALSE(i % 2 == 0 ? works() : fails());
}

TEST_F(JournalHealthTest, ItIsWellWhenRowsWereWrittenForAWhileAndSaysWhatIsMissing) {
  static_cast<void>(fails(7));
  static_cast<void>(fails(5));
  EXPECT_FALSE(works());
  clock_.advance(JournalHealth::kWell - 1ms);
  EXPECT_FALSE(works());
  clock_.advance(1ms);
  auto note = works();
  ASSERT_TRUE(note);
  EXPECT_FALSE(note->warning);
  EXPECT_EQ(note->text, "the journal is well again; 12 entries were lost");
  EXPECT_FALSE(works());
  note = fails();
  ASSERT_TRUE(note) << "the next trouble is another one";
  EXPECT_TRUE(note->warning);
}

TEST_F(JournalHealthTest, WithoutMailNothingIsProved) {
  static_cast<void>(fails());
  for (int i = 0; i < 10; ++i, clock_.advance(1h)) EXPECT_FALSE(works(0));
  EXPECT_FALSE(works()) << "this is the first that was written";
  clock_.advance(JournalHealth::kWell);
  EXPECT_TRUE(works());
}

TEST_F(JournalHealthTest, WhatCameTooFastBeforeIsNoneOfItsLosses) {
  EXPECT_FALSE(health_.wrote(5, 100, "", clock_.now()));
  static_cast<void>(fails(1));
  EXPECT_FALSE(works());
  clock_.advance(JournalHealth::kWell);
  EXPECT_THAT(works()->text, HasSubstr(" 1 entries"));
}

}  // namespace
}  // namespace postern::ops
