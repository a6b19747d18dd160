#include "lua/plan.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "filters/base/bytes.h"
#include "lua/registry.h"

namespace postern::rules {

namespace {

constexpr size_t kMaxProblems = Registry::kMaxProblems;
constexpr size_t kMaxShown = 10;  // rules of a cycle that are named
constexpr size_t kNowhere = std::numeric_limits<size_t>::max();

/// All walks are loops with a list of their own: a chain of thousands of rules is no reason to run out of stack.
class Planner {
 public:
  Planner(const std::vector<RuleInfo>& rules, const std::vector<Asks>& asks, std::vector<Problem>& problems,
          const lists::Lists& lists)
      : rules_(rules), asks_(asks), problems_(problems), lists_(lists) {}

  Plan run() {
    find_inputs();
    sort();
    if (plan_.order.size() < rules_.size()) {
      name_cycles();
      // Nobody runs such a set, but whoever looks at the plan finds every rule in it.
      for (size_t rule = 0; rule < rules_.size(); ++rule) {
        if (!placed_[rule]) plan_.order.push_back(rule);
      }
    }
    return std::move(plan_);
  }

 private:
  void problem(size_t rule, int line, std::string text) {
    if (problems_.size() < kMaxProblems) problems_.push_back({rules_[rule].file, line, std::move(text)});
  }

  void find_inputs() {
    std::unordered_map<std::string_view, size_t> by_name;
    for (size_t rule = 0; rule < rules_.size(); ++rule) by_name.emplace(rules_[rule].name, rule);
    plan_.inputs.resize(rules_.size());
    users_.resize(rules_.size());
    std::vector<size_t> asked_by(rules_.size(), kNowhere);
    for (size_t rule = 0; rule < rules_.size() && rule < asks_.size(); ++rule) {
      for (const Asks::Name& ask : asks_[rule].names) {
        auto found = by_name.find(ask.name);
        if (found == by_name.end()) {
          unknown(rule, ask);
        } else if (may_ask(rule, found->second, ask.line) && asked_by[found->second] != rule) {
          asked_by[found->second] = rule;
          plan_.inputs[rule].push_back(found->second);
          users_[found->second].push_back(rule);
        }
      }
    }
  }

  void unknown(size_t rule, const Asks::Name& ask) {
    if (problems_.size() >= kMaxProblems) return;
    if (names_.empty()) {
      for (const RuleInfo& known : rules_) names_.push_back(known.name);
    }
    problem(rule, ask.line,
            fmt::format("rule {} asks for '{}', and there is no such rule{}", rules_[rule].name,
                        escape_for_log(ask.name, 64), did_you_mean(ask.name, names_)));
  }

  bool may_ask(size_t rule, size_t input, int line) {
    const RuleInfo& asking = rules_[rule];
    const RuleInfo& asked = rules_[input];
    if (rule == input) {
      problem(rule, line, fmt::format("rule {} asks for itself", asking.name));
      return false;
    }
    if (asked.stage <= asking.stage) return true;
    problem(
        rule, line,
        fmt::format("rule {} runs at stage \"{}\" and asks for {}, which runs later, at stage \"{}\"{}", asking.name,
                    to_string(asking.stage), asked.name, to_string(asked.stage), advice(asking, asked)));
    return false;
  }

  // Rules of lists run with the message unless they are told otherwise.
  [[nodiscard]] std::string advice(const RuleInfo& asking, const RuleInfo& asked) const {
    if (asked.kind != RuleInfo::Kind::List || asked.list >= lists_.size()) return {};
    const lists::List& list = lists_[asked.list];
    Stage known = known_from(list.of);
    if (known <= asking.stage) {
      return fmt::format(": write stage = \"{}\" in list {}", to_string(asking.stage), list.name);
    }
    return fmt::format(": what {} asks about is known from stage \"{}\" on, so this rule needs stage = \"{}\"",
                       list.name, to_string(known), to_string(asked.stage));
  }

  // local.lua is read last, and the first action decides: were it not for this, no allow list in it could overrule a
  // list that ships. Such answers ask for nobody, so nothing holds them up. In shadow mode too: what would be accepted
  // must not depend on the mode.
  [[nodiscard]] bool accepts_first(size_t rule) const {
    return rules_[rule].kind == RuleInfo::Kind::List && rules_[rule].action == Verdict::Accept;
  }

  // Of the rules that may run next, the first as written. No rule asks for one of a later stage, so stages stay apart.
  void sort() {
    using Next = std::tuple<Stage, bool, size_t>;
    auto next = [this](size_t rule) { return Next(rules_[rule].stage, !accepts_first(rule), rule); };
    std::priority_queue<Next, std::vector<Next>, std::greater<>> ready;
    std::vector<size_t> missing(rules_.size());
    placed_.assign(rules_.size(), false);
    for (size_t rule = 0; rule < rules_.size(); ++rule) {
      missing[rule] = plan_.inputs[rule].size();
      if (missing[rule] == 0) ready.push(next(rule));
    }
    while (!ready.empty()) {
      size_t rule = std::get<size_t>(ready.top());
      ready.pop();
      plan_.order.push_back(rule);
      placed_[rule] = true;
      for (size_t user : users_[rule]) {
        if (--missing[user] == 0) ready.push(next(user));
      }
    }
  }

  // What is left are cycles and the rules that wait for them. Two walks, first along the users, then back along the
  // inputs, find which rules belong to the same cycles.
  void name_cycles() {
    std::vector<size_t> finished = finish_order();
    cycle_of_.assign(rules_.size(), kNowhere);
    std::vector<size_t> members;
    for (size_t i = finished.size(); i-- > 0;) {
      if (cycle_of_[finished[i]] != kNowhere) continue;
      members.assign(1, finished[i]);
      cycle_of_[finished[i]] = i;
      for (size_t at = 0; at < members.size(); ++at) {
        for (size_t input : plan_.inputs[members[at]]) {
          if (placed_[input] || cycle_of_[input] != kNowhere) continue;
          cycle_of_[input] = i;
          members.push_back(input);
        }
      }
      if (members.size() > 1) cycles_.push_back(*std::min_element(members.begin(), members.end()));
    }
    std::sort(cycles_.begin(), cycles_.end());
    for (size_t first : cycles_) name_cycle(first);
  }

  // The unplaced rules in the order in which a walk along their users leaves them.
  [[nodiscard]] std::vector<size_t> finish_order() const {
    std::vector<size_t> finished;
    std::vector<bool> seen(placed_);
    std::vector<std::pair<size_t, size_t>> walk;  // rule, how many of its users were visited
    for (size_t start = 0; start < rules_.size(); ++start) {
      if (seen[start]) continue;
      seen[start] = true;
      walk.emplace_back(start, 0);
      while (!walk.empty()) {
        auto& [rule, next] = walk.back();
        if (next == users_[rule].size()) {
          finished.push_back(rule);
          walk.pop_back();
          continue;
        }
        size_t user = users_[rule][next++];
        if (seen[user]) continue;
        seen[user] = true;
        walk.emplace_back(user, 0);
      }
    }
    return finished;
  }

  // The shortest way from a rule back to itself.
  void name_cycle(size_t first) {
    std::vector<size_t> came_from(rules_.size(), kNowhere);
    std::vector<size_t> queue(1, first);
    for (size_t at = 0; came_from[first] == kNowhere && at < queue.size(); ++at) {
      for (size_t input : plan_.inputs[queue[at]]) {
        if (cycle_of_[input] != cycle_of_[first] || came_from[input] != kNowhere) continue;
        came_from[input] = queue[at];
        queue.push_back(input);
      }
    }
    std::vector<size_t> way(1, first);
    for (size_t rule = came_from[first]; rule != first; rule = came_from[rule]) way.push_back(rule);
    way.push_back(first);
    std::reverse(way.begin(), way.end());
    problem(first, line_of(first, way[1]), "rules ask for each other: " + shown(way));
  }

  [[nodiscard]] std::string shown(const std::vector<size_t>& way) const {
    std::string text;
    for (size_t i = 0; i < way.size(); ++i) {
      if (i == kMaxShown && way.size() > kMaxShown + 2) {
        text += fmt::format(" -> ... ({} more)", way.size() - kMaxShown - 1);
        i = way.size() - 1;
      }
      text += (i == 0 ? "" : " -> ") + rules_[way[i]].name;
    }
    return text;
  }

  [[nodiscard]] int line_of(size_t rule, size_t input) const {
    for (const Asks::Name& ask : asks_[rule].names) {
      if (ask.name == rules_[input].name) return ask.line;
    }
    return rules_[rule].line;
  }

  const std::vector<RuleInfo>& rules_;
  const std::vector<Asks>& asks_;
  std::vector<Problem>& problems_;
  const lists::Lists& lists_;
  Plan plan_;
  std::vector<std::vector<size_t>> users_;  // the other way round of plan_.inputs
  std::vector<bool> placed_;
  std::vector<size_t> cycle_of_;  // unplaced rules: the same number for those of the same cycles
  std::vector<size_t> cycles_;    // the first rule of each
  std::vector<std::string_view> names_;
};

}  // namespace

Plan make_plan(const std::vector<RuleInfo>& rules, const std::vector<Asks>& asks, std::vector<Problem>& problems,
               const lists::Lists& lists) {
  return Planner(rules, asks, problems, lists).run();
}

}  // namespace postern::rules
