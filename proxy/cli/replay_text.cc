// postern replay for people: what would change first, then what each rule did.
#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "proxy/cli/counted.h"
#include "proxy/cli/replay.h"
#include "proxy/cli/terminal_text.h"

namespace postern::cli {

namespace {

using rules::format_score;

constexpr size_t kIndent = 6;        // of lists of rules
constexpr size_t kMostNamed = 20;    // messages of one kind of change
constexpr size_t kMostRulesOf = 12;  // that moved one message
constexpr size_t kMostOverlaps = 20;
constexpr size_t kSlowest = 10;

std::string share(uint64_t part, uint64_t all) {
  if (all == 0) return "-";
  return fmt::format("{:.2f} %", 100.0 * static_cast<double>(part) / static_cast<double>(all));
}

std::string counts_text(const std::array<uint64_t, kVerdicts>& counts) {
  std::vector<std::string> parts;
  for (size_t verdict = 0; verdict < kVerdicts; ++verdict) {
    if (counts[verdict] == 0) continue;
    parts.push_back(fmt::format("{} {}", counts[verdict], rules::to_string(static_cast<rules::Verdict>(verdict))));
  }
  return parts.empty() ? std::string("none") : fmt::format("{}", fmt::join(parts, ", "));
}

/// "+NEW 12.0, -OLD 1.0, SPF_FAIL 3.0 -> 5.0"
std::string movers(const Change& change) {
  std::vector<std::string> parts;
  if (change.decided_from != change.decided_to) {
    auto name = [](const std::string& rule) { return rule.empty() ? std::string("the score") : rule; };
    parts.push_back(fmt::format("decided by {}, not by {}", name(change.decided_to), name(change.decided_from)));
  }
  for (const auto& hit : change.gained) parts.push_back(fmt::format("+{} {}", hit.rule, format_score(hit.score)));
  for (const auto& hit : change.lost) parts.push_back(fmt::format("-{} {}", hit.rule, format_score(hit.score)));
  for (const auto& rule : change.rescored) {
    parts.push_back(fmt::format("{} {} -> {}", rule.rule, format_score(rule.from), format_score(rule.to)));
  }
  if (parts.empty()) parts.emplace_back(change.score_from == change.score_to ? "other thresholds" : "caps of groups");
  if (parts.size() > kMostRulesOf) {
    size_t more = parts.size() - kMostRulesOf;
    parts.resize(kMostRulesOf);
    parts.push_back(fmt::format("and {} more", more));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

void add_changes(const Replayed& replayed, std::string& out) {
  const Tally& tally = replayed.tally;
  out += fmt::format("\nVerdicts that would change: {} of {}\n", tally.changed(), tally.messages());
  for (const auto& [verdicts, changes] : tally.changes()) {
    out += fmt::format("  {} -> {}: {}", rules::to_string(verdicts.first), rules::to_string(verdicts.second),
                       changes.count);
    if (replayed.mode == "corpus") {
      out += fmt::format(" ({} ham, {} spam)", changes.by_label[static_cast<size_t>(Label::Ham)],
                         changes.by_label[static_cast<size_t>(Label::Spam)]);
    }
    out += '\n';
    size_t named = 0;
    for (const auto& [place, change] : changes.messages) {
      if (named++ == kMostNamed) break;
      std::string label = change.label == Label::None ? "" : fmt::format("  ({})", to_string(change.label));
      out +=
          fmt::format("    {}{}  {} -> {}{}\n        {}\n", shown(change.name), label, format_score(change.score_from),
                      format_score(change.score_to), change.certain ? "" : "  (not certain)", movers(change));
    }
    if (changes.count > kMostNamed) out += fmt::format("    and {} more\n", changes.count - kMostNamed);
  }
}

/// "(of 15 messages, 14 verdicts)": how much one rule leaves open.
std::string left_text(const LeftOut& left) {
  return fmt::format("(of {}, {})", counted(left.messages, "message"), counted(left.verdicts, "verdict"));
}

/// Rules that share the reason and what hangs on them stand together: what gets in the way of one list gets in the way
/// of all its rules. What most verdicts hang on comes first.
void add_unknown(const Replayed& replayed, std::string& out) {
  using Rules = std::vector<std::pair<std::string_view, LeftOut>>;
  std::map<std::string_view, Rules> by_why;
  for (const auto& [rule, left] : replayed.left_out) by_why[left.why].emplace_back(rule, left);
  auto weight = [](const auto& group) {
    uint64_t most = 0;
    for (const auto& [rule, left] : group.second) most = std::max(most, left.verdicts);
    return most;
  };
  std::vector<std::pair<std::string_view, Rules>> groups(by_why.begin(), by_why.end());
  std::stable_sort(groups.begin(), groups.end(),
                   [&weight](const auto& a, const auto& b) { return weight(a) > weight(b); });
  for (const auto& [why, rules] : groups) {
    out += fmt::format("  {} ({})\n", why.empty() ? "it is not known why" : why, counted(rules.size(), "rule"));
    std::map<std::string, std::vector<std::string_view>> alike;
    for (const auto& [rule, left] : rules) alike[left_text(left)].push_back(rule);
    for (const auto& [figures, names] : alike) {
      out += wrapped(fmt::format("{}  {}", fmt::join(names, ", "), figures), kIndent);
    }
  }
}

void add_uncertain(const Replayed& replayed, std::string& out) {
  if (replayed.left_out.empty()) return;
  if (replayed.mode == "corpus") {
    out += "\nNot judged as the gateway would (a file does not tell who brought it)\n";
    std::map<std::string_view, std::vector<std::string_view>> by_why;
    for (const auto& [rule, left] : replayed.left_out) by_why[left.why].push_back(rule);
    for (const auto& [why, names] : by_why) {
      out += fmt::format("  {} ({})\n", why, counted(names.size(), "rule"));
      out += wrapped(fmt::format("{}", fmt::join(names, ", ")), kIndent);
    }
    return;
  }
  uint64_t uncertain = replayed.tally.uncertain();
  out += fmt::format("\nWhat the journal does not tell: {} on these rules\n",
                     uncertain == 1 ? std::string("1 verdict hangs") : fmt::format("{} verdicts hang", uncertain));
  add_unknown(replayed, out);
}

void add_inputs(const Replayed& replayed, std::string& out) {
  if (replayed.inputs.empty()) return;
  out += "\nBy directory\n";
  for (size_t i = 0; i < replayed.inputs.size(); ++i) {
    const ReplayInput& input = replayed.inputs[i];
    const InputFigures& figures = replayed.tally.inputs()[i];
    out +=
        fmt::format("  {}  {}: {}\n", to_string(input.label), shown(input.path), counted(figures.messages, "message"));
    for (size_t set = 0; set < replayed.sides.size(); ++set) {
      out += fmt::format("    {:9}{}\n", replayed.sides[set].what, counts_text(figures.verdicts[set]));
      for (const Mistakes& each : mistakes(replayed.sides[set], input.label, figures.verdicts[set])) {
        out += fmt::format("             {} at {} {}: {} ({})\n",
                           input.label == Label::Ham ? "false positives" : "false negatives", rules::to_string(each.at),
                           format_score(each.limit), each.count, share(each.count, figures.messages));
      }
    }
  }
}

const RuleCount* count_of(const Replayed& replayed, size_t set, const std::string& name) {
  auto found = replayed.tally.side(set).rules.find(name);
  return found == replayed.tally.side(set).rules.end() ? nullptr : &found->second;
}

std::string rule_line(const Replayed& replayed, const std::string& name, const RuleCount& count) {
  if (replayed.mode != "corpus") {
    return fmt::format("  {:<32} {:>8}  {}", name, count.all(), counts_text(count.by_verdict));
  }
  uint64_t ham = count.by_label[static_cast<size_t>(Label::Ham)];
  uint64_t spam = count.by_label[static_cast<size_t>(Label::Spam)];
  uint64_t all_ham = replayed.tally.messages(Label::Ham);
  uint64_t all_spam = replayed.tally.messages(Label::Spam);
  auto ratio = spam_share(ham, spam, all_ham, all_spam);
  return fmt::format("  {:<32} {:>8} {:>9} {:>8} {:>9}  {:>5}", name, ham, share(ham, all_ham), spam,
                     share(spam, all_spam), ratio ? fmt::format("{:.3f}", *ratio) : "-");
}

void add_rules(const Replayed& replayed, std::string& out) {
  size_t last = replayed.sides.size() - 1;
  std::set<std::string> names;
  for (size_t set = 0; set <= last; ++set) {
    for (const auto& [name, count] : replayed.tally.side(set).rules) names.insert(name);
  }
  if (names.empty()) return;
  bool corpus = replayed.mode == "corpus";
  out += corpus ? fmt::format("\n{:<34} {:>8} {:>9} {:>8} {:>9}  {:>5}\n", "Hits", "ham", "", "spam", "", "S/O")
                : fmt::format("\n{:<34} {:>8}  by verdict\n", "Hits", "all");
  RuleCount none;
  for (const std::string& name : names) {
    const RuleCount* now = count_of(replayed, last, name);
    out += rule_line(replayed, name, now != nullptr ? *now : none);
    const RuleCount* before = last > 0 ? count_of(replayed, 0, name) : now;
    uint64_t hits_before = before != nullptr ? before->all() : 0;
    if (hits_before != (now != nullptr ? now->all() : 0)) {
      out += fmt::format("  ({}: {})", replayed.sides[0].what, hits_before);
    }
    out += '\n';
  }
}

void add_overlaps(const Replayed& replayed, std::string& out) {
  std::vector<Overlap> pairs = replayed.tally.overlaps(kMostOverlaps);
  if (pairs.empty()) return;
  out += "\nRules that hit nearly the same messages\n";
  for (const Overlap& pair : pairs) {
    out += fmt::format("  {} and {}: both in {} of {}\n", pair.a, pair.b, pair.both, pair.either);
  }
}

void add_cpu(const Replayed& replayed, std::string& out) {
  const CpuTimes& times = replayed.cpu[replayed.sides.size() - 1];
  if (times.empty()) return;
  auto mean = [](const RuleCpu& cpu) {
    return static_cast<double>(cpu.total.count()) / 1000.0 / static_cast<double>(std::max<uint64_t>(cpu.runs, 1));
  };
  std::vector<std::pair<std::string_view, RuleCpu>> slowest(times.begin(), times.end());
  std::sort(slowest.begin(), slowest.end(),
            [&mean](const auto& a, const auto& b) { return mean(a.second) > mean(b.second); });
  if (slowest.size() > kSlowest) slowest.resize(kSlowest);
  out +=
      fmt::format("\nCPU time of rules with `when` (the slowest of {}; microseconds a message, worst)\n", times.size());
  for (const auto& [rule, cpu] : slowest) {
    out +=
        fmt::format("  {:<32} {:>8.1f} {:>10.1f}\n", rule, mean(cpu), static_cast<double>(cpu.worst.count()) / 1000.0);
  }
}

std::string side_text(const ReplaySide& side) {
  if (!side.rules) return side.what;
  return fmt::format("{} (rules {})", side.what, side.rules->version());
}

}  // namespace

std::vector<Mistakes> mistakes(const ReplaySide& side, Label label, const std::array<uint64_t, kVerdicts>& verdicts) {
  std::vector<Mistakes> out;
  if (!side.config || label == Label::None) return out;
  const rules::Thresholds& limits = side.config->policy.verdict.thresholds;
  const std::array<std::pair<rules::Verdict, std::optional<double>>, 4> all = {
      {{rules::Verdict::Tag, limits.tag},
       {rules::Verdict::Quarantine, limits.quarantine},
       {rules::Verdict::Defer, limits.defer},
       {rules::Verdict::Reject, limits.reject}}};
  for (const auto& [verdict, limit] : all) {
    if (!limit) continue;
    Mistakes each{verdict, *limit, 0};
    for (size_t i = 0; i < kVerdicts; ++i) {
      bool reached = i >= static_cast<size_t>(verdict);
      if (reached == (label == Label::Ham)) each.count += verdicts[i];
    }
    out.push_back(each);
  }
  return out;
}

std::vector<std::string> never_hit(const Replayed& replayed, size_t set) {
  std::vector<std::string> names;
  if (!replayed.sides[set].rules) return names;
  const rules::RuleSet& all = *replayed.sides[set].rules;
  for (const rules::RuleInfo& rule : all.rules()) {
    bool off = rule.disabled || (rule.kind == rules::RuleInfo::Kind::List && !(*all.lists())[rule.list].enabled);
    if (off || count_of(replayed, set, rule.name) != nullptr || replayed.left_out.count(rule.name) > 0) continue;
    names.push_back(rule.name);
  }
  return names;
}

std::string replay_text(const Replayed& replayed) {
  const Tally& tally = replayed.tally;
  std::string out = counted(tally.messages(), "message");
  if (replayed.mode == "corpus") {
    out += fmt::format(" ({} ham, {} spam", tally.messages(Label::Ham), tally.messages(Label::Spam));
    out += replayed.resumed > 0 ? fmt::format("; {} judged before)", replayed.resumed) : ")";
  } else {
    out += " of the journal";
  }
  if (!replayed.complete) out += ", interrupted";
  out += fmt::format(": {}", side_text(replayed.sides.front()));
  if (replayed.sides.size() > 1) out += fmt::format(" against {}", side_text(replayed.sides.back()));
  out += '\n';
  if (replayed.sides.size() > 1) add_changes(replayed, out);
  add_inputs(replayed, out);
  if (replayed.inputs.empty()) {
    out += "\nVerdicts\n";
    for (size_t set = 0; set < replayed.sides.size(); ++set) {
      out += fmt::format("  {:9}{}\n", replayed.sides[set].what, counts_text(tally.side(set).verdicts[0]));
    }
  }
  add_rules(replayed, out);
  add_overlaps(replayed, out);
  auto never = never_hit(replayed, replayed.sides.size() - 1);
  if (!never.empty()) {
    out += fmt::format("\nRules that never hit ({})\n", never.size());
    out += wrapped(fmt::format("{}", fmt::join(never, ", ")), 2);
  }
  add_cpu(replayed, out);
  if (!replayed.failures.empty()) out += "\nRules that failed\n";
  for (const auto& [rule, count] : replayed.failures) {
    out += fmt::format("  {}: {}\n", rule, counted(count, "message"));
  }
  add_uncertain(replayed, out);
  if (!replayed.bad.empty()) out += fmt::format("\nCould not be read: {}\n", replayed.bad.size());
  return out;
}

}  // namespace postern::cli
