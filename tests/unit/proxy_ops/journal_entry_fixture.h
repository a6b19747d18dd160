// A message as a session reports it, through a row of the journal and back.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "filters/base/bytes.h"
#include "proxy/ops/journal_entry.h"

namespace postern::ops {

// Everything that a text may do to its surroundings: NUL, quotes, control characters, octets that are no UTF-8, half a
// character, and characters of the plane by which such octets are kept.
inline const std::string kHostile = std::string("a\0b\"\\\n\r\t\x01\x7f\x80\xff\xc3", 13) +
                                    "(\xed\xa0\x80\xf4\x8f\xbe\x80\xf4\x8f\xbf\xbf" +
                                    "\xf0\x9f\x92\xa9\xc3\xa9\",\"x\":1}";

inline constexpr std::string_view kHeader = "From: a@example.com\r\nSubject: offers\r\n folded\r\n";

class JournalEntryTest : public testing::Test {
 public:
  JournalEntryTest() {
    message_ = std::string(kHeader) + "\r\nthe body is nobody's business: http://www.example.net/a?b=c\r\n";
    facts_.client.ip = *IpAddress::parse("2001:db8::7");
    facts_.message = message_;
    record_.id = "01JZX3";
    record_.facts = &facts_;
    record_.evaluation = &evaluation_;
    record_.wall_ms = 1'700'000'000'123;
    record_.verdict = "accept";
    record_.rules_version = "0123456789ab";
  }
  JournalEntryTest(const JournalEntryTest&) = delete;
  JournalEntryTest& operator=(const JournalEntryTest&) = delete;
  ~JournalEntryTest() override = default;

 protected:
  [[nodiscard]] JournalEntry back() const { return entry_of(journal_row(record_, changes_, &lists_)); }
  static JournalEntry entry_of(const JournalRow& row) {
    EXPECT_TRUE(is_utf8(row.data));
    EXPECT_TRUE(nlohmann::json::accept(row.data)) << row.data;
    EXPECT_EQ(row.data.find('\0'), std::string::npos);
    auto entry = read_entry(row);
    if (!entry) throw std::runtime_error(entry.error().message + ": " + row.data);
    return std::move(*entry);
  }

  std::string message_;
  Facts facts_;
  rules::Evaluation evaluation_;
  lists::Lists lists_;
  std::vector<ShadowChange> changes_;
  session::MessageRecord record_;
};

}  // namespace postern::ops
