// Which rules of a message have hit so far, seen from the place of one that runs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lua/verdict.h"

namespace postern::rules {

/// While rules wait for the DNS others run, so hits do not come in order; what a rule sees of them is always that of
/// the rules before it, as if they had run one after the other. One thread.
class Progress {
 public:
  struct Placed {
    size_t position = 0;  // in the order in which rules run
    Hit hit;
  };

  /// `before`: hits of earlier stages. Both outlive this.
  Progress(const std::vector<Hit>& before, const Groups& groups) : before_(before), groups_(groups) {}

  void add(size_t position, Hit hit);
  void open(size_t position) { open_.push_back(position); }  // it runs or waits
  void close(size_t position);
  /// Whether any rule before `position` has not ended.
  [[nodiscard]] bool waits_before(size_t position) const;
  [[nodiscard]] bool is_open(size_t position) const;

  /// Null: it has not hit. Valid until the next one is added.
  [[nodiscard]] const Hit* find(std::string_view rule) const;
  /// The sum of earlier stages and of the rules before `position`.
  [[nodiscard]] double score_before(size_t position) const;

  /// The hits in the order of their rules, those of rules behind `last` left out.
  [[nodiscard]] std::vector<Placed> take(size_t last);

 private:
  const std::vector<Hit>& before_;
  const Groups& groups_;
  std::vector<Placed> placed_;
  std::vector<size_t> open_;
};

}  // namespace postern::rules
