#include "lua/expression.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxName = 64;  // octets, as is_rule_name()

bool word_octet(char c) {
  return ascii_alnum(c) || c == '_';
}

// What people write who know another language.
std::string_view meant_by(std::string_view token) {
  if (token == "&" || equal_nocase(token, "and")) return "and";
  if (token == "|" || equal_nocase(token, "or")) return "or";
  if (token == "!" || token == "~" || equal_nocase(token, "not")) return "not";
  return {};
}

}  // namespace

/// One reading of a text. Recursion is bounded by Expression::kMaxDepth.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view text) : rest_(text) { advance(); }

  Result<Expression> run() {
    if (!parse_or(0)) return tl::unexpected(std::move(error_));
    if (token_.empty()) return std::move(made_);
    wanted("'and', 'or' or the end");
    return tl::unexpected(std::move(error_));
  }

 private:
  using Op = Expression::Op;

  void advance() {
    while (!rest_.empty() && (rest_[0] == ' ' || (rest_[0] >= '\t' && rest_[0] <= '\r'))) rest_.remove_prefix(1);
    size_t length = rest_.empty() ? 0 : 1;
    if (length != 0 && word_octet(rest_[0])) {
      while (length < rest_.size() && word_octet(rest_[length])) ++length;
    }
    token_ = rest_.substr(0, length);
    rest_.remove_prefix(length);
  }

  [[nodiscard]] bool is_word(std::string_view lower, std::string_view upper) const {
    return token_ == lower || token_ == upper;
  }
  [[nodiscard]] bool at_and() const { return is_word("and", "AND"); }
  [[nodiscard]] bool at_or() const { return is_word("or", "OR"); }
  [[nodiscard]] bool at_not() const { return is_word("not", "NOT"); }

  bool refuse(Code code, std::string message) {
    error_ = {code, std::move(message)};
    return false;
  }
  bool wanted(std::string_view what) {
    std::string_view meant = meant_by(token_);
    // '&' for "and" is worth a hint; a misplaced "and" is not.
    bool hint = !meant.empty() && !at_and() && !at_or() && !at_not();
    return refuse(Code::BadInput, fmt::format("at {}: {} is wanted{}",
                                              token_.empty() ? "the end" : "'" + escape_for_log(token_, 80) + "'", what,
                                              hint ? fmt::format(" (write '{}')", meant) : std::string()));
  }

  void emit(Op op, size_t name = 0) { made_.steps_.push_back({op, name}); }

  bool parse_or(size_t depth) {
    if (!parse_and(depth)) return false;
    while (at_or()) {
      advance();
      if (!parse_and(depth)) return false;
      emit(Op::Or);
    }
    return true;
  }

  bool parse_and(size_t depth) {
    if (!parse_not(depth)) return false;
    while (at_and()) {
      advance();
      if (!parse_not(depth)) return false;
      emit(Op::And);
    }
    return true;
  }

  bool parse_not(size_t depth) {
    size_t count = 0;
    while (at_not()) {
      if (depth + ++count > Expression::kMaxDepth) return too_deep();
      advance();
    }
    if (!parse_name(depth + count)) return false;
    for (; count > 0; --count) emit(Op::Not);
    return true;
  }

  bool parse_name(size_t depth) {
    if (token_ == "(") {
      if (depth >= Expression::kMaxDepth) return too_deep();
      advance();
      if (!parse_or(depth + 1)) return false;
      if (token_ != ")") return wanted("'and', 'or' or ')'");
      advance();
      return true;
    }
    if (token_.empty() || !ascii_alpha(token_[0]) || !meant_by(token_).empty()) return wanted("a rule's name");
    if (token_.size() > kMaxName) return wanted(fmt::format("a name of at most {} characters", kMaxName));
    size_t index = made_.name_index(token_);
    if (index >= Expression::kMaxNames) {
      return refuse(Code::Limit, fmt::format("it names more than {} rules", Expression::kMaxNames));
    }
    emit(Op::Name, index);
    advance();
    return true;
  }

  bool too_deep() {
    return refuse(Code::Limit,
                  fmt::format("parentheses and 'not' are nested more than {} deep", Expression::kMaxDepth));
  }

  std::string_view rest_;
  std::string_view token_;  // empty: the end
  Expression made_;
  Error error_;
};

Result<Expression> Expression::parse(std::string_view text) {
  if (text.size() > kMaxText) return fail(Code::Limit, fmt::format("it is longer than {} octets", kMaxText));
  return ExpressionParser(text).run();
}

Expression Expression::joined(std::vector<std::string> names, Op op) {
  Expression made;
  std::unordered_set<std::string> seen;
  for (std::string& name : names) {
    if (!seen.insert(name).second) continue;
    made.steps_.push_back({Op::Name, made.names_.size()});
    if (!made.names_.empty()) made.steps_.push_back({op, 0});
    made.names_.push_back(std::move(name));
  }
  made.when_empty_ = op == Op::And;
  return made;
}

Expression Expression::all_of(std::vector<std::string> names) {
  return joined(std::move(names), Op::And);
}

Expression Expression::any_of(std::vector<std::string> names) {
  return joined(std::move(names), Op::Or);
}

size_t Expression::name_index(std::string_view name) {
  auto found = std::find(names_.begin(), names_.end(), name);
  if (found != names_.end()) return static_cast<size_t>(found - names_.begin());
  names_.emplace_back(name);
  return names_.size() - 1;
}

bool Expression::evaluate(const std::function<bool(size_t)>& hit) const {
  return weigh([&hit](size_t name) { return hit(name) ? Truth::Yes : Truth::No; }) == Truth::Yes;
}

Truth Expression::weigh(const std::function<Truth(size_t)>& known) const {
  if (steps_.empty()) return when_empty_ ? Truth::Yes : Truth::No;
  std::vector<Truth> stack;
  for (const Step& step : steps_) {
    if (step.op == Op::Name) {
      stack.push_back(known(step.name));
    } else if (step.op == Op::Not) {
      if (stack.back() != Truth::Unknown) stack.back() = stack.back() == Truth::Yes ? Truth::No : Truth::Yes;
    } else {
      Truth right = stack.back();
      stack.pop_back();
      stack.back() = step.op == Op::And ? std::min(stack.back(), right) : std::max(stack.back(), right);
    }
  }
  return stack.back();
}

}  // namespace postern::rules
