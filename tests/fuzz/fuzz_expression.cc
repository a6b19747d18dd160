// An expression over rules is refused in one line, or says the same as its text read by another, simpler hand; the plan
// of rules that ask each other puts each behind those it asks for, or names a mistake.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/bytes.h"
#include "lua/expression.h"
#include "lua/plan.h"

using namespace postern;
using rules::Expression;

namespace {

// Evaluates while it reads, and knows nothing of bounds: it is asked for texts that were taken only.
class Reader {
 public:
  Reader(std::string_view text, const Expression& expression, unsigned hits)
      : text_(text), expression_(expression), hits_(hits) {
    next();
  }
  bool value() {
    bool said = either();
    POSTERN_CHECK(word_.empty());
    return said;
  }

 private:
  void next() {
    while (!text_.empty() && (text_[0] == ' ' || (text_[0] >= 9 && text_[0] <= 13))) text_.remove_prefix(1);
    size_t size = 0;
    while (size < text_.size() && (ascii_alnum(text_[size]) || text_[size] == '_')) ++size;
    if (size == 0 && !text_.empty()) size = 1;
    word_ = text_.substr(0, size);
    text_.remove_prefix(size);
  }
  bool either() {
    bool said = both();
    while (equal_nocase(word_, "or")) {
      next();
      said = both() || said;
    }
    return said;
  }
  bool both() {
    bool said = one();
    while (equal_nocase(word_, "and")) {
      next();
      said = one() && said;
    }
    return said;
  }
  bool one() {
    if (equal_nocase(word_, "not")) {
      next();
      return !one();
    }
    if (word_ == "(") {
      next();
      bool said = either();
      POSTERN_CHECK(word_ == ")");
      next();
      return said;
    }
    for (size_t i = 0; i < expression_.names().size(); ++i) {
      if (expression_.names()[i] != word_) continue;
      next();
      return ((hits_ >> (i % 32)) & 1U) != 0;
    }
    POSTERN_CHECK(false);
    return false;
  }

  std::string_view text_;
  std::string_view word_;
  const Expression& expression_;
  unsigned hits_;
};

void check_expression(std::string_view text) {
  auto made = Expression::parse(text);
  if (!made) {
    POSTERN_CHECK(is_utf8(made.error().message) && made.error().message.find('\n') == std::string::npos);
    return;
  }
  POSTERN_CHECK(!made->names().empty() && made->names().size() <= Expression::kMaxNames);
  for (unsigned hits : {0U, 1U, 2U, 5U, 0x55555555U, 0xfffffffeU, 0xffffffffU}) {
    bool said = made->evaluate([hits](size_t i) { return ((hits >> (i % 32)) & 1U) != 0; });
    POSTERN_CHECK(said == Reader(text, *made, hits).value());
  }
}

// Each octet: which of sixteen rules asks for which; the rules' stages are made of the first octets.
void check_plan(std::string_view octets) {
  constexpr size_t kRules = 16;
  std::vector<rules::RuleInfo> infos(kRules);
  std::vector<rules::Asks> asks(kRules);
  for (size_t i = 0; i < kRules; ++i) {
    infos[i].name = "R" + std::to_string(i);
    infos[i].stage = static_cast<rules::Stage>(i < octets.size() ? (static_cast<uint8_t>(octets[i]) >> 5U) % 5 : 4);
  }
  for (char octet : octets) {
    auto pair = static_cast<uint8_t>(octet);
    asks[pair >> 4U].names.push_back({"R" + std::to_string(pair & 15U), 1});
  }
  std::vector<rules::Problem> problems;
  rules::Plan plan = rules::make_plan(infos, asks, problems);
  POSTERN_CHECK(plan.order.size() == kRules && plan.inputs.size() == kRules);
  std::vector<size_t> position(kRules, kRules);
  for (size_t i = 0; i < kRules; ++i) {
    POSTERN_CHECK(position[plan.order[i]] == kRules);
    position[plan.order[i]] = i;
  }
  if (!problems.empty()) return;
  for (size_t i = 0; i < kRules; ++i) {
    for (size_t input : plan.inputs[i]) POSTERN_CHECK(position[input] < position[i]);
    if (i > 0) POSTERN_CHECK(infos[plan.order[i - 1]].stage <= infos[plan.order[i]].stage);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  check_expression(text);
  check_plan(text.substr(0, 200));
  return 0;
}
