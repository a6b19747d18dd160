// Which files are taken for messages, and that none is passed over in silence that cannot be read.
#include "proxy/cli/mail_files.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::cli {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class MailFilesTest : public ::testing::Test {
 public:
  MailFilesTest() {
    std::string name = (fs::temp_directory_path() / "postern-mail-test-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  MailFilesTest(const MailFilesTest&) = delete;
  MailFilesTest& operator=(const MailFilesTest&) = delete;
  ~MailFilesTest() override {
    std::error_code ignored;
    fs::permissions(folder_ / "closed", fs::perms::owner_all, ignored);
    fs::remove_all(folder_, ignored);
  }

 protected:
  void write(const std::string& name, const std::string& text = "Subject: x\n\nhello\n") const {
    fs::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  /// Names below the folder.
  [[nodiscard]] std::vector<std::string> found() const {
    auto all = find_messages({folder_.string()});
    EXPECT_TRUE(all.has_value());
    std::vector<std::string> names;
    if (!all) return names;
    names.reserve(all->size());
    for (const std::string& path : *all) names.push_back(fs::path(path).lexically_relative(folder_).string());
    return names;
  }
  [[nodiscard]] std::string why_not(const std::string& name) const {
    auto read = read_messages((folder_ / name).string(), [](const InputMessage& /*message*/) {});
    return read ? std::string() : read.error().message;
  }

  fs::path folder_;
};

TEST_F(MailFilesTest, MessagesByTheirNameTheirPlaceAndTheirFirstLine) {
  write("b.eml");
  write("a.EML");
  write("notes.txt");
  write(".hidden.eml");
  write("box/cur/1:2,S");
  write("box/new/2");
  write("box/tmp/3");
  write("archive", "From a@x Thu Jan  1 00:00:00 2026\nSubject: y\n\nhello\n");
  EXPECT_THAT(found(), ElementsAre("a.EML", "archive", "b.eml", "box/cur/1:2,S", "box/new/2"));
}

TEST_F(MailFilesTest, LinksAreFollowedAndThoseThatLeadNowhereAreFoundAndFail) {
  write("there.eml");
  fs::create_symlink("there.eml", folder_ / "good.eml");
  fs::create_symlink("not-there", folder_ / "lost");
  fs::create_symlink("round", folder_ / "round");
  fs::create_symlink("not-there", folder_ / ".hidden");
  EXPECT_THAT(found(), ElementsAre("good.eml", "lost", "round", "there.eml"));
  EXPECT_EQ(why_not("good.eml"), "");
  EXPECT_THAT(why_not("lost"), HasSubstr("lost: cannot be opened: No such file"));
  EXPECT_THAT(why_not("round"), HasSubstr("round: cannot be opened: "));
}

TEST_F(MailFilesTest, APipeIsNotWaitedFor) {
  write("there.eml");
  ASSERT_EQ(::mkfifo((folder_ / "pipe.eml").c_str(), 0600), 0);
  EXPECT_THAT(found(), ElementsAre("there.eml"));
}

TEST_F(MailFilesTest, WhatNobodyMayReadIsFoundAndFails) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  write("there.eml");
  write("closed/1.eml");
  write("who-knows");
  fs::permissions(folder_ / "closed", fs::perms::none);
  fs::permissions(folder_ / "who-knows", fs::perms::none);
  EXPECT_THAT(found(), ElementsAre("closed", "there.eml", "who-knows"));
  EXPECT_THAT(why_not("closed"), HasSubstr("closed: cannot be opened: Permission denied"));
  EXPECT_THAT(why_not("who-knows"), HasSubstr("who-knows: cannot be opened: Permission denied"));
}

TEST_F(MailFilesTest, ADirectoryInPlaceOfAFileIsSaid) {
  EXPECT_THAT(why_not("."), HasSubstr("cannot be read: Is a directory"));
}

}  // namespace
}  // namespace postern::cli
