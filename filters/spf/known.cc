#include "filters/spf/known.h"

#include <algorithm>
#include <utility>

#include "filters/base/bytes.h"

namespace postern::spf {
namespace {

dns::Answer no_name() {
  dns::Answer answer;
  answer.status = dns::Status::NoName;
  return answer;
}

dns::Answer exhausted() {
  dns::Answer answer;
  answer.reason = "too many look-ups";
  return answer;
}

}  // namespace

const dns::Answer* Known::find(std::string_view name, dns::Type type) {
  static const dns::Answer kNoName = no_name();
  static const dns::Answer kExhausted = exhausted();
  if (!dns::is_valid_name(name)) return &kNoName;
  dns::Question question{to_lower(name), type};
  auto at = answers_.find(question);
  if (at != answers_.end()) return &at->second;
  if (answers_.size() + missing_.size() >= kMaxLookups) return &kExhausted;
  if (std::find(missing_.begin(), missing_.end(), question) == missing_.end()) missing_.push_back(std::move(question));
  return nullptr;
}

void Known::learn(std::vector<dns::Answer> answers) {
  for (size_t i = 0; i < missing_.size() && i < answers.size(); ++i) {
    answers_.emplace(std::move(missing_[i]), std::move(answers[i]));
  }
  missing_.clear();
}

}  // namespace postern::spf
