// Recall: of the copies of generated campaigns, how many each method recognises in a stream of other mail.
#pragma once

#include <cstdint>
#include <vector>

#include "tests/bench/campaign/corpus.h"

namespace postern::campaign {

struct RecallOptions {
  uint64_t campaigns = 40;  // of each class of sizes
  uint64_t copies = 60;     // of each campaign
  bool ours_alone = false;
};
/// Prints its tables. A copy after the 20th is recognised when the method says that at least half of the copies so far
/// were like it, and nine in ten of its cluster are copies of this campaign.
void print_recall(const std::vector<Mail>& mails, const RecallOptions& options);

}  // namespace postern::campaign
