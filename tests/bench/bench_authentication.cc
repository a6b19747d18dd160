// What it costs to know who sent a message, with all answers of the DNS at hand; beside it what OpenSSL alone needs for
// the same signatures, and what libopendkim needs.
#include <cstring>
#include <string>

#include <benchmark/benchmark.h>
#include <openssl/evp.h>

#include "filters/authentication/check.h"
#include "filters/dkim/signature.h"
#include "filters/message/headers.h"
#include "filters/spf/spf.h"
#include "tests/fakes/dkim_signer.h"
#include "tests/fakes/fake_dns.h"

extern "C" {
#define _Bool bool  // NOLINT(bugprone-reserved-identifier): its header is C
#include <opendkim/dkim.h>
#undef _Bool
}

namespace {

using namespace postern;

constexpr Duration kTimeout = std::chrono::seconds(5);
constexpr int64_t kNow = 1'700'000'000;

std::string plain_message(size_t size) {
  std::string text =
      "Received: from client.author.example (client.author.example [192.0.2.10])\r\n\tby mx.author.example with ESMTPS "
      "id 4ABC;\r\n\tMon, 2 Mar 2026 10:00:00 +0000\r\nFrom: \"Ann Author\" <ann@author.example>\r\nTo: Bob "
      "<bob@example.org>"
      "\r\nSubject: the figures of last month\r\nDate: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: "
      "<1@author.example>\r\n"
      "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
  while (text.size() < size) text += "Some words of a message, as people write them, in lines of seventy octets.\r\n";
  return text;
}

std::string signed_message(const test::SigningKey& key, size_t size) {
  test::SignOptions options;
  options.domain = "author.example";
  options.fields = {"from", "to", "subject", "date", "message-id", "mime-version", "content-type"};
  return test::sign_message(key, plain_message(size), options);
}

/// The zone of an ordinary sender.
void fill(test::FakeDns& dns, const test::SigningKey& key) {
  dns.txt("author.example", "v=spf1 include:_spf.host.example ~all");
  dns.txt(
      "_spf.host.example",
      "v=spf1 ip4:198.51.100.0/28 ip4:198.51.100.32/28 ip4:198.51.100.64/28 ip4:203.0.113.0/28 ip4:192.0.2.0/28 ~all");
  dns.txt("_dmarc.author.example", "v=DMARC1; p=reject; rua=mailto:reports@author.example");
  dns.txt("s._domainkey.author.example", key.record());
}

template <class T>
T finish(Task<T> task, test::FakeDns& dns) {
  task.start([] {});
  dns.run();
  return task.take();
}

void spf_check(benchmark::State& state) {
  test::FakeDns dns;
  fill(dns, test::SigningKey::shared_rsa());
  spf::Query query{*IpAddress::parse("192.0.2.10"), "client.author.example", "ann@author.example"};
  for (auto _ : state) {
    auto outcome = finish(spf::check_mail_from(dns, query, {}), dns);
    if (outcome.result != spf::Result::Pass) state.SkipWithError("not pass");
  }
}
BENCHMARK(spf_check)->Name("spf/include")->Unit(benchmark::kMicrosecond);

/// Everything from the first octet to the outcome: the header found and read, keys, policy, hashes, signature,
/// alignment.
void whole_check(benchmark::State& state, const test::SigningKey& key, bool sign) {
  test::FakeDns dns;
  fill(dns, key);
  auto size = static_cast<size_t>(state.range(0));
  const std::string text = sign ? signed_message(key, size) : plain_message(size);
  postern::dkim::KeyCache keys;
  spf::Outcome mail_from;
  mail_from.result = spf::Result::Pass;
  mail_from.domain = "author.example";
  for (auto _ : state) {
    authentication::Check check(dns, keys, {{}, kTimeout, kNow}, "author.example");
    constexpr size_t kPiece = 16UL * 1024;
    for (size_t at = 0; at < text.size(); at += kPiece) {
      std::string_view bytes = std::string_view(text).substr(at, kPiece);
      check.append(bytes, std::string_view(text).substr(0, at + bytes.size()));
    }
    message::Header header = message::parse_header(text);
    auto outcome = finish(check.finish(header, text, mail_from), dns);
    bool passed = outcome.dmarc.result == dmarc::Result::Pass && outcome.dkim.size() == (sign ? 1U : 0U) &&
                  (!sign || outcome.dkim[0].result == postern::dkim::Result::Pass);
    if (!passed) state.SkipWithError("not pass");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
void dkim_dmarc_rsa(benchmark::State& state) {
  whole_check(state, test::SigningKey::shared_rsa(), true);
}
void dkim_dmarc_ed25519(benchmark::State& state) {
  whole_check(state, test::SigningKey::shared_ed25519(), true);
}
void dmarc_only(benchmark::State& state) {
  whole_check(state, test::SigningKey::shared_rsa(), false);
}
BENCHMARK(dmarc_only)->Name("dmarc/unsigned")->Arg(10'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(dkim_dmarc_rsa)->Name("dkim+dmarc/rsa2048")->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(dkim_dmarc_ed25519)->Name("dkim+dmarc/ed25519")->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

/// The floor: SHA-256 over as many octets, and the public-key operation, by OpenSSL alone with the key at hand.
void openssl_alone(benchmark::State& state, const test::SigningKey& signing) {
  const std::string text = plain_message(static_cast<size_t>(state.range(0)));
  auto key = postern::dkim::parse_key(signing.record());
  std::string signature = signing.sign(text.substr(0, 600));
  std::string decoded(signature.size(), '\0');
  int length =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(decoded.data()),
                      reinterpret_cast<const unsigned char*>(signature.data()), static_cast<int>(signature.size()));
  size_t padding = signature.ends_with("==") ? 2 : signature.ends_with("=") ? 1 : 0;
  decoded.resize(static_cast<size_t>(length) - padding);
  for (auto _ : state) {
    benchmark::DoNotOptimize(postern::dkim::sha256(text));
    postern::dkim::Digest header = postern::dkim::sha256(std::string_view(text).substr(0, 600));
    if (!postern::dkim::verify(*key, header, decoded)) state.SkipWithError("not verified");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
}
void openssl_rsa(benchmark::State& state) {
  openssl_alone(state, test::SigningKey::shared_rsa());
}
void openssl_ed25519(benchmark::State& state) {
  openssl_alone(state, test::SigningKey::shared_ed25519());
}
BENCHMARK(openssl_rsa)->Name("openssl/rsa2048")->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(openssl_ed25519)->Name("openssl/ed25519")->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void key_decoding(benchmark::State& state) {
  std::string record = test::SigningKey::shared_rsa().record();
  for (auto _ : state) benchmark::DoNotOptimize(postern::dkim::parse_key(record));
}
BENCHMARK(key_decoding)->Name("key/rsa2048, not cached")->Unit(benchmark::kMicrosecond);

// ---------------------------------------------------------------- libopendkim

const std::string* opendkim_record = nullptr;

DKIM_STAT opendkim_key(DKIM* /*dkim*/, DKIM_SIGINFO* /*signature*/, unsigned char* buffer, size_t size) {
  std::memcpy(buffer, opendkim_record->c_str(), std::min(size, opendkim_record->size() + 1));
  return DKIM_CBSTAT_CONTINUE;
}

void opendkim(benchmark::State& state) {
  const test::SigningKey& key = test::SigningKey::shared_rsa();
  const std::string text = signed_message(key, static_cast<size_t>(state.range(0)));
  const std::string record = key.record();
  opendkim_record = &record;
  DKIM_LIB* library = dkim_init(nullptr, nullptr);
  dkim_set_key_lookup(library, opendkim_key);
  const message::Header header = message::parse_header(text);
  std::string body = text.substr(header.body_offset);
  for (auto _ : state) {
    DKIM_STAT status = DKIM_STAT_OK;
    DKIM* dkim = dkim_verify(library, reinterpret_cast<const unsigned char*>("id"), nullptr, &status);
    for (const auto& field : header.fields) {
      std::string raw(field.raw.substr(0, field.raw.size() - 2));
      dkim_header(dkim, reinterpret_cast<unsigned char*>(raw.data()), raw.size());
    }
    dkim_eoh(dkim);
    dkim_body(dkim, reinterpret_cast<unsigned char*>(body.data()), body.size());
    bool testing = false;
    status = dkim_eom(dkim, &testing);
    if (status != DKIM_STAT_OK) state.SkipWithError("not pass");
    dkim_free(dkim);
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(text.size()));
  dkim_close(library);
}
BENCHMARK(opendkim)->Name("libopendkim/rsa2048")->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

}  // namespace
