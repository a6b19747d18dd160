// What the statistical classifier says of a message.
#pragma once

#include <cstdint>

namespace postern::classifier {

struct Outcome {
  /// Of spam, 0 to 1, calibrated on messages that were not learned from: of those at 0.9 nine in ten are spam. 0.5
  /// where nothing can be said.
  double spam = 0.5;
  /// Enough was learned of both kinds, and the message has enough in common with it.
  bool ready = false;
  uint64_t ham_learned = 0;  // messages that the model was made from
  uint64_t spam_learned = 0;
};

}  // namespace postern::classifier
