#include "lua/verdict.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace postern::rules {

namespace {

// Whatever rules return, a sum stays where a double counts thousandths exactly.
constexpr double kScoreBound = 1e9;

int64_t thousandths(double score) {
  if (std::isnan(score)) return 0;
  return std::llround(std::clamp(score, -kScoreBound, kScoreBound) * 1000.0);
}

std::optional<double> lower(const std::optional<double>& a, const std::optional<double>& b) {
  if (!a) return b;
  if (!b) return a;
  return std::min(*a, *b);
}

}  // namespace

void add_error(Evaluation& evaluation, RuleError error) {
  if (evaluation.errors.size() < Evaluation::kMostErrors) {
    evaluation.errors.push_back(std::move(error));
  } else {
    ++evaluation.errors_left_out;
  }
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Accept: return "accept";
    case Verdict::Tag: return "tag";
    case Verdict::Quarantine: return "quarantine";
    case Verdict::Defer: return "defer";
    case Verdict::Reject: return "reject";
    case Verdict::Discard: return "discard";
  }
  return "accept";
}

double round_score(double score) {
  // An integer has no negative zero, so neither has its quotient.
  return static_cast<double>(thousandths(score)) / 1000.0;
}

std::optional<double> cap_of(std::string_view group, const std::vector<Hit>& hits, const Groups& groups) {
  auto found = groups.find(group);
  if (found == groups.end()) return std::nullopt;
  double cap = found->second.max;
  if (found->second.dampers.empty()) return cap;
  for (const Hit& hit : hits) {
    if (hit.shadow) continue;
    auto damper = found->second.dampers.find(hit.rule);
    if (damper != found->second.dampers.end()) cap = std::min(cap, damper->second);
  }
  return cap;
}

double sum(const std::vector<Hit>& hits, const Groups& groups) {
  double total = 0;
  std::map<std::string_view, double> added;
  for (const Hit& hit : hits) {
    if (hit.shadow) continue;
    if (hit.group.empty()) {
      total += hit.score;
    } else {
      added[hit.group] += hit.score;
    }
  }
  for (const auto& [name, score] : added) {
    total += std::min(score, cap_of(name, hits, groups).value_or(score));
  }
  return round_score(total);
}

Judgement judge(const Evaluation& evaluation, const Thresholds& thresholds) {
  Judgement judgement;
  judgement.score = round_score(evaluation.score);
  if (evaluation.decision) {
    judgement.verdict = evaluation.decision->verdict;
    return judgement;
  }
  const std::array<std::pair<Verdict, std::optional<double>>, 4> falling = {
      {{Verdict::Reject, thresholds.reject},
       {Verdict::Defer, thresholds.defer},
       {Verdict::Quarantine, thresholds.quarantine},
       {Verdict::Tag, thresholds.tag}}};
  for (const auto& [verdict, limit] : falling) {
    if (limit && thousandths(judgement.score) >= thousandths(*limit)) {
      judgement.verdict = verdict;
      judgement.limit = limit;
      return judgement;
    }
  }
  for (const auto& row : falling) judgement.limit = lower(judgement.limit, row.second);
  return judgement;
}

Thresholds strictest(const Thresholds& a, const Thresholds& b) {
  return {.defer = lower(a.defer, b.defer),
          .tag = lower(a.tag, b.tag),
          .quarantine = lower(a.quarantine, b.quarantine),
          .reject = lower(a.reject, b.reject)};
}

std::string format_score(double score) {
  int64_t value = thousandths(score);
  int64_t magnitude = value < 0 ? -value : value;
  std::string text = fmt::format("{}{}.{:03}", value < 0 ? "-" : "", magnitude / 1000, magnitude % 1000);
  while (text.back() == '0' && text[text.size() - 2] != '.') text.pop_back();
  return text;
}

}  // namespace postern::rules
