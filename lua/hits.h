// What becomes a hit: of declarative rules all of it, of the others what their `when` said.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "lua/expression.h"
#include "lua/rules.h"
#include "lua/verdict.h"

namespace postern::rules {

/// `detail` as it is.
[[nodiscard]] Hit make_hit(const RuleInfo& info, double factor, std::string detail);

/// The hit of a rule, by its name; null: it has not hit. Valid until the next hit is added.
using FindHit = std::function<const Hit*(std::string_view)>;
/// Whether a rule that has not hit may be one that could not say: it failed, was skipped or is suspended. Where there
/// were more than an evaluation keeps, each rule with `when` may be one.
[[nodiscard]] bool could_not_say(const RuleInfo& info, const Evaluation& evaluation);

/// Of a rule over rules; nullopt: it does not hit. The names that hit are its detail.
[[nodiscard]] std::optional<Hit> expression_hit(const RuleInfo& info, const Expression& expression,
                                                const FindHit& find);

/// What is known of a list; null where nothing was found listed, or nobody asked.
[[nodiscard]] const lists::Outcome* listed(const Facts& facts, size_t list);
/// Of a rule of a list; nullopt: its answer did not come. Its detail are the subjects with the answers that this rule
/// means, "192.0.2.1 127.0.0.2 127.0.0.3, 198.51.100.7 127.0.0.2".
[[nodiscard]] std::optional<Hit> list_hit(const RuleInfo& info, const lists::List& list, const Facts& facts);
/// "192.0.2.1 is listed by ZEN: TITLE", of the first subject that the rule means. Untrusted text.
[[nodiscard]] std::string list_reason(const RuleInfo& info, const lists::List& list, const Facts& facts);

}  // namespace postern::rules
