#include "filters/classifier/trainer.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>

#include "filters/classifier/calibration.h"
#include "filters/classifier/examples.h"
#include "filters/classifier/scale.h"
#include "filters/classifier/words.h"

namespace postern::classifier {
namespace {

constexpr unsigned kBits = 20;  // of the table: 4 MiB
constexpr uint32_t kMask = (1U << kBits) - 1;
constexpr size_t kFolds = 5;
constexpr size_t kRounds = 20;

// FTRL-proximal (McMahan et al. 2013): logistic regression, a step size of its own for each weight, L2. L1 makes it
// smaller, not better.
constexpr float kAlpha = 4.0F;
constexpr float kBeta = 1.0F;
constexpr float kL2 = 0.5F;
// An example that is as clear as this (95 in 100) teaches nothing more: what is left of its gradient only makes weights
// of what is common in easy messages larger, at the cost of the hard ones.
constexpr float kMargin = 3.0F;
// The most that one feature says for ham: anybody may put one of them into his spam, and nothing else is so cheap.
constexpr float kMostHam = 0.8F;

/// Examples as rows of places in a table that has only those places which are used.
struct Rows {
  std::vector<uint32_t> places;
  std::vector<size_t> begins;  // of each row in `places`; one more at the end
  std::vector<float> values;   // of each feature, as Scales says
  std::vector<float> weight;
  std::vector<uint8_t> spam;
  std::vector<uint32_t> slots;  // place -> where it is in the whole table

  [[nodiscard]] size_t size() const { return spam.size(); }
};

/// Features that one message alone has tell nothing of another.
Rows rows_of(const std::vector<Example>& examples, std::vector<float> weights) {
  constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint8_t> seen(size_t{1} << kBits);
  size_t total = 0;
  for (const Example& example : examples) {
    total += example.features.size();
    for (Feature feature : example.features) {
      uint8_t& count = seen[feature & kMask];
      count = static_cast<uint8_t>(std::min(count + 1, 2));
    }
  }
  Rows rows;
  std::vector<uint32_t> place_of(size_t{1} << kBits, kNone);
  for (uint32_t slot = 0; slot <= kMask; ++slot) {
    if (seen[slot] < 2) continue;
    place_of[slot] = static_cast<uint32_t>(rows.slots.size());
    rows.slots.push_back(slot);
  }
  rows.places.reserve(total);
  rows.values.reserve(total);
  rows.begins.reserve(examples.size() + 1);
  rows.spam.reserve(examples.size());
  rows.weight = std::move(weights);
  for (const Example& example : examples) {
    rows.begins.push_back(rows.places.size());
    Scales scales(example.features);
    for (Feature feature : example.features) {
      uint32_t place = place_of[feature & kMask];
      if (place == kNone) continue;
      rows.places.push_back(place);
      rows.values.push_back(scales.of(feature));
    }
    rows.spam.push_back(static_cast<uint8_t>(example.spam));
  }
  rows.begins.push_back(rows.places.size());
  return rows;
}

/// One weight on its way.
struct Coordinate {
  float z = 0;
  float n = 0;
  float w = 0;

  void step(float gradient) {
    float squared = gradient * gradient;
    float sigma = (std::sqrt(n + squared) - std::sqrt(n)) / kAlpha;
    z += gradient - sigma * w;
    n += squared;
    w = std::max(-z / ((kBeta + std::sqrt(n)) / kAlpha + kL2), -kMostHam);
  }
};

class Learner {
 public:
  explicit Learner(const Rows& rows) : rows_(rows), table_(rows.slots.size()) {}

  /// `order` is shuffled, the same way each time.
  void run(std::vector<uint32_t> order, const std::function<void()>& round_done) {
    uint64_t state = 1;
    for (size_t round = 0; round < kRounds; ++round) {
      for (size_t i = order.size(); i > 1; --i) {
        state += 0x9e3779b97f4a7c15U;
        std::swap(order[i - 1], order[mix(state) % i]);
      }
      for (uint32_t row : order) learn(row);
      round_done();
    }
  }
  [[nodiscard]] float score(size_t row) const {
    float sum = 0;
    for (size_t i = rows_.begins[row]; i < rows_.begins[row + 1]; ++i)
      sum += table_[rows_.places[i]].w * rows_.values[i];
    return bias_.w + sum;
  }
  [[nodiscard]] float bias() const { return bias_.w; }
  [[nodiscard]] float at(size_t place) const { return table_[place].w; }

 private:
  void learn(size_t row) {
    float said = score(row);
    if (rows_.spam[row] != 0 ? said > kMargin : said < -kMargin) return;
    float p = 1 / (1 + std::exp(-said));
    float error = (p - static_cast<float>(rows_.spam[row])) * rows_.weight[row];
    for (size_t i = rows_.begins[row]; i < rows_.begins[row + 1]; ++i)
      table_[rows_.places[i]].step(error * rows_.values[i]);
    bias_.step(error);
  }

  const Rows& rows_;
  std::vector<Coordinate> table_;
  Coordinate bias_;
};

/// Runs `work(0)` to `work(count - 1)` on so many threads.
void in_parallel(size_t count, unsigned threads, const std::function<void(size_t)>& work) {
  std::atomic<size_t> next{0};
  auto run = [&] {
    for (size_t i = next++; i < count; i = next++) work(i);
  };
  std::vector<std::thread> helpers;
  size_t wanted = std::min<size_t>(std::max(threads, 1U), count) - 1;
  helpers.reserve(wanted);
  for (size_t i = 0; i < wanted; ++i) helpers.emplace_back(run);
  run();
  for (std::thread& helper : helpers) helper.join();
}

/// Says how far it is, from one thread at a time.
class Meter {
 public:
  Meter(const std::function<void(double)>& tell, size_t steps) : tell_(tell), steps_(steps) {}
  void step() {
    std::lock_guard<std::mutex> lock(mutex_);
    ++done_;
    if (tell_) tell_(static_cast<double>(done_) / static_cast<double>(steps_));
  }

 private:
  const std::function<void(double)>& tell_;
  size_t steps_;
  std::mutex mutex_;
  size_t done_ = 0;
};

}  // namespace

Weights train(std::vector<Example> examples, const Training& how, int64_t wall_seconds) {
  drop_duplicates(examples);
  Weights out;
  out.table.resize(size_t{1} << kBits);
  out.trained_at = wall_seconds;
  for (const Example& example : examples) ++(example.spam ? out.spam : out.ham);
  if (out.ham == 0 || out.spam == 0) return out;

  std::vector<float> weights = sender_weights(examples, how.sender_share);
  Rows rows = rows_of(examples, std::move(weights));
  std::vector<float> scores(rows.size());
  Meter meter(how.progress, (kFolds + 1) * kRounds);
  // The examples are in the order of their digests, so every fifth is as good as any. The whole comes first, since it
  // takes longest.
  in_parallel(kFolds + 1, how.threads, [&](size_t job) {
    Learner learner(rows);
    std::vector<uint32_t> order;
    order.reserve(rows.size());
    for (uint32_t row = 0; row < rows.size(); ++row) {
      if (job == 0 || row % kFolds != job - 1) order.push_back(row);
    }
    learner.run(std::move(order), [&] { meter.step(); });
    if (job == 0) {
      out.bias = learner.bias();
      for (size_t place = 0; place < rows.slots.size(); ++place) out.table[rows.slots[place]] = learner.at(place);
      return;
    }
    for (size_t row = job - 1; row < rows.size(); row += kFolds) scores[row] = learner.score(row);
  });
  Calibration calibration = calibrate(scores, rows.spam, rows.weight);
  out.slope = calibration.slope;
  out.offset = calibration.offset;
  return out;
}

}  // namespace postern::classifier
