#include "filters/base/result.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Code::BadInput, "odd number");
  return number / 2;
}

TEST(Result, ValueOrError) {
  EXPECT_EQ(half(4).value(), 2);
  Result<int> failed = half(3);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::BadInput);
  EXPECT_EQ(failed.error().message, "odd number");
}

TEST(Result, GainsContextOnItsWayUp) {
  Error error = half(3).error();
  Error outer = std::move(error).in("line 7");
  EXPECT_EQ(outer.code, Code::BadInput);
  EXPECT_EQ(outer.message, "line 7: odd number");
}

TEST(CheckDeathTest, ABugSaysWhereAndAborts) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(POSTERN_CHECK(half(2).value() == 2), "bug: .*result_test.cc:.*half");
  POSTERN_CHECK(half(2).value() == 1);
}

}  // namespace
}  // namespace postern
