#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "filters/bulk/sighting.h"

namespace postern::bulk {
namespace {

Sighting full() {
  std::mt19937_64 random(1);
  Sighting sighting;
  sighting.print.evidence = Evidence::Enough;
  sighting.print.text.emplace();
  for (uint16_t& slot : sighting.print.text->words) slot = static_cast<uint16_t>(random());
  for (uint16_t& slot : sighting.print.text->pairs) slot = static_cast<uint16_t>(random());
  sighting.print.words = 123;
  sighting.print.sites = {1, 5, 9, UINT32_MAX};
  sighting.print.files = {9, 8, UINT64_MAX, 6, 5, 4, 3, 2};
  sighting.print.pictures = {4, 3, 2, 0};
  sighting.id = "01JABCDEFGHJKMNPQRSTVWXYZ0";
  sighting.from = "bounce+a=b.example@sender.example";
  sighting.subject = "Gr\u00fc\u00dfe \u4f60\u597d";
  sighting.network = 1;
  sighting.sender = 2;
  sighting.domain = UINT32_MAX;
  sighting.authenticated = true;
  for (uint32_t i = 0; i < Sighting::kMaxRecipients; ++i) sighting.recipients.push_back(i * 3);
  sighting.wall_ms = 1'795'000'000'123;
  for (uint64_t i = 0; i < Sighting::kMaxTicket; ++i) sighting.counted_in.push_back(UINT64_MAX - i);
  sighting.told = true;
  return sighting;
}

Sighting of_links() {
  Sighting sighting;
  sighting.print.evidence = Evidence::Little;
  sighting.print.words = 3;
  sighting.print.urls = 77;
  sighting.wall_ms = 1;
  return sighting;
}

std::vector<Event> events() {
  return {full(),
          of_links(),
          Sighting(),
          Let{UINT64_MAX, {"01JABC", "2.0.0 queued as 4F2", "a@b.example", 7, 1'795'000'000'123}},
          Let{},
          Withdrawn{0x0123456789ABCDEF, 1'795'000'000'123},
          Allowed{1, true},
          Allowed{2, false}};
}

TEST(Wire, RoundTrip) {
  for (const Event& event : events()) {
    std::string octets = encode(event);
    EXPECT_LE(octets.size(), 6U << 10U);
    auto again = decode(octets);
    ASSERT_TRUE(again) << event.index() << ": " << again.error().message;
    EXPECT_EQ(*again, event) << event.index();
  }
}

TEST(Wire, TheFormIsForOtherMachinesAndLaterVersions) {
  EXPECT_EQ(encode(Withdrawn{0x0102030405060708, 256}),
            std::string("\x02\x03\x08\x07\x06\x05\x04\x03\x02\x01\x00\x01\0\0\0\0\0\0", 18));
}

TEST(Wire, NothingIsMissingAndNothingIsLeft) {
  for (const Event& event : events()) {
    std::string octets = encode(event);
    for (size_t cut = 0; cut < octets.size(); ++cut) {
      auto got = decode(std::string_view(octets).substr(0, cut));
      ASSERT_FALSE(got) << event.index() << ' ' << cut;
      EXPECT_EQ(got.error().code, Code::BadInput);
      EXPECT_FALSE(got.error().message.empty());
    }
    EXPECT_FALSE(decode(octets + '\0')) << event.index();
  }
}

/// What is taken has one form: nobody can say one thing in two ways, and nothing is taken for what it is not.
TEST(Wire, EveryOctetCounts) {
  for (const Event& event : events()) {
    const std::string octets = encode(event);
    for (size_t at = 0; at<octets.size(); at += octets.size()> 1000 ? 7 : 1) {
      for (unsigned bit : {0x01U, 0x80U}) {
        std::string changed = octets;
        changed[at] = static_cast<char>(static_cast<uint8_t>(changed[at]) ^ bit);
        auto got = decode(changed);
        if (!got) continue;
        EXPECT_NE(*got, event) << event.index() << ' ' << at;
        EXPECT_EQ(encode(*got), changed) << event.index() << ' ' << at;
      }
    }
  }
}

TEST(Wire, OtherVersionsAndKinds) {
  std::string octets = encode(Allowed{1, true});
  for (char version : {'\0', '\1', '\xFF'}) {
    std::string other = octets;
    other[0] = version;
    EXPECT_FALSE(decode(other));
  }
  for (char kind : {'\0', '\5', '\xFF'}) {
    std::string other = octets;
    other[1] = kind;
    EXPECT_FALSE(decode(other));
  }
  std::string sighting = encode(Sighting());
  sighting[2] = static_cast<char>(sighting[2] + 1);
  EXPECT_FALSE(decode(sighting)) << "fingerprints of another version are like none of ours";
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode("\1"));
}

/// What cannot be written is made to fit, so that the others can read it.
TEST(Wire, TooMuchIsCut) {
  Sighting sighting = full();
  sighting.recipients.resize(5000, 1);
  for (uint64_t i = 0; i < 50; ++i) sighting.counted_in.push_back(i);
  sighting.id = std::string(1000, 'i');
  sighting.from = std::string(1000, 'f');
  sighting.subject.clear();
  for (int i = 0; i < 500; ++i) sighting.subject += "\u20ac";
  auto got = decode(encode(sighting));
  ASSERT_TRUE(got);
  const auto& back = std::get<Sighting>(*got);
  EXPECT_EQ(back.recipients.size(), Sighting::kMaxRecipients);
  EXPECT_EQ(back.counted_in.size(), Sighting::kMaxTicket);
  EXPECT_EQ(back.from, std::string(64, 'f'));
  EXPECT_EQ(back.subject.size(), 96U) << "32 euros, none of them in halves";

  Let let{1, {"id", "250 2.0.0 ok\r\n\x1b[2J" + std::string(100, 'x'), "a\xFFz@b.example", 1, -5}};
  got = decode(encode(let));
  ASSERT_TRUE(got);
  const Passed& passed = std::get<Let>(*got).passed;
  EXPECT_EQ(passed.queue.size(), 40U);
  EXPECT_EQ(passed.queue.find('\x1b'), std::string::npos);
  EXPECT_EQ(passed.from, "a?z@b.example");
  EXPECT_EQ(passed.wall_ms, 0);
}

}  // namespace
}  // namespace postern::bulk
