// Mistakes that the text of rules shows: facts that there are not, or not yet, names of nothing, and regular
// expressions that are wrong; with their own lines, also in branches that no example takes.
#pragma once

#include <vector>

#include "lua/api_view.h"
#include "lua/rules.h"
#include "lua/source.h"

namespace postern::rules {

/// `outlines[i]` is of `files[i]`. Of `rules` the stage is asked, by file and name; what `rules` does not have is not
/// checked, except for its names, which are the file's. The words are those that the rule would err with; each mistake
/// once, in the order of files and lines. What a rule may never come to (FactRead::maybe) is no mistake. `lists`: those
/// that mail.lists offers; null: not known. `root`: what `mail` offers. Compiles the expressions: not on a worker.
[[nodiscard]] std::vector<Problem> check_source(const std::vector<RuleSet::File>& files,
                                                const std::vector<Outline>& outlines,
                                                const std::vector<RuleInfo>& rules, const lists::Lists* lists = nullptr,
                                                const ViewTable& root = mail_table());

}  // namespace postern::rules
