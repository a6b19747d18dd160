// DKIM fed with octets from the network: the parsers alone, bodies in pieces, and whole messages in which signatures,
// keys and text are the input's. Nothing may crash or ask without bound; pieces must not matter; texts of ours must be
// printable; what is signed here must verify.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/dkim/base64.h"
#include "filters/dkim/dkim.h"
#include "tests/fakes/dkim_signer.h"
#include "tests/fakes/fake_dns.h"

namespace {

using namespace postern;

void require(bool condition) {
  if (!condition) std::abort();
}

bool is_printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void fuzz_parsers(std::string_view text) {
  auto tags = TagList::parse(text);
  if (tags) {
    require(!tags->tags().empty() && tags->tags().size() <= TagList::kMaxTags);
    for (auto kind : {dkim::SignatureKind::Dkim, dkim::SignatureKind::ArcMessage, dkim::SignatureKind::ArcSeal}) {
      static_cast<void>(dkim::parse_signature(*tags, kind));
    }
  } else {
    require(is_printable(tags.error().message));
  }
  auto signature = dkim::parse_signature(text);
  require(signature || is_printable(signature.error().message));
  auto key = dkim::parse_key(text);
  require(key || is_printable(key.error().message));
  // Most random records end at their first tag: as p= alone the input reaches the key reader.
  static_cast<void>(dkim::parse_key("p=" + test::base64(text.substr(0, 2000))));
  if (auto octets = dkim::decode_base64(text)) require(dkim::decode_base64(test::base64(*octets)) == octets);
  require(dkim::without_signature(text).size() <= text.size());
}

void fuzz_body(std::string_view text, size_t piece) {
  for (dkim::Canon canon : {dkim::Canon::Simple, dkim::Canon::Relaxed}) {
    dkim::BodyHasher whole;
    dkim::BodyHasher pieces;
    auto slot = whole.want(canon, std::nullopt);
    require(pieces.want(canon, std::nullopt) == slot);
    auto limited = pieces.want(canon, piece * 7);
    whole.feed(text);
    for (size_t i = 0; i < text.size(); i += piece) pieces.feed(text.substr(i, piece));
    whole.finish();
    pieces.finish();
    std::string expected = test::canonical_body(canon, text);
    require(whole.digest(slot) == dkim::sha256(expected) && pieces.digest(slot) == whole.digest(slot));
    require(pieces.digest(limited) == dkim::sha256(std::string_view(expected).substr(0, piece * 7)));
    require(whole.canonical_size(slot) == expected.size() && expected.size() <= text.size() + 2);
    // What is canonical already stays as it is.
    require(test::canonical_body(canon, expected) == expected);
  }
}

std::vector<dkim::Outcome> verify(std::string_view text, std::string_view record) {
  test::FakeDns dns;
  dns.txt("s._domainkey.example.org", record);
  message::Header header = message::parse_header(text);
  dkim::KeyCache cache(2);
  dkim::KeyFetcher keys(dns, cache, std::chrono::seconds(5));
  dkim::BodyHasher bodies;
  dkim::Verifier verifier(keys, bodies, {1'700'000'000});
  verifier.begin(header);
  require(dns.queries() <= dkim::Verifier::kMaxSignatures);
  auto waiting = keys.wait();
  waiting.start([] {});
  dns.run();
  require(waiting.done());
  bodies.feed(text.substr(header.body_offset));
  bodies.finish();
  dkim::SignedHeader fields(header);
  auto outcomes = verifier.finish(fields);
  require(outcomes.size() <= dkim::Verifier::kMaxSignatures);
  for (const auto& outcome : outcomes) {
    require(is_printable(outcome.reason) && is_printable(outcome.algorithm) && is_printable(outcome.domain));
  }
  return outcomes;
}

void fuzz_message(std::string_view text) {
  const auto& key = test::SigningKey::shared_ed25519();
  // The first line is the key, the rest the message.
  size_t line = std::min(text.find('\n'), text.size());
  static_cast<void>(verify(text.substr(std::min(line + 1, text.size())), text.substr(0, line)));
  test::SignOptions options;
  options.fields = {"from", "x", "x", "subject"};
  // A field in front makes the input a header even where its own first line is none.
  std::string message = "From: a@example.org\r\n" + std::string(text);
  auto outcomes = verify(test::sign_message(key, message, options), key.record());
  require(!outcomes.empty() && outcomes[0].result == dkim::Result::Pass);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t piece = 1 + data[0] % 32;
  fuzz_parsers(text);
  fuzz_body(text, piece);
  fuzz_message(text);
  return 0;
}
