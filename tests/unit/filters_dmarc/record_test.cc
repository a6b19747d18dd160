// Policy records (RFC 9989, 4.7 and 4.8).
#include "filters/dmarc/record.h"

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "filters/base/domain.h"
#include "filters/dmarc/psl.h"
#include "filters/dmarc/walk.h"

namespace postern::dmarc {
namespace {

/// "reject sp=none adkim=s", "unusable", or "no record".
std::string read(std::string_view text) {
  if (!is_record(text)) return "no record";
  Record record = parse_record(text);
  if (!record.usable) return "unusable";
  std::string out(to_string(record.p));
  if (record.sp) out += " sp=" + std::string(to_string(*record.sp));
  if (record.np) out += " np=" + std::string(to_string(*record.np));
  if (record.strict_dkim) out += " adkim=s";
  if (record.strict_spf) out += " aspf=s";
  if (record.psd == Record::Psd::Yes) out += " psd=y";
  if (record.psd == Record::Psd::No) out += " psd=n";
  if (record.testing) out += " t=y";
  return out;
}

struct Case {
  std::string_view text;
  std::string_view expect;
};

TEST(DmarcRecord, Version) {
  for (const Case& c : std::initializer_list<Case>{
           {"v=DMARC1; p=reject", "reject"},
           {"v = DMARC1 ; p = reject ; ", "reject"},
           {"V=DMARC1;p=reject", "reject"},
           {"v=DMARC1", "unusable"},
           {"v=dmarc1; p=reject", "no record"},
           {"v=DMARC1x; p=reject", "no record"},
           {"v=DMARC12; p=reject", "no record"},
           {" v=DMARC1; p=reject", "no record"},
           {"p=reject; v=DMARC1", "no record"},
           {"v=spf1 -all", "no record"},
           {"v", "no record"},
           {"", "no record"},
       }) {
    EXPECT_EQ(read(c.text), c.expect) << c.text;
  }
}

TEST(DmarcRecord, TagsAndTheirValues) {
  for (const Case& c : std::initializer_list<Case>{
           {"v=DMARC1; p=none", "none"},
           {"v=DMARC1; P=Quarantine; SP=NONE; Np=Reject", "quarantine sp=none np=reject"},
           {"v=DMARC1; p=reject; adkim=S; aspf=s; psd=Y; t=Y", "reject adkim=s aspf=s psd=y t=y"},
           {"v=DMARC1; psd=n; p=reject", "reject psd=n"},
           {"v=DMARC1; p=reject; psd=u; t=n; adkim=r; aspf=r", "reject"},
           {"v=DMARC1; p=reject; psd=maybe; t=1; adkim=strict; aspf=", "reject"},
           {"v=DMARC1; p=reject; pct=500; rf=bob; ri=never; x=y; tagonly; =; ;;", "reject"},
           {"v=DMARC1;\tp\t=\treject\t;", "reject"},
           {"v=DMARC1; p=reject; p=none", "reject"},
           {"v=DMARC1; p=re ject", "unusable"},
       }) {
    EXPECT_EQ(read(c.text), c.expect) << c.text;
  }
}

// RFC 9989, 4.10.1.
TEST(DmarcRecord, PolicyMissingOrWrong) {
  for (const Case& c : std::initializer_list<Case>{
           {"v=DMARC1; adkim=s", "unusable"},
           {"v=DMARC1; p=", "unusable"},
           {"v=DMARC1; p=bob", "unusable"},
           {"v=DMARC1; p=reject; sp=bob", "unusable"},
           {"v=DMARC1; p=reject; np=", "unusable"},
           {"v=DMARC1; p=bob; rua=dmarc@example.org", "unusable"},
           {"v=DMARC1; p=bob; rua=mailto:", "unusable"},
           {"v=DMARC1; p=bob; rua=", "unusable"},
           {"v=DMARC1; p=bob; rua=mailto:a b@example.org", "unusable"},
           {"v=DMARC1; rua=mailto:dmarc@example.org", "none"},
           {"v=DMARC1; rua=mailto:dmarc@example.org!10m; adkim=s", "none adkim=s"},
           {"v=DMARC1; p=reject; sp=bob; rua=nonsense , https://example.org/dmarc", "none"},
       }) {
    EXPECT_EQ(read(c.text), c.expect) << c.text;
  }
}

TEST(DmarcRecord, OneAmongManyTexts) {
  EXPECT_TRUE(select_record({"v=spf1 -all", "v=DMARC1; p=none", "some text"}));
  EXPECT_FALSE(select_record({"v=spf1 -all", "some text"}));
  // RFC 9989, 4.10: several are none, even when they say the same.
  EXPECT_FALSE(select_record({"v=DMARC1; p=none", "v=DMARC1; p=none"}));
  EXPECT_FALSE(select_record({}));
}

// RFC 9989, 4.7 "np", "sp", "t"; 4.10.1.
TEST(DmarcRecord, PolicyForADomain) {
  Record all = parse_record("v=DMARC1; p=reject; sp=quarantine; np=none");
  EXPECT_EQ(policy_of(all, false, true), Policy::Reject);
  EXPECT_EQ(policy_of(all, false, false), Policy::Reject);
  EXPECT_EQ(policy_of(all, true, true), Policy::Quarantine);
  EXPECT_EQ(policy_of(all, true, false), Policy::None);
  EXPECT_EQ(policy_of(parse_record("v=DMARC1; p=none; sp=reject"), true, false), Policy::Reject);
  EXPECT_EQ(policy_of(parse_record("v=DMARC1; p=none; np=reject"), true, true), Policy::None);
  EXPECT_EQ(policy_of(parse_record("v=DMARC1; p=reject; t=y"), false, true), Policy::Quarantine);
  EXPECT_EQ(policy_of(parse_record("v=DMARC1; p=none; sp=quarantine; t=y"), true, true), Policy::None);
  EXPECT_EQ(policy_of(parse_record("v=DMARC1; p=none; t=y"), false, true), Policy::None);
}

// RFC 9989, 4.10 and 5.1.8.
TEST(TreeWalk, Names) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(walk_names("example"), (Names{"example"}));
  EXPECT_EQ(walk_names("mail.example.com"), (Names{"mail.example.com", "example.com", "com"}));
  EXPECT_EQ(walk_names("a.b.c.d.e.f.g").size(), 7U);
  EXPECT_EQ(walk_names("a.b.c.d.e.f.g.h"),
            (Names{"a.b.c.d.e.f.g.h", "b.c.d.e.f.g.h", "c.d.e.f.g.h", "d.e.f.g.h", "e.f.g.h", "f.g.h", "g.h", "h"}));
  EXPECT_EQ(walk_names("mail.a.b.c.d.e.f.g.example.com"),
            (Names{"mail.a.b.c.d.e.f.g.example.com", "c.d.e.f.g.example.com", "d.e.f.g.example.com",
                   "e.f.g.example.com", "f.g.example.com", "g.example.com", "example.com", "com"}));
  EXPECT_EQ(walk_names("192.0.2.1"), (Names{"192.0.2.1"}));
}

TEST(TreeWalk, SharedParents) {
  EXPECT_EQ(common_parent("a.example.com", "b.example.com"), "example.com");
  EXPECT_EQ(common_parent("example.com", "b.example.com"), "example.com");
  EXPECT_EQ(common_parent("notexample.com", "example.com"), "com");
  EXPECT_EQ(common_parent("example.com", "example.com"), "example.com");
  EXPECT_EQ(common_parent("example.com", "example.org"), "");
  EXPECT_EQ(common_parent("xcom", "com"), "");
  EXPECT_TRUE(is_at_or_below("a.example.com", "example.com"));
  EXPECT_FALSE(is_at_or_below("notexample.com", "example.com"));
}

// facts of libpsl: case, a final dot and addresses mislead it.
TEST(PublicSuffixList, TrapsOfTheLibrary) {
  EXPECT_EQ(registrable_domain("a.EXAMPLE.co.UK."), "example.co.uk");
  EXPECT_EQ(registrable_domain("a.b\xc3\xbc"
                               "cher.de"),
            "xn--bcher-kva.de");
  for (std::string_view none : {"co.uk", "com", "192.0.2.1", "a..example.com", ".example.com", "", "2001:db8::1"}) {
    EXPECT_FALSE(registrable_domain(none).has_value()) << none;
  }
}

}  // namespace
}  // namespace postern::dmarc
