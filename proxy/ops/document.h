// A TOML document as a tree that remembers where everything stood. The TOML library itself is seen by document.cc
// alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/ops/config.h"

namespace postern::ops {

/// Where something was written; line 0: nowhere in particular in that file.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
};

struct Member;

/// One value. Which of the fields counts is said by `kind`.
struct Value {
  enum class Kind { String, Integer, Float, Boolean, Date, Array, Table } kind = Kind::Table;
  Place place;
  std::string text;  // String
  int64_t integer = 0;
  double number = 0;  // Float, and Integer too
  bool boolean = false;
  std::vector<Value> items;     // Array
  std::vector<Member> members;  // Table; each key once

  /// For messages: "'5x'" (escaped and cut), "12", "true", "an array", "a table".
  [[nodiscard]] std::string shown() const;
  [[nodiscard]] const Member* find(std::string_view key) const;
};

struct Member {
  std::string key;
  Place place;  // of the key
  Value value;
};

/// The largest configuration or list file read, in octets.
inline constexpr size_t kMaxFile = 16U << 20U;

/// A whole file of at most kMaxFile octets; the message of an error names the reason, not the file.
[[nodiscard]] Result<std::string> read_whole_file(const std::string& path);

/// Parses `text`; `file` is only for places. The first syntax error ends it (the library goes no further).
[[nodiscard]] tl::expected<Value, ConfigProblem> parse_document(std::string_view text, const std::string& file);

}  // namespace postern::ops
