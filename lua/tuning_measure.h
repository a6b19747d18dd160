// How good scores are: mistakes, ranking, and whether a difference is more than chance.
#pragma once

#include <cstddef>
#include <vector>

#include "lua/tuning.h"

namespace postern::rules::tuning {

/// What each message scored; by place in Sample::messages().
using Scores = std::vector<double>;

[[nodiscard]] Figures figures_of(const Sample& sample, const Scores& scores, const Options& options);

/// What mistakes cost, by message: of a kind together at most a few points, however many there are of it.
[[nodiscard]] std::vector<double> costs_of(const Sample& sample, const Scores& scores, const Options& options);
/// The logistic loss, by message; as costs_of.
[[nodiscard]] std::vector<double> losses_of(const Sample& sample, const Scores& scores, const Options& options);

/// The chance of so large a gain, were the two as good: each campaign's difference might as well have had the other
/// sign. 1 where there is no gain.
[[nodiscard]] double chance_of(const Sample& sample, const std::vector<double>& before,
                               const std::vector<double>& after);

/// How uncertain an AUC near 0.5 is that was measured on so many independent ones of each kind (Hanley, McNeil 1982).
[[nodiscard]] double uncertainty_of_auc(size_t ham, size_t spam);

}  // namespace postern::rules::tuning
