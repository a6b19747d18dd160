#include "filters/bulk/picture.h"

#include <algorithm>
#include <bitset>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "filters/bulk/likeness.h"
#include "tests/unit/filters_bulk/picture_draw.h"

namespace postern::bulk {
namespace {

int distance(uint64_t a, uint64_t b) {
  return static_cast<int>(std::bitset<64>(a ^ b).count());
}

struct Variant {
  std::string what;
  std::string octets;
};

/// What happens to a picture on its way through programs, and what spammers do to it.
std::vector<Variant> variants(uint64_t seed) {
  Canvas original = draw(seed, 480, 360);
  Canvas noisy = original;
  add_noise(noisy, seed + 1, 1700);
  JpegForm progressive;
  progressive.progressive = true;
  JpegForm grey;
  grey.grey = true;
  JpegForm cmyk;
  cmyk.cmyk = true;
  return {
      {"quality 95", to_jpeg(original, {95})},
      {"quality 40", to_jpeg(original, {40})},
      {"progressive", to_jpeg(original, progressive)},
      {"grey", to_jpeg(original, grey)},
      {"CMYK", to_jpeg(original, cmyk)},
      {"10 % smaller", to_jpeg(draw(seed, 432, 324))},
      {"20 % larger", to_jpeg(draw(seed, 576, 432))},
      {"half the size", to_jpeg(draw(seed, 240, 180))},
      {"other proportions", to_jpeg(draw(seed, 520, 330))},
      {"one pixel in a hundred changed", to_jpeg(noisy)},
      {"PNG", to_png(original)},
      {"PNG, changed", to_png(noisy)},
      {"PNG, smaller", to_png(draw(seed, 423, 311))},
      {"PNG, grey", to_png(original, {true})},
      {"PNG, grey and alpha", to_png(original, {true, true})},
      {"PNG, alpha", to_png(original, {false, true})},
      {"PNG, palette", to_png(original, {false, false, true})},
      {"PNG, 16 bits", to_png(original, {false, true, false, true})},
      {"PNG, interlaced", to_png(original, {false, false, false, false, true})},
  };
}

TEST(Picture, TheSameInOtherForms) {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    auto first = picture_hash(to_jpeg(draw(seed, 480, 360)));
    ASSERT_TRUE(first) << seed;
    for (const Variant& variant : variants(seed)) {
      auto hash = picture_hash(variant.octets);
      ASSERT_TRUE(hash) << seed << ' ' << variant.what;
      EXPECT_LE(distance(*first, *hash), kPictureDistance) << seed << ' ' << variant.what;
    }
  }
}

TEST(Picture, AsLargeAsCanBe) {
  auto small = picture_hash(to_jpeg(draw(1, 480, 360)));
  auto large = picture_hash(to_jpeg(draw(1, 2300, 1800), {60}));
  ASSERT_TRUE(small && large);
  EXPECT_LE(distance(*small, *large), kPictureDistance);
}

TEST(Picture, OthersAreFar) {
  constexpr uint64_t kPictures = 150;
  std::vector<uint64_t> hashes;
  hashes.reserve(kPictures);
  for (uint64_t seed = 1; seed <= kPictures; ++seed) {
    auto hash = picture_hash(to_png(draw(seed * 1000, 240, 160)));
    ASSERT_TRUE(hash) << seed;
    hashes.push_back(*hash);
  }
  int least = 64;
  for (size_t i = 0; i < hashes.size(); ++i) {
    for (size_t j = 0; j < i; ++j) least = std::min(least, distance(hashes[i], hashes[j]));
  }
  EXPECT_GT(least, kPictureDistance);
}

TEST(Picture, TransparentIsWhitePaper) {
  // Black text on nothing and on white look the same.
  Canvas canvas = draw(5, 400, 300);
  std::string opaque = to_png(canvas, {false, true});
  EXPECT_EQ(picture_hash(opaque), picture_hash(to_png(canvas)));
}

TEST(Picture, InterlacedIsExactlyTheSame) {
  for (uint32_t width : {257U, 260U, 263U}) {
    Canvas canvas = draw(6, width, 199);
    EXPECT_EQ(picture_hash(to_png(canvas, {false, false, false, false, true})), picture_hash(to_png(canvas)));
  }
}

TEST(Picture, TooEvenToSayAnything) {
  Canvas white(400, 300);
  EXPECT_FALSE(picture_hash(to_png(white)));
  EXPECT_FALSE(picture_hash(to_jpeg(white)));
  Canvas gradient(400, 300);
  for (uint32_t y = 0; y < 300; ++y) {
    for (uint32_t x = 0; x < 400; ++x) std::fill_n(gradient.at(x, y), 3, static_cast<uint8_t>(x * 255 / 400));
  }
  EXPECT_FALSE(picture_hash(to_png(gradient)));
  Canvas noise(400, 300);
  add_noise(noise, 3, 2000);
  EXPECT_FALSE(picture_hash(to_jpeg(noise)));
}

TEST(Picture, TooSmallAndTooLarge) {
  EXPECT_FALSE(picture_hash(to_png(draw(7, 99, 400))));
  EXPECT_FALSE(picture_hash(to_png(draw(7, 800, 49))));
  EXPECT_FALSE(picture_hash(to_png(draw(7, 200, 80)))) << "a logo";
  EXPECT_FALSE(picture_hash(to_jpeg(draw(7, 2100, 2100), {30}))) << "more than kMaxPixels";
  EXPECT_FALSE(picture_hash(to_png(draw(7, 1500, 1500)))) << "more than kMaxPngPixels";
  EXPECT_FALSE(picture_hash(to_png(draw(7, 16385, 60)))) << "wider than kMaxSide";
  std::string padded = to_jpeg(draw(7, 400, 300));
  EXPECT_TRUE(picture_hash(padded));
  padded.resize(kMaxEncoded + 1, '\0');
  EXPECT_FALSE(picture_hash(padded));
}

TEST(Picture, BrokenOnes) {
  for (const std::string& whole : {to_jpeg(draw(8, 400, 300)), to_png(draw(8, 400, 300))}) {
    ASSERT_TRUE(picture_hash(whole));
    EXPECT_FALSE(picture_hash(whole.substr(0, whole.size() / 2)));
    EXPECT_FALSE(picture_hash(whole.substr(0, 100)));
    EXPECT_FALSE(picture_hash(whole.substr(0, 12)));
  }
  std::string png = to_png(draw(8, 400, 300));
  png[png.size() / 2] = static_cast<char>(png[png.size() / 2] ^ 0x55);
  EXPECT_FALSE(picture_hash(png)) << "the checksum is wrong";
  JpegForm arithmetic;
  arithmetic.arithmetic = true;
  EXPECT_FALSE(picture_hash(to_jpeg(draw(8, 400, 300), arithmetic)));
  EXPECT_FALSE(picture_hash(""));
  EXPECT_FALSE(picture_hash("GIF89a\x90\x01\x90\x01 is not decoded"));
  EXPECT_FALSE(picture_hash(std::string(1000, '\xFF')));
}

/// A progressive JPEG may say "and this scan too" for two octets each, thousands of times.
TEST(Picture, ScansAreBounded) {
  JpegForm progressive;
  progressive.progressive = true;
  std::string jpeg = to_jpeg(draw(9, 400, 300), progressive);
  ASSERT_TRUE(picture_hash(jpeg));
  // The last scan, once more and more.
  size_t last = jpeg.rfind("\xFF\xDA");
  ASSERT_NE(last, std::string::npos);
  std::string end = jpeg.substr(jpeg.size() - 2);
  std::string scan = jpeg.substr(last, jpeg.size() - 2 - last);
  std::string bomb = jpeg.substr(0, jpeg.size() - 2);
  while (bomb.size() + scan.size() < kMaxEncoded && bomb.size() < 40 * scan.size() + jpeg.size()) bomb += scan;
  EXPECT_FALSE(picture_hash(bomb + end));
}

TEST(PictureSize, OfHeaders) {
  EXPECT_EQ(picture_size(to_jpeg(draw(1, 321, 123))), (PictureSize{321, 123}));
  EXPECT_EQ(picture_size(to_png(draw(1, 321, 123))), (PictureSize{321, 123}));
  EXPECT_EQ(picture_size(std::string_view("GIF89a\x41\x01\x7B\x00", 10)), (PictureSize{321, 123}));
  EXPECT_EQ(picture_size("GIF89a\x41"), std::nullopt);
  EXPECT_EQ(picture_size("%PDF-1.7"), std::nullopt);
  EXPECT_EQ(picture_size(""), std::nullopt);
  std::string jpeg = to_jpeg(draw(1, 321, 123));
  for (size_t cut = 0; cut < 30; ++cut) EXPECT_EQ(picture_size(jpeg.substr(0, cut)), std::nullopt) << cut;
  // Fill octets before a marker (ITU T.81, B.1.1.2), and segments of other programs before the frame.
  std::string filled = jpeg.substr(0, 2) + "\xFF\xFF" + jpeg.substr(2);
  EXPECT_EQ(picture_size(filled), (PictureSize{321, 123}));
  std::string exif = jpeg.substr(0, 2) + std::string("\xFF\xE1\x00\x05\xFF\xC0\x00", 7) + jpeg.substr(2);
  EXPECT_EQ(picture_size(exif), (PictureSize{321, 123}));
}

}  // namespace
}  // namespace postern::bulk
