// What a map is made of: texts, networks and expressions, each in the form that is looked up fastest. Filled on one
// thread, then build(), then read from any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <re2/re2.h>
#include <re2/set.h>

#include "filters/base/ip.h"
#include "filters/base/result.h"

namespace postern::rules {

/// The same network with all bits behind its prefix 0.
[[nodiscard]] IpNetwork clear_host_bits(const IpNetwork& network);

/// Texts, any octets: one buffer and a flat hash table, 10 to 20 octets an entry beside the text itself. Holds less
/// than 4 GiB and 4 G texts; callers see to that.
class TextSet {
 public:
  void add(std::string_view text);
  void build();
  [[nodiscard]] bool has(std::string_view text) const;

 private:
  [[nodiscard]] std::string_view at(size_t index) const;
  /// Where `text` stands in the table, or the free place for it.
  [[nodiscard]] size_t place_of(std::string_view text) const;

  std::string texts_;
  std::vector<uint32_t> ends_;   // of each text in texts_
  std::vector<uint32_t> table_;  // index + 1; 0: free. A power of two, at most two thirds of it taken
};

/// Networks of both families as ranges that do not overlap, in order.
class NetworkSet {
 public:
  void add(const IpNetwork& network);
  void build();
  [[nodiscard]] bool has(const IpAddress& address) const;

 private:
  template <class Number>
  struct Range {
    Number first{};
    Number last{};
  };
  using Long = std::array<uint8_t, 16>;
  std::vector<Range<uint32_t>> v4_;
  std::vector<Range<Long>> v6_;
};

/// Regular expressions (RE2), searched anywhere in a text.
class ExpressionSet {
 public:
  /// BadInput: RE2's own words, or an expression that matches every text. Limit: it is too large, or all together are.
  Result<void> add(std::string_view expression, bool any_case);
  void build();
  /// Whether one of them matches. Linear in the text. `poll` is called between pieces of work; it may throw.
  [[nodiscard]] bool matches(std::string_view text, const std::function<void()>& poll) const;
  [[nodiscard]] size_t size() const { return sources_.size(); }

 private:
  struct Group {
    size_t first = 0;  // of sources_
    size_t count = 0;
    std::unique_ptr<const RE2::Set> set;
    std::unique_ptr<const RE2> one;  // in place of a set: the only one
  };
  void build_group(size_t first, size_t count, int64_t memory);
  [[nodiscard]] bool matches_one_by_one(const Group& group, std::string_view text,
                                        const std::function<void()>& poll) const;

  std::vector<std::string> sources_;
  std::vector<size_t> starts_;     // where in sources_ each group begins
  size_t instructions_ = 0;        // of RE2's programs, all together
  size_t group_instructions_ = 0;  // of the last group
  std::vector<Group> groups_;
};

}  // namespace postern::rules
