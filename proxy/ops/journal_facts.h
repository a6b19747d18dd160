// Facts as the journal keeps them: all that rules read but the body. For journal_entry.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "filters/facts.h"
#include "filters/lists/list.h"
#include "proxy/ops/journal_entry.h"
#include "proxy/ops/json_text.h"

namespace postern::ops {

// What strangers may take of one row.
inline constexpr size_t kMaxKeptRcpts = 50;
inline constexpr size_t kMaxKeptUrls = 100;
inline constexpr size_t kMaxKeptUrl = 1000;          // octets of one
inline constexpr size_t kMaxKeptUrlOctets = 24'000;  // of all, about
inline constexpr size_t kMaxKeptAttachments = 50;
inline constexpr size_t kMaxKeptNames = 100;        // in one archive
inline constexpr size_t kMaxKeptText = 1000;        // octets of any other text
inline constexpr size_t kMaxKeptListings = 24'000;  // octets of what lists said, about

/// The field "facts".
void write_facts(JsonText& out, const Facts& facts);
/// The fields "lists", "lists_unlisted" and "lists_unasked"; `lists` are those that facts.lists belongs to.
/// `everything`: all were asked that had something to be asked about, as before the rules of the message.
void write_lists(JsonText& out, const Facts& facts, const lists::Lists& lists, bool everything);

/// JSON that may be anything: what is missing or of another type reads as empty, and what no writer of ours wrote is
/// remembered.
class JournalFields {
 public:
  explicit JournalFields(const nlohmann::json& object, bool& bad) : object_(object), bad_(bad) {}

  [[nodiscard]] bool has(const char* name) const { return find(name) != nullptr; }
  /// Null json where there is none.
  [[nodiscard]] const nlohmann::json& at(const char* name) const;
  [[nodiscard]] JournalFields in(const char* name) const { return JournalFields(at(name), bad_); }
  [[nodiscard]] std::string text(const char* name) const;
  [[nodiscard]] int64_t integer(const char* name, int64_t usual = 0) const;
  [[nodiscard]] uint64_t count(const char* name, uint64_t usual = 0) const;
  [[nodiscard]] double real(const char* name, double usual = 0) const;
  [[nodiscard]] bool flag(const char* name) const;
  /// The words of a list.
  [[nodiscard]] std::vector<std::string> texts(const char* name) const;
  [[nodiscard]] bool& bad() const { return bad_; }

  /// A word as value of an enumeration; `usual` where there is none.
  template <class Enum>
  [[nodiscard]] Enum word(const char* name, Enum usual) const;

 private:
  [[nodiscard]] const nlohmann::json* find(const char* name) const;

  const nlohmann::json& object_;
  bool& bad_;
};

/// Fills entry.facts, .lists, and what was left out of them.
void read_facts(const JournalFields& data, JournalEntry& entry);

}  // namespace postern::ops
