#include "filters/bulk/words.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace postern::bulk {
namespace {

std::vector<Word> read(std::string_view text) {
  std::vector<Word> out;
  read_words(text, out);
  return out;
}

/// What a row of words and kinds must be: kinds as "#", "@", "/", "~".
std::vector<Word> expected(const std::vector<std::string>& words) {
  std::vector<Word> out;
  for (const std::string& word : words) {
    if (word == "#") out.push_back(kNumber);
    if (word == "@") out.push_back(kAddress);
    if (word == "/") out.push_back(kUrl);
    if (word == "~") out.push_back(kNoise);
    if (word.size() > 1) {
      std::vector<Word> one = read(word);
      out.insert(out.end(), one.begin(), one.end());
    }
  }
  return out;
}

TEST(Words, WhatCountsAndInWhichOrder) {
  struct Case {
    std::string_view text;
    std::vector<std::string> words;
  };
  const Case cases[] = {
      {"", {}},
      {"We are at it: ok, thx!", {}},
      {"Your Package, is WAITING.", {"your", "package", "waiting"}},
      {"the order #4711 of 2024-05-01, 10:30", {"order", "#"}},
      {"pay 1,000.00 dollars", {"#", "dollars"}},
      {"code XK47Y-99/b today", {"code", "#", "today"}},
      {"write to john.doe+x@mail.example.com today", {"write", "@", "today"}},
      {"write to <john@example.com>, today", {"write", "@", "today"}},
      {"john-arthur_miller@example.com", {"@"}},
      {"look at https://user:pw@shop.example.com:8080/path/file.html?x=1#y today", {"look", "/", "today"}},
      {"look at www.example.com/path today", {"look", "/", "today"}},
      {"look at (example.com) today", {"look", "/", "today"}},
      {"look at \u201cexample.com\u201d today", {"look", "/", "today"}},
      {"the end.Next sentence", {"next", "sentence"}},
      {"script.txt opened", {"script", "opened"}},
      {"one sentence. Another one.", {"sentence", "another"}},
      {"don't won\u2019t can't", {"dont", "wont", "cant"}},
      {"either/or well-known", {"either", "well", "known"}},
  };
  for (const Case& one : cases) EXPECT_EQ(read(one.text), expected(one.words)) << one.text;
  std::string long_word(41, 'z');
  EXPECT_EQ(read("begin " + long_word + " finish"), expected({"begin", "~", "finish"}));
  EXPECT_EQ(read("begin " + long_word.substr(1) + " finish").size(), 3U);
  EXPECT_FALSE(is_kind(read(long_word.substr(1)).at(0)));
}

/// A reader sees one word in all of these.
TEST(Words, HoweverItIsWritten) {
  struct Case {
    std::string_view word;
    std::vector<std::string_view> written;
  };
  const Case cases[] = {
      {"viagra",
       {"VIAGRA",
        "v1agra",
        "V!agra",
        "v\u00edagra",
        "vi\u200bag\u200dra",
        "v\u00adiagra",
        "\uff36\uff49agra",
        "vi\u0430gr\u0430",
        "v\u0456\u0430gr\u0430",
        "\U0001d42f\U0001d422agra",
        "\u24cb\u24d8\u24d0\u24d6\u24e1\u24d0",
        "v i a g r a",
        "V.I.A.G.R.A",
        "v-i-a-g-r-a",
        "V 1 A G R A",
        "v*i*a*g*r*a",
        "v\u0336i\u0336a\u0336g\u0336r\u0336a\u0336",
        "viagra99",
        "7viagra",
        "Vi'agra",
        "\u03bdiagra"}},
      {"million dollars",
       {"m1ll10n d0llars", "rnillion doiiars", "MlLLlON DOLLARS", "\u043c\u0456ll\u0456\u043en dollars"}},
      {"winner", {"vvinner", "w1nn3r", "w\u0456nn\u0435r", "\u0461inner", "w\u0131nner"}},
      {"office", {"o\ufb03ce", "oFF1ce", "\u1d0fffice"}},
      {"cash prize", {"c@sh prize", "ca$h pr1ze", "\uff23\uff41\uff53\uff48 prize"}},
      {"account",
       {"acc\u043eunt", "\U0001f130\U0001f132\U0001f132\U0001f13eunt", "a\u0301ccount", "\u13aaccount",
        "acc\u2060ount"}},
      {"paypal", {"paypaI", "p\u0430yp\u0430l", "P@ypal", "\u1e57aypal"}},
  };
  for (const Case& one : cases) {
    for (std::string_view written : one.written) EXPECT_EQ(read(written), read(one.word)) << written;
  }
}

TEST(Words, OtherScripts) {
  EXPECT_EQ(read("\u041f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440"),
            read("\u043f\u0440\u0438\u0432\u0435\u0442"))
      << "Russian: case does not matter, three letters do not count";
  EXPECT_EQ(read("\u03ba\u03b1\u03bb\u03b7\u03bc\u03ad\u03c1\u03b1"),
            read("\u03ba\u03b1\u03bb\u03b7\u03bc\u03b5\u03c1\u03b1"))
      << "Greek without its accent";
  EXPECT_EQ(read("\u0633\u0644\u0627\u0645").size(), 1U) << "Arabic: vowels are not written";
  EXPECT_EQ(read("\u0645\u064f\u062d\u064e\u0645\u0651\u062f"), read("\u0645\u062d\u0645\u062f"))
      << "where they are, they do not count";
  EXPECT_EQ(read("\u0633\u0644\u0640\u0640\u0627\u0645"), read("\u0633\u0644\u0627\u0645")) << "lengthened";
  EXPECT_EQ(read("\uc548\ub155 \uc138\uacc4").size(), 2U) << "Korean: a letter is a syllable";
  EXPECT_EQ(read("\u4f60\u597d\u4e16\u754c").size(), 3U) << "Chinese: each two";
  EXPECT_EQ(read("\u4f60\u597d\u3002\u4e16\u754c").size(), 2U) << "not across a full stop";
  EXPECT_EQ(read("\u4f60\u200b\u597d"), read("\u4f60\u597d")) << "nothing between them";
  EXPECT_EQ(read("\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35").size(), 5U) << "Thai";
  EXPECT_EQ(read("http://example.com/a\u8bf7\u70b9\u51fb").size(), 3U) << "a URL ends where they begin";
  EXPECT_EQ(read("\u0661\u0662\u0663 \u096a\u096b"), (std::vector<Word>{kNumber})) << "digits of all scripts";
}

/// Whatever the octets, and without end: the cost stays linear, which a run over much of the worst would show.
TEST(Words, AnyOctets) {
  using namespace std::string_view_literals;
  EXPECT_EQ(read("pack\0age\x01 \xff\xfe waiting\xc3"sv), read("package waiting"));
  for (std::string_view part : {"a.", "a@", ".a", "@.", "a-", "x", "http://", "\xf0", "\u4e00", "1", "a1", "a b "}) {
    std::string text;
    for (size_t i = 0; i < (1U << 18U) / part.size(); ++i) text += part;
    EXPECT_LE(read(text).size(), text.size() / 3) << part;
  }
}

TEST(Words, PiecesAddUp) {
  std::vector<Word> words = read("several pieces");
  read_words("of one message", words);
  EXPECT_EQ(words, expected({"several", "pieces", "message"}));
}

TEST(Words, APieceThatBeginsWithALinkKeepsThoseBefore) {
  std::vector<Word> words = read("several pieces");
  read_words("https://one.example/path is where", words);
  ASSERT_GT(words.size(), 2U);
  EXPECT_EQ(std::vector<Word>(words.begin(), words.begin() + 2), expected({"several", "pieces"}));
  EXPECT_EQ(words.back(), expected({"where"}).front());
}

}  // namespace
}  // namespace postern::bulk
