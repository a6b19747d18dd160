// The file: what is in it again, what is no state, and processes that are killed.
#include <algorithm>
#include <csignal>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/proxy_ops/bulk_state_fixture.h"

namespace postern::ops {
namespace {

TEST_F(BulkStateTest, BeginsWithNothing) {
  bulk::Index index(small());
  auto loaded = state("not/yet/there").load(index, kNow);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, "");
  EXPECT_TRUE(notes_.empty());
  struct stat status {};
  ASSERT_EQ(::stat((directory_.path() + "/not/yet/there").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U) << "subjects and senders are nobody else's to read";
}

TEST_F(BulkStateTest, GoesOnCounting) {
  saved();
  struct stat status {};
  ASSERT_EQ(::stat(file().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  bulk::Index index(small());
  auto loaded = state().load(index, kNow + 60'000);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, "17-0");
  EXPECT_TRUE(notes_.empty());
  EXPECT_EQ(count(index, 1), 21U);
  EXPECT_EQ(count(index, 3), 21U);
  EXPECT_EQ(count(index, 4), 1U);
  EXPECT_EQ(names(), std::vector<std::string>{"clusters"});
}

TEST_F(BulkStateTest, TheLastOneIsKept) {
  {
    bulk::Index index(small());
    BulkState kept = state();
    ASSERT_TRUE(kept.load(index, kNow));
    fill(index, 3);
    ASSERT_TRUE(kept.save(index, "17-0"));
    bulk::Index other(small());
    fill(other, 1);
    ASSERT_TRUE(kept.save(other, "18-0"));
  }
  bulk::Index later(small());
  EXPECT_EQ(state().load(later, kNow).value(), "18-0");
  EXPECT_EQ(later.stats().clusters, 1U);
  EXPECT_EQ(names(), std::vector<std::string>{"clusters"});
}

TEST_F(BulkStateTest, ATornFileIsSetAside) {
  saved();
  std::string whole = read(file());
  ASSERT_GT(whole.size(), 1000U);
  std::vector<size_t> lengths{0, 1, 11, 12, 13, 100, whole.size() / 2, whole.size() - 9, whole.size() - 1};
  for (size_t length : lengths) {
    SCOPED_TRACE(length);
    write(whole.substr(0, length));
    expect_set_aside(length == 0 ? "it is empty" : "it is torn");
  }
  write(whole + "x");
  expect_set_aside("it is torn");
}

TEST_F(BulkStateTest, NothingOfATornFileIsTaken) {
  saved();
  std::string whole = read(file());
  // Every length; loaded straight, since setting so many aside takes long.
  for (size_t length = 0; length < whole.size(); length += length < 200 || length + 200 > whole.size() ? 1 : 17) {
    bulk::Index index(small());
    EXPECT_FALSE(index.load(whole.substr(0, length), kNow)) << length;
    EXPECT_EQ(index.stats().clusters + index.stats().single, 0U) << length;
  }
}

TEST_F(BulkStateTest, AFlippedBitSetsItAside) {
  saved();
  std::string whole = read(file());
  std::mt19937 random(1);
  for (int i = 0; i < 20; ++i) {
    std::string changed = whole;
    size_t at = 12 + random() % (changed.size() - 12);
    changed[at] = static_cast<char>(changed[at] ^ 1 << random() % 8);
    SCOPED_TRACE(at);
    write(changed);
    expect_set_aside("its sum is wrong");
  }
}

TEST_F(BulkStateTest, AForeignFileIsSetAside) {
  saved();
  write("From ann@sender.example Mon Mar  2 10:00:00 2026\nSubject: a mailbox\n\n");
  expect_set_aside("it is not a snapshot");
  write(std::string(100'000, '\0'));
  expect_set_aside("it is not a snapshot");
}

TEST_F(BulkStateTest, ALargeForeignFileIsNotRead) {
  saved();
  write("");
  fs::resize_file(file(), uint64_t{1} << 40U);  // a hole of 1 TiB
  expect_set_aside("it is not a snapshot");
}

TEST_F(BulkStateTest, ANewerVersionIsSetAside) {
  saved();
  std::string whole = read(file());
  whole[8] = static_cast<char>(whole[8] + 1);
  write(whole);
  expect_set_aside("is what this version reads");
}

TEST_F(BulkStateTest, AFolderInItsPlaceIsSetAside) {
  saved();
  fs::remove(file());
  fs::create_directories(file() + "/with/something");
  expect_set_aside("it is not a file");
}

TEST_F(BulkStateTest, AFifoInItsPlaceIsSetAside) {
  saved();
  fs::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  expect_set_aside("it is not a file");
}

TEST_F(BulkStateTest, OnlyThreeBadOnesAreKept) {
  saved();
  for (int i = 0; i < 5; ++i) {
    write(fmt::format("no snapshot {}", i));
    bulk::Index index(small());
    ASSERT_TRUE(state().load(index, kNow + int64_t{i} * 1000));
  }
  EXPECT_EQ(names(), (std::vector<std::string>{"clusters.bad-20260101T000002.000Z", "clusters.bad-20260101T000003.000Z",
                                               "clusters.bad-20260101T000004.000Z"}));
  EXPECT_EQ(read(folder() + "/clusters.bad-20260101T000004.000Z"), "no snapshot 4");
}

TEST_F(BulkStateTest, WhatAKilledProcessLeftIsRemoved) {
  saved();
  std::ofstream(folder() + "/clusters.new-abcdef") << "half a snapshot";
  bulk::Index index(small());
  EXPECT_EQ(state().load(index, kNow).value(), "17-0");
  EXPECT_EQ(names(), std::vector<std::string>{"clusters"});
}

/// Runs `work` where a file may have `octets` only: a write beyond fails, as on a full disk.
void with_little_room(uint64_t octets, const std::function<void()>& work) {
  auto before = std::signal(SIGXFSZ, SIG_IGN);
  rlimit old{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  rlimit little = old;
  little.rlim_cur = octets;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &little), 0);
  work();
  EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &old), 0);
  (void)std::signal(SIGXFSZ, before);
}

TEST_F(BulkStateTest, AWriteThatFailsLeavesTheOldOne) {
  saved();
  std::string before = read(file());
  bulk::Index index(small());
  BulkState kept = state();
  ASSERT_TRUE(kept.load(index, kNow));
  fill(index, 50);
  for (uint64_t room : {0U, 1U, 100U, 4000U, 20'000U}) {
    Result<void> written;
    with_little_room(room, [&] { written = kept.save(index, "18-0"); });
    ASSERT_FALSE(written) << room;
    EXPECT_EQ(written.error().code, Code::Io);
    EXPECT_NE(written.error().message.find(folder()), std::string::npos) << written.error().message;
    EXPECT_EQ(read(file()), before);
    EXPECT_EQ(names(), std::vector<std::string>{"clusters"}) << "half a file would fill the disk for good";
  }
  EXPECT_TRUE(kept.save(index, "18-0"));
}

/// Saves in a loop, another state each time; never returns.
[[noreturn]] void save_for_ever(BulkState state, int ready) {
  bulk::Index before(small());
  if (!state.load(before, kNow)) ::_exit(1);
  bulk::Index index(small());
  for (uint32_t campaign = 1;; ++campaign) {
    for (uint32_t number = 0; number < 20; ++number) (void)index.see(sighting(campaign, number));
    if (!state.save(index, fmt::format("{}-0", campaign))) ::_exit(1);
    if (campaign == 1 && ::write(ready, "x", 1) != 1) ::_exit(1);
  }
}

TEST_F(BulkStateTest, KilledAtAnyMomentItLoads) {
  constexpr int kKills = 200;
  std::mt19937 random(7);
  std::vector<uint32_t> campaigns;
  campaigns.reserve(kKills);
  for (int kill = 0; kill < kKills; ++kill) {
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) save_for_ever(state(), ready[1]);
    ::close(ready[1]);  // or a child that failed would be waited for
    char octet = 0;
    ASSERT_EQ(::read(ready[0], &octet, 1), 1);
    ::usleep(static_cast<useconds_t>(random() % 8000));  // any moment will do
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ::close(ready[0]);
    ASSERT_TRUE(WIFSIGNALED(status));

    bulk::Index index(small());
    auto loaded = state().load(index, kNow);
    ASSERT_TRUE(loaded) << loaded.error().message;
    ASSERT_TRUE(notes_.empty()) << notes_[0];
    auto saved = static_cast<uint32_t>(std::stoul(*loaded));
    EXPECT_EQ(index.stats().clusters, saved) << "what it says it is, and whole";
    EXPECT_EQ(count(index, saved), 21U);
    EXPECT_EQ(names(), std::vector<std::string>{"clusters"});
    campaigns.push_back(saved);
  }
  // It was not always killed at the same one.
  std::sort(campaigns.begin(), campaigns.end());
  EXPECT_LT(campaigns.front(), campaigns.back());
}

}  // namespace
}  // namespace postern::ops
