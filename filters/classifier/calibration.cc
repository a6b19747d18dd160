#include "filters/classifier/calibration.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

namespace postern::classifier {
namespace {

/// Targets as Platt has them: (n + 1) / (n + 2) and 1 / (n + 2).
std::array<double, 2> targets(const std::vector<uint8_t>& spam, const std::vector<float>& weights) {
  std::array<double, 2> of{};
  for (size_t i = 0; i < spam.size(); ++i) of[spam[i]] += static_cast<double>(weights[i]);
  return {1 / (of[0] + 2), (of[1] + 1) / (of[1] + 2)};
}

double loss(const std::vector<float>& scores, const std::vector<uint8_t>& spam, const std::vector<float>& weights,
            const std::array<double, 2>& target, double slope, double offset) {
  double sum = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    double z = slope * static_cast<double>(scores[i]) + offset;
    // -log of the probability, written so that nothing overflows.
    double log_one = std::max(z, 0.0) + std::log1p(std::exp(-std::fabs(z)));
    sum += static_cast<double>(weights[i]) * (log_one - target[spam[i]] * z);
  }
  return sum;
}

}  // namespace

Calibration calibrate(const std::vector<float>& scores, const std::vector<uint8_t>& spam,
                      const std::vector<float>& weights) {
  constexpr size_t kRounds = 100;
  constexpr double kRidge = 1e-6;
  std::array<double, 2> target = targets(spam, weights);
  double slope = 1;
  double offset = 0;
  double now = loss(scores, spam, weights, target, slope, offset);
  // Newton's method on two unknowns; a step that makes it worse is halved.
  for (size_t round = 0; round < kRounds; ++round) {
    double g1 = 0;
    double g0 = 0;
    double h11 = kRidge;
    double h10 = 0;
    double h00 = kRidge;
    for (size_t i = 0; i < scores.size(); ++i) {
      auto x = static_cast<double>(scores[i]);
      auto w = static_cast<double>(weights[i]);
      double p = 1 / (1 + std::exp(-(slope * x + offset)));
      double gradient = w * (p - target[spam[i]]);
      double curve = w * p * (1 - p);
      g1 += gradient * x;
      g0 += gradient;
      h11 += curve * x * x;
      h10 += curve * x;
      h00 += curve;
    }
    double determinant = h11 * h00 - h10 * h10;
    if (!(determinant > 0)) break;
    double d1 = -(h00 * g1 - h10 * g0) / determinant;
    double d0 = -(h11 * g0 - h10 * g1) / determinant;
    double step = 1;
    double next = loss(scores, spam, weights, target, slope + d1, offset + d0);
    while (next > now && step > 1e-9) {
      step /= 2;
      next = loss(scores, spam, weights, target, slope + step * d1, offset + step * d0);
    }
    if (!(next < now)) break;
    slope += step * d1;
    offset += step * d0;
    double gained = now - next;
    now = next;
    if (gained < 1e-9 * (1 + now)) break;
  }
  // Where nothing was learned that holds for others, a higher score is no sign of spam, and none of ham either.
  return {static_cast<float>(std::max(slope, 0.0)), static_cast<float>(offset)};
}

}  // namespace postern::classifier
