#include "proxy/session/maildir.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::session {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class MaildirTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "maildir_test_XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    directory_ = root_ + "/box";
  }
  void TearDown() override { fs::remove_all(root_); }

  [[nodiscard]] Result<std::string> deliver(const std::vector<std::string>& pieces) const {
    return deliver_to_maildir(directory_, "mx.example.org", [&pieces](const PieceWriter& write) -> Result<void> {
      for (const std::string& piece : pieces) {
        if (auto written = write(piece); !written) return written;
      }
      return {};
    });
  }

  [[nodiscard]] std::vector<std::string> files(const std::string& part) const {
    std::vector<std::string> names;
    if (!fs::exists(directory_ + part)) return names;
    for (const auto& entry : fs::directory_iterator(directory_ + part))
      names.push_back(entry.path().filename().string());
    return names;
  }

  [[nodiscard]] std::string content(const std::string& name) const {
    std::ifstream file(directory_ + "/new/" + name, std::ios::binary);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string root_;
  std::string directory_;
};

unsigned mode_of(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0U;
}

TEST_F(MaildirTest, StoresAMessageWithUnixLineEnds) {
  auto name = deliver({"Return-Path: <a@example.com>\r\n", "Subject: x\r\n\r\nbody\r\n"});
  ASSERT_TRUE(name) << name.error().message;
  EXPECT_EQ(content(*name), "Return-Path: <a@example.com>\nSubject: x\n\nbody\n");
  EXPECT_EQ(files("/new"), std::vector<std::string>{*name});
  EXPECT_TRUE(files("/tmp").empty());
  EXPECT_TRUE(files("/cur").empty());
  EXPECT_TRUE(fs::is_directory(directory_ + "/cur"));
}

TEST_F(MaildirTest, NobodyElseMayReadIt) {
  directory_ = root_ + "/not/yet/there";
  auto name = deliver({"x\r\n"});
  ASSERT_TRUE(name) << name.error().message;
  for (const char* part : {"", "/new", "/cur", "/tmp"}) EXPECT_EQ(mode_of(directory_ + part), 0700U) << part;
  EXPECT_EQ(mode_of(directory_ + "/new/" + *name), 0600U);
}

TEST_F(MaildirTest, LineEndsCutBetweenPieces) {
  auto name = deliver({"a\r", "\nb", "\r\n", "", "c\r", "", "d\r\r\n", "\r"});
  ASSERT_TRUE(name);
  EXPECT_EQ(content(*name), "a\nb\nc\rd\r\n\r");
}

TEST_F(MaildirTest, AnEmptyMessageIsAFileToo) {
  auto name = deliver({});
  ASSERT_TRUE(name);
  EXPECT_EQ(content(*name), "");
}

TEST_F(MaildirTest, LargeMessagesAndAnyOctets) {
  std::string line(997, '\0');
  std::vector<std::string> pieces(500, line + "\xFF\r\n");
  auto name = deliver(pieces);
  ASSERT_TRUE(name);
  std::string stored = content(*name);
  EXPECT_EQ(stored.size(), 500U * 999U);
  EXPECT_EQ(stored.find('\r'), std::string::npos);
}

TEST_F(MaildirTest, NamesFollowTheConvention) {
  auto name = deliver_to_maildir(directory_, "a/b:c.example", [](const PieceWriter&) { return Result<void>(); });
  ASSERT_TRUE(name);
  EXPECT_THAT(*name, MatchesRegex("[0-9]+\\.M[0-9]+P[0-9]+Q[0-9]+\\.a\\\\057b\\\\072c\\.example"));
}

TEST_F(MaildirTest, ManyAtOnceAreAllThere) {
  constexpr size_t kThreads = 4;
  constexpr size_t kEach = 25;
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([this] {
      for (size_t j = 0; j < kEach; ++j) EXPECT_TRUE(deliver({"x\r\n"}));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(files("/new").size(), kThreads * kEach);
  EXPECT_TRUE(files("/tmp").empty());
}

TEST_F(MaildirTest, WhatCannotBeReadIsNotDelivered) {
  auto result = deliver_to_maildir(directory_, "mx", [](const PieceWriter& write) -> Result<void> {
    if (auto written = write("half a mess"); !written) return written;
    return fail(Code::Unavailable, "the spool is gone");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::Unavailable);
  EXPECT_EQ(result.error().message, "the spool is gone");
  EXPECT_TRUE(files("/new").empty());
  EXPECT_TRUE(files("/tmp").empty());
}

TEST_F(MaildirTest, AnExceptionLeavesNothingBehind) {
  EXPECT_THROW((void)deliver_to_maildir(
                   directory_, "mx", [](const PieceWriter&) -> Result<void> { throw std::runtime_error("no memory"); }),
               std::runtime_error);
  EXPECT_TRUE(files("/tmp").empty());
  EXPECT_TRUE(files("/new").empty());
}

/// While it lives a file cannot grow beyond `bytes`: as good as a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = bytes;
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_F(MaildirTest, AFullDiskIsAnErrorAndLeavesNothing) {
  Result<std::string> result;
  {
    FileSizeLimit limit(1000);
    result = deliver({std::string(100'000, 'x'), "\r\n"});
  }
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::Io);
  EXPECT_THAT(result.error().message, HasSubstr(directory_ + "/tmp/"));
  EXPECT_THAT(result.error().message, HasSubstr("File too large"));
  EXPECT_TRUE(files("/new").empty());
  EXPECT_TRUE(files("/tmp").empty());
  EXPECT_TRUE(deliver({"room again\r\n"}));
}

TEST_F(MaildirTest, ADirectoryThatCannotBeMadeIsAnError) {
  std::ofstream(root_ + "/file") << "x";
  directory_ = root_ + "/file/box";
  auto result = deliver({"x\r\n"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Code::Io);
  EXPECT_THAT(result.error().message, HasSubstr("Not a directory"));
}

TEST_F(MaildirTest, NewThatIsNoDirectoryIsAnError) {
  fs::create_directories(directory_ + "/tmp");
  std::ofstream(directory_ + "/new") << "x";
  auto result = deliver({"x\r\n"});
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().message, HasSubstr(directory_ + "/new: "));
  EXPECT_TRUE(files("/tmp").empty());
}

}  // namespace
}  // namespace postern::session
