// Rules over rules: all, any, and expression = "A and (B or not C)".
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/result.h"

namespace postern::rules {

/// What is known of a rule, in the order in which "and" takes the least and "or" the most. Unknown: it could not say,
/// so neither it nor its "not" holds.
enum class Truth : unsigned char { No, Unknown, Yes };

/// A condition over the hits of other rules. A value, immutable once made.
class Expression {
 public:
  static constexpr size_t kMaxText = 4096;  // octets
  static constexpr size_t kMaxNames = 200;  // different ones
  static constexpr size_t kMaxDepth = 50;   // of parentheses and "not"

  /// "A and (B or not C)": names of rules, and, or, not, parentheses; "not" binds strongest, then "and", then "or"; the
  /// words in lower or upper case. BadInput says what was expected where ("at 'or': a rule's name is wanted").
  static Result<Expression> parse(std::string_view text);
  static Expression all_of(std::vector<std::string> names);
  static Expression any_of(std::vector<std::string> names);

  /// Each rule named, once, in the order of first use.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  /// `hit(i)`: whether names()[i] has hit. No recursion deeper than kMaxDepth.
  [[nodiscard]] bool evaluate(const std::function<bool(size_t)>& hit) const;
  /// The same where some of them could not say: Unknown where it depends on those.
  [[nodiscard]] Truth weigh(const std::function<Truth(size_t)>& known) const;

 private:
  enum class Op : unsigned char { Name, Not, And, Or };
  struct Step {
    Op op = Op::Name;
    size_t name = 0;
  };
  static Expression joined(std::vector<std::string> names, Op op);
  size_t name_index(std::string_view name);
  std::vector<std::string> names_;
  std::vector<Step> steps_;  // postfix
  bool when_empty_ = false;  // what no steps say: all of nothing is true, any of nothing is not
  friend class ExpressionParser;
};

}  // namespace postern::rules
