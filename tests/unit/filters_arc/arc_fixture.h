// Judges one message against keys in memory.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "filters/arc/arc.h"
#include "tests/fakes/fake_dns.h"
#include "tests/unit/filters_arc/sealer.h"

namespace postern::test {

class ArcTest : public testing::Test {
 protected:
  ArcTest() { zone_.txt("arc._domainkey.example.org", SigningKey::shared_rsa().record()); }

  arc::Outcome judge(std::string_view text) {
    message::Header header = message::parse_header(text);
    dkim::BodyHasher bodies;
    dkim::KeyFetcher keys(zone_, cache_, std::chrono::seconds(5));
    arc::Verifier verifier(keys, bodies, kNow);
    verifier.begin(header);
    asked_at_begin_ = zone_.queries();
    bodies.feed(text.substr(header.body_offset));
    bodies.finish();
    auto wait = keys.wait();
    wait.start([] {});
    zone_.run();
    EXPECT_TRUE(wait.done());
    dkim::SignedHeader fields(header);
    return verifier.finish(header, fields);
  }

  static constexpr int64_t kNow = 1'700'000'000;
  FakeDns zone_;
  dkim::KeyCache cache_;
  size_t asked_at_begin_ = 0;
};

}  // namespace postern::test
