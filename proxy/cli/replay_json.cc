// postern replay --json: one object with all that is known; the names are documented in deploy/README.md.
#include <algorithm>
#include <set>
#include <utility>

#include "proxy/cli/replay.h"

namespace postern::cli {

namespace {

using nlohmann::ordered_json;

constexpr size_t kMostOverlaps = 200;
constexpr std::array<const char*, 2> kSideNames = {"before", "after"};

ordered_json optional_json(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json counts_json(const std::array<uint64_t, kVerdicts>& counts) {
  ordered_json out = ordered_json::object();
  for (size_t verdict = 0; verdict < kVerdicts; ++verdict) {
    if (counts[verdict] > 0) {
      out[std::string(rules::to_string(static_cast<rules::Verdict>(verdict)))] = counts[verdict];
    }
  }
  return out;
}

ordered_json side_json(const ReplaySide& side) {
  ordered_json out = {{"what", side.what}};
  if (!side.rules) return out;
  const rules::Thresholds& limits = side.config->policy.verdict.thresholds;
  out["version"] = side.rules->version();
  out["rules"] = side.rules->rules().size();
  out["thresholds"] = {{"tag", optional_json(limits.tag)},
                       {"quarantine", optional_json(limits.quarantine)},
                       {"defer", optional_json(limits.defer)},
                       {"reject", optional_json(limits.reject)}};
  return out;
}

ordered_json hits_json(const std::vector<Opinion::Hit>& hits) {
  ordered_json out = ordered_json::array();
  for (const Opinion::Hit& hit : hits) out.push_back({{"rule", hit.rule}, {"score", hit.score}});
  return out;
}

ordered_json change_json(const Change& change) {
  ordered_json out = {{"name", change.name}};
  if (change.label != Label::None) out["label"] = to_string(change.label);
  out["score"] = {{"before", change.score_from}, {"after", change.score_to}};
  out["gained"] = hits_json(change.gained);
  out["lost"] = hits_json(change.lost);
  out["rescored"] = ordered_json::array();
  for (const Change::Rescored& rule : change.rescored) {
    out["rescored"].push_back({{"rule", rule.rule}, {"before", rule.from}, {"after", rule.to}});
  }
  if (change.decided_from != change.decided_to) {
    out["decided_by"] = {{"before", change.decided_from}, {"after", change.decided_to}};
  }
  out["certain"] = change.certain;
  return out;
}

ordered_json changes_json(const Replayed& replayed) {
  ordered_json out = ordered_json::array();
  for (const auto& [verdicts, changes] : replayed.tally.changes()) {
    ordered_json messages = ordered_json::array();
    for (const auto& [place, change] : changes.messages) messages.push_back(change_json(change));
    ordered_json group = {{"from", rules::to_string(verdicts.first)},
                          {"to", rules::to_string(verdicts.second)},
                          {"count", changes.count}};
    if (replayed.mode == "corpus") {
      group["ham"] = changes.by_label[static_cast<size_t>(Label::Ham)];
      group["spam"] = changes.by_label[static_cast<size_t>(Label::Spam)];
    }
    group["messages_left_out"] = changes.count - changes.messages.size();
    group["messages"] = std::move(messages);
    out.push_back(std::move(group));
  }
  return out;
}

const rules::RuleInfo* find_rule(const ReplaySide& side, const std::string& name) {
  if (!side.rules) return nullptr;
  const auto& all = side.rules->rules();
  auto found = std::find_if(all.begin(), all.end(), [&name](const auto& each) { return each.name == name; });
  return found == all.end() ? nullptr : &*found;
}

ordered_json rule_json(const Replayed& replayed, size_t set, const std::string& name) {
  const auto& counts = replayed.tally.side(set).rules;
  auto found = counts.find(name);
  RuleCount count = found == counts.end() ? RuleCount() : found->second;
  ordered_json out = ordered_json::object();
  if (const rules::RuleInfo* rule = find_rule(replayed.sides[set], name)) {
    out["score"] = rule->score;
    out["mode"] = rule->disabled ? "disabled" : rule->shadow ? "shadow" : "on";
  }
  out["hits"] = count.all();
  if (replayed.mode == "corpus") {
    uint64_t ham = count.by_label[static_cast<size_t>(Label::Ham)];
    uint64_t spam = count.by_label[static_cast<size_t>(Label::Spam)];
    out["ham"] = ham;
    out["spam"] = spam;
    out["spam_share"] =
        optional_json(spam_share(ham, spam, replayed.tally.messages(Label::Ham), replayed.tally.messages(Label::Spam)));
  }
  out["verdicts"] = counts_json(count.by_verdict);
  return out;
}

ordered_json rules_json(const Replayed& replayed) {
  std::set<std::string> names;
  for (size_t set = 0; set < replayed.sides.size(); ++set) {
    for (const auto& [name, count] : replayed.tally.side(set).rules) names.insert(name);
  }
  ordered_json out = ordered_json::array();
  for (const std::string& name : names) {
    ordered_json rule = {{"name", name}};
    for (size_t set = 0; set < replayed.sides.size(); ++set) rule[kSideNames[set]] = rule_json(replayed, set, name);
    out.push_back(std::move(rule));
  }
  return out;
}

ordered_json mistakes_json(const ReplaySide& side, Label label, const std::array<uint64_t, kVerdicts>& verdicts) {
  ordered_json out = ordered_json::object();
  for (const Mistakes& each : mistakes(side, label, verdicts)) {
    out[std::string(rules::to_string(each.at))] = {{"limit", each.limit}, {"count", each.count}};
  }
  return out;
}

ordered_json inputs_json(const Replayed& replayed) {
  ordered_json out = ordered_json::array();
  for (size_t i = 0; i < replayed.inputs.size(); ++i) {
    const ReplayInput& input = replayed.inputs[i];
    const InputFigures& figures = replayed.tally.inputs()[i];
    ordered_json row = {{"path", input.path}, {"label", to_string(input.label)}, {"messages", figures.messages}};
    for (size_t set = 0; set < replayed.sides.size(); ++set) {
      row[kSideNames[set]] = {{"verdicts", counts_json(figures.verdicts[set])},
                              {input.label == Label::Ham ? "false_positives" : "false_negatives",
                               mistakes_json(replayed.sides[set], input.label, figures.verdicts[set])}};
    }
    out.push_back(std::move(row));
  }
  return out;
}

ordered_json cpu_json(const CpuTimes& times) {
  ordered_json out = ordered_json::array();
  for (const auto& [rule, cpu] : times) {
    auto microseconds = [](std::chrono::nanoseconds time) { return static_cast<double>(time.count()) / 1000.0; };
    out.push_back({{"rule", rule},
                   {"runs", cpu.runs},
                   {"mean_us", microseconds(cpu.total) / static_cast<double>(std::max<uint64_t>(cpu.runs, 1))},
                   {"worst_us", microseconds(cpu.worst)}});
  }
  return out;
}

ordered_json left_out_json(const Replayed& replayed) {
  ordered_json out = ordered_json::array();
  for (const auto& [rule, left] : replayed.left_out) {
    ordered_json row = {{"rule", rule}, {"why", left.why}};
    if (replayed.mode == "journal") {
      row["messages"] = left.messages;
      row["verdicts"] = left.verdicts;
    }
    out.push_back(std::move(row));
  }
  return out;
}

}  // namespace

ordered_json replay_json(const Replayed& replayed) {
  const Tally& tally = replayed.tally;
  ordered_json out = {{"mode", replayed.mode}, {"complete", replayed.complete}};
  out["messages"] = {{"all", tally.messages()}};
  if (replayed.mode == "corpus") {
    out["messages"]["ham"] = tally.messages(Label::Ham);
    out["messages"]["spam"] = tally.messages(Label::Spam);
    out["messages"]["resumed"] = replayed.resumed;
  }
  for (size_t set = 0; set < replayed.sides.size(); ++set) out[kSideNames[set]] = side_json(replayed.sides[set]);
  for (size_t set = 0; set < replayed.sides.size(); ++set) {
    ordered_json& verdicts = out[kSideNames[set]]["verdicts"];
    for (Label label : {Label::None, Label::Ham, Label::Spam}) {
      auto counts = counts_json(tally.side(set).verdicts[static_cast<size_t>(label)]);
      if (!counts.empty()) verdicts[label == Label::None ? "all" : std::string(to_string(label))] = std::move(counts);
    }
  }
  if (replayed.sides.size() > 1) {
    out["changed"] = tally.changed();
    out["changes"] = changes_json(replayed);
  }
  if (replayed.mode == "journal") out["uncertain"] = tally.uncertain();
  out["rules"] = rules_json(replayed);
  out["inputs"] = inputs_json(replayed);
  out["overlap"] = ordered_json::array();
  for (const Overlap& pair : tally.overlaps(kMostOverlaps)) {
    out["overlap"].push_back({{"rules", {pair.a, pair.b}}, {"both", pair.both}, {"either", pair.either}});
  }
  out["never_hit"] = never_hit(replayed, replayed.sides.size() - 1);
  out["cpu"] = cpu_json(replayed.cpu[replayed.sides.size() - 1]);
  out["failures"] = replayed.failures;
  out["left_out"] = left_out_json(replayed);
  out["bad"] = replayed.bad;
  return out;
}

}  // namespace postern::cli
