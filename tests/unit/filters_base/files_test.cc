#include "filters/base/files.h"

#include <array>
#include <cerrno>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <unistd.h>

#include "filters/base/fd.h"

namespace postern {
namespace {

TEST(ReadRest, AppendsWhatIsLeftUpToItsLimit) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  ASSERT_EQ(::write(writer.get(), "abcdef", 6), 6);
  writer.reset();
  std::string out = "0";
  EXPECT_TRUE(read_rest(reader.get(), 2, out));
  EXPECT_EQ(out, "0ab");
  EXPECT_TRUE(read_rest(reader.get(), 100, out));
  EXPECT_EQ(out, "0abcdef");
}

TEST(WriteAll, WritesMoreThanFitsAtOnceAndSaysWhatFails) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  Fd reader(ends[0]);
  Fd writer(ends[1]);
  const std::string octets(1U << 20U, 'x');  // sixteen times what a pipe holds
  std::string out;
  std::thread other([&] { EXPECT_TRUE(read_rest(reader.get(), octets.size(), out)); });
  EXPECT_TRUE(write_all(writer.get(), octets));
  other.join();
  EXPECT_EQ(out, octets);
  EXPECT_FALSE(write_all(-1, "x"));
  EXPECT_EQ(errno, EBADF);
}

TEST(SyncDirectory, TakesDirectoriesOnly) {
  EXPECT_TRUE(sync_directory("/tmp"));
  EXPECT_FALSE(sync_directory("/tmp/no such directory"));
  EXPECT_FALSE(sync_directory("/proc/self/exe"));
}

TEST(ReadRest, FailsWhereNothingCanBeRead) {
  std::string out;
  EXPECT_FALSE(read_rest(-1, 10, out));
}

}  // namespace
}  // namespace postern
