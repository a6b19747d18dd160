#include "filters/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(InParallel, DoesEverythingOnce) {
  for (unsigned threads : {0U, 1U, 3U, 100U}) {
    std::vector<std::atomic<int>> done(50);
    in_parallel(done.size(), threads, [&](size_t i) { ++done[i]; });
    EXPECT_TRUE(std::all_of(done.begin(), done.end(), [](const std::atomic<int>& times) { return times == 1; }))
        << threads;
  }
}

TEST(InParallel, NothingIsNoWork) {
  in_parallel(0, 4, [](size_t) { FAIL(); });
}

/// Memory that is not there is thrown on threads of which nobody else knows.
TEST(InParallel, WhatIsThrownReachesTheCallerAndEndsTheRest) {
  for (unsigned threads : {1U, 4U}) {
    std::atomic<size_t> begun{0};
    std::string said;
    try {
      in_parallel(1'000'000, threads, [&](size_t i) {
        ++begun;
        if (i == 3) throw std::runtime_error("three");
      });
    } catch (const std::runtime_error& error) {
      said = error.what();
    }
    EXPECT_EQ(said, "three") << threads;
    EXPECT_GE(begun, 4U);
    EXPECT_LT(begun, 1'000'000U);
  }
}

}  // namespace
}  // namespace postern
