// Counting runs: from texts that somebody called ham or spam to what each run says.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "filters/classifier/runs.h"

namespace postern::classifier {

/// Two models of language, one of ham and one of spam: how likely an octet is after the three to five before it, by
/// absolute discounting (Ney, Essen, Kneser, 1994), interpolated with shorter contexts. What a run says is the
/// difference of the logarithms of what the two say of its last octet. One thread changes it; then any may look.
class RunCounts {
 public:
  /// `weight`: 0 to 1, what the text counts.
  void add(Where where, std::string_view text, bool spam, float weight);

  /// After the last add(). With `all`, of which these are a part: so that without() of it can be asked.
  void finish(const RunCounts* all = nullptr);
  /// What those say of a text that were counted here and not in `part`. As RunTable::judge.
  [[nodiscard]] float judge(Where where, std::string_view text, const RunCounts& part) const;
  /// Of the most frequent ones where there are too many.
  [[nodiscard]] RunTable table() const;

 private:
  using Pair = std::array<uint32_t, 2>;  // of ham and spam, in kUnits for each
  struct Count {
    RunKey key = 0;
    Pair times{};
    Pair behind{};  // of the runs that are one octet longer: how many there are in all
    Pair firsts{};  // and how many of them count for once; a run of weight 1 is one
  };

  [[nodiscard]] size_t slot_of(RunKey key) const;
  [[nodiscard]] const Count* find(RunKey key) const;
  Count& at(RunKey key);
  void grow();
  void drop_rare();
  [[nodiscard]] bool look(Where where, uint64_t last, size_t octets, const RunCounts* without, Count& out) const;
  [[nodiscard]] float says(Where where, uint64_t last, size_t octets, const RunCounts* without) const;

  std::vector<Count> counts_;
  size_t used_ = 0;
};

}  // namespace postern::classifier
