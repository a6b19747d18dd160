// Rules that are steps of one number ("it is 0.9 sure", "it is 0.99 sure"): found, so that their scores stay in order.
#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "filters/base/bytes.h"
#include "lua/tuning_fit.h"

namespace postern::rules::tuning {

namespace {

constexpr size_t kMostDigits = 9;

/// Digits at the end of a name; empty: there are none, or too many, or nothing else.
std::string_view number_of(std::string_view name) {
  size_t digits = 0;
  while (digits < name.size() && ascii_digit(name[name.size() - 1 - digits])) ++digits;
  return digits == name.size() || digits > kMostDigits ? std::string_view() : name.substr(name.size() - digits);
}

/// How a number in a name may be meant.
enum class Reading : uint8_t { Whole, Share };  // 9 < 10 < 100; .70 < .9 < .99 < .999

double value_of(std::string_view digits, Reading reading) {
  double value = 0;
  double unit = 1;
  for (char digit : digits) {
    value = value * 10 + (digit - '0');
    unit *= 10;
  }
  return reading == Reading::Whole ? value : value / unit;
}

/// Sorts the rules by the numbers in their names, so that their scores rise; nullopt where no reading makes them.
std::optional<std::vector<uint32_t>> in_order(std::vector<uint32_t> row, const std::vector<RuleInfo>& rules) {
  for (Reading reading : {Reading::Whole, Reading::Share}) {
    for (double sign : {1.0, -1.0}) {
      auto value = [&](uint32_t rule) { return sign * value_of(number_of(rules[rule].name), reading); };
      std::stable_sort(row.begin(), row.end(), [&](uint32_t a, uint32_t b) { return value(a) < value(b); });
      auto not_rising = [&](uint32_t a, uint32_t b) { return rules[a].score > rules[b].score || value(a) == value(b); };
      bool all_rise = std::adjacent_find(row.begin(), row.end(), not_rising) == row.end();
      if (all_rise && rules[row.front()].score < rules[row.back()].score) return row;
    }
  }
  return std::nullopt;
}

}  // namespace

/// Names that differ in the number at their end, one group, one sign, no message that two of them hit, and scores that
/// rise with the number or fall with it.
void Problem::find_rows() {
  const std::vector<RuleInfo>& rules = sample_.rules();
  row_of_.assign(rules.size(), kNoRow);
  std::map<std::array<std::string, 2>, std::vector<uint32_t>> candidates;
  for (size_t rule = 0; rule < rules.size(); ++rule) {
    std::string_view number = number_of(rules[rule].name);
    if (number.empty() || !why_still(rule).empty()) continue;
    std::string stem = rules[rule].name.substr(0, rules[rule].name.size() - number.size());
    std::string place = (rules[rule].score < 0 ? "-" : "+") + rules[rule].group;
    candidates[{std::move(stem), std::move(place)}].push_back(static_cast<uint32_t>(rule));
  }
  for (const auto& [names, several] : candidates) {
    if (several.size() < 2 || hit_together(several)) continue;
    auto row = in_order(several, rules);
    if (!row) continue;
    for (uint32_t rule : *row) row_of_[rule] = static_cast<uint32_t>(rows_.size());
    rows_.push_back(std::move(*row));
  }
}

bool Problem::hit_together(const std::vector<uint32_t>& several) const {
  std::vector<uint32_t> messages;
  for (uint32_t rule : several) {
    for (const Entry& entry : columns_[rule]) messages.push_back(entry.message);
  }
  std::sort(messages.begin(), messages.end());
  return std::adjacent_find(messages.begin(), messages.end()) != messages.end();
}

std::vector<uint32_t> Problem::row_or_itself(size_t rule) const {
  return row_of_[rule] == kNoRow ? std::vector<uint32_t>{static_cast<uint32_t>(rule)} : rows_[row_of_[rule]];
}

}  // namespace postern::rules::tuning
