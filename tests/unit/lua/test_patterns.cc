// Pattern sets: what each target means, what a rule writer may rely on, and that both engines say the same.
#include <algorithm>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/base/bytes.h"
#include "lua/pattern_inside.h"
#include "lua/pattern_syntax.h"
#include "lua/patterns.h"
#include "lua/regex_cache.h"

namespace postern::rules {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::string_literals;

using SetPtr = std::shared_ptr<const PatternSet>;

SetPtr compile(std::vector<Pattern> patterns, const std::string& cache = "") {
  std::vector<std::string> notes;
  auto set = PatternSet::compile(std::move(patterns), cache, notes);
  EXPECT_THAT(notes, IsEmpty());
  if (set) return *set;
  for (const auto& refusal : set.error()) ADD_FAILURE() << refusal.pattern << ": " << refusal.reason;
  return nullptr;
}

std::vector<Pattern> bodies(const std::vector<std::string>& expressions) {
  std::vector<Pattern> out;
  out.reserve(expressions.size());
  for (const std::string& expression : expressions) out.push_back({Target::Body, "", expression});
  return out;
}

/// Which patterns of a set matched, searched once.
std::vector<size_t> hits(const SetPtr& set, Target target, std::string_view text, std::string_view field = "") {
  PatternScanner scanner(set);
  Matches matches;
  scanner.begin(matches);
  scanner.scan(target, field, text, matches);
  std::vector<size_t> out;
  for (size_t i = 0; i < set->patterns().size(); ++i) {
    if (matches.matched(i)) out.push_back(i);
  }
  return out;
}

std::string detail(const std::string& expression, std::string_view text, Target target = Target::Body) {
  auto set = compile({{target, "", expression}});
  PatternScanner scanner(set);
  Matches matches;
  scanner.begin(matches);
  scanner.scan(target, "", text, matches);
  return matches.matched(0) ? matches.detail(0) : "(no match)";
}

bool found(const std::string& expression, std::string_view text, Target target = Target::Body) {
  return !hits(compile({{target, "", expression}}), target, text).empty();
}

std::string refusal(const std::string& expression, Target target = Target::Body) {
  std::vector<std::string> notes;
  auto set = PatternSet::compile({{Target::Body, "", "good"}, {target, "", expression}}, "", notes);
  if (set) return "(taken)";
  EXPECT_EQ(set.error().size(), 1U);
  EXPECT_EQ(set.error()[0].pattern, 1U);
  return set.error()[0].reason;
}

TEST(Patterns, EachTargetIsSearchedForItsOwn) {
  auto set = compile({{Target::Header, "subject", "money"},
                      {Target::Header, "from", "money"},
                      {Target::Body, "", "money"},
                      {Target::Url, "", "money"},
                      {Target::Attachment, "", "money"},
                      {Target::Raw, "", "money"}});
  EXPECT_THAT(hits(set, Target::Header, "more money", "subject"), ElementsAre(0));
  EXPECT_THAT(hits(set, Target::Header, "more money", "FROM"), ElementsAre(1));
  EXPECT_THAT(hits(set, Target::Header, "more money", "to"), IsEmpty());
  EXPECT_THAT(hits(set, Target::Header, "more money", ""), IsEmpty());
  EXPECT_THAT(hits(set, Target::Body, "more money"), ElementsAre(2));
  EXPECT_THAT(hits(set, Target::Url, "more money"), ElementsAre(3));
  EXPECT_THAT(hits(set, Target::Attachment, "more money"), ElementsAre(4));
  EXPECT_THAT(hits(set, Target::Raw, "more money"), ElementsAre(5));
}

TEST(Patterns, FieldsStayApartForBothEngines) {
  // \C is for RE2 alone.
  auto set = compile(
      {{Target::Header, "subject", "a\\Cc"}, {Target::Header, "from", "a\\Cc"}, {Target::Header, "from", "abc"}});
  EXPECT_EQ(set->fallbacks(), 2U);
  EXPECT_THAT(hits(set, Target::Header, "abc", "Subject"), ElementsAre(0));
  EXPECT_THAT(hits(set, Target::Header, "abc", "From"), ElementsAre(1, 2));
}

TEST(Patterns, SaysWhatItWants) {
  auto set = compile({{Target::Header, "list-id", "a"}, {Target::Header, "subject", "a"}, {Target::Body, "", "a"}});
  EXPECT_TRUE(set->wants(Target::Header));
  EXPECT_TRUE(set->wants(Target::Body));
  EXPECT_FALSE(set->wants(Target::Url));
  EXPECT_FALSE(set->wants(Target::Raw));
  EXPECT_TRUE(set->wants_field("Subject"));
  EXPECT_TRUE(set->wants_field("LIST-ID"));
  EXPECT_FALSE(set->wants_field("list"));
  EXPECT_FALSE(set->wants_field("list-id-2"));
  EXPECT_FALSE(set->wants_field(""));
}

TEST(Patterns, AnEmptySetSearchesNothing) {
  auto set = compile({});
  EXPECT_FALSE(set->wants(Target::Body));
  EXPECT_THAT(hits(set, Target::Body, "text"), IsEmpty());
}

TEST(Patterns, TextsOfOneMessageAddUpAndTheFirstIsShown) {
  auto set = compile({{Target::Url, "", "shop[0-9]"}, {Target::Url, "", "evil"}});
  PatternScanner scanner(set);
  Matches matches;
  for (int message = 0; message < 2; ++message) {
    scanner.begin(matches);
    scanner.scan(Target::Url, "", "https://shop1.example/", matches);
    EXPECT_FALSE(matches.matched(1));
    EXPECT_EQ(matches.detail(1), "");
    scanner.scan(Target::Url, "", "https://shop2.example/evil", matches);
    EXPECT_TRUE(matches.matched(0));
    EXPECT_TRUE(matches.matched(1));
    EXPECT_EQ(matches.detail(0), "shop1");
    EXPECT_EQ(matches.detail(1), "evil");
  }
  scanner.begin(matches);
  EXPECT_FALSE(matches.matched(0));
  EXPECT_FALSE(matches.matched(7));
}

TEST(Patterns, RawIsOctetsTheOthersAreCharacters) {
  EXPECT_TRUE(found("^.$", "\xc3\xa9"));
  EXPECT_FALSE(found("^.$", "\xc3\xa9", Target::Raw));
  EXPECT_TRUE(found("^..$", "\xc3\xa9", Target::Raw));
  EXPECT_TRUE(found("\\xff\\x00", "a\xff\0b"s, Target::Raw));
  EXPECT_TRUE(found("caf\xc3\xa9", "caf\xc3\xa9", Target::Raw));
  EXPECT_FALSE(found("(?i)\\xe9", "\xc9", Target::Raw));
  EXPECT_TRUE(found("(?i)\xc3\xa9", "\xc3\x89"));
  EXPECT_TRUE(found("a.b", "a\0b"s));
}

TEST(Patterns, DetailIsTheTextThatMatched) {
  EXPECT_EQ(detail("(?i)\\blotter\\w+", "You won the LOTTERY today"), "LOTTERY");
  EXPECT_EQ(detail("win.*prize", "you can win a nice prize or a second prize now"),
            "win a nice prize or a second prize");
  EXPECT_EQ(detail("x*", "abc"), "");
  EXPECT_EQ(detail("a\\Cc", "xxabcxx"), "abc");
  EXPECT_EQ(detail("(?x) two \\s words", "in two words"), "two words");
  EXPECT_EQ(detail("^Dear", "Dear friend"), "Dear");
  EXPECT_EQ(detail("end$", std::string(5000, ' ') + "the end"), "end");
}

TEST(Patterns, DetailIsShortAndPrintable) {
  EXPECT_EQ(detail("a[^z]*z", "a\r\n\x01z"), "a? ?z");
  EXPECT_EQ(detail("a[^z]*z", "a\xff\xfez", Target::Raw), "a??z");
  EXPECT_EQ(detail("a[^z]*z", "a\xff\xfez"), "a\xef\xbf\xbd\xef\xbf\xbdz");
  std::string text = "x";
  for (int i = 0; i < 1000; ++i) text += "\xe2\x82\xac";
  for (const char* expression : {"x\\x{20ac}+", "x[^y]{90}", "(?s)^.+$", "\\x{20ac}{300}$"}) {
    std::string seen = detail(expression, text);
    EXPECT_LE(seen.size(), 200U) << expression;
    EXPECT_GE(seen.size(), 57U) << expression;
    EXPECT_TRUE(is_utf8(seen)) << expression;
  }
}

// Each text is searched by the set, by RE2 with the plain expression, and by RE2 with what was written.
void same_by_all(const std::string& expression, const std::vector<std::string>& texts, Target target) {
  CharacterTables tables;
  auto plain = write_plainly(expression, target == Target::Raw, tables);
  ASSERT_TRUE(plain) << plain.error();
  auto regex = make_re2(plain->text, target, RegexCache::kMaxMemory);
  auto written = make_re2(expression, target, RegexCache::kMaxMemory);
  auto set = compile({{target, "", expression}});
  for (const std::string& text : texts) {
    bool expected = !hits(set, target, text).empty();
    if (regex->ok()) {
      EXPECT_EQ(RE2::PartialMatch(text, *regex), expected) << expression << " on " << escape_for_log(text);
    }
    if (written->ok()) {
      EXPECT_EQ(RE2::PartialMatch(text, *written), expected) << expression << " on " << escape_for_log(text);
    }
  }
}

TEST(Patterns, BothEnginesSayTheSame) {
  std::istringstream expressions(R"(
      a$ a\z \Aa ^a (?m)^a (?m)a$ (?m)^$ (?m)^\s*\z (?m)\n^b ^$ x* () (|a)+b \s \S \v \w \W [\W\d] [^\S] (?i)k (?i)s (?i)\w
      (?i)\W (?i)[^k] (?i)[[:^upper:]] [[:space:]] [[:punct:]x] \bk\b \B \b \Ba \pL \PL \p{Greek} (?i)\p{Lu} (?i)\P{Lu}
      [^\p{L}] [\p{Lu}1] é (?i)é (?i)[à-é] (?i)в \12 \012\x62 \x{e9} \Qa$\E a{,2} a{01} a{1} a{0,3}b (?s)a.b a.b (?U)a+
      a+?b (?P<n>a)b (?i:a)B (?i)a(?-i)B (a(?i)b|c)D []a] [^]a] [a-] [-a] [a\-z] [[a] \. a|^b (?:a|b$)\n? \x{10ffff}
      [\x00-\x1f] \C ^*a $^ \D\d (?i)\x{1c80} (?i)ǅ (?m:^)*b a\Qb+\E+ [a-\x{d900}])");
  const std::vector<std::string> texts = {
      "",   "a",     "a\n",   "\n",  "\na\n",  "b",   "ab",  "AB",         "aB",    "Ab",     "aBD",    "abD",
      "cD", "CD",    "k",     "s",   "\v",     " ",   "a b", "a\nb",       "a\0b"s, "\u212a", "\u017f", "é",
      "É",  "α",     "В",     "в",   "\u1c80", "Ǆ",   "1",   "_",          "-",     "]",      "[",      "^",
      "a$", "a{,2}", "a{01}", "aaa", "aaab",   "\nb", ".",   "\U0010ffff", "z",     "x",      "abab",   "ab++"};
  same_by_all("", texts, Target::Body);
  for (std::string expression; expressions >> expression;) same_by_all(expression, texts, Target::Body);
}

TEST(Patterns, BothEnginesSayTheSameOfOctets) {
  const std::vector<std::string> texts = {"", "a", "\xe9", "\xc9", "a\xe9", "\xff\xfe", "\n", "\0"s, "\xff\n"};
  std::istringstream expressions(
      R"(\xe9 [\x80-\xff]{2} [^a] \W \w . (?s). \C a\b \B\xe9 [^\x00-\x7f] \pL [[:^alpha:]] \xff$)");
  for (std::string expression; expressions >> expression;) same_by_all(expression, texts, Target::Raw);
  same_by_all("\xe9", texts, Target::Raw);
}

TEST(Patterns, MeaningThatRuleWritersMayRelyOn) {
  EXPECT_FALSE(found("a$", "a\n"));
  EXPECT_TRUE(found("a\\Z", "a\n"));
  EXPECT_TRUE(found("a\\Z", "a"));
  EXPECT_FALSE(found("a\\Z", "a\nb"));
  EXPECT_TRUE(found("(?x) a b  # and a comment\n c", "abc"));
  EXPECT_TRUE(found("(?x)[ ]a\\ b", " a b"));
  EXPECT_TRUE(found("a(?#comment)b", "ab"));
  EXPECT_TRUE(found("(?<name>a)b", "ab"));
  EXPECT_FALSE(found("\\s", "\x0b"));
  EXPECT_TRUE(found("\\bcafe\\b", "cafe\xcc\x81"));
  EXPECT_TRUE(found("(?i)\xd0\xb2\xd0\xb0\xd1\x88", "\xd0\x92\xd0\x90\xd0\xa8"));
  EXPECT_FALSE(found("(?i)ss", "\xc3\x9f"));
  EXPECT_TRUE(found("^$", ""));
}

TEST(Patterns, WhatHyperscanCannotExpressRe2Searches) {
  auto set = compile(bodies({"plain", "foo^bar|x", "\\C\\Cz", "plain too", "(?m)^$"}));
  EXPECT_EQ(set->fallbacks(), 3U);
  EXPECT_THAT(hits(set, Target::Body, "plain x"), ElementsAre(0, 1));
  EXPECT_THAT(hits(set, Target::Body, "\xc3\xa9z plain too\n"), ElementsAre(0, 2, 3, 4));
}

TEST(Patterns, WhatWouldTakeTooLongIsRefused) {
  EXPECT_THAT(refusal("a[^\\n]{1,1000}b[^\\n]{1,1000}c"), HasSubstr("too large: make its counted repeats smaller"));
  EXPECT_THAT(refusal("foo[^\\n]{1,600}b"), HasSubstr("too large"));
  EXPECT_THAT(refusal("(?:a{1000}){1000}"), HasSubstr("invalid repetition size"));
  EXPECT_EQ(refusal("foo[^\\n]{1,100}b"), "(taken)");
  EXPECT_EQ(refusal("foo.{1,50}bar.{1,50}x"), "(taken)");
}

TEST(Patterns, RefusalsSayWhy) {
  EXPECT_THAT(refusal("a(?=b)"), HasSubstr("look-ahead '(?=': neither pattern engine has it"));
  EXPECT_THAT(refusal("a(?!b)"), HasSubstr("look-ahead"));
  EXPECT_THAT(refusal("(?<=a)b"), HasSubstr("look-behind '(?<='"));
  EXPECT_THAT(refusal("(?<!a)b"), HasSubstr("look-behind"));
  EXPECT_THAT(refusal("(a)\\1"), HasSubstr("the back reference '\\1': neither pattern engine has it"));
  EXPECT_THAT(refusal("(?P<x>a)(?P=x)"), HasSubstr("back reference"));
  EXPECT_THAT(refusal("(a)\\k{1}"), HasSubstr("back reference"));
  EXPECT_THAT(refusal("(?>a)"), HasSubstr("atomic group"));
  EXPECT_THAT(refusal("a++"), HasSubstr("possessive"));
  EXPECT_THAT(refusal("a{2}+"), HasSubstr("possessive"));
  EXPECT_THAT(refusal("(a|(?R))"), HasSubstr("recursion"));
  EXPECT_THAT(refusal("(a"), HasSubstr("missing )"));
  EXPECT_THAT(refusal("a)"), HasSubstr("unexpected )"));
  EXPECT_THAT(refusal("*a"), HasSubstr("no argument for repetition operator: *"));
  EXPECT_THAT(refusal("[z-a]"), HasSubstr("the range 'z-a' goes backwards"));
  EXPECT_THAT(refusal("[a"), HasSubstr("has no end"));
  EXPECT_THAT(refusal("\\h"), HasSubstr("'\\h' is not known"));
  EXPECT_THAT(refusal("[\\b]"), HasSubstr("'\\b' is not known in a character class"));
  EXPECT_THAT(refusal("\\p{Klingon}"), HasSubstr("'\\p{Klingon}' is no property"));
  EXPECT_THAT(refusal("[[:klingon:]]"), HasSubstr("'[:klingon:]' is no class"));
  EXPECT_THAT(refusal("\\x4"), HasSubstr("'\\x' needs two hexadecimal digits"));
  EXPECT_THAT(refusal("\\x{110000}"), HasSubstr("there is no character above"));
  EXPECT_THAT(refusal("\\x{100}", Target::Raw), HasSubstr("octets"));
  EXPECT_THAT(refusal("a\\"), HasSubstr("nothing behind the last"));
  EXPECT_THAT(refusal("\xff"), HasSubstr("not UTF-8"));
  EXPECT_THAT(refusal("(?y)a"), HasSubstr("'(?y' is not known"));
  EXPECT_THAT(refusal(std::string(5000, 'a')), HasSubstr("longer than 4096 octets"));
  EXPECT_THAT(refusal(std::string(300, '(') + std::string(300, ')')), HasSubstr("nested deeper than 200"));
  std::string properties;
  for (int i = 0; i < 1300; ++i) properties += "\\pL";
  EXPECT_THAT(refusal(properties), HasSubstr("too large once its character classes are written out"));
}

TEST(Patterns, AllRefusalsAtOnce) {
  std::vector<std::string> notes;
  auto set = PatternSet::compile(bodies({"(", "a", "b(?=c)"}), "", notes);
  ASSERT_FALSE(set);
  ASSERT_EQ(set.error().size(), 2U);
  EXPECT_EQ(set.error()[0].pattern, 0U);
  EXPECT_EQ(set.error()[1].pattern, 2U);
}

TEST(Patterns, HostileTextsAreSearched) {
  auto set = compile(bodies({"\xef\xbf\xbd", "(a+)+$", "(?i)\\bword\\b", "z"}));
  EXPECT_THAT(hits(set, Target::Body, "ab\xffz"), ElementsAre(0, 3));
  for (const char* bad :
       {"\xc3", "\xe2\x82", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\xaf", "\x80", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_THAT(hits(set, Target::Body, std::string("z") + bad), ElementsAre(0, 3)) << escape_for_log(bad);
  }
  EXPECT_THAT(hits(set, Target::Body, std::string(100'000, 'a') + "b"), IsEmpty());
  EXPECT_THAT(hits(set, Target::Body, std::string(100'000, '\xff')), ElementsAre(0));
  EXPECT_THAT(hits(set, Target::Body, std::string(1000, '\0')), IsEmpty());
  EXPECT_THAT(hits(set, Target::Body, std::string_view()), IsEmpty());
}

TEST(Patterns, OnlyTheFirstMebibyteIsSearchedAndNoCharacterIsCut) {
  auto set = compile({{Target::Body, "", "end"},
                      {Target::Body, "", "\xef\xbf\xbd"},
                      {Target::Raw, "", "end"},
                      {Target::Body, "", "\xe2\x82\xac"},
                      {Target::Raw, "", "\\xe2\\x82$"}});
  std::string text(RegexCache::kMaxSubject - 3, 'a');
  EXPECT_THAT(hits(set, Target::Body, text + "end"), ElementsAre(0));
  EXPECT_THAT(hits(set, Target::Body, text + "aend"), IsEmpty());
  EXPECT_THAT(hits(set, Target::Raw, text + "aend"), IsEmpty());
  EXPECT_THAT(hits(set, Target::Body, text + "\xe2\x82\xac"), ElementsAre(3));
  EXPECT_THAT(hits(set, Target::Body, text + "a\xe2\x82\xac"), IsEmpty());
  EXPECT_THAT(hits(set, Target::Raw, text + "a\xe2\x82\xac"), ElementsAre(4));
}

TEST(Patterns, ManyThreadsSearchOneSet) {
  auto set = compile(bodies({"(?i)viagra", "a\\Cc"}));
  std::vector<std::string> seen(4);
  std::vector<std::thread> threads;
  threads.reserve(seen.size());
  for (std::string& out : seen) {
    threads.emplace_back([&set, &out] {
      PatternScanner scanner(set);
      Matches matches;
      for (int i = 0; i < 50; ++i) {
        scanner.begin(matches);
        scanner.scan(Target::Body, "", "buy Viagra or abc", matches);
        out = matches.detail(0) + matches.detail(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(seen, testing::Each("Viagraabc"));
}

}  // namespace
}  // namespace postern::rules
