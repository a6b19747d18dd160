// What one check knows of DNS so far, and what it would like to know.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dns/dns.h"

namespace postern::spf {

/// Answers by question; one thread. Bounded: see exhausted().
class Known {
 public:
  /// RFC 7208, 4.6.4 allows an evaluation some 120 look-ups: 10 terms, 10 exchangers for each of them, the PTR names,
  /// the first record and the explanation. Beyond that and kEager together nothing is asked any more.
  static constexpr size_t kMaxLookups = 200;
  /// So many questions may be asked on the chance that they are needed; then only those that surely are.
  static constexpr size_t kEager = 40;

  /// The answer, or null: then the question is one of missing() from now on. A name that is none is answered NoName.
  /// The answer stays valid as long as this object.
  [[nodiscard]] const dns::Answer* find(std::string_view name, dns::Type type);
  /// Begins a pass.
  void forget_missing() { missing_.clear(); }
  [[nodiscard]] const std::vector<dns::Question>& missing() const { return missing_; }
  /// The answers to missing(), in its order.
  void learn(std::vector<dns::Answer> answers);

  /// Whether an evaluation should go on looking for further questions after one was not answered.
  [[nodiscard]] bool eager() const { return answers_.size() + missing_.size() < kEager; }

 private:
  std::map<dns::Question, dns::Answer> answers_;
  std::vector<dns::Question> missing_;
};

}  // namespace postern::spf
