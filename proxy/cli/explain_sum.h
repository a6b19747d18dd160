// The score of a message, worked out again so that each point can be shown: by `explain`, and by `scan`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "lua/verdict.h"

namespace postern::cli {

/// The hits of one group, or those of none (then `group` is empty, and nothing bounds them). Shadow hits are not in it.
struct GroupSum {
  std::string group;
  std::vector<const rules::Hit*> hits;  // the largest first; of the hits that were given
  double together = 0;
  std::optional<double> max;     // the group's cap; none: it has none, or it is not known
  std::optional<double> damped;  // what `damper` makes of it
  std::string damper;            // the rule that lowers the cap most; empty: none does
  double counts = 0;             // what it adds to the score
};

struct Sum {
  std::vector<GroupSum> groups;  // those without a group first, then what adds most
  double total = 0;              // worked out here
  /// The recorded score is another one: the caps that were in force then are not known. What they took away.
  std::optional<double> unknown;
};

/// `groups`: of the rules that judged; none: not known. `hits` outlive the result.
[[nodiscard]] Sum work_out(const std::vector<rules::Hit>& hits, const std::optional<rules::Groups>& groups,
                           double recorded);

/// What the cap takes away of what the hits are together: 0 or less.
[[nodiscard]] double cut_of(const GroupSum& sum);
/// "group words: 5.5 together, may add 4.0 at most, but 1.5 since KNOWN hit". Empty: nothing bounds the group, and a
/// single hit is all there is. Names are escaped.
[[nodiscard]] std::string group_words(const GroupSum& sum);
/// {"group", "together", "max", "damped": {"max", "by"}, "counts"}; `max` and `damped` where there are any.
[[nodiscard]] nlohmann::ordered_json group_json(const GroupSum& sum);

}  // namespace postern::cli
