// The model: weights in a file that every process reads once; written whole, replaced atomically.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/result.h"
#include "filters/classifier/facts.h"
#include "filters/classifier/features.h"
#include "filters/classifier/runs.h"

namespace postern::classifier {

/// Below this nothing is said: so many messages of each kind, after duplicates were left out.
inline constexpr uint64_t kLeastLearned = 200;

/// What training makes and a file holds.
struct Weights {
  std::vector<float> table;  // a power of two of them, 4 and more; a feature's place is place_of (scale.h)
  RunTable runs;
  float bias = 0;
  float slope = 1;  // of the calibration: probability = 1 / (1 + exp(-(slope * score + offset)))
  float offset = 0;
  uint64_t ham = 0;  // messages learned
  uint64_t spam = 0;
  int64_t trained_at = 0;  // seconds since 1970
};

/// Immutable; any thread. The file may be replaced meanwhile: this stays what it was.
class Model {
 public:
  /// Reads a file whole (5 to 20 MiB as `postern learn` writes it, at most 272). Fails (with what is wrong) when it is
  /// missing, torn, of another version or not a model: everything is checked here, its checksum too, so that judging
  /// trusts it.
  [[nodiscard]] static Result<std::shared_ptr<const Model>> open(const std::string& path);
  /// The same from memory; for tests and for measuring.
  [[nodiscard]] static std::shared_ptr<const Model> from(Weights weights);
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model();

  /// A look-up for each feature and each octet of the texts, and no allocation.
  [[nodiscard]] Outcome judge(const Reading& reading) const;
  [[nodiscard]] uint64_t ham() const;
  [[nodiscard]] uint64_t spam() const;
  [[nodiscard]] int64_t trained_at() const;

 private:
  class Impl;
  explicit Model(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Writes beside `path`, syncs, and renames: whoever opens it sees the old one or the new one, whole.
[[nodiscard]] Result<void> write_model(const std::string& path, const Weights& weights);

}  // namespace postern::classifier
