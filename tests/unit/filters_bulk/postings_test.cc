#include "filters/bulk/postings.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/filters_bulk/made_texts.h"

namespace postern::bulk {
namespace {

std::vector<Ref> found(const Postings& postings, uint64_t band) {
  Postings::Found in;
  size_t size = postings.find(band, in);
  return {in.begin(), in.begin() + static_cast<std::ptrdiff_t>(size)};
}

TEST(Postings, LeadToTheLastEnteredFirst) {
  Postings postings(1U << 16U);
  uint64_t band = test::mix(1);
  EXPECT_TRUE(found(postings, band).empty());
  postings.enter(band, 7);
  postings.enter(band, 9);
  EXPECT_EQ(found(postings, band), (std::vector<Ref>{9, 7}));
  postings.enter(band, 7);
  EXPECT_EQ(found(postings, band), (std::vector<Ref>{7, 9})) << "not twice";
  EXPECT_TRUE(found(postings, test::mix(2)).empty());
}

TEST(Postings, ThrowOutTheOldest) {
  Postings postings(1);  // one bucket
  uint64_t band = test::mix(1);
  for (Ref ref = 1; ref <= 2 * Postings::kBucket; ++ref) {
    postings.enter(band, ref);
    postings.enter(band, 1);  // somebody still comes
  }
  std::vector<Ref> left = found(postings, band);
  EXPECT_EQ(left.size(), Postings::kBucket);
  EXPECT_EQ(left[0], 1U);
  EXPECT_EQ(left[1], 2 * Postings::kBucket);
  EXPECT_EQ(std::count(left.begin(), left.end(), 2U), 0);
}

TEST(Postings, ReplaceLeadsElsewhere) {
  Postings postings(1U << 16U);
  uint64_t band = test::mix(1);
  postings.enter(band, 7);
  postings.enter(band, 9);
  postings.replace(band, 7, 5);
  EXPECT_EQ(found(postings, band), (std::vector<Ref>{9, 5}));
  postings.replace(band, 5, 9);
  std::vector<Ref> left = found(postings, band);
  EXPECT_EQ(std::count(left.begin(), left.end(), 9U), 1);
}

TEST(Postings, SayWhatIsInUse) {
  Postings postings(1U << 20U);
  EXPECT_EQ(postings.bytes_used(), 0U);
  for (uint64_t each = 0; each < 100'000; ++each) postings.enter(test::mix(each), static_cast<Ref>(each + 1));
  EXPECT_GT(postings.bytes_used(), 900'000U);
  EXPECT_LE(postings.bytes_used(), 1U << 20U);
  postings.clear();
  EXPECT_EQ(postings.bytes_used(), 0U);
  EXPECT_TRUE(found(postings, test::mix(5)).empty());
}

size_t shared(const Bands& a, const Bands& b) {
  size_t count = 0;
  for (size_t at = 0; at < a.size; ++at) count += a.at[at] == b.at[at] ? 1 : 0;
  return count;
}

TEST(Bands, CopiesShareSome) {
  test::Texts texts(1);
  int none = 0;
  for (int each = 0; each < 200; ++each) {
    test::Words original = texts.text(200);
    Bands one = text_bands(test::sketch_of(texts.copy(original, 0.3)));
    Bands two = text_bands(test::sketch_of(texts.copy(original, 0.3)));
    none += shared(one, two) == 0 ? 1 : 0;
    EXPECT_EQ(shared(one, text_bands(test::sketch_of(texts.text(200)))), 0U);
  }
  EXPECT_LE(none, 2);
}

// Whatever 6 bits differ, one of four rows has no more than one of them.
TEST(Bands, PicturesThatDifferInSixBitsAreFound) {
  test::Texts random(2);
  for (int each = 0; each < 2000; ++each) {
    uint64_t picture = random.number();
    uint64_t other = picture;
    for (int bit = 0; bit < 6; ++bit) other ^= uint64_t{1} << random.number() % 64;
    Bands entered = picture_bands(picture);
    Bands looked = picture_look_ups(other);
    bool hit = false;
    for (size_t at = 0; at < entered.size; ++at) {
      auto end = looked.at.begin() + static_cast<std::ptrdiff_t>(looked.size);
      hit = hit || std::find(looked.at.begin(), end, entered.at[at]) != end;
    }
    ASSERT_TRUE(hit);
  }
}

TEST(Bands, TheSameNumberOfAnotherAspectIsAnother) {
  EXPECT_NE(exact_band(Aspect::File, 5).at[0], exact_band(Aspect::Urls, 5).at[0]);
}

}  // namespace
}  // namespace postern::bulk
