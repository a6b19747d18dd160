#include "proxy/cli/explain_sum.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "proxy/cli/terminal_text.h"

namespace postern::cli {
namespace {

using rules::format_score;

GroupSum& group_of(std::vector<GroupSum>& sums, const std::string& name) {
  for (GroupSum& sum : sums) {
    if (sum.group == name) return sum;
  }
  GroupSum& added = sums.emplace_back();
  added.group = name;
  return added;
}

void find_cap(GroupSum& sum, const std::vector<rules::Hit>& hits, const rules::Groups& groups) {
  auto found = groups.find(sum.group);
  if (found == groups.end()) return;
  sum.max = found->second.max;
  double cap = found->second.max;
  for (const rules::Hit& hit : hits) {
    auto damper = found->second.dampers.find(hit.rule);
    if (hit.shadow || damper == found->second.dampers.end() || damper->second >= cap) continue;
    cap = damper->second;
    sum.damped = cap;
    sum.damper = hit.rule;
  }
}

}  // namespace

Sum work_out(const std::vector<rules::Hit>& hits, const std::optional<rules::Groups>& groups, double recorded) {
  Sum all;
  for (const rules::Hit& hit : hits) {
    if (hit.shadow) continue;
    GroupSum& sum = group_of(all.groups, hit.group);
    sum.hits.push_back(&hit);
    sum.together += hit.score;
  }
  double total = 0;
  for (GroupSum& sum : all.groups) {
    std::stable_sort(sum.hits.begin(), sum.hits.end(),
                     [](const rules::Hit* a, const rules::Hit* b) { return a->score > b->score; });
    if (groups && !sum.group.empty()) find_cap(sum, hits, *groups);
    std::optional<double> cap = sum.damped ? sum.damped : sum.max;
    double counts = cap ? std::min(sum.together, *cap) : sum.together;
    total += counts;
    sum.together = rules::round_score(sum.together);
    sum.counts = rules::round_score(counts);
  }
  std::stable_sort(all.groups.begin(), all.groups.end(), [](const GroupSum& a, const GroupSum& b) {
    if (a.group.empty() != b.group.empty()) return a.group.empty();
    return a.counts > b.counts;
  });
  all.total = rules::round_score(total);
  double difference = rules::round_score(recorded - all.total);
  if (std::abs(difference) >= 0.001) all.unknown = difference;
  return all;
}

double cut_of(const GroupSum& sum) {
  return rules::round_score(sum.counts - sum.together);
}

std::string group_words(const GroupSum& sum) {
  if (sum.group.empty() || (!sum.max && sum.hits.size() == 1)) return "";
  std::string text = fmt::format("group {}: {} together", shown(sum.group, 80), format_score(sum.together));
  if (!sum.max) return text;
  if (cut_of(sum) == 0) {
    text += fmt::format(", at most {}", format_score(sum.damped.value_or(*sum.max)));
    return sum.damper.empty() ? text : text + fmt::format(" since {} hit", shown(sum.damper, 80));
  }
  text += fmt::format(", may add {} at most", format_score(*sum.max));
  return sum.damped ? text + fmt::format(", but {} since {} hit", format_score(*sum.damped), shown(sum.damper, 80))
                    : text;
}

nlohmann::ordered_json group_json(const GroupSum& sum) {
  nlohmann::ordered_json object = {{"group", sum.group}, {"together", sum.together}};
  if (sum.max) object["max"] = *sum.max;
  if (sum.damped) object["damped"] = {{"max", *sum.damped}, {"by", sum.damper}};
  object["counts"] = sum.counts;
  return object;
}

}  // namespace postern::cli
