// Where nothing can be written, read or set aside; two processes in one directory; less memory than there was.
#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>
#include <unistd.h>

#include "tests/unit/proxy_ops/bulk_state_fixture.h"

namespace postern::ops {
namespace {

class BulkStateTroubleTest : public BulkStateTest {
 protected:
  /// As somebody for whom there are rights to lack: for root there are none.
  void without_rights(const std::function<void()>& work) const {
    bool root = ::geteuid() == 0;
    if (root) {
      fs::permissions(directory_.path(), fs::perms::all);
      for (const std::string& path : {folder(), file(), folder() + "/lock"}) {
        if (fs::exists(path)) {
          ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
        }
      }
      ASSERT_EQ(::seteuid(65534), 0);
    }
    work();
    if (root) {
      ASSERT_EQ(::seteuid(0), 0);
    }
  }
};

TEST_F(BulkStateTroubleTest, WhereNothingCanBeKeptItSaysSo) {
  bulk::Index index(small());
  std::string in_its_way = directory_.write("file", "");
  auto loaded = state("file").load(index, kNow);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, Code::Io);
  EXPECT_NE(loaded.error().message.find(in_its_way), std::string::npos) << loaded.error().message;
  EXPECT_FALSE(state("file/below").load(index, kNow));
  EXPECT_FALSE(state("file").save(index, ""));
}

TEST_F(BulkStateTroubleTest, OfAReadOnlyFolderWhatIsThereIsRead) {
  for (bool has_lock : {true, false}) {
    SCOPED_TRACE(has_lock);
    saved();
    if (!has_lock) fs::remove(folder() + "/lock");
    std::string before = read(file());
    fs::permissions(folder(), fs::perms::owner_read | fs::perms::owner_exec);
    bulk::Index index(small());
    BulkState kept = state();
    Result<std::string> loaded;
    Result<void> written;
    without_rights([&] {
      loaded = kept.load(index, kNow);
      written = kept.save(index, "18-0");
    });
    fs::permissions(folder(), fs::perms::owner_all);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(*loaded, "17-0");
    EXPECT_EQ(index.stats().clusters, 3U);
    ASSERT_EQ(notes_.size(), 1U);
    EXPECT_EQ(notes_[0].substr(0, 15), "warning: bulk: ");
    EXPECT_NE(notes_[0].find("ermission denied; counts will not survive"), std::string::npos) << notes_[0];
    ASSERT_FALSE(written);
    EXPECT_NE(written.error().message.find("ermission denied"), std::string::npos) << written.error().message;
    EXPECT_EQ(read(file()), before);
    EXPECT_FALSE(kept.off()) << "rights may be given later";
    auto later = kept.save(index, "19-0");
    EXPECT_TRUE(later) << later.error().message;
    fs::remove_all(folder());
  }
}

TEST_F(BulkStateTroubleTest, AnEmptyReadOnlyFolderFails) {
  fs::create_directory(folder());
  fs::permissions(folder(), fs::perms::owner_read | fs::perms::owner_exec);
  bulk::Index index(small());
  BulkState kept = state();
  without_rights([&] { EXPECT_FALSE(kept.load(index, kNow)); });
  fs::permissions(folder(), fs::perms::owner_all);
  // Who began without it has not read what came there meanwhile.
  saved();
  std::string before = read(file());
  EXPECT_FALSE(kept.save(index, ""));
  EXPECT_TRUE(kept.off());
  EXPECT_EQ(read(file()), before);
}

TEST_F(BulkStateTroubleTest, WhatCannotBeReadIsNotReplaced) {
  saved();
  std::string before = read(file());
  fs::permissions(file(), fs::perms::none);
  bulk::Index index(small());
  BulkState kept = state();
  without_rights([&] {
    EXPECT_EQ(kept.load(index, kNow).value(), "");
    EXPECT_TRUE(kept.off());
    EXPECT_FALSE(kept.save(index, ""));
  });
  fs::permissions(file(), fs::perms::owner_all);
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_NE(
      notes_[0].find("/clusters cannot be read (Permission denied) and is left as it is; counts will not survive"),
      std::string::npos)
      << notes_[0];
  EXPECT_FALSE(kept.save(index, "")) << "until the next start";
  EXPECT_EQ(read(file()), before);
  EXPECT_EQ(names(), std::vector<std::string>{"clusters"});
}

TEST_F(BulkStateTroubleTest, WhatCannotBeSetAsideIsNotReplaced) {
  saved();
  write("From ann@sender.example");
  fs::permissions(folder(), fs::perms::owner_read | fs::perms::owner_exec);
  bulk::Index index(small());
  BulkState kept = state();
  without_rights([&] { EXPECT_EQ(kept.load(index, kNow).value(), ""); });
  fs::permissions(folder(), fs::perms::owner_all);
  EXPECT_TRUE(kept.off());
  EXPECT_FALSE(kept.save(index, ""));
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_NE(notes_[0].find("; it cannot be set aside ("), std::string::npos) << notes_[0];
  EXPECT_EQ(read(file()), "From ann@sender.example");
}

TEST_F(BulkStateTroubleTest, TheSecondProcessKeepsNothing) {
  saved();
  bulk::Index index(small());
  BulkState first = state();
  ASSERT_TRUE(first.load(index, kNow));
  std::ofstream(folder() + "/clusters.new-abcdef") << "what the first one writes just now";
  bulk::Index other(small());
  {
    BulkState second = state();
    auto loaded = second.load(other, kNow);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(*loaded, "17-0") << "what is there may be read";
    ASSERT_EQ(notes_.size(), 1U);
    EXPECT_NE(notes_[0].find("another process keeps its state in " + folder()), std::string::npos) << notes_[0];
    EXPECT_NE(notes_[0].find("; counts will not survive a restart"), std::string::npos) << notes_[0];
    EXPECT_TRUE(second.off());
    EXPECT_FALSE(second.save(other, "99-0"));
    EXPECT_EQ(names(), (std::vector<std::string>{"clusters", "clusters.new-abcdef"}));
  }
  fill(index, 5);
  EXPECT_TRUE(first.save(index, "18-0"));
  EXPECT_FALSE(first.off());
}

TEST_F(BulkStateTroubleTest, TheSecondProcessLeavesABrokenFileToTheFirst) {
  saved();
  bulk::Index index(small());
  BulkState first = state();
  ASSERT_TRUE(first.load(index, kNow));
  write("no snapshot");
  bulk::Index other(small());
  BulkState second = state();
  EXPECT_EQ(second.load(other, kNow).value(), "");
  EXPECT_EQ(names(), std::vector<std::string>{"clusters"});
  EXPECT_EQ(notes_.size(), 1U);
}

/// How often this process has `path` open.
size_t times_open(const std::string& path) {
  size_t times = 0;
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    if (fs::read_symlink(entry.path(), gone) == path) ++times;
  }
  return times;
}

TEST_F(BulkStateTroubleTest, ARestartWaitsForTheOneThatEnds) {
  saved();
  bulk::Index index(small());
  auto ending = std::make_unique<BulkState>(folder(), [](std::string_view, const std::string&) {});
  ASSERT_TRUE(ending->load(index, kNow));
  bulk::Index later(small());
  BulkState next = state("bulk", std::chrono::minutes(5));
  auto loaded = std::async(std::launch::async, [&] { return next.load(later, kNow); });
  std::string lock = fs::canonical(folder() + "/lock").string();
  while (times_open(lock) < 2) std::this_thread::yield();
  ASSERT_TRUE(ending->save(index, "18-0"));
  ending.reset();
  auto position = loaded.get();
  ASSERT_TRUE(position) << position.error().message;
  EXPECT_EQ(*position, "18-0") << "what the old one wrote at its end";
  EXPECT_TRUE(notes_.empty());
  EXPECT_TRUE(next.save(later, "19-0"));
}

TEST_F(BulkStateTroubleTest, LessMemoryThanItTookIsSaid) {
  bulk::Index::Options large = small();
  large.memory = 32U << 20U;
  bulk::Index index(large);
  {
    BulkState kept = state();
    ASSERT_TRUE(kept.load(index, kNow));
    for (uint32_t number = 0; number < 6000; ++number) (void)index.see(sighting(1000 + number, 0));
    ASSERT_TRUE(kept.save(index, ""));
  }
  bulk::Index same(large);
  ASSERT_TRUE(state().load(same, kNow));
  EXPECT_TRUE(notes_.empty()) << "all of it is there";
  bulk::Index late(small());
  ASSERT_TRUE(state().load(late, kNow + int64_t{60} * 3'600'000));
  EXPECT_TRUE(notes_.empty()) << "what has left the window is not missed";
  bulk::Index::Options little = small();
  little.memory = 1U << 20U;
  bulk::Index less(little);
  ASSERT_TRUE(state().load(less, kNow));
  ASSERT_EQ(notes_.size(), 1U);
  EXPECT_NE(notes_[0].find(fmt::format("kept {} of {} clusters", less.stats().single, index.stats().single)),
            std::string::npos)
      << notes_[0];
}

}  // namespace
}  // namespace postern::ops
