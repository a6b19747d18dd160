// Signature fields as text, and which header fields they cover.
#include <string>

#include "tests/unit/filters_dkim/dkim_fixture.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kGood = " v=1; a=rsa-sha256; d=example.org; s=sel; h=From:To; bh=YWJj; b=YWJjZGVmZ2hp";

Signature good(std::string_view value) {
  auto signature = parse_signature(value);
  EXPECT_TRUE(signature) << value << ": " << signature.error().message;
  return signature.value_or(Signature());
}

std::string with(std::string_view tags) {
  return std::string(kGood) + "; " + std::string(tags);
}

/// kGood with one tag replaced.
std::string replaced(std::string_view tag, std::string_view by) {
  std::string text(kGood);
  size_t at = text.find(" " + std::string(tag) + "=");
  size_t end = std::min(text.find(';', at), text.size());
  return text.replace(at, end - at, " " + std::string(by));
}

std::string why(const std::string& value) {
  auto signature = parse_signature(value);
  return signature ? "" : signature.error().message;
}

TEST(Signature, Defaults) {
  Signature signature = good(kGood);
  EXPECT_EQ(signature.algorithm, Algorithm::RsaSha256);
  EXPECT_EQ(signature.algorithm_name, "rsa-sha256");
  EXPECT_EQ(signature.domain, "example.org");
  EXPECT_EQ(signature.selector, "sel");
  EXPECT_EQ(signature.identity, "@example.org");
  EXPECT_FALSE(signature.identity_given);
  EXPECT_EQ(signature.header_canon, Canon::Simple);
  EXPECT_EQ(signature.body_canon, Canon::Simple);
  EXPECT_EQ(signature.signed_fields, (std::vector<std::string>{"from", "to"}));
  EXPECT_EQ(signature.body_hash, "abc");
  EXPECT_EQ(signature.signature, "abcdefghi");
  EXPECT_EQ(signature.signature_start, "YWJjZGVm");
  EXPECT_FALSE(signature.body_limit || signature.signed_at || signature.expires_at);
}

TEST(Signature, EverythingSaid) {
  Signature signature = good(
      with("c=Relaxed/SIMPLE; i=J=6Fe=20D@Sub.Example.ORG; l=12; q=x/y:dns/txt; t=1; x=999999999999; z=A:b; new=1"));
  EXPECT_EQ(signature.header_canon, Canon::Relaxed);
  EXPECT_EQ(signature.body_canon, Canon::Simple);
  EXPECT_EQ(signature.identity, "Joe D@sub.example.org");
  EXPECT_TRUE(signature.identity_given);
  EXPECT_EQ(signature.body_limit, 12U);
  EXPECT_EQ(signature.signed_at, 1);
  EXPECT_EQ(signature.expires_at, 999'999'999'999);
  EXPECT_EQ(good(with("c=relaxed")).header_canon, Canon::Relaxed);
  EXPECT_EQ(good(with("c=relaxed")).body_canon, Canon::Simple);
  EXPECT_EQ(good(with("c=simple/relaxed")).body_canon, Canon::Relaxed);
  EXPECT_EQ(good(with("l=" + std::string(76, '9'))).body_limit, UINT64_MAX);
  EXPECT_EQ(good(replaced("b", "b= Y W\r\n\tJ j ZGVmZ2hp ")).signature_start, "YWJjZGVm");
  EXPECT_EQ(good(replaced("h", "h=\tFROM :\r\n To\t: :")).signed_fields, (std::vector<std::string>{"from", "to"}));
  EXPECT_EQ(good(replaced("a", "a=Rsa-SHA1")).algorithm, Algorithm::RsaSha1);
  EXPECT_EQ(good(replaced("a", "a=ed25519-sha256")).algorithm, Algorithm::Ed25519Sha256);
  EXPECT_EQ(good(replaced("a", "a=rsa-sha512")).algorithm, Algorithm::Unknown);
}

// RFC 8616, 3 and 4.
TEST(Signature, InternationalNames) {
  Signature signature = good(replaced("d",
                                      "d=B\xc3\xbc"
                                      "cher.example; i=x@a.b\xc3\xbc"
                                      "cher.example"));
  EXPECT_EQ(signature.domain, "xn--bcher-kva.example");
  EXPECT_EQ(signature.identity, "x@a.xn--bcher-kva.example");
  EXPECT_EQ(good(replaced("s", "s=\xc3\xbc")).selector, "xn--tda");
}

TEST(Signature, WhatIsMissing) {
  for (const char* tag : {"a", "d", "s", "h", "bh", "b"}) {
    EXPECT_EQ(why(replaced(tag, "x=1")), std::string(tag) + "= is missing");
  }
  EXPECT_EQ(why(replaced("v", "n=1")), "v= is not 1");
  EXPECT_EQ(why(replaced("v", "v=2")), "v= is not 1");
}

TEST(Signature, WhatIsMalformed) {
  for (const auto& [tag, by] : std::initializer_list<std::pair<const char*, const char*>>{{"d", "d=org"},
                                                                                          {"d", "d=a..org"},
                                                                                          {"d", "d=example.org."},
                                                                                          {"d", "d=a b.org"},
                                                                                          {"d", "d="},
                                                                                          {"s", "s="},
                                                                                          {"s", "s=a..b"},
                                                                                          {"s", "s=a/b"},
                                                                                          {"h", "h="},
                                                                                          {"h", "h=:"},
                                                                                          {"h", "h=Fr om"},
                                                                                          {"h", "h=\xc3\xbc"},
                                                                                          {"bh", "bh=%"},
                                                                                          {"b", "b="},
                                                                                          {"b", "b=Y"},
                                                                                          {"b", "b=YQ==; b=YQ=="},
                                                                                          {"a", "a=x; c=nosuch"},
                                                                                          {"a", "a=x; c="},
                                                                                          {"a", "a=x; c=simple/"},
                                                                                          {"a", "a=x; l="},
                                                                                          {"a", "a=x; l=-1"},
                                                                                          {"a", "a=x; t=1a"},
                                                                                          {"a", "a=x; x="},
                                                                                          {"a", "a=x; t=1234567890123"},
                                                                                          {"a", "a=x; q=dns/ptr"},
                                                                                          {"a", "a=x; i=a.org"},
                                                                                          {"a", "a=x; i=@"},
                                                                                          {"a", "a=x; i==4@a.org"},
                                                                                          {"a", "a=x; i==zz@a.b"},
                                                                                          {"a", "a=x; i=x@a..b"}}) {
    EXPECT_NE(why(replaced(tag, by)), "") << by;
  }
  EXPECT_NE(why(with("l=" + std::string(77, '1'))), "");
}

TEST(Signature, Bounds) {
  std::string many;
  for (size_t i = 0; i < kMaxSignedFields; ++i) many += "a:";
  EXPECT_EQ(good(replaced("h", "h=" + many)).signed_fields.size(), kMaxSignedFields);
  EXPECT_EQ(why(replaced("h", "h=" + many + "a")), "h= names too many fields");
  EXPECT_EQ(why(with("z=" + std::string(kMaxSignatureField, 'x'))), "the field is too long");
}

TEST(Signature, WithoutItsOwnSignature) {
  EXPECT_EQ(without_signature("X: b=ab c; bh=x\r\n"), "X: b=; bh=x\r\n");
  EXPECT_EQ(without_signature("X: bh=b=; b = \r\n\tab\r\n c ;d=b=x\r\n"), "X: bh=b=; b =;d=b=x\r\n");
  EXPECT_EQ(without_signature("X: a=1;\r\n\tb=abc\r\n  \r\n"), "X: a=1;\r\n\tb=\r\n");
  EXPECT_EQ(without_signature("b: ab=1; c\r\n"), "b: ab=1; c\r\n");
  EXPECT_EQ(without_signature("X: b"), "X: b");
  EXPECT_EQ(without_signature(""), "");
}

class Covered : public testing::Test {
 protected:
  static std::string octets(const Digest& digest) { return {digest.begin(), digest.end()}; }
  void expect(const std::vector<std::string>& names, std::string_view covered, size_t own = 5) {
    EXPECT_EQ(octets(fields.hash(Canon::Relaxed, names, own)),
              octets(sha256(std::string(covered) + "dkim-signature:b=; d=x")));
  }
  std::string text =
      "A: 1\r\nB: x\r\na : 2\r\nno field\r\nA: 3\r\nDKIM-Signature: b=s; d=x\r\nDKIM-Signature: b=t; d=y\r\n\r\n";
  message::Header header = message::parse_header(text);
  SignedHeader fields{header};
};

// RFC 6376, 5.4.2.
TEST_F(Covered, FromTheBottomUpAndThenNothing) {
  expect({"a"}, "a:3\r\n");
  expect({"a", "b", "a", "a", "a", "a"}, "a:3\r\nb:x\r\na:2\r\na:1\r\n");
  expect({"none", "no field", ""}, "");
}

TEST_F(Covered, NeverItself) {
  expect({"dkim-signature", "dkim-signature"}, "dkim-signature:b=t; d=y\r\n");
  EXPECT_EQ(octets(fields.hash(Canon::Relaxed, {"dkim-signature", "dkim-signature"}, 6)),
            octets(sha256("dkim-signature:b=s; d=x\r\ndkim-signature:b=; d=y")));
}

TEST_F(Covered, SimpleIsAsReceived) {
  EXPECT_EQ(octets(fields.hash(Canon::Simple, {"a", "a"}, 5)),
            octets(sha256("A: 3\r\na : 2\r\nDKIM-Signature: b=; d=x")));
  EXPECT_EQ(fields.canonical(Canon::Simple, 2), "a : 2\r\n");
  EXPECT_EQ(fields.canonical(Canon::Relaxed, 2), "a:2\r\n");
}

}  // namespace
}  // namespace postern::dkim
