#include "lua/hits.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace postern::rules {

namespace {

constexpr size_t kMaxDetail = 200;  // bytes, as of what a `when` says

// The next one of several; what does not fit any more is left out.
void append(std::string& detail, std::string_view item) {
  if (detail.empty()) {
    detail = item.substr(0, kMaxDetail);
  } else if (detail.size() + 2 + item.size() <= kMaxDetail) {
    detail += ", ";
    detail += item;
  }
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool means(const RuleInfo& info, const lists::Outcome::Listing& listing) {
  return std::find(listing.matched.begin(), listing.matched.end(), info.answer) != listing.matched.end();
}

}  // namespace

Hit make_hit(const RuleInfo& info, double factor, std::string detail) {
  Hit hit;
  hit.rule = info.name;
  hit.score = round_score(std::clamp(info.score * factor, -1000.0, 1000.0));
  hit.factor = factor;
  hit.detail = std::move(detail);
  hit.group = info.group;
  hit.shadow = info.shadow;
  return hit;
}

bool could_not_say(const RuleInfo& info, const Evaluation& evaluation) {
  if (info.kind != RuleInfo::Kind::When || info.disabled) return false;
  return evaluation.errors_left_out != 0 ||
         std::any_of(evaluation.errors.begin(), evaluation.errors.end(),
                     [&info](const RuleError& error) { return error.rule == info.name; });
}

std::optional<Hit> expression_hit(const RuleInfo& info, const Expression& expression, const FindHit& find) {
  const auto& names = expression.names();
  if (!expression.evaluate([&](size_t name) { return find(names[name]) != nullptr; })) return std::nullopt;
  std::vector<const Hit*> inputs;
  inputs.reserve(names.size());
  std::vector<std::string> lists;
  Hit hit = make_hit(info, 1, "");
  for (const std::string& name : names) {
    const Hit* input = inputs.emplace_back(find(name));
    if (input == nullptr) continue;
    append(hit.detail, name);
    for (const std::string& list : input->lists) {
      if (!contains(lists, list)) lists.push_back(list);
    }
  }
  // Of "A or B" neither list is one without which it would not hit.
  for (std::string& list : lists) {
    auto without = [&](size_t name) { return inputs[name] != nullptr && !contains(inputs[name]->lists, list); };
    if (!expression.evaluate(without)) hit.lists.push_back(std::move(list));
  }
  return hit;
}

const lists::Outcome* listed(const Facts& facts, size_t list) {
  if (list >= facts.lists.size()) return nullptr;
  const lists::Outcome& outcome = facts.lists[list];
  return outcome.state == lists::Outcome::State::Listed && !outcome.listings.empty() ? &outcome : nullptr;
}

std::optional<Hit> list_hit(const RuleInfo& info, const lists::List& list, const Facts& facts) {
  const lists::Outcome* outcome = listed(facts, info.list);
  if (outcome == nullptr || !outcome->has(info.answer)) return std::nullopt;
  std::string detail;
  for (const lists::Outcome::Listing& listing : outcome->listings) {
    if (!means(info, listing)) continue;
    std::string item = listing.subject;
    for (const IpAddress& answer : listing.answers) {
      if (list.answers[info.answer].match.matches(answer)) item += fmt::format(" {}", answer.to_string());
    }
    append(detail, item);
  }
  Hit hit = make_hit(info, 1, std::move(detail));
  hit.lists.push_back(list.name);
  return hit;
}

std::string list_reason(const RuleInfo& info, const lists::List& list, const Facts& facts) {
  const lists::Outcome* outcome = listed(facts, info.list);
  if (outcome == nullptr) return {};
  auto listing = std::find_if(outcome->listings.begin(), outcome->listings.end(),
                              [&info](const auto& each) { return means(info, each); });
  if (listing == outcome->listings.end()) return {};
  std::string reason = fmt::format("{} is listed by {}", listing->subject, list.name);
  return list.title.empty() ? reason : fmt::format("{}: {}", reason, list.title);
}

}  // namespace postern::rules
