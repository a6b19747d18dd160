// A message from a stranger, judged for its ARC chain with one key that is there, one that is not, one that nobody
// tells. The outcome is whole in itself, the same however the body arrives, and a chain that fails or is absent asks
// for nothing it does not need.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/arc/arc.h"
#include "filters/arc/fields.h"
#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "tests/fakes/fake_dns.h"

using namespace postern;

namespace {

// Signs the seeds.
constexpr std::string_view kKey =
    "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCorQeJiDKaCZFlDBivNNKjBkQSSLmsoHkpDtRg2gh8QPp6epCoi/"
    "SbTBGuI8koJ3qNZDhrg8SpLG43YGdR+4+v8cfCZAgbgrgrbKEUGBs94clr+u1quq7Zowucuukzk28cmz10/"
    "R3eTeIBNY5QKol9L64Ph6FQTRn0/emk/U27FQIDAQAB";

arc::Outcome judge(std::string_view text, size_t piece) {
  static dkim::KeyCache cache;
  test::FakeDns zone;
  zone.txt("arc._domainkey.example.org", kKey).temp_fail("down._domainkey.example.org");
  message::Header header = message::parse_header(text);
  dkim::BodyHasher bodies;
  dkim::KeyFetcher keys(zone, cache, std::chrono::seconds(5));
  arc::Verifier verifier(keys, bodies, 1'700'000'000);
  size_t before = zone.queries();
  verifier.begin(header);
  POSTERN_CHECK(zone.queries() - before <= arc::Verifier::kMaxSets + arc::Verifier::kMaxMessageSignatures);
  std::string_view body = text.substr(header.body_offset);
  for (size_t at = 0; at < body.size(); at += piece) bodies.feed(body.substr(at, piece));
  bodies.finish();
  auto wait = keys.wait();
  wait.start([] {});
  zone.run();
  POSTERN_CHECK(wait.done());
  dkim::SignedHeader fields(header);
  return verifier.finish(header, fields);
}

void check(const arc::Outcome& outcome, std::string_view text) {
  using arc::Result;
  POSTERN_CHECK(outcome.sets.size() <= arc::Verifier::kMaxSets);
  POSTERN_CHECK(outcome.oldest_pass.value_or(0) <= outcome.sets.size());
  bool told = outcome.result == Result::Fail || outcome.result == Result::TempError;
  POSTERN_CHECK(told != outcome.reason.empty());
  POSTERN_CHECK(printable_ascii(outcome.reason, 10'000) == outcome.reason);
  POSTERN_CHECK(outcome.result != Result::Pass || !outcome.sets.empty());
  POSTERN_CHECK(outcome.result == Result::Pass || (!outcome.oldest_pass && !outcome.partial));
  bool any = false;
  for (const message::Field& field : message::parse_header(text).fields) {
    for (const char* name : {"ARC-Seal", "ARC-Message-Signature", "ARC-Authentication-Results"}) {
      any = any || equal_nocase(field.name, name);
    }
  }
  POSTERN_CHECK(any == (outcome.result != Result::None));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  arc::Outcome whole = judge(text, text.size() + 1);
  check(whole, text);
  arc::Outcome pieces = judge(text, 1 + size % 7);
  POSTERN_CHECK(whole.result == pieces.result && whole.reason == pieces.reason);

  auto results = arc::parse_results(text);
  if (results) {
    POSTERN_CHECK(results->instance >= 1 && results->instance <= arc::Verifier::kMaxSets);
    POSTERN_CHECK(results->payload.size() < text.size());
  }
  return 0;
}
