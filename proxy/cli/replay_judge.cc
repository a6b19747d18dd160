#include "proxy/cli/replay_judge.h"

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "filters/base/bytes.h"
#include "lua/hits.h"

namespace postern::cli {

namespace {

using rules::RuleInfo;
using rules::Stage;

constexpr std::array<Stage, 5> kStages = {Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt, Stage::Message};

/// What no journal keeps, beside ops::facts_not_kept(): answers of the DNS to rules themselves, and what depends on
/// all rules before.
constexpr std::array<std::string_view, 3> kNeverKept = {"dns", "score", "*"};

bool reads(const std::set<std::string, std::less<>>& facts, std::string_view fact) {
  return facts.count(fact) > 0;
}

/// Outcomes of the lists of a set, by their names. Answers are matched anew: the set may mean others by them.
std::vector<lists::Outcome> lists_for(const ops::JournalEntry& entry, const lists::Lists& lists) {
  std::vector<lists::Outcome> outcomes(lists.size());
  for (const auto& [name, kept] : entry.lists) {
    auto same_name = [&name = name](const lists::List& list) { return list.name == name; };
    auto list = std::find_if(lists.begin(), lists.end(), same_name);
    if (list == lists.end()) continue;
    lists::Outcome outcome = kept;
    for (auto& listing : outcome.listings) {
      listing.matched.clear();
      for (size_t answer = 0; answer < list->answers.size(); ++answer) {
        bool means = std::any_of(listing.answers.begin(), listing.answers.end(), [&](const IpAddress& address) {
          return list->answers[answer].match.matches(address);
        });
        if (means) listing.matched.push_back(answer);
      }
    }
    std::erase_if(outcome.listings, [](const auto& listing) { return listing.matched.empty(); });
    if (outcome.state == lists::Outcome::State::Listed && outcome.listings.empty()) {
      outcome.state = lists::Outcome::State::Unlisted;
    }
    outcomes[static_cast<size_t>(list - lists.begin())] = std::move(outcome);
  }
  return outcomes;
}

/// Facts of which this entry has only a part, or nothing.
std::set<std::string, std::less<>> cut_facts(const ops::JournalEntry& entry) {
  std::set<std::string, std::less<>> cut(entry.unknown.begin(), entry.unknown.end());
  if (entry.header_cut) cut.insert({"header", "subject"});
  if (entry.urls_left_out + entry.urls_cut > 0) cut.emplace("urls");
  if (entry.attachments_left_out > 0) cut.emplace("attachments");
  if (entry.rcpts_left_out > 0) cut.emplace("rcpts");
  return cut;
}

std::string never_kept(const std::set<std::string, std::less<>>& facts) {
  std::vector<std::string_view> missing;
  for (std::string_view fact : ops::facts_not_kept()) {
    if (reads(facts, fact)) missing.push_back(fact);
  }
  for (std::string_view fact : kNeverKept) {
    if (reads(facts, fact)) missing.push_back(fact == "*" ? "everything" : fact);
  }
  return fmt::format("{}", fmt::join(missing, ", "));
}

const rules::Hit* find_hit(const std::vector<rules::Hit>& hits, std::string_view rule) {
  auto hit = std::find_if(hits.begin(), hits.end(), [rule](const rules::Hit& each) { return each.rule == rule; });
  return hit == hits.end() ? nullptr : &*hit;
}

}  // namespace

rules::Thresholds thresholds_for(const session::VerdictPolicy& policy, const std::vector<std::string>& recipients) {
  std::optional<rules::Thresholds> all;
  for (const std::string& recipient : recipients) {
    const rules::Thresholds& own = policy.thresholds_for(recipient);
    all = all ? rules::strictest(*all, own) : own;
  }
  return all.value_or(policy.thresholds);
}

Opinion recorded_opinion(const ops::JournalEntry& entry) {
  rules::Judgement judgement = entry.judgement;
  if (entry.evaluation.decision) {
    judgement.verdict = entry.evaluation.decision->verdict;
    judgement.score = entry.evaluation.score;
  }
  return opinion_of(entry.evaluation, judgement);
}

class RecordedJudge::Watch final : public rules::Observer {
 public:
  void rule_hit(const RuleInfo& /*rule*/) override {}
  void rule_ran(const RuleInfo& rule, std::chrono::nanoseconds cpu) override { times[rule.name].add(cpu); }
  void rule_failed(const RuleInfo& /*rule*/, std::string_view /*reason*/, const std::string& /*message*/) override {}
  CpuTimes times;
};

/// One entry under way.
struct RecordedJudge::Working {
  const ops::JournalEntry& entry;
  const ops::JournalRuleSet* then = nullptr;
  bool same_set = false;  // the very rules that judged then
  Stage reached = Stage::Message;
  Facts facts;
  std::set<std::string, std::less<>> cut;
  std::set<std::string_view> lists;  // of which the entry knows something
  std::vector<Source> sources;       // by rule
  rules::Evaluation evaluation;
};

RecordedJudge::RecordedJudge(ops::ConfigPtr config, rules::RuleSetPtr rules)
    : config_(std::move(config)),
      rules_(std::move(rules)),
      watch_(std::make_unique<Watch>()),
      host_(rules_, watch_.get()) {
  const lists::Lists& lists = *rules_->lists();
  needs_.resize(rules_->rules().size());
  for (size_t i = 0; i < needs_.size(); ++i) {
    places_.emplace(rules_->rules()[i].name, i);
    const auto& facts = rules_->reads(i);
    needs_[i].never = never_kept(facts);
    for (size_t list = 0; list < lists.size(); ++list) {
      bool wanted = reads(facts, "lists") || reads(facts, fmt::format("lists.{}", lists[list].name));
      if (wanted && lists[list].enabled) needs_[i].lists.push_back(list);
    }
  }
}

RecordedJudge::~RecordedJudge() = default;

const CpuTimes& RecordedJudge::cpu() const {
  return watch_->times;
}

RecordedJudge::Result RecordedJudge::judge(const ops::JournalEntry& entry, const ops::JournalRuleSet* then) {
  Working work{entry, then, entry.rules_version == rules_->version(), Stage::Message, {}, {}, {}, {}, {}};
  work.reached = rules::parse_stage(entry.stage).value_or(Stage::Message);
  if (entry.facts) work.facts = *entry.facts;
  work.facts.lists = lists_for(entry, *rules_->lists());
  work.cut = cut_facts(entry);
  for (const auto& list : entry.lists) work.lists.insert(list.first);
  find_sources(work);
  run_rules(work);
  take_hits(work);
  take_decision(work);
  Result result;
  work.evaluation.score = rules::sum(work.evaluation.hits, rules_->groups());
  rules::Thresholds limits = thresholds_for(config_->policy.verdict, work.facts.rcpts);
  result.opinion = opinion_of(work.evaluation, rules::judge(work.evaluation, limits));
  find_range(work, result);
  return result;
}

// Each rule: judged again, kept as it was, or unknown.
void RecordedJudge::find_sources(Working& work) {
  const auto& all = rules_->rules();
  work.sources.assign(all.size(), Source::Unknown);
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].disabled) continue;
    if (can_be_judged(i, work)) {
      work.sources[i] = Source::Judged;
    } else if (is_as_it_was(i, work)) {
      work.sources[i] = Source::Recorded;
    } else if (reasons_.find(all[i].name) == reasons_.end()) {
      reasons_.emplace(all[i].name, why(i, work));
    }
  }
}

bool RecordedJudge::can_be_judged(size_t rule, const Working& work) const {
  const Needs& needs = needs_[rule];
  if (!needs.never.empty() || rules_->rules()[rule].stage > work.reached) return false;
  const auto& facts = rules_->reads(rule);
  if (std::any_of(work.cut.begin(), work.cut.end(), [&facts](const auto& fact) { return reads(facts, fact); })) {
    return false;
  }
  const lists::Lists& lists = *rules_->lists();
  return std::all_of(needs.lists.begin(), needs.lists.end(),
                     [&](size_t list) { return work.lists.count(lists[list].name) > 0; });
}

bool RecordedJudge::is_same_rule(size_t rule, const Working& work) const {
  if (work.same_set) return true;
  if (work.then == nullptr) return false;
  const RuleInfo& info = rules_->rules()[rule];
  auto old = work.then->rules.find(info.name);
  return old != work.then->rules.end() && !old->second.disabled && old->second.definition == info.definition;
}

// Behind the rule that decided nobody was asked.
bool RecordedJudge::was_asked(const RuleInfo& rule, const Working& work) const {
  const auto& decision = work.entry.evaluation.decision;
  if (!decision || find_hit(work.entry.evaluation.hits, rule.name) != nullptr) return true;
  auto decider = places_.find(decision->rule);
  // Where the same rule decides again, what others add to the score says nothing.
  if (!rule.action && decider != places_.end() && is_same_rule(decider->second, work)) {
    const RuleInfo& same = rules_->rules()[decider->second];
    if (!same.disabled && !same.shadow && same.action == decision->verdict) return true;
  }
  return decider != places_.end() && rule.stage < rules_->rules()[decider->second].stage;
}

bool RecordedJudge::is_as_it_was(size_t rule, const Working& work) const {
  if (work.same_set) return true;  // it said then what it would say now, or was not asked, and would not be now
  const RuleInfo& info = rules_->rules()[rule];
  return info.stage <= work.reached && is_same_rule(rule, work) && was_asked(info, work);
}

std::string RecordedJudge::why(size_t rule, const Working& work) const {
  const RuleInfo& info = rules_->rules()[rule];
  if (info.stage > work.reached) return "mail that was refused earlier never came to its stage";
  std::string reason = "of some messages only a part was kept";
  if (!needs_[rule].never.empty()) {
    reason = fmt::format("it reads {}, which was not kept", needs_[rule].never);
  } else {
    for (size_t list : needs_[rule].lists) {
      const std::string& name = (*rules_->lists())[list].name;
      if (work.lists.count(name) == 0) reason = fmt::format("list {} had not been asked", name);
    }
  }
  if (is_same_rule(rule, work)) return reason + ", and an action had decided before it";
  if (work.then == nullptr) return reason + ", and the rules that judged then are not known";
  bool known = work.then->rules.count(info.name) > 0;
  return reason + (known ? ", and it was another one then" : ", and it was not there then");
}

void RecordedJudge::run_rules(Working& work) {
  for (Stage stage : kStages) {
    if (stage > work.reached) break;
    host_.run(stage, work.facts, work.evaluation);
    if (!work.evaluation.decision) continue;
    auto decider = places_.find(work.evaluation.decision->rule);
    if (decider == places_.end() || work.sources[decider->second] == Source::Judged) break;
    // It saw less than there was. What stands behind it in its stage has not run.
    work.evaluation.decision.reset();
    for (size_t i = 0; i < rules_->rules().size(); ++i) {
      const RuleInfo& info = rules_->rules()[i];
      bool ran = find_hit(work.evaluation.hits, info.name) != nullptr || i < decider->second;
      if (info.stage != stage || ran || work.sources[i] != Source::Judged) continue;
      bool kept = is_as_it_was(i, work);
      work.sources[i] = kept ? Source::Recorded : Source::Unknown;
      if (!kept) reasons_.try_emplace(info.name, "an action that cannot be judged stands before it");
    }
  }
}

void RecordedJudge::take_hits(Working& work) {
  auto& hits = work.evaluation.hits;
  std::erase_if(hits, [&](const rules::Hit& hit) {
    auto rule = places_.find(hit.rule);
    return rule == places_.end() || work.sources[rule->second] != Source::Judged;
  });
  for (const rules::Hit& old : work.entry.evaluation.hits) {
    auto rule = places_.find(old.rule);
    if (rule == places_.end() || work.sources[rule->second] != Source::Recorded) continue;
    const RuleInfo& info = rules_->rules()[rule->second];
    rules::Hit hit = rules::make_hit(info, old.factor, old.detail);
    hit.lists = old.lists;
    hits.push_back(std::move(hit));
  }
  auto place = [this](const rules::Hit& hit) { return places_.find(hit.rule)->second; };
  auto before = [&](const rules::Hit& a, const rules::Hit& b) {
    size_t place_a = place(a);
    size_t place_b = place(b);
    Stage stage_a = rules_->rules()[place_a].stage;
    Stage stage_b = rules_->rules()[place_b].stage;
    return stage_a != stage_b ? stage_a < stage_b : place_a < place_b;
  };
  std::stable_sort(hits.begin(), hits.end(), before);
}

// The first action: the one that the engine found, or one that is kept. What hit behind it would not have been asked.
void RecordedJudge::take_decision(Working& work) {
  auto& hits = work.evaluation.hits;
  auto& decision = work.evaluation.decision;
  auto rule_of = [this](const std::string& name) -> const RuleInfo& {
    return rules_->rules()[places_.find(name)->second];
  };
  auto kept = std::find_if(hits.begin(), hits.end(), [&](const rules::Hit& hit) {
    size_t place = places_.find(hit.rule)->second;
    const RuleInfo& info = rules_->rules()[place];
    return info.action && !info.shadow && work.sources[place] == Source::Recorded;
  });
  if (kept != hits.end()) {
    const RuleInfo& info = rule_of(kept->rule);
    // Accepting answers of lists come first in their stage, the others as written.
    bool own_first = decision && (rule_of(decision->rule).stage < info.stage ||
                                  (rule_of(decision->rule).stage == info.stage &&
                                   (decision->verdict == rules::Verdict::Accept || &rule_of(decision->rule) < &info)));
    if (!own_first) decision = rules::Decision{*info.action, info.name, info.reply, {}, {}};
  }
  if (!decision) return;
  auto decider =
      std::find_if(hits.begin(), hits.end(), [&decision](const rules::Hit& hit) { return hit.rule == decision->rule; });
  if (decider != hits.end()) hits.erase(decider + 1, hits.end());
}

void RecordedJudge::find_range(const Working& work, Result& result) const {
  const auto& all = rules_->rules();
  std::vector<rules::Hit> mildest = work.evaluation.hits;
  std::vector<rules::Hit> strictest = work.evaluation.hits;
  std::vector<rules::Verdict> actions;
  std::optional<Stage> decided;
  if (work.evaluation.decision) decided = all[places_.find(work.evaluation.decision->rule)->second].stage;
  for (size_t i = 0; i < all.size(); ++i) {
    if (all[i].disabled || work.sources[i] != Source::Unknown || (decided && all[i].stage > *decided)) continue;
    result.unknown.push_back(all[i].name);
    if (all[i].shadow) continue;
    if (all[i].action) actions.push_back(*all[i].action);
    if (all[i].score == 0) continue;
    rules::Hit hit{all[i].name, all[i].score, 1, {}, all[i].group, false};
    (all[i].score < 0 ? mildest : strictest).push_back(std::move(hit));
  }
  if (!work.evaluation.decision) {
    rules::Thresholds limits = thresholds_for(config_->policy.verdict, work.facts.rcpts);
    auto verdict = [&](const std::vector<rules::Hit>& hits) {
      rules::Evaluation supposed;
      supposed.score = rules::sum(hits, rules_->groups());
      return rules::judge(supposed, limits).verdict;
    };
    result.opinion.mildest = std::min(verdict(mildest), result.opinion.verdict);
    result.opinion.strictest = std::max(verdict(strictest), result.opinion.verdict);
  }
  for (rules::Verdict action : actions) {
    result.opinion.mildest = std::min(result.opinion.mildest, action);
    result.opinion.strictest = std::max(result.opinion.strictest, action);
  }
}

}  // namespace postern::cli
