// Training: from all that was ever learned (and not forgotten) to weights; so forgetting is exact, order says nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "filters/classifier/features.h"
#include "filters/classifier/model.h"

namespace postern::classifier {

/// One message that somebody called ham or spam.
struct Example {
  Reading reading;      // as read_features gives it
  uint64_t digest = 0;  // as digest_of
  uint64_t sender = 0;  // as sender_of
  bool spam = false;
};

struct Training {
  /// What one sender may teach: the examples of a sender weigh together at most this share of their kind.
  double sender_share = 0.05;
  unsigned threads = 1;
  /// Called now and then with the share that is done, 0 to 1; may be empty.
  std::function<void(double)> progress;
};

/// Deterministic: the same set of examples in any order gives the same weights. Of examples with one digest the kind
/// that most have counts, once; of as many, none. Calibrated by cross-validation. Takes seconds for ten thousands.
[[nodiscard]] Weights train(std::vector<Example> examples, const Training& how, int64_t wall_seconds);

}  // namespace postern::classifier
