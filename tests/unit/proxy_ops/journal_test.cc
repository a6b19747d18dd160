// The journal's file: what is put comes back, and it stays within its bounds.
#include <algorithm>
#include <filesystem>

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "proxy/session/message_id.h"
#include "tests/unit/proxy_ops/journal_fixture.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TEST_F(JournalTest, WhatIsPutComesBack) {
  auto journal = open();
  JournalRow sent = row(1);
  sent.header = std::string("A: \0\xff'\"\r\n", 9);
  journal->put(sent);
  journal->put(row(2));
  journal->finish();
  EXPECT_EQ(journal->statistics().written, 2U);
  EXPECT_EQ(journal->statistics().waiting, 0U);
  EXPECT_GT(journal->statistics().bytes, 0U);

  auto found = rows();
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].id, "01J1");
  EXPECT_EQ(found[0].wall_ms, sent.wall_ms);
  EXPECT_EQ(found[0].data, sent.data);
  EXPECT_EQ(found[0].header, sent.header);
  EXPECT_EQ(found[0].rules_version, "abc");
  EXPECT_EQ(found[0].verdict, "accept");
  EXPECT_EQ(found[0].score, 0.5);
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(JournalTest, AReaderSeesARowWhileTheGatewayGoesOn) {
  auto journal = open();
  journal->put(row(1));
  auto reader = JournalReader::open(path());
  ASSERT_TRUE(reader) << reader.error().message;
  EXPECT_TRUE(eventually([&] { return (*reader)->find("01j1").value().size() == 1; })) << "in letters of any case";
  EXPECT_THAT((*reader)->find("01J2").value(), IsEmpty());
  journal->put(row(2));
  EXPECT_TRUE(eventually([&] { return (*reader)->count(0).value() == 2; }));
}

TEST_F(JournalTest, TheLastAnswerOfAnIdIsFirst) {
  auto journal = open();
  for (int number : {7, 8, 7}) journal->put(row(number));
  JournalRow last = row(7);
  last.verdict = "reject";
  journal->put(last);
  journal->finish();
  auto reader = JournalReader::open(path());
  auto found = (*reader)->find("01J7").value();
  ASSERT_THAT(found, SizeIs(3));
  EXPECT_EQ(found[0].verdict, "reject");
}

TEST_F(JournalTest, RowsAreReadFromATimeAndFromAPlace) {
  auto journal = open();
  for (int number = 0; number < 1000; ++number) {
    JournalRow next = row(number);
    next.wall_ms = SystemClock().wall_ms() - 1000 + number;
    journal->put(next);
  }
  journal->finish();
  auto all = rows();
  ASSERT_THAT(all, SizeIs(1000));
  EXPECT_TRUE(std::is_sorted(all.begin(), all.end(), [](auto& a, auto& b) { return a.wall_ms < b.wall_ms; }));
  EXPECT_THAT(rows(all[600].wall_ms), SizeIs(400));
  auto reader = JournalReader::open(path());
  EXPECT_EQ((*reader)->count(all[600].wall_ms).value(), 400U);
  int64_t place = 0;
  int count = 0;
  ASSERT_TRUE((*reader)->read(0, 0, [&](int64_t at, const JournalRow&) {
    place = at;
    return ++count < 300;
  }));
  EXPECT_EQ(count, 300);
  ASSERT_TRUE((*reader)->read(0, place, [&](int64_t, const JournalRow& next) {
    if (++count == 301) {
      EXPECT_EQ(next.id, all[300].id);
    }
    return true;
  }));
  EXPECT_EQ(count, 1000);
}

TEST_F(JournalTest, TheRulesThatJudgedAreKnownByTheirVersion) {
  auto journal = open();
  journal->put(JournalRules{"abc", R"({"v":1})"});
  journal->put(JournalRules{"def", R"({"v":1,"other":true})"});
  journal->finish();
  auto reader = JournalReader::open(path());
  auto rules = (*reader)->rules("def").value();
  ASSERT_TRUE(rules);
  EXPECT_EQ(rules->data, R"({"v":1,"other":true})");
  EXPECT_FALSE((*reader)->rules("none").value());
}

TEST_F(JournalTest, ItGoesOnAfterARestart) {
  open()->put(row(1));
  open()->put(row(2));
  EXPECT_THAT(rows(), SizeIs(2));
  EXPECT_THAT(said(), IsEmpty());
}

TEST_F(JournalTest, OnlyOwnerAndGroupMayReadIt) {
  auto journal = open();
  journal->put(row(1));
  journal->finish();
  struct stat found {};
  for (const char* suffix : {"", "-wal"}) {
    if (stat((path() + suffix).c_str(), &found) != 0) continue;
    EXPECT_EQ(found.st_mode & 0777U & ~0640U, 0U) << suffix;
  }
}

TEST_F(JournalTest, ADirectoryThatIsNotThereIsMade) {
  Journal::Options options;
  options.path = directory_.path() + "/a/b/journal.db";
  open(options)->put(row(1));
  EXPECT_TRUE(std::filesystem::exists(options.path));
}

TEST_F(JournalTest, WhatIsTooMuchIsDroppedAndCounted) {
  Journal::Options options;
  options.waiting = 100'000;
  auto journal = open(options);
  for (int number = 0; number < 10; ++number) journal->put(row(number, 60'000));
  journal->finish();
  auto statistics = journal->statistics();
  EXPECT_GT(statistics.dropped, 0U);
  EXPECT_EQ(statistics.written + statistics.dropped, 10U);
  EXPECT_THAT(rows(), SizeIs(statistics.written));
  journal->put(row(11));
  EXPECT_EQ(journal->statistics().dropped, statistics.dropped + 1) << "after its end";
}

TEST_F(JournalTest, ATimeIsFoundAlsoWhereTheClockWasSetBack) {
  auto journal = open();
  for (int64_t time : {5'000, 9'000, 2'000, 4'000, 8'000}) {
    JournalRow next = row(static_cast<int>(time));
    next.wall_ms = SystemClock().wall_ms() + time;
    next.id = session::make_message_id(next.wall_ms);
    journal->put(next);
  }
  journal->finish();
  auto all = rows();
  ASSERT_THAT(all, SizeIs(5));
  auto late = rows(all[0].wall_ms);
  ASSERT_THAT(late, SizeIs(3));
  EXPECT_EQ(late[2].id, all[4].id);
  EXPECT_THAT(rows(all[1].wall_ms + 1), IsEmpty());
}

TEST_F(JournalTest, OldRowsGo) {
  Journal::Options options;
  options.keep = 1h;
  auto journal = open(options);
  int64_t now = SystemClock().wall_ms();
  for (int number = 0; number < 900; ++number) {
    JournalRow old = row(number);
    old.wall_ms = now - std::chrono::milliseconds(2h).count();
    journal->put(old);
  }
  journal->put(row(1000));
  EXPECT_TRUE(eventually([&] { return rows().size() == 1; })) << "also when nothing more comes";
  EXPECT_EQ(rows()[0].id, "01J1000");
  journal->set_bounds(24h * 7, uint64_t{1} << 30U);
  JournalRow old = row(1001);
  old.wall_ms = now - std::chrono::milliseconds(2h).count();
  journal->put(old);
  journal->finish();
  EXPECT_THAT(rows(), SizeIs(2)) << "a reload keeps more";
}

TEST_F(JournalTest, TheOldestGoWhenTheFileIsTooLarge) {
  Journal::Options options;
  options.size = 4 << 20;
  auto journal = open(options);
  for (int number = 0; number < 4000; ++number) {
    journal->put(row(number, 5000));
    if (number % 500 == 499) {
      ASSERT_TRUE(eventually([&] { return journal->statistics().written == static_cast<uint64_t>(number) + 1; }));
    }
  }
  EXPECT_TRUE(eventually([&] { return journal->statistics().bytes <= options.size; }));
  auto left = rows();
  EXPECT_GT(left.size(), 200U);
  EXPECT_LT(left.size(), 2000U);
  EXPECT_EQ(left.back().id, "01J3999");
  journal->set_bounds(options.keep, 1 << 20);
  journal->put(row(5000));
  EXPECT_TRUE(eventually([&] { return journal->statistics().bytes <= 1U << 20U; })) << "less by a reload";
  left = rows();
  ASSERT_FALSE(left.empty());
  EXPECT_EQ(left.back().id, "01J5000");
}

TEST_F(JournalTest, TheFileIsOneThatOtherProgramsRead) {
  auto journal = open();
  journal->put(row(3));
  journal->finish();
  execute(
      "CREATE TEMP TABLE t(n INTEGER CHECK(n = 3)); INSERT INTO t SELECT json_extract(data, '$.number') FROM message");
}

TEST_F(JournalTest, AReaderSaysWhatIsWrong) {
  auto reader = JournalReader::open(path());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, Code::NotFound);
  EXPECT_THAT(reader.error().message, HasSubstr("journal.db: there is no such file"));
  static_cast<void>(directory_.write("journal.db", std::string(20'000, 'x')));
  reader = JournalReader::open(path());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().code, Code::BadInput);
  std::filesystem::remove(path());
  execute("CREATE TABLE message(a)");
  reader = JournalReader::open(path());
  ASSERT_FALSE(reader);
  EXPECT_THAT(reader.error().message, HasSubstr("it is no journal of ours"));
}

}  // namespace
}  // namespace postern::ops
