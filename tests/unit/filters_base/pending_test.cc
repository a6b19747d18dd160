#include "filters/base/pending.h"

#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace postern {
namespace {

class Counted : public Pending::Operation {
 public:
  explicit Counted(int& cancelled) : cancelled_(cancelled) {}
  ~Counted() override { ++cancelled_; }

 private:
  int& cancelled_;
};

TEST(Pending, DestroyingCancelsOnce) {
  int cancelled = 0;
  {
    Pending pending(std::make_unique<Counted>(cancelled));
    EXPECT_TRUE(pending);
    EXPECT_EQ(cancelled, 0);
  }
  EXPECT_EQ(cancelled, 1);
}

TEST(Pending, ResetCancelsAndIsIdempotent) {
  int cancelled = 0;
  Pending pending(std::make_unique<Counted>(cancelled));
  pending.reset();
  pending.reset();
  EXPECT_FALSE(pending);
  EXPECT_EQ(cancelled, 1);
}

TEST(Pending, MovingKeepsTheOperation) {
  int cancelled = 0;
  Pending first(std::make_unique<Counted>(cancelled));
  Pending second = std::move(first);
  EXPECT_EQ(cancelled, 0);
  EXPECT_TRUE(second);
  int other = 0;
  second = Pending(std::make_unique<Counted>(other));
  EXPECT_EQ(cancelled, 1);
  EXPECT_EQ(other, 0);
}

}  // namespace
}  // namespace postern
