#include "filters/spf/macro.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::spf {
namespace {

MacroValues values(std::string_view client = "192.0.2.3") {
  MacroValues out;
  out.local = "strong-bad";
  out.sender_domain = "email.example.com";
  out.domain = "email.example.com";
  out.helo = "mx.example.net";
  out.receiver = "here.example";
  out.validated_name = "mx.example.org";
  out.client = IpAddress::parse(client).value();
  out.wall_seconds = 1700000000;
  return out;
}

std::string expand(std::string_view text, MacroPlace place = MacroPlace::Domain,
                   std::string_view client = "192.0.2.3") {
  EXPECT_TRUE(scan_macros(text, place)) << text;
  return expand_macros(text, values(client), place);
}

// The examples of RFC 7208, 7.4.
TEST(SpfMacro, Examples) {
  EXPECT_EQ(expand("%{s}"), "strong-bad@email.example.com");
  EXPECT_EQ(expand("%{o}"), "email.example.com");
  EXPECT_EQ(expand("%{d4}"), "email.example.com");
  EXPECT_EQ(expand("%{d2}"), "example.com");
  EXPECT_EQ(expand("%{d1}"), "com");
  EXPECT_EQ(expand("%{dr}"), "com.example.email");
  EXPECT_EQ(expand("%{d2r}"), "example.email");
  EXPECT_EQ(expand("%{l}"), "strong-bad");
  EXPECT_EQ(expand("%{l-}"), "strong.bad");
  EXPECT_EQ(expand("%{lr}"), "strong-bad");
  EXPECT_EQ(expand("%{lr-}"), "bad.strong");
  EXPECT_EQ(expand("%{l1r-}"), "strong");
  EXPECT_EQ(expand("%{ir}.%{v}._spf.%{d2}"), "3.2.0.192.in-addr._spf.example.com");
  EXPECT_EQ(expand("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}"), "bad.strong.lp.3.2.0.192.in-addr._spf.example.com");
  EXPECT_EQ(expand("%{d2}.trusted-domains.example.net"), "example.com.trusted-domains.example.net");
  EXPECT_EQ(expand("%{ir}.%{v}._spf.%{d2}", MacroPlace::Domain, "2001:db8::cb01"),
            "1.0.B.C.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.D.0.1.0.0.2.ip6._spf.example.com");
}

TEST(SpfMacro, ExplanationLettersAndEscapes) {
  EXPECT_EQ(expand("%{c} at %{t} by %{r}, %{h}, %{p}: 100%%%_x%-y", MacroPlace::Explanation),
            "192.0.2.3 at 1700000000 by here.example, mx.example.net, mx.example.org: 100% x%20y");
  EXPECT_EQ(expand("http://x/?s=%{S}", MacroPlace::Explanation), "http://x/?s=strong-bad%40email.example.com");
  EXPECT_EQ(expand("%{c}", MacroPlace::Explanation, "2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(expand("%{L2R-}", MacroPlace::Explanation), "bad.strong");
}

TEST(SpfMacro, UnknownReceiver) {
  auto given = values();
  given.receiver = "";
  EXPECT_EQ(expand_macros("%{r}", given, MacroPlace::Explanation), "unknown");
}

TEST(SpfMacro, SaysWhatIsUsed) {
  EXPECT_FALSE(scan_macros("a.b", MacroPlace::Domain)->any);
  EXPECT_TRUE(scan_macros("%%.b", MacroPlace::Domain)->any);
  EXPECT_TRUE(scan_macros("%{P}.b", MacroPlace::Domain)->validated_name);
  EXPECT_TRUE(scan_macros("%{s}.b", MacroPlace::Domain)->local_part);
  EXPECT_FALSE(scan_macros("%{d}.b", MacroPlace::Domain)->local_part);
}

TEST(SpfMacro, SpacesOnlyInExplanations) {
  EXPECT_TRUE(scan_macros("a b", MacroPlace::Explanation));
  EXPECT_FALSE(scan_macros("a b", MacroPlace::Modifier));
  EXPECT_FALSE(scan_macros("a\tb", MacroPlace::Explanation));
  EXPECT_FALSE(scan_macros("a\x80", MacroPlace::Explanation));
}

TEST(SpfMacro, CountsOfAnyLengthAreBounded) {
  EXPECT_EQ(expand("%{d99999999999999999999999999999}"), "email.example.com");
  EXPECT_FALSE(scan_macros("%{d000}", MacroPlace::Domain));
}

// RFC 7208, 7.3: whole labels go on the left.
TEST(SpfMacro, LongNamesLoseLabelsOnTheLeft) {
  std::string label(63, 'a');
  std::string name = "x." + label + "." + label + "." + label + "." + std::string(61, 'b');
  fit_name(name);
  EXPECT_EQ(name.size(), 253U);
  EXPECT_EQ(name.substr(0, 2), "aa");
  std::string endless(300, 'a');
  fit_name(endless);
  EXPECT_EQ(endless.size(), 300U);  // no dot to cut at: no valid name
  std::string dotted = "a.b.";
  fit_name(dotted);
  EXPECT_EQ(dotted, "a.b");
}

TEST(SpfMacro, ExpansionIsBounded) {
  MacroValues given = values();
  std::string helo;
  for (int i = 0; i < 30000; ++i) helo += "ab.";
  given.helo = helo;
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "%{h}";
  EXPECT_LE(expand_macros(text + ".org", given, MacroPlace::Domain).size(), 253U);
  EXPECT_EQ(expand_macros(text, given, MacroPlace::Explanation).size(), kMaxExplanation);
}

}  // namespace
}  // namespace postern::spf
