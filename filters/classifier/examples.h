// What is learned from: each message once, no sender more than its share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "filters/classifier/trainer.h"

namespace postern::classifier {

/// Of examples with one digest one is left, of the kind that most have; none, where as many are of either. The order
/// depends on the examples alone, not on how they came.
void drop_duplicates(std::vector<Example>& examples);

/// What each example weighs: at most 1, and less where its sender's share of the kind would be more than `share`. With
/// fewer than 1 / share senders all that there are weigh the same.
[[nodiscard]] std::vector<float> sender_weights(const std::vector<Example>& examples, double share);

}  // namespace postern::classifier
