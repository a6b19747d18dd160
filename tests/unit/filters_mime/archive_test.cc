// Names in archives, read from their directories; none is ever unpacked. The archives are put together here.
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "filters/mime/kind.h"

namespace postern::mime {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;
using Names = std::vector<std::string>;

std::string number(uint64_t value, size_t octets) {
  std::string out;
  for (size_t i = 0; i < octets; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// --- ZIP

std::string zip_local(std::string_view name, std::string_view data, unsigned flags = 0) {
  return std::string("PK\x03\x04\x14\0"sv) + number(flags, 2) + number(0, 10) +
         number((flags & 8U) != 0 ? 0 : data.size(), 4) + number(data.size(), 4) + number(name.size(), 2) +
         number(0, 2) + std::string(name) + std::string(data);
}

std::string zip_central(std::string_view name, unsigned flags = 0, unsigned method = 0) {
  return std::string("PK\x01\x02\x14\0\x14\0"sv) + number(flags, 2) + number(method, 2) + number(0, 16) +
         number(name.size(), 2) + number(0, 16) + std::string(name);
}

std::string zip_end(size_t files, size_t size, size_t offset, std::string_view comment = "") {
  return std::string("PK\x05\x06\0\0\0\0"sv) + number(files, 2) + number(files, 2) + number(size, 4) +
         number(offset, 4) + number(comment.size(), 2) + std::string(comment);
}

std::string zip(const Names& names, unsigned flags = 0, std::string_view comment = "") {
  std::string files;
  std::string directory;
  for (const auto& name : names) {
    files += zip_local(name, "data", flags);
    directory += zip_central(name, flags);
  }
  return files + directory + zip_end(names.size(), directory.size(), files.size(), comment);
}

TEST(Zip, Names) {
  Archive archive = list_archive(zip({"a.txt", "dir/b.exe"}, 0, "a comment"));
  EXPECT_TRUE(archive.is_archive);
  EXPECT_FALSE(archive.encrypted || archive.truncated);
  EXPECT_EQ(archive.names, (Names{"a.txt", "dir/b.exe"}));
  EXPECT_TRUE(list_archive(zip({})).is_archive);
}

TEST(Zip, NamesInOldCodePagesAndWithControlCharacters) {
  EXPECT_EQ(list_archive(zip({"\x84.txt", "ü.txt", "a\r\nb\x1B.txt"})).names, (Names{"ä.txt", "ü.txt", "a  b .txt"}));
}

TEST(Zip, Encrypted) {
  EXPECT_TRUE(list_archive(zip({"a"}, 1)).encrypted);
  std::string directory = zip_central("a", 0, 99);
  EXPECT_TRUE(list_archive(directory + zip_end(1, directory.size(), 0)).encrypted);
}

TEST(Zip, BehindSomethingElse) {
  EXPECT_EQ(list_archive("MZ a program that unpacks itself" + zip({"a.txt"})).names, Names{"a.txt"});
}

TEST(Zip, WithoutItsEnd) {
  std::string whole = zip({"a.txt", "b.exe"}, 8);
  Archive archive = list_archive(std::string_view(whole).substr(0, whole.size() - 60));
  EXPECT_TRUE(archive.is_archive && archive.truncated);
  EXPECT_EQ(archive.names, (Names{"a.txt", "b.exe"}));
}

TEST(Zip, Zip64) {
  std::string directory = zip_central("a.txt");
  std::string record =
      std::string("PK\x06\x06"sv) + number(44, 8) + number(0, 28) + number(directory.size(), 8) + number(0, 8);
  std::string locator = std::string("PK\x06\x07"sv) + number(0, 4) + number(directory.size(), 8) + number(1, 4);
  EXPECT_EQ(list_archive("PK\x03\x04" + zip({}) + "x").names, Names{});
  EXPECT_EQ(list_archive(directory + record + locator + zip_end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF)).names, Names{"a.txt"});
}

TEST(Zip, Bounds) {
  Names many(1500, "x");
  Archive archive = list_archive(zip(many));
  EXPECT_EQ(archive.names.size(), 1000U);
  EXPECT_TRUE(archive.truncated);
  archive = list_archive(zip({std::string(5000, 'x') + ".exe"}));
  ASSERT_EQ(archive.names.size(), 1U);
  EXPECT_EQ(archive.names[0].size(), 1000U);
  EXPECT_TRUE(archive.names[0].ends_with(".exe"));
}

// --- RAR

std::string rar4_block(unsigned type, unsigned flags, std::string_view body, std::string_view data = "") {
  return number(0, 2) + number(type, 1) + number(flags, 2) + number(7 + body.size(), 2) + std::string(body) +
         std::string(data);
}

std::string rar4_file(std::string_view name, unsigned flags = 0) {
  std::string body = number(4, 4) + number(4, 4) + number(0, 9) + number(0, 2) + number(name.size(), 2) + number(0, 4);
  return rar4_block(0x74, 0x8000U | flags, body + std::string(name), "data");
}

const std::string kRar4("Rar!\x1A\x07\0"sv);
const std::string kRar5("Rar!\x1A\x07\x01\0"sv);

TEST(Rar, Version4) {
  std::string text =
      kRar4 + rar4_block(0x73, 0, number(0, 6)) + rar4_file("a.txt") + rar4_file("b.exe") + rar4_block(0x7B, 0, "");
  Archive archive = list_archive(text);
  EXPECT_TRUE(archive.is_archive);
  EXPECT_FALSE(archive.encrypted || archive.truncated);
  EXPECT_EQ(archive.names, (Names{"a.txt", "b.exe"}));
  EXPECT_EQ(list_archive("MZ a program" + text).names, (Names{"a.txt", "b.exe"}));
  archive = list_archive(std::string_view(text).substr(0, text.size() - 20));
  EXPECT_TRUE(archive.truncated);
  EXPECT_EQ(archive.names, Names{"a.txt"});
}

TEST(Rar, Version4Encrypted) {
  EXPECT_TRUE(list_archive(kRar4 + rar4_block(0x73, 0, number(0, 6)) + rar4_file("a.txt", 4)).encrypted);
  Archive archive = list_archive(kRar4 + rar4_block(0x73, 0x80, number(0, 6)) + "whatever");
  EXPECT_TRUE(archive.encrypted);
  EXPECT_TRUE(archive.names.empty());
}

TEST(Rar, Version4UnicodeNames) {
  // "Привет.exe": octets of the page 0x04 (one step each), then a run of the plain name.
  std::string packed =
      "\x04"
      "\x55"
      "\x1F\x40\x38\x32"
      "\x5C"
      "\x35\x42"
      "\x02";
  EXPECT_EQ(list_archive(kRar4 + rar4_file("??????.exe\0"s + packed, 0x200)).names, Names{"Привет.exe"});
}

std::string rar5_block(std::string_view body, std::string_view data = "") {
  return number(0, 4) + static_cast<char>(body.size()) + std::string(body) + std::string(data);
}

std::string rar5_file(std::string_view name, std::string_view extra = "") {
  std::string body = "\x02";
  body += extra.empty() ? '\x02' : '\x03';
  if (!extra.empty()) body += static_cast<char>(extra.size());
  body += "\x04"s + "\x04\x04\x20"s + number(0, 4) + "\0\x01"s + static_cast<char>(name.size());
  return rar5_block(body + std::string(name) + std::string(extra), "data");
}

TEST(Rar, Version5) {
  std::string text =
      kRar5 + rar5_block("\x01\0\0"sv) + rar5_file("a.txt") + rar5_file("ü.exe") + rar5_block("\x05\0\0"sv);
  Archive archive = list_archive(text);
  EXPECT_TRUE(archive.is_archive);
  EXPECT_FALSE(archive.encrypted || archive.truncated);
  EXPECT_EQ(archive.names, (Names{"a.txt", "ü.exe"}));
  EXPECT_TRUE(list_archive(kRar5 + rar5_block("\x01\0\0"sv) + rar5_file("a.txt", "\x02\x01\0"sv)).encrypted);
  EXPECT_TRUE(list_archive(kRar5 + rar5_block("\x04\0\0"sv) + "whatever").encrypted);
}

// --- 7z

std::string seven(std::string_view header) {
  return std::string("7z\xBC\xAF\x27\x1C\0\x04"sv) + number(0, 4) + number(4, 8) + number(header.size(), 8) +
         number(0, 4) + "data" + std::string(header);
}

TEST(SevenZip, NamesOfAPlainHeader) {
  std::string names = "\0a\0.\0c\0\0\0b\0\0\0"s;
  std::string header =
      "\x01\x04"  // main streams
      "\x06"s +
      "\0\x01\x09\x04\0"s +                                               // one packed stream of 4
      "\x07\x0B\x01"s + "\0\x01\x01\0"s +                                 // one folder, one coder: copy
      "\x0C\x04\x0A\x01"s + "\0\0\0\0\0"s +                               // its size and checksum
      "\x08\x0D\x02\x09\x02\x0A\x01"s + std::string(8, '\0') + "\0\0"s +  // two files in it
      "\x05\x02\x19\x02"s + "\0\0"s + "\x11"s + static_cast<char>(names.size()) + names + "\0\0"s;
  Archive archive = list_archive(seven(header));
  EXPECT_TRUE(archive.is_archive);
  EXPECT_FALSE(archive.encrypted || archive.truncated);
  EXPECT_EQ(archive.names, (Names{"a.c", "b"}));
}

TEST(SevenZip, PackedHeadersSayWhetherTheyAreEncrypted) {
  std::string before = "\x17\x06"s + "\0\x01\x09\x04\0"s + "\x07\x0B\x01\0\x01"s;
  Archive archive = list_archive(seven(before + "\x23\x03\x01\x01\x05\x5D\0\0\x10\0\x0C\x04\0\0"s));
  EXPECT_TRUE(archive.is_archive && archive.truncated);
  EXPECT_FALSE(archive.encrypted);
  archive = list_archive(seven(before + "\x24\x06\xF1\x07\x01\x01\x13\x0C\x04\0\0"s));
  EXPECT_TRUE(archive.encrypted);
}

// --- tar, gzip

std::string tar_file(std::string_view name, std::string_view data, char type = '0', std::string_view prefix = "") {
  std::string block(512, '\0');
  block.replace(0, name.size(), name);
  std::string size = "00000000000";
  for (size_t i = size.size(), left = data.size(); left > 0; left /= 8) size[--i] = static_cast<char>('0' + left % 8);
  block.replace(124, 11, size);
  block[156] = type;
  block.replace(257, 6, "ustar\0"s);
  block.replace(345, prefix.size(), prefix);
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  std::string digits = "000000";
  for (size_t i = 6; sum > 0; sum /= 8) digits[--i] = static_cast<char>('0' + sum % 8);
  block.replace(148, 8, digits + "\0 "s);
  return block + std::string(data) + std::string((512 - data.size() % 512) % 512, '\0');
}

TEST(Tar, Names) {
  std::string end(1024, '\0');
  std::string text = tar_file("a.txt", "hello") + tar_file("b.exe", std::string(600, 'x'), '0', "dir") + end;
  Archive archive = list_archive(text);
  EXPECT_TRUE(archive.is_archive);
  EXPECT_FALSE(archive.truncated);
  EXPECT_EQ(archive.names, (Names{"a.txt", "dir/b.exe"}));
  EXPECT_EQ(detect_kind(text), "application/x-tar");
  EXPECT_TRUE(list_archive(std::string_view(text).substr(0, 1200)).truncated);
}

TEST(Tar, LongNames) {
  std::string end(1024, '\0');
  EXPECT_EQ(list_archive(tar_file("././@LongLink", "long/name.exe\0"s, 'L') + tar_file("cut", "x") + end).names,
            Names{"long/name.exe"});
  EXPECT_EQ(list_archive(tar_file("pax", "11 mtime=1\n18 path=pax/a.exe\n", 'x') + tar_file("cut", "x") + end).names,
            Names{"pax/a.exe"});
}

TEST(Gzip, ItsOneName) {
  Archive archive = list_archive(
      "\x1F\x8B\x08\x08\0\0\0\0\0\x03"
      "a.exe\0data"sv);
  EXPECT_TRUE(archive.is_archive);
  EXPECT_EQ(archive.names, Names{"a.exe"});
  EXPECT_EQ(list_archive("\x1F\x8B\x08\x0C\0\0\0\0\0\x03\x02\0xxb.exe\0data"sv).names, Names{"b.exe"});
  archive = list_archive(
      "\x1F\x8B\x08\0\0\0\0\0\0\x03"
      "data"sv);
  EXPECT_TRUE(archive.is_archive && archive.names.empty());
  EXPECT_TRUE(list_archive("\x1F\x8B\x08\x08\0\0\0\0\0\x03"
                           "cut"sv)
                  .truncated);
}

// --- all

TEST(Archive, OtherThingsAreNone) {
  for (std::string_view content : {""sv, "P"sv, "hello"sv, "MZ\0\0"sv, "PK"sv, "Rar!"sv, "7z"sv}) {
    EXPECT_FALSE(list_archive(content).is_archive) << content;
  }
}

TEST(Archive, EveryBeginningOfEveryKindComesToAnEnd) {
  const std::string all[] = {zip({"a", "b"}, 8), kRar4 + rar4_file("a") + rar4_file("b"),
                             kRar5 + rar5_file("a", "\x02\x01\0"sv), seven("\x01\x05\x01\x11\x05\0a\0\0\0\0"sv),
                             tar_file("a", "x") + tar_file("b", "y")};
  for (const std::string& whole : all) {
    for (size_t size = 0; size <= whole.size(); ++size) {
      Archive archive = list_archive(std::string_view(whole).substr(0, size));
      EXPECT_LE(archive.names.size(), 4U);
    }
  }
}

}  // namespace
}  // namespace postern::mime
