// Whole checks against a zone in memory: RFC 9989, 4.10, 5.3 and Appendix B.4.
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "filters/dmarc/dmarc.h"
#include "tests/fakes/fake_dns.h"

namespace postern::dmarc {
namespace {

using Method = Identifier::Method;
using State = Identifier::State;
using testing::ElementsAre;
using testing::IsEmpty;

Identifier spf(std::string domain, State state = State::Pass) {
  return {Method::Spf, state, std::move(domain)};
}
Identifier dkim(std::string domain, State state = State::Pass) {
  return {Method::Dkim, state, std::move(domain)};
}

class DmarcCheck : public testing::Test {
 public:
  DmarcCheck& record(const std::string& domain, std::string_view text) {
    dns.txt("_dmarc." + domain, text);
    return *this;
  }
  /// With all identifiers as candidates, as in the program.
  Outcome check(const std::string& from, const std::vector<Identifier>& identifiers) {
    std::vector<std::string> candidates;
    candidates.reserve(identifiers.size());
    for (const Identifier& identifier : identifiers) candidates.push_back(identifier.domain);
    return check(from, identifiers, candidates);
  }
  Outcome check(const std::string& from, const std::vector<Identifier>& identifiers,
                const std::vector<std::string>& candidates) {
    Check check(dns, options);
    check.begin({Author::Kind::One, from}, candidates);
    first_round = dns.queries();
    auto task = check.finish(identifiers);
    task.start([] {});
    dns.run();
    EXPECT_TRUE(task.done());
    return task.take();
  }
  std::vector<std::string> asked() const {
    std::vector<std::string> names;
    for (const dns::Question& question : dns.asked()) {
      names.push_back(question.type == dns::Type::TXT ? question.name : "A " + question.name);
    }
    return names;
  }

  test::FakeDns dns;
  Options options;
  size_t first_round = 0;
};

TEST_F(DmarcCheck, PassAndFail) {
  record("example.com", "v=DMARC1; p=reject");
  Outcome pass = check("example.com", {spf("example.com"), dkim("other.org")});
  EXPECT_EQ(pass.result, Result::Pass);
  EXPECT_EQ(pass.policy, Policy::Reject);
  EXPECT_EQ(pass.from, "example.com");
  EXPECT_EQ(pass.domain, "example.com");
  EXPECT_EQ(pass.record_domain, "example.com");
  EXPECT_THAT(pass.aligned, ElementsAre(Method::Spf));
  Outcome fail = check("example.com", {spf("other.org"), dkim("example.org")});
  EXPECT_EQ(fail.result, Result::Fail);
  EXPECT_THAT(fail.aligned, IsEmpty());
  EXPECT_EQ(check("example.com", {}).result, Result::Fail);
}

TEST_F(DmarcCheck, EachMethodStandsOnceAndSpfFirst) {
  record("example.com", "v=DMARC1; p=none");
  Outcome outcome = check("example.com", {dkim("example.com"), dkim("a.example.com"), spf("b.example.com")});
  EXPECT_THAT(outcome.aligned, ElementsAre(Method::Spf, Method::Dkim));
}

TEST_F(DmarcCheck, NoRecord) {
  Outcome outcome = check("mail.example.com", {dkim("mail.example.com")});
  EXPECT_EQ(outcome.result, Result::None);
  EXPECT_EQ(outcome.domain, "mail.example.com");
  EXPECT_EQ(outcome.record_domain, "");
  EXPECT_FALSE(outcome.reason.empty());
}

// RFC 9989, 5.3.1 and 4.4.
TEST_F(DmarcCheck, WithoutAnAuthorDomainThereIsNoPass) {
  record("example.com", "v=DMARC1; p=reject");
  for (auto kind : {Author::Kind::Missing, Author::Kind::Malformed, Author::Kind::Many}) {
    Check check(dns, options);
    check.begin({kind, {}}, {"example.com"});
    auto task = check.finish({dkim("example.com")});
    task.start([] {});
    Outcome outcome = task.take();
    EXPECT_EQ(outcome.result, Result::PermError);
    EXPECT_FALSE(outcome.reason.empty());
  }
  EXPECT_EQ(dns.queries(), 0U);
}

TEST_F(DmarcCheck, AlignmentModes) {
  record("example.com", "v=DMARC1; p=reject; adkim=s");
  EXPECT_EQ(check("mail.example.com", {dkim("example.com")}).result, Result::Fail);
  EXPECT_EQ(check("mail.example.com", {dkim("mail.example.com")}).result, Result::Pass);
  EXPECT_EQ(check("mail.example.com", {spf("example.com")}).result, Result::Pass);
  EXPECT_EQ(check("mail.example.com", {spf("bounce.example.com")}).result, Result::Pass);
  EXPECT_EQ(check("mail.example.com", {spf("notexample.com")}).result, Result::Fail);
}

// RFC 9989, B.4.1 and B.4.2.
TEST_F(DmarcCheck, TheHighestRecordIsTheOrganization) {
  record("example.com", "v=DMARC1; p=reject").record("signing.example.com", "v=DMARC1; p=none");
  for (const char* from : {"example.com", "a.b.c.d.e.f.g.h.i.j.k.example.com"}) {
    Outcome outcome = check(from, {spf("example.com"), dkim("signing.example.com")});
    EXPECT_EQ(outcome.result, Result::Pass);
    EXPECT_EQ(outcome.domain, "example.com");
    EXPECT_THAT(outcome.aligned, ElementsAre(Method::Spf, Method::Dkim));
  }
}

// RFC 9989, B.4.3.
TEST_F(DmarcCheck, PublicSuffixDomain) {
  record("bank.example", "v=DMARC1; p=reject; psd=y; sp=quarantine; np=none")
      .record("giant.bank.example", "v=DMARC1; p=none");
  Outcome giant = check("giant.bank.example", {spf("mail.giant.bank.example"), dkim("mail.mega.bank.example")});
  EXPECT_EQ(giant.result, Result::Pass);
  EXPECT_EQ(giant.domain, "giant.bank.example");
  EXPECT_EQ(giant.record_domain, "giant.bank.example");
  EXPECT_THAT(giant.aligned, ElementsAre(Method::Spf));
  // 4.10.1: without a record of its own or of its organization, that of the public suffix counts.
  dns.a("mega.bank.example", "192.0.2.1");
  Outcome mega = check("mega.bank.example", {dkim("giant.bank.example")});
  EXPECT_EQ(mega.result, Result::Fail);
  EXPECT_EQ(mega.domain, "mega.bank.example");
  EXPECT_EQ(mega.record_domain, "bank.example");
  EXPECT_EQ(mega.policy, Policy::Quarantine);
  EXPECT_EQ(check("nobody.bank.example", {}).policy, Policy::None);
  // The public suffix as an author: its own policy, and nobody below is aligned with it.
  Outcome itself = check("bank.example", {dkim("giant.bank.example")});
  EXPECT_EQ(itself.result, Result::Fail);
  EXPECT_EQ(itself.policy, Policy::Reject);
}

TEST_F(DmarcCheck, OrganizationsWithin) {
  record("example.com", "v=DMARC1; p=reject").record("dept.example.com", "v=DMARC1; p=none; psd=n");
  Outcome outcome = check("a.dept.example.com", {dkim("example.com")});
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.domain, "dept.example.com");
  EXPECT_EQ(check("a.dept.example.com", {dkim("b.dept.example.com")}).result, Result::Pass);
  EXPECT_EQ(check("www.example.com", {dkim("b.dept.example.com")}).result, Result::Fail);
}

// RFC 9989, 4.10: two records are none, and the walk goes on; records between author and organization do not count.
TEST_F(DmarcCheck, WhichRecordCounts) {
  record("example.com", "v=DMARC1; p=quarantine").record("b.example.com", "v=DMARC1; p=reject");
  record("two.example.com", "v=DMARC1; p=none").record("two.example.com", "v=DMARC1; p=none");
  EXPECT_EQ(check("two.example.com", {}).record_domain, "example.com");
  EXPECT_EQ(check("a.b.example.com", {}).record_domain, "example.com");
  EXPECT_EQ(check("b.example.com", {}).policy, Policy::Reject);
}

// RFC 9989, 3.2.13 and 4.7, "np".
TEST_F(DmarcCheck, DomainsThatDoNotExist) {
  record("example.com", "v=DMARC1; p=reject; sp=none; np=quarantine");
  dns.a("www.example.com", "192.0.2.1").empty("a.tree.example.com").txt("_dmarc.odd.example.com", "something else");
  EXPECT_EQ(check("nobody.example.com", {}).policy, Policy::Quarantine);
  EXPECT_EQ(check("www.example.com", {}).policy, Policy::None);
  EXPECT_EQ(check("tree.example.com", {}).policy, Policy::None);
  EXPECT_EQ(check("odd.example.com", {}).policy, Policy::None);
  EXPECT_EQ(check("example.com", {}).policy, Policy::Reject);
  dns.temp_fail("unknown.example.com");
  Outcome unknown = check("unknown.example.com", {});
  EXPECT_EQ(unknown.result, Result::TempError);
  EXPECT_EQ(check("unknown.example.com", {dkim("unknown.example.com")}).result, Result::Pass);
}

TEST_F(DmarcCheck, TestMode) {
  record("example.com", "v=DMARC1; p=reject; t=y");
  Outcome outcome = check("example.com", {});
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_EQ(outcome.policy, Policy::Quarantine);
  EXPECT_TRUE(outcome.testing);
}

TEST_F(DmarcCheck, DnsTroubleIsNeverAFail) {
  dns.never("_dmarc.example.com");
  EXPECT_EQ(check("example.com", {}).result, Result::TempError);
  EXPECT_EQ(check("mail.example.com", {dkim("mail.example.com")}).result, Result::TempError);
  record("mail.example.com", "v=DMARC1; p=reject");
  // What stands above does not matter to one and the same domain, nor to strangers.
  EXPECT_EQ(check("mail.example.com", {dkim("mail.example.com")}).result, Result::Pass);
  EXPECT_EQ(check("mail.example.com", {dkim("other.org")}).result, Result::Fail);
  EXPECT_EQ(check("mail.example.com", {dkim("www.example.com")}).result, Result::TempError);
}

TEST_F(DmarcCheck, TroubleAboveBothPartsNobody) {
  dns.temp_fail("_dmarc.com");
  record("example.com", "v=DMARC1; p=reject");
  EXPECT_EQ(check("example.com", {dkim("mail.example.com")}).result, Result::Pass);
  dns.temp_fail("_dmarc.sub.example.com");
  EXPECT_EQ(check("example.com", {dkim("sub.example.com")}).result, Result::TempError);
}

TEST_F(DmarcCheck, IdentifiersThatCouldNotBeChecked) {
  record("example.com", "v=DMARC1; p=reject");
  EXPECT_EQ(check("example.com", {dkim("mail.example.com", State::TempError)}).result, Result::TempError);
  EXPECT_EQ(check("example.com", {dkim("other.org", State::TempError)}).result, Result::Fail);
  Outcome outcome = check("example.com", {dkim("example.com", State::TempError), spf("example.com")});
  EXPECT_EQ(outcome.result, Result::Pass);
  EXPECT_THAT(outcome.aligned, ElementsAre(Method::Spf));
}

// A record without a policy, RFC 9989, 4.10.1.
TEST_F(DmarcCheck, UnusableRecord) {
  record("example.com", "v=DMARC1; adkim=s");
  Outcome outcome = check("example.com", {dkim("example.com")});
  EXPECT_EQ(outcome.result, Result::None);
  EXPECT_NE(outcome.reason.find("example.com"), std::string::npos);
}

TEST_F(DmarcCheck, OneRoundTrip) {
  record("example.com", "v=DMARC1; p=reject; np=none");
  check("mail.example.com", {spf("bounce.example.com"), dkim("example.com"), dkim("other.com"), dkim("other.org")});
  EXPECT_THAT(asked(), ElementsAre("_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com",
                                   "_dmarc.bounce.example.com", "A mail.example.com"));
  EXPECT_EQ(first_round, dns.queries());
}

TEST_F(DmarcCheck, IdentifiersThatWereNoCandidates) {
  record("example.com", "v=DMARC1; p=reject").record("psd.example.com", "v=DMARC1; p=none; psd=n");
  EXPECT_EQ(check("example.com", {dkim("mail.example.com")}, {}).result, Result::Pass);
  EXPECT_EQ(check("example.com", {dkim("a.psd.example.com")}, {}).result, Result::Fail);
}

// Under a top-level domain that is one organization, candidates are looked up after all.
TEST_F(DmarcCheck, TopLevelOrganization) {
  record("corp", "v=DMARC1; p=reject; sp=quarantine; np=none");
  dns.a("a.corp", "192.0.2.1");
  Outcome outcome = check("a.corp", {dkim("b.corp")});
  EXPECT_EQ(outcome.result, Result::Pass);
  EXPECT_EQ(outcome.domain, "corp");
  EXPECT_EQ(outcome.policy, Policy::Quarantine);
  EXPECT_EQ(check("nobody.corp", {}).policy, Policy::None);
}

TEST_F(DmarcCheck, LookupsAreBounded) {
  record("example.com", "v=DMARC1; p=reject");
  std::vector<Identifier> identifiers;
  identifiers.reserve(200);
  for (int i = 0; i < 200; ++i) identifiers.push_back(dkim("a.b.c.d.n" + std::to_string(i) + ".example.com"));
  std::vector<std::string> none;
  Outcome outcome = check("x.example.com", identifiers, none);
  EXPECT_EQ(outcome.result, Result::Pass);
  EXPECT_LE(dns.queries(), 41U);
  // A domain beyond the bound is not aligned, and that is said.
  for (Identifier& identifier : identifiers) record(identifier.domain, "v=DMARC1; p=none; psd=n");
  outcome = check("x.example.com", identifiers);
  EXPECT_EQ(outcome.result, Result::Fail);
  EXPECT_FALSE(outcome.reason.empty());
}

// Names that are none are nobody's, and are not asked for.
TEST_F(DmarcCheck, IdentifiersThatAreNoNames) {
  record("com", "v=DMARC1; p=reject");
  for (const char* name : {".com", ".x.com", "x..com", "", "."}) {
    EXPECT_EQ(check("mail.example.com", {dkim(name)}).result, Result::Fail) << name;
    EXPECT_EQ(check("mail.example.com", {dkim(name)}, {}).reason, "") << name;
  }
}

TEST_F(DmarcCheck, AuthorWalkIsEightQueries) {
  check("a.b.c.d.e.f.g.h.i.j.k.example.com", {});
  EXPECT_EQ(dns.queries(), 9U);  // and the name itself
}

TEST_F(DmarcCheck, PublicSuffixList) {
  options.discovery = Discovery::Psl;
  record("example.co.uk", "v=DMARC1; p=reject; sp=quarantine").record("mid.example.co.uk", "v=DMARC1; p=none; psd=n");
  Outcome outcome = check("a.mid.example.co.uk", {dkim("other.example.co.uk")});
  EXPECT_EQ(outcome.result, Result::Pass);
  EXPECT_EQ(outcome.domain, "example.co.uk");
  EXPECT_EQ(outcome.policy, Policy::Quarantine);
  EXPECT_EQ(asked()[0], "_dmarc.a.mid.example.co.uk");
  EXPECT_EQ(asked()[1], "_dmarc.example.co.uk");
  EXPECT_EQ(check("a.example.co.uk", {dkim("b.co.uk")}).result, Result::Fail);
  EXPECT_EQ(check("nothing.org", {dkim("nothing.org")}).result, Result::None);
  dns.temp_fail("_dmarc.broken.org");
  EXPECT_EQ(check("www.broken.org", {dkim("www.broken.org")}).result, Result::TempError);
}

TEST_F(DmarcCheck, DestroyingCancels) {
  {
    Check check(dns, options);
    check.begin({Author::Kind::One, "example.com"}, {});
    auto task = check.finish({});
    task.start([] { FAIL(); });
    EXPECT_GT(dns.pending(), 0U);
  }
  EXPECT_EQ(dns.pending(), 0U);
  EXPECT_EQ(dns.run(), 0U);
}

TEST_F(DmarcCheck, NeverBegun) {
  Check check(dns, options);
  auto task = check.finish({dkim("example.com")});
  task.start([] {});
  EXPECT_EQ(task.take().result, Result::PermError);
}

}  // namespace
}  // namespace postern::dmarc
