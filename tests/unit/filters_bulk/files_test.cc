#include "filters/bulk/files.h"

#include <algorithm>
#include <bitset>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "filters/bulk/likeness.h"
#include "filters/bulk/picture.h"
#include "tests/unit/filters_bulk/picture_draw.h"

namespace postern::bulk {
namespace {

std::string base64(std::string_view octets, size_t line = 76) {
  static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  size_t column = 0;
  for (size_t at = 0; at < octets.size(); at += 3) {
    uint32_t bits = 0;
    size_t have = std::min<size_t>(3, octets.size() - at);
    for (size_t i = 0; i < 3; ++i) bits = bits << 8U | (i < have ? static_cast<uint8_t>(octets[at + i]) : 0U);
    for (size_t i = 0; i < 4; ++i) out += i <= have ? kLetters[bits >> (18 - 6 * i) & 63U] : '=';
    column += 4;
    if (column >= line) {
      out += "\r\n";
      column = 0;
    }
  }
  return out;
}

std::string octets(uint64_t seed, size_t size) {
  std::mt19937_64 random(seed);
  std::string out;
  out.reserve(size);
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(random());
  return out;
}

struct File {
  std::string fields;  // of the part's header
  std::string octets;
  size_t line = 76;
};

File pdf(std::string content, std::string_view name = "a.pdf") {
  return {fmt::format("Content-Type: application/pdf; name=\"{0}\"\r\n"
                      "Content-Disposition: attachment; filename=\"{0}\"\r\n",
                      name),
          std::move(content)};
}

File picture(std::string content) {
  return {"Content-Type: image/png\r\nContent-ID: <logo>\r\n", std::move(content)};
}

std::string message_of(const std::vector<File>& files) {
  std::string out = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n";
  for (const File& file : files) {
    out += fmt::format("--b\r\n{}Content-Transfer-Encoding: base64\r\n\r\n{}\r\n", file.fields,
                       base64(file.octets, file.line));
  }
  out += "--b--\r\n";
  return out;
}

struct Hashes {
  std::vector<uint64_t> files;
  std::vector<uint64_t> pictures;
  bool operator==(const Hashes&) const = default;
};

Hashes hashes_of(const std::string& message, bool complete = true) {
  mime::Content content(message, complete);
  Hashes hashes;
  hash_files(content, hashes.files, hashes.pictures);
  return hashes;
}

Hashes hashes(const std::vector<File>& files) {
  return hashes_of(message_of(files));
}

TEST(Files, ByTheirOctets) {
  Hashes one = hashes({pdf(octets(1, 5000))});
  ASSERT_EQ(one.files.size(), 1U);
  EXPECT_TRUE(one.pictures.empty());
  // Name and line length are the sender's; the file is the same.
  File other = pdf(octets(1, 5000), "invoice-4711.pdf");
  other.line = 60;
  EXPECT_EQ(hashes({other}), one);
  EXPECT_NE(hashes({pdf(octets(2, 5000))}), one);
  EXPECT_EQ(hashes({pdf(octets(1, 5000)), pdf(octets(1, 5000), "b.pdf")}), one) << "each once";
  EXPECT_EQ(hashes({pdf(octets(1, 5000)), pdf(octets(2, 5000))}).files.size(), 2U);
}

TEST(Files, WhatSaysNothing) {
  const std::string some = octets(3, 4000);
  const std::vector<File> furniture = {
      pdf(octets(3, 511)),
      {"Content-Type: application/pkcs7-signature; name=smime.p7s\r\n", some},
      {"Content-Type: application/octet-stream; name=SMIME.p7s\r\n", some},
      {"Content-Type: application/pgp-signature; name=signature.asc\r\n", some},
      {"Content-Type: application/pgp-keys; name=OpenPGP_0x1.asc\r\nContent-Disposition: attachment\r\n", some},
      {"Content-Type: text/calendar; method=REQUEST\r\n", some},
      {"Content-Type: application/ics; name=invite.ics\r\n", some},
      {"Content-Type: text/x-vcard; name=ann.vcf\r\nContent-Disposition: attachment\r\n", some},
      {"Content-Type: text/plain; name=footer.txt\r\n", some},
      {"Content-Type: message/delivery-status\r\n", some},
      picture(to_png(draw(1, 64, 64))),
      picture(to_png(draw(1, 220, 90))),
      {"Content-Type: image/webp\r\n", "RIFF....WEBP" + octets(3, 9000)},
  };
  for (const File& file : furniture) EXPECT_EQ(hashes({file}), Hashes()) << file.fields;
  EXPECT_EQ(hashes_of("Subject: x\r\n\r\nhello\r\n"), Hashes());
  EXPECT_EQ(hashes_of(""), Hashes());
}

TEST(Files, APageToBeOpenedIsAFile) {
  File page{"Content-Type: text/html; name=invoice.html\r\nContent-Disposition: attachment\r\n", octets(4, 3000)};
  EXPECT_EQ(hashes({page}).files.size(), 1U);
  page.fields = "Content-Type: text/html\r\n";
  EXPECT_EQ(hashes({page}), Hashes()) << "that is the text";
}

TEST(Files, PicturesAlsoByWhatTheyShow) {
  Hashes one = hashes({picture(to_png(draw(1, 400, 300)))});
  ASSERT_EQ(one.files.size(), 1U);
  ASSERT_EQ(one.pictures.size(), 1U);
  // Whatever the part is called: a mail reader shows it.
  Hashes other = hashes({{"Content-Type: application/octet-stream\r\n", to_jpeg(draw(1, 450, 320))}});
  ASSERT_EQ(other.files.size(), 1U);
  ASSERT_EQ(other.pictures.size(), 1U);
  EXPECT_NE(other.files, one.files);
  EXPECT_LE(std::bitset<64>(one.pictures[0] ^ other.pictures[0]).count(), static_cast<size_t>(kPictureDistance));
  // Not decoded, but large enough to be told from others by its octets.
  Hashes webp = hashes({{"Content-Type: image/webp\r\n", "RIFF....WEBP" + octets(3, 20'000)}});
  EXPECT_EQ(webp.files.size(), 1U);
  EXPECT_TRUE(webp.pictures.empty());
}

TEST(Files, AreBounded) {
  std::vector<File> many;
  for (uint64_t i = 0; i < 20; ++i) many.push_back(pdf(octets(i, 600)));
  EXPECT_EQ(hashes(many).files.size(), Fingerprint::kMaxFiles);
  std::vector<File> pictures;
  for (uint64_t i = 1; i <= 8; ++i) pictures.push_back(picture(to_png(draw(i, 300, 200))));
  Hashes of = hashes(pictures);
  EXPECT_EQ(of.pictures.size(), Fingerprint::kMaxPictures);
  EXPECT_EQ(of.files.size(), Fingerprint::kMaxFiles);
}

TEST(Files, LargeOnesByTheirBeginning) {
  std::string large = octets(5, kMaxHashed + 1000);
  Hashes one = hashes({pdf(large)});
  ASSERT_EQ(one.files.size(), 1U);
  large.back() = static_cast<char>(large.back() ^ 1);
  EXPECT_EQ(hashes({pdf(large)}), one);
  large.front() = static_cast<char>(large.front() ^ 1);
  EXPECT_NE(hashes({pdf(large)}), one);
  // What is left of the bound for all would be a beginning that depends on what stands before it.
  std::vector<File> all;
  for (uint64_t i = 0; i < 3; ++i) all.push_back(pdf(octets(10 + i, kMaxHashed - 1000)));
  all.push_back(pdf(octets(20, 2000 + 5000)));
  all.push_back(pdf(octets(21, kMaxHashed)));
  EXPECT_EQ(hashes(all).files.size(), 4U);
}

TEST(Files, ACutFileIsNone) {
  std::string whole = message_of({pdf(octets(6, 5000)), pdf(octets(7, 5000))});
  std::string cut = whole.substr(0, whole.size() - 2000);
  EXPECT_EQ(hashes_of(whole).files.size(), 2U);
  Hashes of = hashes_of(cut, false);
  ASSERT_EQ(of.files.size(), 1U);
  EXPECT_EQ(of.files[0], hashes_of(whole).files[0]);
}

}  // namespace
}  // namespace postern::bulk
