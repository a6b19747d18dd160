#include "proxy/ops/bulk_state.h"

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/proxy_ops/files.h"

namespace postern::ops {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kNow = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

bulk::Index::Options small() {
  bulk::Index::Options options;
  options.memory = 4U << 20U;
  options.shards = 2;
  return options;
}

/// One message of the campaign `campaign`; those of one are alike, those of two are not.
bulk::Sighting sighting(uint32_t campaign, uint32_t number) {
  std::mt19937 random(campaign);
  bulk::Sighting seen;
  seen.print.evidence = bulk::Evidence::Enough;
  seen.print.text.emplace();
  seen.print.words = 100;
  for (uint16_t& slot : seen.print.text->words) slot = static_cast<uint16_t>(random());
  for (uint16_t& slot : seen.print.text->pairs) slot = static_cast<uint16_t>(random());
  seen.id = fmt::format("{}-{}", campaign, number);
  seen.from = fmt::format("sender{}@example.net", number);
  seen.subject = fmt::format("offer {}", campaign);
  seen.network = number + 1;
  seen.sender = number + 1;
  seen.domain = 1 + number % 5;
  seen.authenticated = number % 2 == 0;
  seen.recipients = {number + 1};
  seen.wall_ms = kNow + number;
  return seen;
}

/// `campaigns` of them, each with 20 messages.
void fill(bulk::Index& index, uint32_t campaigns) {
  for (uint32_t campaign = 1; campaign <= campaigns; ++campaign) {
    for (uint32_t number = 0; number < 20; ++number) (void)index.see(sighting(campaign, number));
  }
}

uint64_t count(bulk::Index& index, uint32_t campaign) {
  return index.see(sighting(campaign, 99)).outcome.count;
}

class State : public testing::Test {
 public:
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() override = default;

 protected:
  [[nodiscard]] BulkState state(const std::string& below = "bulk") {
    return {fmt::format("{}/{}", directory_.path(), below), [this](std::string_view level, const std::string& text) {
              notes_.push_back(fmt::format("{}: {}", level, text));
            }};
  }
  [[nodiscard]] std::string folder() const { return directory_.path() + "/bulk"; }
  [[nodiscard]] std::string file() const { return folder() + "/clusters"; }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder())) names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& octets) const { std::ofstream(file(), std::ios::binary) << octets; }

  /// A file that 3 campaigns were saved in.
  void saved() {
    bulk::Index index(small());
    ASSERT_TRUE(state().load(index, kNow));
    fill(index, 3);
    auto written = state().save(index, "17-0");
    ASSERT_TRUE(written) << written.error().message;
    notes_.clear();
  }

  /// What is in place of the file is set aside with a warning, nothing of it is counted, and the state can be saved.
  void expect_set_aside(const std::string& why) {
    notes_.clear();
    bulk::Index index(small());
    auto loaded = state().load(index, kNow);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(*loaded, "");
    EXPECT_EQ(index.stats().clusters + index.stats().single, 0U);
    ASSERT_EQ(notes_.size(), 1U);
    EXPECT_EQ(notes_[0].substr(0, 15), "warning: bulk: ");
    EXPECT_NE(notes_[0].find(why), std::string::npos) << notes_[0];
    EXPECT_NE(notes_[0].find("clusters.bad-"), std::string::npos) << notes_[0];
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_EQ(count(index, 1), 1U) << "it counts, from the beginning";
    auto written = state().save(index, "");
    EXPECT_TRUE(written) << written.error().message;
  }

  TempDirectory directory_;
  std::vector<std::string> notes_;
};

TEST_F(State, BeginsWithNothing) {
  bulk::Index index(small());
  auto loaded = state("not/yet/there").load(index, kNow);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ(*loaded, "");
  EXPECT_TRUE(notes_.empty());
  struct stat status {};
  ASSERT_EQ(::stat((directory_.path() + "/not/yet/there").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U) << "subjects and senders are nobody else's to read";
}

TEST_F(State, GoesOnCounting) {
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

TEST_F(State, TheLastOneIsKept) {
  saved();
  bulk::Index index(small());
  fill(index, 1);
  ASSERT_TRUE(state().save(index, "18-0"));
  bulk::Index later(small());
  EXPECT_EQ(state().load(later, kNow).value(), "18-0");
  EXPECT_EQ(later.stats().clusters, 1U);
  EXPECT_EQ(names(), std::vector<std::string>{"clusters"});
}

TEST_F(State, ATornFileIsSetAside) {
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

TEST_F(State, NothingOfATornFileIsTaken) {
  saved();
  std::string whole = read(file());
  // Every length; loaded straight, since setting so many aside takes long.
  for (size_t length = 0; length < whole.size(); length += length < 200 || length + 200 > whole.size() ? 1 : 17) {
    bulk::Index index(small());
    EXPECT_FALSE(index.load(whole.substr(0, length), kNow)) << length;
    EXPECT_EQ(index.stats().clusters + index.stats().single, 0U) << length;
  }
}

TEST_F(State, AFlippedBitSetsItAside) {
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

TEST_F(State, AForeignFileIsSetAside) {
  saved();
  write("From ann@sender.example Mon Mar  2 10:00:00 2026\nSubject: a mailbox\n\n");
  expect_set_aside("it is not a snapshot");
  write(std::string(100'000, '\0'));
  expect_set_aside("it is not a snapshot");
}

TEST_F(State, ALargeForeignFileIsNotRead) {
  saved();
  write("");
  fs::resize_file(file(), uint64_t{1} << 40U);  // a hole of 1 TiB
  expect_set_aside("it is not a snapshot");
}

TEST_F(State, ANewerVersionIsSetAside) {
  saved();
  std::string whole = read(file());
  whole[8] = static_cast<char>(whole[8] + 1);
  write(whole);
  expect_set_aside("it has form 2");
}

TEST_F(State, AFolderInItsPlaceIsSetAside) {
  saved();
  fs::remove(file());
  fs::create_directories(file() + "/with/something");
  expect_set_aside("it is not a file");
}

TEST_F(State, AFifoInItsPlaceIsSetAside) {
  saved();
  fs::remove(file());
  ASSERT_EQ(::mkfifo(file().c_str(), 0600), 0);
  expect_set_aside("it is not a file");
}

TEST_F(State, OnlyThreeBadOnesAreKept) {
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

TEST_F(State, WhatAKilledProcessLeftIsRemoved) {
  saved();
  std::ofstream(folder() + "/clusters.new-abcdef") << "half a snapshot";
  bulk::Index index(small());
  EXPECT_EQ(state().load(index, kNow).value(), "17-0");
  EXPECT_EQ(names(), std::vector<std::string>{"clusters"});
}

TEST_F(State, WhereNothingCanBeKeptItSaysSo) {
  bulk::Index index(small());
  std::string in_its_way = directory_.write("file", "");
  auto loaded = state("file").load(index, kNow);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::Io);
  EXPECT_NE(loaded.error().message.find(in_its_way), std::string::npos) << loaded.error().message;
  EXPECT_FALSE(state("file/below").load(index, kNow));
  EXPECT_FALSE(state("file").save(index, ""));
}

TEST_F(State, AReadOnlyFolderFails) {
  saved();
  std::string before = read(file());
  fs::permissions(folder(), fs::perms::owner_read | fs::perms::owner_exec);
  // For root nothing is read-only.
  bool root = ::geteuid() == 0;
  if (root) {
    fs::permissions(directory_.path(), fs::perms::all);
    ASSERT_EQ(::chown(folder().c_str(), 65534, 65534), 0);
    ASSERT_EQ(::seteuid(65534), 0);
  }
  bulk::Index index(small());
  auto loaded = state().load(index, kNow);
  auto written = state().save(index, "");
  if (root) {
    ASSERT_EQ(::seteuid(0), 0);
  }
  fs::permissions(folder(), fs::perms::owner_all);
  EXPECT_FALSE(loaded);
  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find("ermission denied"), std::string::npos) << written.error().message;
  EXPECT_EQ(read(file()), before);
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

TEST_F(State, AWriteThatFailsLeavesTheOldOne) {
  saved();
  std::string before = read(file());
  bulk::Index index(small());
  fill(index, 50);
  for (uint64_t room : {0U, 1U, 100U, 4000U, 20'000U}) {
    Result<void> written;
    with_little_room(room, [&] { written = state().save(index, "18-0"); });
    ASSERT_FALSE(written) << room;
    EXPECT_EQ(written.error().code, Code::Io);
    EXPECT_NE(written.error().message.find(folder()), std::string::npos) << written.error().message;
    EXPECT_EQ(read(file()), before);
    EXPECT_EQ(names(), std::vector<std::string>{"clusters"}) << "half a file would fill the disk for good";
  }
  EXPECT_TRUE(state().save(index, "18-0"));
}

/// Saves in a loop, another state each time; never returns.
[[noreturn]] void save_for_ever(const BulkState& state, int ready) {
  bulk::Index index(small());
  for (uint32_t campaign = 1;; ++campaign) {
    for (uint32_t number = 0; number < 20; ++number) (void)index.see(sighting(campaign, number));
    if (!state.save(index, fmt::format("{}-0", campaign))) ::_exit(1);
    if (campaign == 1 && ::write(ready, "x", 1) != 1) ::_exit(1);
  }
}

TEST_F(State, KilledAtAnyMomentItLoads) {
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
