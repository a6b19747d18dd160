// Joined: which of the corpora's own messages each method takes for copies of one another, and whether they are.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/campaign/corpus.h"

namespace postern::campaign {

/// Prints a table of all methods and, of filters/bulk, every cluster that has a doubtful member: one whose nearest
/// other member has fewer than 0.2 of its runs of three words (exact Jaccard similarity). Of these, messages that have
/// the sender or the subject of another member, numbers apart, are the same template; the rest are falsely joined.
/// `all`: every cluster is listed.
void print_joined(const std::vector<Mail>& mails, bool ours_alone, bool all);

}  // namespace postern::campaign
