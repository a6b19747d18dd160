#include "proxy/cli/replay_tally.h"

#include <algorithm>
#include <tuple>

namespace postern::cli {

namespace {

size_t place(rules::Verdict verdict) {
  return static_cast<size_t>(verdict);
}

size_t place(Label label) {
  return static_cast<size_t>(label);
}

/// What counts for a score; a rule hits once at most.
std::map<std::string_view, const Opinion::Hit*> scored(const Opinion& opinion) {
  std::map<std::string_view, const Opinion::Hit*> hits;
  for (const Opinion::Hit& hit : opinion.hits) {
    if (!hit.shadow) hits.emplace(hit.rule, &hit);
  }
  return hits;
}

}  // namespace

std::string_view to_string(Label label) {
  switch (label) {
    case Label::None: return "";
    case Label::Ham: return "ham";
    case Label::Spam: return "spam";
  }
  return "";
}

Opinion opinion_of(const rules::Evaluation& evaluation, const rules::Judgement& judgement) {
  Opinion opinion;
  opinion.verdict = opinion.mildest = opinion.strictest = judgement.verdict;
  opinion.score = judgement.score;
  opinion.hits.reserve(evaluation.hits.size());
  for (const rules::Hit& hit : evaluation.hits) opinion.hits.push_back({hit.rule, hit.score, hit.shadow});
  if (evaluation.decision) opinion.decided_by = evaluation.decision->rule;
  return opinion;
}

Change change_of(const Sample& sample) {
  Change change;
  change.name = sample.name;
  change.label = sample.label;
  const Opinion& before = sample.before;
  const Opinion& after = sample.after ? *sample.after : sample.before;
  change.score_from = before.score;
  change.score_to = after.score;
  change.certain = after.mildest == after.strictest && before.mildest == before.strictest;
  if (before.decided_by != after.decided_by) {
    change.decided_from = before.decided_by;
    change.decided_to = after.decided_by;
  }
  auto old_hits = scored(before);
  auto new_hits = scored(after);
  for (const auto& [rule, hit] : new_hits) {
    auto old = old_hits.find(rule);
    if (old == old_hits.end()) {
      change.gained.push_back(*hit);
    } else if (rules::round_score(old->second->score) != rules::round_score(hit->score)) {
      change.rescored.push_back({hit->rule, old->second->score, hit->score});
    }
  }
  for (const auto& [rule, hit] : old_hits) {
    if (new_hits.count(rule) == 0) change.lost.push_back(*hit);
  }
  return change;
}

std::optional<double> spam_share(uint64_t ham_hits, uint64_t spam_hits, uint64_t ham, uint64_t spam) {
  if (ham == 0 || spam == 0 || ham_hits + spam_hits == 0) return std::nullopt;
  double in_spam = static_cast<double>(spam_hits) / static_cast<double>(spam);
  double in_ham = static_cast<double>(ham_hits) / static_cast<double>(ham);
  return in_spam / (in_spam + in_ham);
}

void RuleCpu::add(std::chrono::nanoseconds cpu) {
  ++runs;
  total += cpu;
  worst = std::max(worst, cpu);
}

void RuleCpu::add(const RuleCpu& other) {
  runs += other.runs;
  total += other.total;
  worst = std::max(worst, other.worst);
}

void Tally::add(const Sample& sample) {
  ++messages_[place(sample.label)];
  const Opinion& last = sample.after ? *sample.after : sample.before;
  if (sample.input < inputs_.size()) ++inputs_[sample.input].messages;
  count(0, sample, sample.before);
  if (sample.after) count(1, sample, *sample.after);
  count_pairs(last);
  bool certain = last.mildest == last.strictest;
  if (!certain) ++uncertain_;
  for (const std::string& rule : sample.unknown) {
    LeftOut& left = unknown_[rule];
    ++left.messages;
    if (!certain) ++left.verdicts;
  }
  if (!sample.after || sample.before.verdict == last.verdict) return;
  Changes& changes = changes_[{sample.before.verdict, last.verdict}];
  ++changes.count;
  ++changes.by_label[place(sample.label)];
  changes.messages.emplace(std::pair(sample.input, sample.name), change_of(sample));
  if (changes.messages.size() > Changes::kMostNamed) changes.messages.erase(std::prev(changes.messages.end()));
}

void Tally::count(size_t set, const Sample& sample, const Opinion& opinion) {
  SideFigures& side = sides_[set];
  ++side.verdicts[place(sample.label)][place(opinion.verdict)];
  if (sample.input < inputs_.size()) ++inputs_[sample.input].verdicts[set][place(opinion.verdict)];
  for (const Opinion::Hit& hit : opinion.hits) {
    RuleCount& rule = side.rules[hit.rule];
    ++rule.by_label[place(sample.label)];
    ++rule.by_verdict[place(opinion.verdict)];
  }
}

void Tally::count_pairs(const Opinion& opinion) {
  std::vector<uint32_t> hits;
  hits.reserve(opinion.hits.size());
  for (const Opinion::Hit& hit : opinion.hits) {
    auto [number, fresh] = numbers_.emplace(hit.rule, static_cast<uint32_t>(names_.size()));
    if (fresh) names_.push_back(hit.rule);
    hits.push_back(number->second);
  }
  std::sort(hits.begin(), hits.end());
  for (size_t a = 0; a < hits.size(); ++a) {
    for (size_t b = a; b < hits.size(); ++b) ++pairs_[(uint64_t{hits[a]} << 32U) | hits[b]];
  }
}

uint64_t Tally::changed() const {
  uint64_t all = 0;
  for (const auto& [verdicts, changes] : changes_) all += changes.count;
  return all;
}

std::vector<Overlap> Tally::overlaps(size_t most) const {
  auto hits = [this](uint64_t rule) { return pairs_.at((rule << 32U) | rule); };
  std::vector<Overlap> found;
  for (const auto& [pair, both] : pairs_) {
    uint64_t a = pair >> 32U;
    uint64_t b = pair & 0xffffffffU;
    if (a == b || both < Overlap::kLeastHits) continue;
    uint64_t either = hits(a) + hits(b) - both;
    if (static_cast<double>(both) < Overlap::kLeastShare * static_cast<double>(either)) continue;
    // Numbers are given in the order of the messages, which is not the same each time.
    auto [first, second] = std::minmax(names_[a], names_[b]);
    found.push_back({first, second, both, either});
  }
  auto key = [](const Overlap& each) {
    return std::tuple(-static_cast<double>(each.both) / static_cast<double>(each.either),
                      -static_cast<double>(each.both), std::string_view(each.a), std::string_view(each.b));
  };
  std::sort(found.begin(), found.end(), [&key](const Overlap& x, const Overlap& y) { return key(x) < key(y); });
  if (found.size() > most) found.resize(most);
  return found;
}

}  // namespace postern::cli
