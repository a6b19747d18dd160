#include "filters/base/read_rest.h"

#include <array>
#include <string>

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

TEST(ReadRest, FailsWhereNothingCanBeRead) {
  std::string out;
  EXPECT_FALSE(read_rest(-1, 10, out));
}

}  // namespace
}  // namespace postern
