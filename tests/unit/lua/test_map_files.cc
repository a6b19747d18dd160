#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lua/maps.h"

namespace postern::rules {
namespace {

using Kind = Map::Kind;
using Texts = std::vector<std::string>;

/// A directory of map files that goes when the test ends.
class MapFiles : public testing::Test {
 public:
  MapFiles() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-maps-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
  }
  ~MapFiles() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  MapFiles(const MapFiles&) = delete;
  MapFiles& operator=(const MapFiles&) = delete;

 protected:
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << text;
  }
  /// As deploy scripts do: a reader sees the old file or the new one.
  void replace(const std::string& name, const std::string& text) const {
    write(name + ".new", text);
    std::filesystem::rename(path(name + ".new"), path(name));
  }
  /// Like a file that was written long ago.
  void age(const std::string& name, int64_t seconds = 1'000'000'000, int64_t nanoseconds = 0) const {
    timespec time{};
    time.tv_sec = seconds;
    time.tv_nsec = nanoseconds;
    std::array<timespec, 2> times = {time, time};
    ASSERT_EQ(utimensat(AT_FDCWD, path(name).c_str(), times.data(), 0), 0);
  }
  /// A change's text, the directory left out.
  static Texts shown(const Maps::Change& change, const std::string& directory) {
    std::string text = change.text;
    EXPECT_TRUE(text.starts_with(directory + "/")) << text;
    return {change.taken ? "taken" : "refused", text.substr(directory.size() + 1)};
  }
  std::vector<Texts> refresh(Maps& maps) const {
    std::vector<Texts> all;
    for (const Maps::Change& change : maps.refresh()) all.push_back(shown(change, directory_));
    return all;
  }

  std::string directory_;
};

TEST_F(MapFiles, AreFoundBesideTheRules) {
  write("good.map", "example.org\n");
  std::filesystem::create_directory(path("sub"));
  write("sub/more.map", "example.net\n");
  Maps maps(directory_);
  EXPECT_EQ(maps.add("good.map", Kind::Auto), Texts{});
  EXPECT_EQ(maps.add("sub/more.map", Kind::Auto), Texts{});
  EXPECT_EQ(maps.add(path("good.map"), Kind::Auto), Texts{});
  EXPECT_TRUE(maps.find("good.map", Kind::Auto)->has("example.org"));
  EXPECT_TRUE(maps.find("sub/more.map", Kind::Auto)->has("example.net"));
  EXPECT_TRUE(maps.find(path("good.map"), Kind::Auto)->has("example.org"));
  EXPECT_EQ(maps.find("more.map", Kind::Auto), nullptr);
}

TEST_F(MapFiles, OneNameWithTwoKindsIsTwoMaps) {
  write("a.map", "example.org\n");
  Maps maps(directory_);
  EXPECT_EQ(maps.add("a.map", Kind::Auto), Texts{});
  EXPECT_EQ(maps.find("a.map", Kind::Domain), nullptr);
  EXPECT_EQ(maps.add("a.map", Kind::Domain), Texts{});
  EXPECT_FALSE(maps.find("a.map", Kind::Auto)->has("www.example.org"));
  EXPECT_TRUE(maps.find("a.map", Kind::Domain)->has("www.example.org"));
  EXPECT_EQ(maps.names(), Texts{"a.map"});
  ASSERT_EQ(maps.entries().size(), 2U);
  EXPECT_EQ(maps.entries()[0].file, path("a.map"));
  EXPECT_EQ(maps.entries()[0].count, 1U);
}

TEST_F(MapFiles, WhatIsWrongIsSaidWithFileAndLineAndSaidAgain) {
  write("bad.map", "# fine\n192.0.2.1/24\n*.example.org\n");
  Maps maps(directory_);
  Texts wanted = {path("bad.map") +
                      ":2: '192.0.2.1/24' has bits behind its prefix: is it 192.0.2.0/24, or the one "
                      "address 192.0.2.1?",
                  path("bad.map") + ":3: '*.example.org': write .example.org for every name below"};
  EXPECT_EQ(maps.add("bad.map", Kind::Auto), wanted);
  EXPECT_EQ(maps.add("bad.map", Kind::Auto), wanted);
  EXPECT_EQ(maps.find("bad.map", Kind::Auto), nullptr);
}

TEST_F(MapFiles, WhatIsNoFileIsAProblemAndNeverAHang) {
  std::filesystem::create_directory(path("folder"));
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::filesystem::create_symlink("loop", path("loop"));
  write("large", "");
  std::filesystem::resize_file(path("large"), Map::kMaxFile + 1);
  Maps maps(directory_);
  EXPECT_EQ(maps.add("none", Kind::Auto), Texts{path("none") + ": No such file or directory"});
  EXPECT_EQ(maps.add("folder", Kind::Auto), Texts{path("folder") + ": is a directory"});
  EXPECT_EQ(maps.add("pipe", Kind::Auto), Texts{path("pipe") + ": is not a regular file"});
  EXPECT_EQ(maps.add("/dev/zero", Kind::Auto), Texts{"/dev/zero: is not a regular file"});
  EXPECT_EQ(maps.add("loop", Kind::Auto), Texts{path("loop") + ": Too many levels of symbolic links"});
  EXPECT_EQ(maps.add("large", Kind::Auto), Texts{path("large") + ": is larger than 64 MiB"});
  EXPECT_EQ(maps.add("", Kind::Auto), Texts{"'' is no name of a file"});
  EXPECT_EQ(maps.add(std::string("a\0b", 3), Kind::Auto), Texts{"'a\\x00b' is no name of a file"});
  EXPECT_EQ(maps.add(std::string(5000, 'x'), Kind::Auto).size(), 1U);
}

TEST_F(MapFiles, AnUnreadableFileIsAProblem) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read every file";
  write("secret", "a\n");
  ASSERT_EQ(chmod(path("secret").c_str(), 0), 0);
  Maps maps(directory_);
  EXPECT_EQ(maps.add("secret", Kind::Auto), Texts{path("secret") + ": Permission denied"});
}

TEST_F(MapFiles, AChangedFileIsTakenAgain) {
  write("a.map", "one\n");
  age("a.map");
  Maps maps(directory_);
  ASSERT_EQ(maps.add("a.map", Kind::Auto), Texts{});
  MapPtr old = maps.find("a.map", Kind::Auto);
  EXPECT_EQ(refresh(maps), std::vector<Texts>{});
  EXPECT_EQ(maps.find("a.map", Kind::Auto), old);

  replace("a.map", "two\nthree\n");
  EXPECT_EQ(refresh(maps), (std::vector<Texts>{{"taken", "a.map: 2 entries, 1 before"}}));
  EXPECT_TRUE(maps.find("a.map", Kind::Auto)->has("two"));
  EXPECT_FALSE(maps.find("a.map", Kind::Auto)->has("one"));
  EXPECT_TRUE(old->has("one"));  // whoever holds the old one keeps it
  EXPECT_EQ(refresh(maps), std::vector<Texts>{});
}

TEST_F(MapFiles, SizeTimeOrInodeShowAChange) {
  write("a.map", "one\n");
  age("a.map");
  Maps maps(directory_);
  ASSERT_EQ(maps.add("a.map", Kind::Auto), Texts{});

  write("a.map", "four\n");
  age("a.map");  // only the size differs
  EXPECT_EQ(refresh(maps).size(), 1U);
  EXPECT_TRUE(maps.find("a.map", Kind::Auto)->has("four"));

  write("a.map", "five\n");
  age("a.map", 1'000'000'000, 1);  // only the nanoseconds differ
  EXPECT_EQ(refresh(maps).size(), 1U);
  EXPECT_TRUE(maps.find("a.map", Kind::Auto)->has("five"));

  replace("a.map", "nine\n");
  age("a.map", 1'000'000'000, 1);  // only the inode differs
  EXPECT_EQ(refresh(maps).size(), 1U);
  EXPECT_TRUE(maps.find("a.map", Kind::Auto)->has("nine"));
}

// The clock of a file system stands still for some milliseconds: a second writing may leave no trace but the content.
TEST_F(MapFiles, AFileThatJustChangedIsLookedAtAgain) {
  write("a.map", "one\n");
  Maps maps(directory_);
  ASSERT_EQ(maps.add("a.map", Kind::Auto), Texts{});
  struct stat status {};
  ASSERT_EQ(stat(path("a.map").c_str(), &status), 0);
  write("a.map", "two\n");
  age("a.map", status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  EXPECT_EQ(refresh(maps), (std::vector<Texts>{{"taken", "a.map: 1 entry, 1 before"}}));
  EXPECT_TRUE(maps.find("a.map", Kind::Auto)->has("two"));
}

TEST_F(MapFiles, ATouchedFileIsNoNews) {
  write("a.map", "one\n");
  age("a.map");
  Maps maps(directory_);
  ASSERT_EQ(maps.add("a.map", Kind::Auto), Texts{});
  age("a.map", 1'100'000'000);
  EXPECT_EQ(refresh(maps), std::vector<Texts>{});
}

TEST_F(MapFiles, ABrokenFileLeavesTheOldEntriesAndIsReportedOnce) {
  write("a.map", "one\n");
  write("b.map", "x\n");
  Maps maps(directory_);
  ASSERT_EQ(maps.add("a.map", Kind::Auto), Texts{});
  ASSERT_EQ(maps.add("b.map", Kind::Auto), Texts{});

  replace("a.map", "two\n/(/\n*.example\n");
  replace("b.map", "y\n");
  EXPECT_EQ(refresh(maps),
            (std::vector<Texts>{{"refused",
                                 "a.map:2: the expression '(' is wrong: missing ): ( (and 1 more); the old "
                                 "entries stay"},
                                {"taken", "b.map: 1 entry, 1 before"}}));
  EXPECT_TRUE(maps.find("a.map", Kind::Auto)->has("one"));
  EXPECT_FALSE(maps.find("a.map", Kind::Auto)->has("two"));
  EXPECT_EQ(refresh(maps), std::vector<Texts>{});
  EXPECT_EQ(refresh(maps), std::vector<Texts>{});

  replace("a.map", "one\n");  // as it was before
  EXPECT_EQ(refresh(maps), (std::vector<Texts>{{"taken", "a.map: 1 entry, 1 before"}}));
}

TEST_F(MapFiles, AFileThatIsGoneLeavesTheOldEntriesAndMayComeBack) {
  write("a.map", "one\n");
  Maps maps(directory_);
  ASSERT_EQ(maps.add("a.map", Kind::Auto), Texts{});
  std::filesystem::rename(path("a.map"), path("away"));
  EXPECT_EQ(refresh(maps), (std::vector<Texts>{{"refused", "a.map: No such file or directory; the old entries stay"}}));
  EXPECT_EQ(refresh(maps), std::vector<Texts>{});
  EXPECT_TRUE(maps.find("a.map", Kind::Auto)->has("one"));

  std::filesystem::create_directory(path("a.map"));
  EXPECT_EQ(refresh(maps), (std::vector<Texts>{{"refused", "a.map: is a directory; the old entries stay"}}));
  EXPECT_EQ(refresh(maps), std::vector<Texts>{});
  std::filesystem::remove(path("a.map"));

  std::filesystem::rename(path("away"), path("a.map"));
  EXPECT_EQ(refresh(maps), (std::vector<Texts>{{"taken", "a.map: 1 entry, 1 before"}}));
  EXPECT_EQ(refresh(maps), std::vector<Texts>{});
}

TEST_F(MapFiles, ReadersNeverSeeHalfOfAVersion) {
  replace("a.map", "both\nold\n");
  Maps maps(directory_);
  ASSERT_EQ(maps.add("a.map", Kind::Auto), Texts{});
  std::atomic<bool> done = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!done) {
      MapPtr map = maps.find("a.map", Kind::Auto);
      if (!map->has("both") || map->has("old") == map->has("new")) ++torn;
    }
  });
  for (int i = 0; i < 200; ++i) {
    replace("a.map", i % 2 == 0 ? "both\nnew\n" : "both\nold\n");
    EXPECT_EQ(maps.refresh().size(), 1U);
  }
  done = true;
  reader.join();
  EXPECT_EQ(torn, 0);
}

}  // namespace
}  // namespace postern::rules
