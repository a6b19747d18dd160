// Whole checks: results, identities, explanations. The published suites say more (tests/conformance/spf_unit.py).
#include <string>

#include "tests/unit/filters_spf/spf_fixture.h"

namespace postern::spf {
namespace {

TEST_F(SpfCheck, QualifiersAndDefault) {
  dns.txt("a.org", "v=spf1 +all").txt("b.org", "v=spf1 -all").txt("c.org", "v=spf1 ~all").txt("d.org", "v=spf1 ?all");
  dns.txt("e.org", "v=spf1").txt("f.org", "something else");
  EXPECT_EQ(check("x@a.org").result, Result::Pass);
  EXPECT_EQ(check("x@b.org").result, Result::Fail);
  EXPECT_EQ(check("x@c.org").result, Result::SoftFail);
  EXPECT_EQ(check("x@d.org").result, Result::Neutral);
  EXPECT_EQ(check("x@e.org").result, Result::Neutral);
  EXPECT_EQ(check("x@f.org").result, Result::None);
  EXPECT_EQ(check("x@nowhere.org").result, Result::None);
}

TEST_F(SpfCheck, OutcomeNamesTheDomainAndTheReason) {
  dns.txt("example.org", "v=spf1 foo");
  Outcome outcome = check("Jim@Example.ORG.");
  EXPECT_EQ(outcome.result, Result::PermError);
  EXPECT_EQ(outcome.domain, "example.org");
  EXPECT_EQ(outcome.reason, "unknown mechanism: foo at Example.ORG");
  EXPECT_EQ(outcome.explanation, "");
}

TEST_F(SpfCheck, NullSenderIsPostmasterAtHelo) {
  dns.txt("helo.example.net", "v=spf1 exists:%{l}.%{o}.ok.example -all");
  dns.a("postmaster.helo.example.net.ok.example", "127.0.0.2");
  Outcome outcome = check("");
  EXPECT_EQ(outcome.result, Result::Pass);
  EXPECT_EQ(outcome.domain, "helo.example.net");
  EXPECT_EQ(check_hello("helo.example.net").result, Result::Pass);
  EXPECT_EQ(check("@helo.example.net").result, Result::Pass);
}

TEST_F(SpfCheck, WhatIsNoDomainIsNone) {
  for (const char* from : {"x@", "x@localhost", "x@[192.0.2.1]", "x@192.0.2.1", "x@a..org", "x@.org", "x@\xff\xfe.org",
                           "x@a b.org", "x@a\x01.org", "localhost"}) {
    EXPECT_EQ(check(from).result, Result::None) << from;
  }
  EXPECT_EQ(check_hello("[192.0.2.1]").result, Result::None);
  EXPECT_EQ(check(std::string("x@a\0b.org", 9)).result, Result::None);
  EXPECT_EQ(dns.queries(), 0U);
}

// RFC 8616, 4.
TEST_F(SpfCheck, InternationalDomains) {
  dns.txt("xn--bcher-kva.example", "v=spf1 include:%{l}.x.org exists:%{l}.org a:%{d}.x.org -all");
  dns.a("xn--bcher-kva.example.x.org", "192.0.2.3");
  Outcome outcome = check(
      "j\xc3\xb6rg@b\xc3\xbc"
      "cher.example");
  EXPECT_EQ(outcome.domain, "xn--bcher-kva.example");
  EXPECT_EQ(outcome.result, Result::Pass);  // and the terms with a local part beyond ASCII match nothing
  for (const auto& question : dns.asked()) EXPECT_EQ(question.name.find('\xc3'), std::string::npos);
}

TEST_F(SpfCheck, Mechanisms) {
  dns.a("example.org", "192.0.2.3").mx("mx.org", 10, "m1.mx.org").mx("mx.org", 20, "m2.mx.org");
  dns.a("m1.mx.org", "192.0.2.77").a("m2.mx.org", "192.0.2.3").aaaa("m2.mx.org", "2001:db8::3");
  dns.ptr("3.2.0.192.in-addr.arpa", "Host.Example.Net").a("host.example.net", "192.0.2.3");
  dns.ptr("4.2.0.192.in-addr.arpa", "forged.example.net").a("forged.example.net", "192.0.2.99");
  dns.txt("a.org", "v=spf1 a:example.org -all").txt("m.org", "v=spf1 mx:mx.org -all");
  dns.txt("p.org", "v=spf1 ptr:example.net -all").txt("cidr.org", "v=spf1 a:example.org/30//64 -all");
  EXPECT_EQ(check("x@a.org").result, Result::Pass);
  EXPECT_EQ(check("x@a.org", "192.0.2.2").result, Result::Fail);
  EXPECT_EQ(check("x@cidr.org", "192.0.2.2").result, Result::Pass);
  EXPECT_EQ(check("x@m.org").result, Result::Pass);
  EXPECT_EQ(check("x@m.org", "2001:db8::3").result, Result::Pass);
  EXPECT_EQ(check("x@m.org", "2001:db8::4").result, Result::Fail);
  EXPECT_EQ(check("x@p.org").result, Result::Pass);
  EXPECT_EQ(check("x@p.org", "192.0.2.4").result, Result::Fail);
}

// libspf2 passes every loopback client: we do not.
TEST_F(SpfCheck, LoopbackIsJudgedLikeAnyone) {
  dns.a("lo.org", "127.0.0.1").aaaa("lo.org", "::1").txt("lo.org", "v=spf1 a/31 -all").txt("no.org", "v=spf1 -all");
  EXPECT_EQ(check("x@no.org", "127.0.0.1").result, Result::Fail);
  EXPECT_EQ(check("x@no.org", "::1").result, Result::Fail);
  EXPECT_EQ(check("x@lo.org", "127.0.0.1").result, Result::Pass);
  EXPECT_EQ(check("x@lo.org", "127.0.0.2").result, Result::Fail);
  EXPECT_EQ(check("x@lo.org", "::1").result, Result::Pass);
}

TEST_F(SpfCheck, PrefixZeroNeedsAnAddress) {
  dns.a("some.org", "10.1.1.1").txt("t.org", "v=spf1 a:none.org/0 mx:some.org/0 a:some.org/0 -all");
  EXPECT_EQ(check("x@t.org").result, Result::Pass);
  EXPECT_EQ(check("x@t.org", "2001:db8::1").result, Result::PermError);  // three void look-ups
}

TEST_F(SpfCheck, ValidatedNamePrefersTheDomain) {
  dns.txt("example.org", "v=spf1 exists:%{p}.ok -all");
  dns.ptr("3.2.0.192.in-addr.arpa", "other.net").ptr("3.2.0.192.in-addr.arpa", "sub.example.org");
  dns.ptr("3.2.0.192.in-addr.arpa", "forged.org");
  dns.a("other.net", "192.0.2.3").a("sub.example.org", "192.0.2.3").a("sub.example.org.ok", "127.0.0.1");
  EXPECT_EQ(check().result, Result::Pass);
  dns.txt("b.org", "v=spf1 exists:%{p}.ok -all").a("unknown.ok", "127.0.0.1");
  EXPECT_EQ(check("x@b.org", "192.0.2.200").result, Result::Pass);
}

TEST_F(SpfCheck, IncludeResults) {
  dns.txt("pass.org", "v=spf1 +all").txt("fail.org", "v=spf1 -all exp=e.fail.org").txt("e.fail.org", "not mine");
  dns.temp_fail("temp.org");
  dns.txt("perm.org", "v=spf1 oops").txt("two.org", "v=spf1").txt("two.org", "v=spf1");
  EXPECT_EQ(judge("v=spf1 ?include:pass.org -all"), Result::Neutral);
  dns.txt("b.org", "v=spf1 include:fail.org -all");
  Outcome outcome = check("x@b.org");
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.explanation, "DEFAULT");
  dns.txt("c.org", "v=spf1 include:temp.org +all").txt("d.org", "v=spf1 include:perm.org +all");
  dns.txt("e.org", "v=spf1 include:none.org +all").txt("f.org", "v=spf1 include:two.org +all");
  EXPECT_EQ(check("x@c.org").result, Result::TempError);
  EXPECT_EQ(check("x@c.org").reason, "DNS: SERVFAIL for temp.org");
  EXPECT_EQ(check("x@d.org").result, Result::PermError);
  EXPECT_EQ(check("x@d.org").reason, "unknown mechanism: oops at perm.org");
  EXPECT_EQ(check("x@e.org").reason, "no SPF record at none.org");
  EXPECT_EQ(check("x@f.org").reason, "several SPF records at two.org");
}

TEST_F(SpfCheck, RedirectTakesOverTheExplanation) {
  dns.txt("example.org", "v=spf1 redirect=target.org ip4:10.0.0.1 exp=mine.org").txt("mine.org", "mine");
  dns.txt("target.org", "v=spf1 -all exp=why.%{d}").txt("why.target.org", "%{i} is not of %{d}, %{s}!");
  Outcome outcome = check();
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.explanation, "192.0.2.3 is not of target.org, jim@example.org!");
  EXPECT_EQ(check("jim@example.org", "10.0.0.1").result, Result::Pass);
}

TEST_F(SpfCheck, ExplanationsThatAreNoGoodAreDropped) {
  dns.txt("a.org", "v=spf1 -all exp=e.a.org").txt("e.a.org", "one").txt("e.a.org", "two");
  dns.txt("b.org", "v=spf1 -all exp=e.b.org").txt("e.b.org", "100% wrong");
  dns.txt("c.org", "v=spf1 -all exp=e.c.org").txt("e.c.org", "tab\there");
  dns.txt("d.org", "v=spf1 -all exp=e.d.org").temp_fail("e.d.org");
  dns.txt("f.org", "v=spf1 -all exp=e.f.org").txt("e.f.org", "hello %{h}");
  for (const char* from : {"x@a.org", "x@b.org", "x@c.org", "x@d.org"}) {
    EXPECT_EQ(check(from).explanation, "DEFAULT") << from;
  }
  EXPECT_EQ(check("x@f.org", kClient, "evil\r\n250 ok").explanation, "DEFAULT");
  EXPECT_EQ(check("x@f.org", kClient, "mx.f.org").explanation, "hello mx.f.org");
}

TEST_F(SpfCheck, NamesThatAreNoneMatchNothing) {
  std::string label(64, 'x');
  dns.txt("example.org", "v=spf1 a:" + label + ".org a:a..b.org exists:" + label + ".org mx:" + label + ".org -all");
  EXPECT_EQ(check().result, Result::Fail);
  dns.txt("b.org", "v=spf1 include:" + label + ".org +all").txt("c.org", "v=spf1 include:%{l} +all");
  EXPECT_EQ(check("x@b.org").result, Result::PermError);
  EXPECT_EQ(check("x@c.org").result, Result::PermError);
}

TEST_F(SpfCheck, ResultNames) {
  EXPECT_EQ(to_string(Result::None), "none");
  EXPECT_EQ(to_string(Result::SoftFail), "softfail");
  EXPECT_EQ(to_string(Result::TempError), "temperror");
}

}  // namespace
}  // namespace postern::spf
