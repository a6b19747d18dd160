// From a score to a probability.
#pragma once

#include <cstdint>
#include <vector>

namespace postern::classifier {

struct Calibration {
  float slope = 1;
  float offset = 0;
};

/// Platt's method: the slope and offset of the logistic curve that fits best what scores of messages that were not
/// learned from came to, each with its weight. Targets are drawn in a little, so that a set without errors still leaves
/// a doubt. All vectors are of one size, both kinds in them.
[[nodiscard]] Calibration calibrate(const std::vector<float>& scores, const std::vector<uint8_t>& spam,
                                    const std::vector<float>& weights);

}  // namespace postern::classifier
