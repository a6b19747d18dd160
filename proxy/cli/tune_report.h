// What `postern tune` says: figures and changes for people, and the local.lua that it proposes.
#pragma once

#include <string>
#include <vector>

#include "lua/tuning.h"
#include "proxy/cli/tune_corpus.h"

namespace postern::cli {

/// Mistakes at both thresholds, before and after, for each input and both kinds.
[[nodiscard]] std::string tune_figures(const rules::tuning::Proposal& proposal, const std::vector<TuneInput>& inputs,
                                       const rules::tuning::Options& options);
/// The changes, and why the other rules keep their scores.
[[nodiscard]] std::string tune_changes(const rules::tuning::Proposal& proposal);
/// Names of messages that look as if they were sorted wrongly; empty: there are none.
[[nodiscard]] std::string tune_suspects(const rules::tuning::Proposal& proposal,
                                        const std::vector<TuneMessage*>& messages);

/// `present`: the text of local.lua as it is, which the proposal begins with; may be empty. `when`: a date.
[[nodiscard]] std::string tuned_local_lua(const std::string& present, const rules::tuning::Proposal& proposal,
                                          const std::string& when);

}  // namespace postern::cli
