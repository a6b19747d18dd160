// Key records, the cache of decoded keys, and fetching them.
#include <string>

#include "filters/dkim/base64.h"
#include "tests/unit/filters_dkim/dkim_fixture.h"

namespace postern::dkim {
namespace {

using test::SigningKey;

std::string why(std::string_view record) {
  auto key = parse_key(record);
  return key ? "" : key.error().message;
}

std::string rsa_record(std::string_view p) {
  return "v=DKIM1; k=rsa; p=" + std::string(p);
}

/// An RSA public key with these numbers, in DER.
std::string der(unsigned char tag, std::string_view contents) {
  std::string out(1, static_cast<char>(tag));
  if (contents.size() >= 0x80) out += '\x82';
  if (contents.size() >= 0x80) out += static_cast<char>(contents.size() >> 8U);
  out += static_cast<char>(contents.size() & 0xFFU);
  return out.append(contents);
}
std::string rsa_der(std::string_view modulus, std::string_view exponent) {
  return der(0x30, der(2, modulus) + der(2, exponent));
}

TEST(Key, WhatTheTagsSay) {
  const SigningKey& rsa = SigningKey::shared_rsa();
  auto key = parse_key("v=DKIM1; h=sha1:sha256; k=rsa; n=any%20thing; s=email:x; t=y:s; x=y; p=" + rsa.public_base64());
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->type, KeyType::Rsa);
  EXPECT_EQ(key->bits, 2048);
  EXPECT_TRUE(key->sha256 && key->for_email && key->testing && key->strict_identity && key->pkey);
  EXPECT_FALSE(key->revoked);
  key = parse_key("p=" + rsa.public_base64());
  ASSERT_TRUE(key);
  EXPECT_TRUE(key->sha256 && key->for_email);
  EXPECT_FALSE(key->testing || key->strict_identity);
  EXPECT_FALSE(parse_key("h=sha1; p=" + rsa.public_base64())->sha256);
  EXPECT_FALSE(parse_key("s=tlsrpt; p=" + rsa.public_base64())->for_email);
  EXPECT_TRUE(parse_key("s = tlsrpt : * ; p=" + rsa.public_base64())->for_email);
  EXPECT_TRUE(parse_key("v=DKIM1; p=")->revoked);
  key = parse_key(SigningKey::shared_ed25519().record());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->type, KeyType::Ed25519);
  EXPECT_EQ(key->bits, 256);
}

TEST(Key, BothFormsOfRsaKeysAndWhiteSpaceInside) {
  const SigningKey& rsa = SigningKey::shared_rsa();
  Digest digest = sha256("text");
  std::string signature = *decode_base64(rsa.sign("text"));
  for (bool bare : {false, true}) {
    std::string p = rsa.public_base64(bare);
    for (size_t i = 0; i < p.size(); i += 10) p.insert(i, " \r\n\t");
    auto key = parse_key(rsa_record(p));
    ASSERT_TRUE(key) << key.error().message;
    EXPECT_TRUE(verify(*key, digest, signature));
    EXPECT_FALSE(verify(*key, sha256("Text"), signature));
    EXPECT_FALSE(verify(*key, digest, signature.substr(1)));
    EXPECT_FALSE(verify(*key, digest, ""));
  }
}

TEST(Key, BadRecords) {
  std::string p = SigningKey::shared_rsa().public_base64();
  EXPECT_EQ(why("v=DKIM1; k=rsa"), "key record without p=");
  EXPECT_EQ(why("k=rsa; v=DKIM1; p=" + p), "not a DKIM key record");
  EXPECT_EQ(why("v=DKIM2; p=" + p), "not a DKIM key record");
  EXPECT_EQ(why("v=DKIM1; k=dsa; p=" + p), "unknown key type in DNS record");
  EXPECT_EQ(why("v=DKIM1; p=*"), "p= in key record is not base64");
  EXPECT_EQ(why("v=DKIM1; p=AAAA"), "malformed RSA key in DNS record");
  EXPECT_EQ(why("v=DKIM1; k=ed25519; p=AAAA"), "malformed Ed25519 key in DNS record");
  EXPECT_EQ(why("v=DKIM1; n=" + std::string(kMaxKeyRecord, 'x') + "; p=" + p), "key record too long");
  EXPECT_EQ(why("v=spf1 -all"), "not a DKIM key record");
  EXPECT_EQ(why("some text"), "malformed key record (a tag without \"=\": some text)");
  std::string key = *decode_base64(p);
  for (size_t cut = 1; cut < key.size(); ++cut) {
    EXPECT_FALSE(parse_key(rsa_record(test::base64(key.substr(0, key.size() - cut))))) << cut;
  }
}

TEST(Key, NumbersThatAreNoKey) {
  std::string modulus = '\0' + std::string(256, '\xab');
  auto record = [&](std::string_view n, std::string_view e) { return rsa_record(test::base64(rsa_der(n, e))); };
  EXPECT_EQ(why(record(modulus, "\x03")), "");
  EXPECT_EQ(why(record(modulus, "\x01")), "unusable RSA exponent in DNS record");
  EXPECT_EQ(why(record(modulus, "\x04")), "unusable RSA exponent in DNS record");
  EXPECT_EQ(why(record(modulus, "\x01\x01\x01\x01\x01")), "unusable RSA exponent in DNS record");
  EXPECT_EQ(why(record(modulus, "\xff")), "malformed RSA key in DNS record");
  EXPECT_EQ(why(record(std::string(256, '\xab'), "\x03")), "malformed RSA key in DNS record");
  EXPECT_EQ(why(record(std::string(5, '\0'), "\x03")), "malformed RSA key in DNS record");
  auto wide = parse_key(record('\0' + std::string(513, '\xab'), "\x03"));
  ASSERT_TRUE(wide);
  EXPECT_EQ(wide->bits, 4104);
  EXPECT_FALSE(wide->pkey);
  EXPECT_FALSE(verify(*wide, sha256("x"), std::string(513, 'x')));
}

TEST(Base64, PaddingAndWhiteSpace) {
  EXPECT_EQ(decode_base64("YWJj"), "abc");
  EXPECT_EQ(decode_base64(" Y W\r\n\tI = "), "ab");
  EXPECT_EQ(decode_base64("YQ"), "a");
  EXPECT_EQ(decode_base64("YQ=="), "a");
  EXPECT_EQ(decode_base64(""), "");
  for (std::string_view bad : {"Y", "YQ=", "YQ===", "YQ==YQ==", "Y*==", "YWJj=", "====", "\xff", "YWJjY"}) {
    EXPECT_EQ(decode_base64(bad), std::nullopt) << bad;
  }
}

TEST(KeyCache, SameRecordSameKeyAndTheOldestGoes) {
  KeyCache cache(2);
  std::string p = SigningKey::shared_rsa().public_base64();
  auto a = cache.get("n=a; p=" + p);
  auto b = cache.get("n=b; p=" + p);
  ASSERT_TRUE(a && b);
  EXPECT_EQ(*cache.get("n=a; p=" + p), *a);
  auto c = cache.get("n=c; p=" + p);
  EXPECT_EQ(*cache.get("n=a; p=" + p), *a);
  EXPECT_NE(*cache.get("n=b; p=" + p), *b);
  EXPECT_TRUE((*b)->pkey);
  EXPECT_FALSE(cache.get("n=d"));
}

class Fetcher : public testing::Test {
 protected:
  const KeyAnswer& fetch() {
    keys.want("example.org", "s");
    auto waiting = keys.wait();
    waiting.start([] {});
    dns.run();
    EXPECT_TRUE(waiting.done());
    return keys.answer("example.org", "s");
  }
  static constexpr std::string_view kName = "s._domainkey.example.org";
  test::FakeDns dns;
  KeyCache cache;
  KeyFetcher keys{dns, cache, std::chrono::seconds(5)};
  std::string record = SigningKey::shared_rsa().record();
};

TEST_F(Fetcher, AsksEachNameOnce) {
  dns.txt(kName, record);
  for (int i = 0; i < 5; ++i) keys.want("example.org", "s");
  keys.want("example.net", "s");
  EXPECT_EQ(fetch().status, KeyAnswer::Status::Found);
  ASSERT_EQ(dns.queries(), 2U);
  EXPECT_EQ(dns.asked()[0], (dns::Question{std::string(kName), dns::Type::TXT}));
  EXPECT_EQ(keys.answer("example.net", "s").status, KeyAnswer::Status::Missing);
  EXPECT_EQ(keys.answer("never.example", "s").status, KeyAnswer::Status::TempFail);
}

TEST_F(Fetcher, SeveralRecords) {
  dns.txt(kName, "v=spf1 -all").txt(kName, record);
  for (int i = 0; i < 10; ++i) dns.txt(kName, "n=" + std::to_string(i) + "; p=");
  const KeyAnswer& answer = fetch();
  EXPECT_EQ(answer.status, KeyAnswer::Status::Found);
  EXPECT_EQ(answer.keys.size(), KeyAnswer::kMaxKeys);
  EXPECT_FALSE(answer.keys[0]->revoked);
}

TEST_F(Fetcher, NoUsableRecord) {
  dns.txt(kName, "v=spf1 -all").txt(kName, "p=*");
  EXPECT_EQ(fetch().status, KeyAnswer::Status::Bad);
  EXPECT_EQ(fetch().reason, "not a DKIM key record");
}

TEST_F(Fetcher, NoNameNoRecordNoAnswer) {
  EXPECT_EQ(fetch().status, KeyAnswer::Status::Missing);
  dns.empty("t._domainkey.example.org").never("u._domainkey.example.org").temp_fail("v._domainkey.example.org");
  for (const char* selector : {"t", "u", "v"}) keys.want("example.org", selector);
  EXPECT_EQ(fetch().reason, "no key for signature");
  EXPECT_EQ(keys.answer("example.org", "t").status, KeyAnswer::Status::Missing);
  EXPECT_EQ(keys.answer("example.org", "u").status, KeyAnswer::Status::TempFail);
  EXPECT_EQ(keys.answer("example.org", "u").reason, "key unavailable: timeout");
  EXPECT_EQ(keys.answer("example.org", "v").status, KeyAnswer::Status::TempFail);
}

TEST_F(Fetcher, NamesThatCannotBeAskedHaveNoKey) {
  std::string label(64, 'x');
  keys.want("example.org", label);
  keys.want(std::string(250, 'x'), "s");
  static_cast<void>(fetch());
  EXPECT_EQ(keys.answer("example.org", label).status, KeyAnswer::Status::Missing);
}

TEST_F(Fetcher, ClientGoesAway) {
  dns.never(kName);
  {
    KeyFetcher other(dns, cache, std::chrono::seconds(5));
    other.want("example.org", "s");
    auto waiting = other.wait();
    waiting.start([] { ADD_FAILURE(); });
    EXPECT_EQ(dns.pending(), 1U);
  }
  EXPECT_EQ(dns.pending(), 0U);
  EXPECT_EQ(dns.run(), 0U);
}

}  // namespace
}  // namespace postern::dkim
