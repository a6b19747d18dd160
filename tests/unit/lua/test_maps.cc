#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "lua/maps.h"

namespace postern::rules {
namespace {

using Kind = Map::Kind;
using Texts = std::vector<std::string>;

MapPtr map_of(std::string_view text, Kind kind = Kind::Auto) {
  auto made = Map::parse(text, kind);
  if (made) return *made;
  for (const auto& mistake : made.error()) ADD_FAILURE() << mistake.line << ": " << mistake.text;
  return *Map::parse("", kind);
}

Texts mistakes_of(std::string_view text, Kind kind = Kind::Auto) {
  auto made = Map::parse(text, kind);
  Texts texts;
  if (made) return texts;
  for (const auto& mistake : made.error()) texts.push_back(std::to_string(mistake.line) + ": " + mistake.text);
  return texts;
}

/// Of one line its mistake, without the line's number.
std::string mistake_of(const std::string& line, Kind kind = Kind::Auto) {
  Texts texts = mistakes_of(line, kind);
  if (texts.size() != 1) return std::to_string(texts.size()) + " mistakes";
  return texts[0].substr(3);
}

// ---------------------------------------------------------------- lines

TEST(MapLines, CommentsEmptyLinesAndEveryKindOfLineEndAreFine) {
  MapPtr map = map_of(
      "\xef\xbb\xbf"
      "first\r\n# a comment\r\n\r\n   \t\n  second\t# why\n third #\nwith#hash\nlast");
  EXPECT_EQ(map->size(), 5U);
  for (const char* entry : {"first", "second", "third", "with#hash", "last"}) EXPECT_TRUE(map->has(entry)) << entry;
  EXPECT_FALSE(map->has(""));
  EXPECT_FALSE(map->has("a comment"));
  EXPECT_FALSE(map->has("second\t# why"));
}

TEST(MapLines, AnEmptyFileHasNothing) {
  for (Kind kind : {Kind::Auto, Kind::Exact, Kind::Domain, Kind::Cidr, Kind::Regex}) {
    for (const char* text : {"", "\n", "\xef\xbb\xbf", "# nothing"}) {
      MapPtr map = map_of(text, kind);
      EXPECT_EQ(map->size(), 0U);
      for (const char* value : {"", "a", "a@b.example", "192.0.2.1", "::1"}) EXPECT_FALSE(map->has(value));
    }
  }
}

TEST(MapLines, MistakesAreNamedWithTheirLinesAllAtOnce) {
  EXPECT_EQ(mistakes_of("good\n192.0.2.1/24\n# fine\n/(/\nx\x01y\n"),
            (Texts{"2: '192.0.2.1/24' has bits behind its prefix: is it 192.0.2.0/24, or the one address 192.0.2.1?",
                   "4: the expression '(' is wrong: missing ): (", "5: has a control octet: 'x\\x01y'"}));
}

TEST(MapLines, WhatIsNoTextFileIsRefused) {
  EXPECT_EQ(mistake_of(std::string("a\0b\0", 4)), "has NUL octets: is the file UTF-16? UTF-8 is wanted");
  EXPECT_EQ(mistake_of("a\rb"), "has a control octet: 'a\\x0db'");
  EXPECT_EQ(mistake_of("\xc2\xa0"
                       "example.org"),
            "begins or ends with a space that is not seen: '\xc2\xa0"
            "example.org'");
}

TEST(MapLines, SizesAreBounded) {
  EXPECT_EQ(map_of(std::string(Map::kMaxEntry, 'x'))->size(), 1U);
  EXPECT_EQ(mistake_of(std::string(Map::kMaxEntry + 1, 'x')), "is longer than 4096 octets");
  EXPECT_EQ(map_of("a #" + std::string(10'000, 'x'))->size(), 1U);
  EXPECT_EQ(mistakes_of(std::string(Map::kMaxFile + 1, '\n')), Texts{"0: is larger than 64 MiB"});
  std::string wrong;
  for (int i = 0; i < 100; ++i) wrong += "192.0.2.1/24\n";
  EXPECT_EQ(mistakes_of(wrong).size(), Map::kMaxMistakes);
  std::string many;
  for (size_t i = 0; i < Map::kMaxExpressions; ++i) many += "/x" + std::to_string(i) + "/\n";
  EXPECT_EQ(mistakes_of(many + "/y/\n"), Texts{"10001: there are more than 10000 expressions"});
}

// ---------------------------------------------------------------- texts

TEST(MapTexts, LettersInAnyCase) {
  MapPtr map = map_of("Cheap Watches\n");
  EXPECT_TRUE(map->has("cheap watches"));
  EXPECT_TRUE(map->has("CHEAP WATCHES"));
  EXPECT_FALSE(map->has("cheap"));
  EXPECT_FALSE(map->has("cheap watches "));
}

TEST(MapTexts, ANameIsTheNameAndTheAddressesThere) {
  MapPtr map = map_of("Example.ORG\n");
  EXPECT_TRUE(map->has("example.org"));
  EXPECT_TRUE(map->has("example.org."));
  EXPECT_TRUE(map->has("Some.Body@EXAMPLE.org"));
  EXPECT_FALSE(map->has("www.example.org"));
  EXPECT_FALSE(map->has("a@www.example.org"));
  EXPECT_FALSE(map->has("badexample.org"));
}

TEST(MapTexts, AnAddressIsThatAddress) {
  MapPtr map = map_of("boss@example.org\n@example.net\n");
  EXPECT_TRUE(map->has("Boss@Example.org"));
  EXPECT_FALSE(map->has("example.org"));
  EXPECT_FALSE(map->has("other@example.org"));
  EXPECT_TRUE(map->has("anybody@example.net"));
  EXPECT_TRUE(map->has("\"two words\"@example.net"));
  EXPECT_FALSE(map->has("example.net"));
  EXPECT_FALSE(map->has("a@sub.example.net"));
}

TEST(MapTexts, ASentenceThatEndsInAnAddressIsNoAddress) {
  MapPtr map = map_of("example.org\n.example.net\n");
  EXPECT_FALSE(map->has("write to me@example.org"));
  EXPECT_FALSE(map->has("write to me@a.example.net"));
  EXPECT_FALSE(map->has("@example.org"));
}

TEST(MapTexts, NamesAreComparedAsTheDnsKnowsThem) {
  MapPtr map = map_of(
      "b\xc3\xbc"
      "cher.example\nxn--strae-oqa.example.\n");
  EXPECT_TRUE(map->has("xn--bcher-kva.example"));
  EXPECT_TRUE(map->has("XN--BCHER-KVA.example."));
  EXPECT_TRUE(
      map->has("a@B\xc3\x9c"
               "CHER.example"));
  EXPECT_TRUE(
      map->has("stra\xc3\x9f"
               "e.example"));
}

TEST(MapTexts, AnyOctets) {
  MapPtr map = map_of("caf\xe9 noir\n");
  EXPECT_TRUE(map->has("caf\xe9 noir"));
  EXPECT_FALSE(map->has(std::string_view("caf\xe9 noir\0", 10)));
  EXPECT_FALSE(map->has(std::string(1U << 20U, '@')));
}

TEST(MapTexts, WhatLooksLikeATextMayBeOne) {
  for (const char* text : {"24/7", "12:30", "***", "Re: hello", "a*b", "...", "50%", "3.14", "fe", "a,b", "e.g. OK"}) {
    EXPECT_TRUE(map_of(text)->has(text)) << text;
  }
}

TEST(MapTexts, MistakesThatAreSure) {
  EXPECT_EQ(mistake_of("*.example.org"), "'*.example.org': write .example.org for every name below");
  EXPECT_EQ(mistake_of("*@example.org"), "'*@example.org': write @example.org for every address there");
  EXPECT_EQ(mistake_of("@.example.org"), "'@.example.org': write .example.org for the addresses at every name below");
  EXPECT_EQ(mistake_of("postmaster@"), "'postmaster@': a local part at any domain is an expression: /^name@/");
  EXPECT_EQ(mistake_of("mail*.example.org"), "'mail*.example.org': '*' means nothing here; write an expression: /.../");
  EXPECT_EQ(mistake_of("example.org REJECT"),
            "'example.org REJECT': an entry stands alone, what it means is said by "
            "the rule");
}

TEST(MapTexts, ExactTakesEveryLineAsText) {
  MapPtr map = map_of("/a/\n.example.org\n192.0.2.0/24\n*.example.org\n", Kind::Exact);
  for (const char* text : {"/A/", ".example.org", "192.0.2.0/24", "*.example.org"}) EXPECT_TRUE(map->has(text)) << text;
  EXPECT_FALSE(map->has("a"));
  EXPECT_FALSE(map->has("b.example.org"));
  EXPECT_FALSE(map->has("192.0.2.1"));
}

// ---------------------------------------------------------------- names

TEST(MapNames, ADotInFrontIsEveryNameBelow) {
  MapPtr map = map_of(".Example.org  # and the addresses there\n");
  EXPECT_TRUE(map->has("www.example.org"));
  EXPECT_TRUE(map->has("A.B.EXAMPLE.ORG."));
  EXPECT_TRUE(map->has("user@mail.example.org"));
  EXPECT_FALSE(map->has("example.org"));
  EXPECT_FALSE(map->has("user@example.org"));
  EXPECT_FALSE(map->has("badexample.org"));
  EXPECT_FALSE(map->has("www.example.org.evil.example"));
}

TEST(MapNames, DomainIsTheNameAndAllBelow) {
  MapPtr map = map_of(
      "example.org\n.example.net\nb\xc3\xbc"
      "cher.example\nlocalhost\n",
      Kind::Domain);
  for (const char* in : {"example.org", "a.example.org", "u@example.org", "u@a.b.example.org", "a.example.net",
                         "xn--bcher-kva.example", "www.xn--bcher-kva.example", "localhost"}) {
    EXPECT_TRUE(map->has(in)) << in;
  }
  for (const char* out : {"example.net", "org", "myexample.org", "example.org.", "", ".", "..", "@"}) {
    EXPECT_EQ(map->has(out), std::string(out) == "example.org.") << out;
  }
}

TEST(MapNames, WhatIsNoDomainIsRefused) {
  EXPECT_EQ(mistake_of(".exa mple.org"), "'.exa mple.org' is no domain");
  EXPECT_EQ(mistake_of("*.example.org", Kind::Domain), "'*.example.org': write .example.org for every name below");
  const std::string longest =
      std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." + std::string(61, 'd');
  EXPECT_TRUE(map_of(longest, Kind::Domain)->has("x." + longest));
  for (const std::string& wrong :
       {std::string("a@example.org"), std::string("http://example.org/"), std::string("a..example"), std::string("."),
        std::string("192.0.2.1"), std::string("2001:db8::1"), std::string(64, 'a') + ".example", longest + "d"}) {
    EXPECT_NE(mistake_of(wrong, Kind::Domain).find(" is no domain"), std::string::npos) << wrong;
  }
}

TEST(MapNames, AValueOfDotsOnlyCostsLittle) {
  MapPtr map = map_of("example.org", Kind::Domain);
  EXPECT_FALSE(map->has(std::string(4096, '.')));
  EXPECT_FALSE(map->has(std::string(60'000, '.')));
}

// ---------------------------------------------------------------- networks

TEST(MapNetworks, AddressesAndNetworksOfBothFamilies) {
  for (Kind kind : {Kind::Auto, Kind::Cidr}) {
    MapPtr map = map_of("192.0.2.0/24\n198.51.100.7\n2001:db8::/32\n2001:DB9::7\n", kind);
    EXPECT_EQ(map->size(), 4U);
    for (const char* in : {"192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8::", "2001:db8:ffff::1", "2001:db9::7",
                           "2001:db9:0:0:0:0:0:7", "::ffff:192.0.2.9"}) {
      EXPECT_TRUE(map->has(in)) << in;
    }
    for (const char* out : {"192.0.1.255", "192.0.3.0", "198.51.100.6", "198.51.100.8", "2001:db7:ffff::", "2001:db9::",
                            "2001:db9::8", "192.0.2", "192.0.2.1 ", "[192.0.2.1]", "a@192.0.2.1", "::"}) {
      EXPECT_FALSE(map->has(out)) << out;
    }
  }
}

TEST(MapNetworks, NetworksMayOverlapAndCoverAll) {
  MapPtr map = map_of("10.1.0.0/16\n10.0.0.0/8\n10.1.2.3\n10.255.255.255\n11.0.0.0/8\n", Kind::Cidr);
  EXPECT_TRUE(map->has("10.0.0.0"));
  EXPECT_TRUE(map->has("10.1.2.4"));
  EXPECT_TRUE(map->has("11.255.255.255"));
  EXPECT_FALSE(map->has("12.0.0.0"));
  EXPECT_FALSE(map->has("9.255.255.255"));
  EXPECT_TRUE(map_of("0.0.0.0/0")->has("255.255.255.255"));
  EXPECT_FALSE(map_of("0.0.0.0/0")->has("::1"));
  EXPECT_TRUE(map_of("::/0")->has("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
  EXPECT_TRUE(map_of("::ffff:192.0.2.0/120")->has("192.0.2.77"));
}

TEST(MapNetworks, WhatLooksLikeANetworkAndIsNone) {
  const std::string hint = " is no address and no network: 192.0.2.0/24, 2001:db8::/32, 192.0.2.1";
  const Texts wrong_ones = {"192.0.2",
                            "192.0.2.",
                            "192.0.2.256",
                            "192.0.2.0/33",
                            "192.0.2.0/255.255.255.0",
                            "192.0.2.*",
                            "192.0.2.1-192.0.2.9",
                            "2001:db8::/129",
                            "2001:db8:::1",
                            "192.0.02.1",
                            "10/8.",
                            "fe80::1/"};
  for (const std::string& wrong : wrong_ones) {
    EXPECT_EQ(mistake_of(wrong), fmt::format("'{}'{} (a file of kind \"exact\" takes it as text)", wrong, hint));
    EXPECT_EQ(mistake_of(wrong, Kind::Cidr), fmt::format("'{}'{}", wrong, hint));
  }
  EXPECT_EQ(mistake_of("example.org", Kind::Cidr), "'example.org'" + hint);
  EXPECT_EQ(mistake_of("192.0.2.0/24 REJECT"),
            "'192.0.2.0/24 REJECT': one entry a line, and behind it only a comment that begins with #");
  EXPECT_EQ(mistake_of("192.0.2.1, 192.0.2.2"),
            "'192.0.2.1, 192.0.2.2': one entry a line, and behind it only a comment that begins with #");
}

TEST(MapNetworks, HostBitsAreRefused) {
  EXPECT_EQ(mistake_of("2001:db8::1/32"),
            "'2001:db8::1/32' has bits behind its prefix: is it 2001:db8::/32, or the one address 2001:db8::1?");
  EXPECT_EQ(mistake_of("10.0.0.128/24", Kind::Cidr),
            "'10.0.0.128/24' has bits behind its prefix: is it 10.0.0.0/24, or the one address 10.0.0.128?");
}

// ---------------------------------------------------------------- expressions

TEST(MapExpressions, AreSearchedAnywhere) {
  MapPtr map = map_of("/viagra/i  # any case\n/^Free money$/\n/^192\\.0\\./\n");
  EXPECT_TRUE(map->has("cheap VIAGRA here"));
  EXPECT_TRUE(map->has("Free money"));
  EXPECT_FALSE(map->has("free money"));
  EXPECT_FALSE(map->has("Free money!"));
  EXPECT_TRUE(map->has("192.0.77.1"));
}

TEST(MapExpressions, EndAtTheLastSlashThatNothingFollows) {
  EXPECT_TRUE(map_of("/http://a/b/")->has("see http://a/b"));
  EXPECT_TRUE(map_of("/a #b/ # why")->has("a #b"));
  EXPECT_TRUE(map_of("/a/i/")->has("a/i"));
  EXPECT_FALSE(map_of("/a/i/")->has("A/I"));
  EXPECT_TRUE(map_of("/a/i/i")->has("A/I"));
  EXPECT_EQ(mistake_of("/var/spool"),
            "'/var/spool' has no end: an expression is written /.../ or /.../i (a file of kind "
            "\"exact\" takes it as text)");
  EXPECT_NE(mistake_of("/a/x").find("has no end"), std::string::npos);
}

TEST(MapExpressions, AFileOfExpressionsNeedsNoSlashes) {
  MapPtr map = map_of("viagra\n(?i)lottery # any case\n/slashes/i\n//path//\n\\#1\n", Kind::Regex);
  EXPECT_TRUE(map->has("my viagra"));
  EXPECT_FALSE(map->has("my Viagra"));
  EXPECT_TRUE(map->has("LOTTERY"));
  EXPECT_TRUE(map->has("SLASHES"));
  EXPECT_TRUE(map->has("a /path/ b"));
  EXPECT_FALSE(map->has("a path b"));
  EXPECT_TRUE(map->has("#1"));
}

TEST(MapExpressions, ThatMatchEverythingAreRefused) {
  for (const char* all : {"//", "/a*/", "/.*/", "/(a|)/i"}) {
    EXPECT_NE(mistake_of(all).find("matches every text"), std::string::npos) << all;
  }
  EXPECT_TRUE(map_of("/^$/")->has(""));
  EXPECT_FALSE(map_of("/^$/")->has("a"));
  EXPECT_TRUE(map_of("/./")->has("a"));
}

TEST(MapExpressions, ThousandsAreSearchedTogether) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "/word" + std::to_string(i) + "[a-z]+end/" + (i % 2 == 0 ? "i" : "") + "\n";
  MapPtr map = map_of(text);
  EXPECT_EQ(map->size(), 1000U);
  int polls = 0;
  for (int i = 0; i < 1000; i += 37) {
    std::string number = std::to_string(i);
    EXPECT_TRUE(map->has("say word" + number + "xyzend", [&] { ++polls; })) << i;
    EXPECT_EQ(map->has("say WORD" + number + "xyzend"), i % 2 == 0) << i;
    EXPECT_FALSE(map->has("say word" + number + "end"));
  }
  EXPECT_GT(polls, 27);
}

TEST(MapExpressions, LargeOnesAreSearchedInSeveralGoes) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += "/a" + std::to_string(i) + ":[^x]{200}z/\n";
  MapPtr map = map_of(text);
  int polls = 0;
  EXPECT_FALSE(map->has("a17:" + std::string(199, '-') + "z", [&] { ++polls; }));
  EXPECT_GT(polls, 10);
  EXPECT_TRUE(map->has("a0:" + std::string(200, '-') + "z"));
  EXPECT_TRUE(map->has("a17:" + std::string(200, '-') + "z"));
  EXPECT_TRUE(map->has("a39:" + std::string(200, '-') + "z"));
}

TEST(MapExpressions, WhatWouldBeSearchedSlowlyIsRefused) {
  EXPECT_EQ(mistake_of("/[^x]{900}z/"),
            "the expression '[^x]{900}z' is too large: repeat less than {400} times, for example");
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "/a" + std::to_string(i) + "[^x]{200}z/\n";
  Texts texts = mistakes_of(text);
  ASSERT_FALSE(texts.empty());
  EXPECT_NE(texts[0].find("and those before it are together too large"), std::string::npos) << texts[0];
}

TEST(MapExpressions, LookAtTheBeginningOfALongValue) {
  MapPtr map = map_of("/end/");
  EXPECT_TRUE(map->has(std::string(Map::kMaxSubject - 3, 'x') + "end"));
  EXPECT_FALSE(map->has(std::string(Map::kMaxSubject - 2, 'x') + "end"));
}

// ---------------------------------------------------------------- many

TEST(Map, HundredsOfThousandsOfEntries) {
  std::string text;
  for (int i = 0; i < 200'000; ++i) text += "host" + std::to_string(i) + ".example\n";
  for (int i = 0; i < 50'000; ++i) text += "10." + std::to_string(i / 200) + "." + std::to_string(i % 200) + ".0/25\n";
  for (int i = 0; i < 50'000; ++i) text += ".d" + std::to_string(i) + ".example\n";
  MapPtr map = map_of(text);
  EXPECT_EQ(map->size(), 300'000U);
  for (int i = 0; i < 200'000; i += 997) EXPECT_TRUE(map->has("host" + std::to_string(i) + ".example"));
  EXPECT_FALSE(map->has("host200000.example"));
  EXPECT_TRUE(map->has("10.249.199.127"));
  EXPECT_FALSE(map->has("10.249.199.128"));
  EXPECT_TRUE(map->has("a.d49999.example"));
  EXPECT_FALSE(map->has("a.d50000.example"));
}

TEST(Map, EntriesMayStandThereTwice) {
  EXPECT_EQ(map_of("a\nA\na\n")->size(), 3U);
}

TEST(Map, Kinds) {
  EXPECT_EQ(Map::parse_kind("auto"), Kind::Auto);
  EXPECT_EQ(Map::parse_kind("exact"), Kind::Exact);
  EXPECT_EQ(Map::parse_kind("domain"), Kind::Domain);
  EXPECT_EQ(Map::parse_kind("cidr"), Kind::Cidr);
  EXPECT_EQ(Map::parse_kind("regex"), Kind::Regex);
  EXPECT_FALSE(Map::parse_kind("Regex").has_value());
  EXPECT_FALSE(Map::parse_kind("").has_value());
}

}  // namespace
}  // namespace postern::rules
