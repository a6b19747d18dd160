// One message verified against a zone in memory.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "filters/dkim/dkim.h"
#include "tests/fakes/dkim_signer.h"
#include "tests/fakes/fake_dns.h"

namespace postern::dkim {

/// Text of a standard, written with LF, as it is on the wire.
inline std::string crlf(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

class Dkim : public testing::Test {
 protected:
  static constexpr int64_t kNow = 1'700'000'000;
  static constexpr std::string_view kMessage =
      "From: Jim <jim@example.org>\r\nTo: a@example.net\r\nSubject: hello \t there\r\n\r\nLine  one \r\n\r\nLine "
      "two\r\n";

  Dkim() { dns.txt("s._domainkey.example.org", test::SigningKey::shared_rsa().record()); }

  /// The body goes in in pieces of that size.
  std::vector<Outcome> verify_all(std::string_view text, size_t piece = 4096) {
    message::Header header = message::parse_header(text);
    KeyFetcher keys(dns, cache, std::chrono::seconds(5));
    BodyHasher bodies;
    Verifier verifier(keys, bodies, {now});
    verifier.begin(header);
    auto waiting = keys.wait();
    waiting.start([] {});
    dns.run();
    EXPECT_TRUE(waiting.done());
    std::string_view body = text.substr(header.body_offset);
    for (size_t i = 0; i < body.size(); i += piece) bodies.feed(body.substr(i, piece));
    bodies.finish();
    SignedHeader fields(header);
    ignored = verifier.ignored();
    domains = verifier.domains();
    return verifier.finish(fields);
  }
  Outcome verify(std::string_view text) {
    auto outcomes = verify_all(text);
    EXPECT_EQ(outcomes.size(), 1U);
    return outcomes.empty() ? Outcome() : outcomes[0];
  }
  /// A message signed with these options and the shared RSA key.
  Outcome signed_with(const test::SignOptions& options) {
    return verify(test::sign_message(test::SigningKey::shared_rsa(), kMessage, options));
  }
  Outcome signed_with_tags(std::string_view tags) {
    test::SignOptions options;
    options.extra = tags;
    return signed_with(options);
  }
  /// What the key record `record` makes of a good signature of the shared RSA key.
  Outcome with_record(std::string_view record) {
    dns.clear();
    dns.txt("s._domainkey.example.org", record);
    return signed_with({});
  }

  test::FakeDns dns;
  KeyCache cache;
  int64_t now = kNow;
  size_t ignored = 0;
  std::vector<std::string> domains;
};

}  // namespace postern::dkim
