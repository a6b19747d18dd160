#include "filters/classifier/trainer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>
#include <utility>

#include "filters/base/parallel.h"
#include "filters/classifier/calibration.h"
#include "filters/classifier/examples.h"
#include "filters/classifier/run_counts.h"
#include "filters/classifier/scale.h"
#include "filters/classifier/words.h"

namespace postern::classifier {
namespace {

constexpr unsigned kBits = 20;  // of the table: 4 MiB
constexpr size_t kSize = size_t{1} << kBits;
constexpr size_t kFolds = 5;
constexpr size_t kRounds = 20;
constexpr unsigned kMostCounting = 2;  // threads with a table of counts of their own, of 256 MiB at most

// FTRL-proximal (McMahan et al. 2013): logistic regression, a step size of its own for each weight, L2. L1 makes it
// smaller, not better.
constexpr float kAlpha = 4.0F;
constexpr float kBeta = 1.0F;
constexpr float kL2 = 0.5F;
// An example that a view judges as clearly as this teaches it nothing more: what is left of its gradient only makes
// weights of what is common in easy messages larger, at the cost of the hard ones. Ham comes to that sooner: nearly all
// of it is easy, and one sender's poison called ham moves the others less.
constexpr float kMarginSpam = 3.0F;
constexpr float kMarginHam = 1.0F;
// The most that one feature says for ham: anybody may put one of them into his spam, and nothing else is so cheap.
constexpr float kMostHam = 0.8F;
// Each time a message is learned from, three in ten of its features, by chance, are not there (Srivastava et al. 2014;
// for words: Wager, Wang, Liang 2013), and the others count so much more. Who may not lean on the few plainest signs
// also learns the next best, by which a stranger is told.
constexpr uint32_t kLeftOut = 77;  // of 256
constexpr float kRaise = 256.0F / (256 - kLeftOut);
// What each view says counts so much. How a message is put together tells its year, its program and its country before
// it tells spam: mail of another kind than was learned has a strange header and an honest text.
constexpr std::array<float, kViews> kCounts = {0.5F, 0.7F, 0.5F, 0.3F};

/// Examples as rows of places in a table that has only those places which are used. The features of a row are sorted,
/// so those of a view stand together.
struct Rows {
  std::vector<uint32_t> places;
  std::vector<size_t> begins;  // in `places`, of each view of each row; one more at the end
  std::vector<float> values;   // of each feature, as Scales says
  std::vector<float> weight;
  std::vector<uint8_t> spam;
  std::vector<uint32_t> slots;  // place -> where it is in the whole table

  [[nodiscard]] size_t size() const { return spam.size(); }
  [[nodiscard]] size_t begin(size_t row, size_t view) const { return begins[row * kViews + view]; }
  [[nodiscard]] size_t end(size_t row, size_t view) const { return begins[row * kViews + view + 1]; }
};

/// Features that one message alone has tell nothing of another.
Rows rows_of(const std::vector<Example>& examples, std::vector<float> weights) {
  constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint8_t> seen(kSize);
  size_t total = 0;
  for (const Example& example : examples) {
    total += example.reading.features.size();
    for (Feature feature : example.reading.features) {
      uint8_t& count = seen[place_of(feature, kSize)];
      count = static_cast<uint8_t>(std::min(count + 1, 2));
    }
  }
  Rows rows;
  std::vector<uint32_t> compact(kSize, kNone);
  for (uint32_t slot = 0; slot < kSize; ++slot) {
    if (seen[slot] < 2) continue;
    compact[slot] = static_cast<uint32_t>(rows.slots.size());
    rows.slots.push_back(slot);
  }
  rows.places.reserve(total);
  rows.values.reserve(total);
  rows.begins.reserve(examples.size() * kViews + 1);
  rows.spam.reserve(examples.size());
  rows.weight = std::move(weights);
  for (const Example& example : examples) {
    size_t views = 0;  // of this row that have begun
    Scales scales(example.reading.features);
    for (Feature feature : example.reading.features) {
      for (; views <= kViewOf[kind_of(feature)]; ++views) rows.begins.push_back(rows.places.size());
      uint32_t place = compact[place_of(feature, kSize)];
      if (place == kNone) continue;
      rows.places.push_back(place);
      rows.values.push_back(scales.of(feature));
    }
    for (; views < kViews; ++views) rows.begins.push_back(rows.places.size());
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

/// Says what is left out; the same each time.
class Chance {
 public:
  bool leaves_out() {
    if (left_ == 0) {
      state_ += 0x9e3779b97f4a7c15U;
      octets_ = mix(state_);
      left_ = sizeof(octets_);
    }
    bool out = (octets_ & 0xFFU) < kLeftOut;
    octets_ >>= 8U;
    --left_;
    return out;
  }

 private:
  uint64_t state_ = 2;
  uint64_t octets_ = 0;
  size_t left_ = 0;
};

/// Learns one view.
class Learner {
 public:
  Learner(const Rows& rows, size_t view) : rows_(rows), view_(view), table_(rows.slots.size()) {}

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
    for (size_t i = rows_.begin(row, view_); i < rows_.end(row, view_); ++i)
      sum += table_[rows_.places[i]].w * rows_.values[i];
    return bias_.w + sum;
  }
  [[nodiscard]] float bias() const { return bias_.w; }
  /// Of all places; those of other views are 0.
  [[nodiscard]] std::vector<float> weights() const {
    std::vector<float> out;
    out.reserve(table_.size());
    for (const Coordinate& one : table_) out.push_back(one.w);
    return out;
  }

 private:
  void learn(size_t row) {
    size_t begin = rows_.begin(row, view_);
    size_t end = rows_.end(row, view_);
    kept_.resize(end - begin);
    size_t kept = 0;
    // Without a branch: nothing foresees chance.
    for (size_t i = begin; i < end; ++i) {
      kept_[kept] = i;
      kept += static_cast<size_t>(!chance_.leaves_out());
    }
    kept_.resize(kept);
    float said = bias_.w;
    for (size_t i : kept_) said += table_[rows_.places[i]].w * rows_.values[i] * kRaise;
    if (rows_.spam[row] != 0 ? said > kMarginSpam : said < -kMarginHam) return;
    float p = 1 / (1 + std::exp(-said));
    float error = (p - static_cast<float>(rows_.spam[row])) * rows_.weight[row];
    for (size_t i : kept_) table_[rows_.places[i]].step(error * rows_.values[i] * kRaise);
    bias_.step(error);
  }

  const Rows& rows_;
  size_t view_;
  std::vector<Coordinate> table_;
  Coordinate bias_;
  Chance chance_;
  std::vector<size_t> kept_;  // of a row, for the time of learn()
};

/// Says how far it is, from one thread at a time.
class Meter {
 public:
  Meter(const std::function<void(double)>& tell, size_t steps) : tell_(tell), steps_(steps) {}
  void step(size_t steps = 1) {
    std::lock_guard<std::mutex> lock(mutex_);
    done_ += steps;
    if (tell_) tell_(static_cast<double>(done_) / static_cast<double>(steps_));
  }

 private:
  const std::function<void(double)>& tell_;
  size_t steps_;
  std::mutex mutex_;
  size_t done_ = 0;
};

/// What came of one view.
struct View {
  float bias = 0;
  std::vector<float> weights;  // of all places
  std::vector<float> scores;   // of each row, by a learner that has not seen it
};
using Views = std::array<View, kViews>;

/// What came of the runs.
struct Runs {
  RunTable table;
  std::vector<float> scores;  // of each row, by counts without it
};

/// One job each for all rows and for all but every fifth, for each fifth. The examples are in the order of their
/// digests, so every fifth is as good as any.
class Trainer {
 public:
  Trainer(const std::vector<Example>& examples, const Rows& rows, const Training& how)
      : examples_(examples), rows_(rows), how_(how), meter_(how.progress, (kViews + 1) * (kFolds + 1) * kRounds) {}

  void run() {
    for (View& view : views_) view.scores.resize(rows_.size());
    runs_.scores.resize(rows_.size());
    // Those from all rows come first, since they take longest.
    in_parallel(1 + kViews * (kFolds + 1), how_.threads, [&](size_t job) {
      if (job == 0) {
        count(counts_, 0);
        counts_.finish();
      } else {
        learn_view((job - 1) % kViews, (job - 1) / kViews);
      }
    });
    in_parallel(kFolds + 1, std::min(how_.threads, kMostCounting), [&](size_t job) {
      if (job == 0) {
        runs_.table = counts_.table();
      } else {
        judge_by_runs(job);
      }
      meter_.step(kRounds);
    });
  }
  [[nodiscard]] const Views& views() const { return views_; }
  [[nodiscard]] Runs& runs() { return runs_; }

 private:
  /// `fold`: 0 for all rows.
  void learn_view(size_t number, size_t fold) {
    View& view = views_[number];
    Learner learner(rows_, number);
    std::vector<uint32_t> order;
    order.reserve(rows_.size());
    for (uint32_t row = 0; row < rows_.size(); ++row) {
      if (fold == 0 || row % kFolds != fold - 1) order.push_back(row);
    }
    learner.run(std::move(order), [&] { meter_.step(); });
    if (fold == 0) {
      view.bias = learner.bias();
      view.weights = learner.weights();
      return;
    }
    for (size_t row = fold - 1; row < rows_.size(); row += kFolds) view.scores[row] = learner.score(row);
  }

  void count(RunCounts& counts, size_t fold) const {
    for (size_t row = fold == 0 ? 0 : fold - 1; row < rows_.size(); row += fold == 0 ? 1 : kFolds) {
      const Example& example = examples_[row];
      for (Where where : {Where::Text, Where::Subject, Where::Links, Where::Header}) {
        counts.add(where, text_of(example.reading, where), example.spam, rows_.weight[row]);
      }
    }
  }

  void judge_by_runs(size_t fold) {
    RunCounts part;
    count(part, fold);
    part.finish(&counts_);
    for (size_t row = fold - 1; row < rows_.size(); row += kFolds) {
      runs_.scores[row] = sum_of_texts(
          examples_[row].reading, [&](Where where, std::string_view text) { return counts_.judge(where, text, part); });
    }
  }

  const std::vector<Example>& examples_;
  const Rows& rows_;
  const Training& how_;
  Meter meter_;
  RunCounts counts_;
  Views views_;
  Runs runs_;
};

}  // namespace

Weights train(std::vector<Example> examples, const Training& how, int64_t wall_seconds) {
  drop_duplicates(examples);
  Weights out;
  out.table.resize(kSize);
  out.trained_at = wall_seconds;
  for (const Example& example : examples) ++(example.spam ? out.spam : out.ham);
  if (out.ham == 0 || out.spam == 0) return out;

  const Rows rows = rows_of(examples, sender_weights(examples, how.sender_share));
  Trainer trainer(examples, rows, how);
  trainer.run();
  const Views& views = trainer.views();
  std::vector<float> scores = std::move(trainer.runs().scores);
  out.runs = std::move(trainer.runs().table);
  for (size_t v = 0; v < kViews; ++v) {
    const View& view = views[v];
    out.bias += kCounts[v] * view.bias;
    for (size_t place = 0; place < rows.slots.size(); ++place) {
      out.table[rows.slots[place]] += kCounts[v] * view.weights[place];
    }
    for (size_t row = 0; row < rows.size(); ++row) scores[row] += kCounts[v] * view.scores[row];
  }
  Calibration calibration = calibrate(scores, rows.spam, rows.weight);
  out.slope = calibration.slope;
  out.offset = calibration.offset;
  return out;
}

}  // namespace postern::classifier
