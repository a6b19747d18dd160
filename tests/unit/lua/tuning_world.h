// For tests of lua/tuning.h: messages of which nothing is known but which rules hit.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "lua/tuning.h"

namespace postern::rules::tuning {

inline RuleInfo rule(const char* name, double score, const char* group = "") {
  RuleInfo info;
  info.name = name;
  info.score = score;
  info.group = group;
  return info;
}

/// How often a rule hits ham and spam.
struct Rate {
  RuleInfo info;
  double ham = 0;
  double spam = 0;
};

/// Messages whose hits are independent, each a campaign of its own unless told otherwise.
class World {
 public:
  explicit World(std::vector<Rate> rates, Groups groups = {})
      : rates_(std::move(rates)), groups_(std::move(groups)), sample_(infos(), groups_) {}

  World& fill(size_t ham, size_t spam, unsigned seed = 1, uint32_t campaigns = UINT32_MAX) {
    std::mt19937 random(seed);
    for (size_t i = 0; i < ham + spam; ++i) add(random, i >= ham, static_cast<uint32_t>(i) % campaigns);
    return *this;
  }
  /// The same messages, the labels dealt out anew.
  World& fill_shuffled(size_t ham, size_t spam, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<bool> labels(ham + spam);
    std::fill(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(spam), true);
    std::shuffle(labels.begin(), labels.end(), random);
    for (size_t i = 0; i < ham + spam; ++i) add(random, i >= ham, static_cast<uint32_t>(i), labels[i]);
    return *this;
  }
  void add_hits(const std::vector<std::string>& names, bool spam, uint32_t campaign, double factor = 1) {
    Evaluation evaluation;
    for (const std::string& name : names) hit(evaluation, name, factor);
    sample_.add(evaluation, spam, campaign, spam ? 1 : 0);
  }
  void add_decided(Verdict verdict, bool spam, uint32_t campaign) {
    Evaluation evaluation;
    evaluation.decision = Decision{verdict, "DECIDES", "", {}, {}};
    sample_.add(evaluation, spam, campaign, spam ? 1 : 0);
  }
  void leave(size_t place, std::string why) { sample_.leave(place, std::move(why)); }

  [[nodiscard]] Result<Proposal> propose(const Options& options = {}) const {
    return tuning::propose(sample_, options);
  }
  [[nodiscard]] const Sample& sample() const { return sample_; }

 private:
  [[nodiscard]] std::vector<RuleInfo> infos() const {
    std::vector<RuleInfo> all;
    all.reserve(rates_.size());
    for (const Rate& rate : rates_) all.push_back(rate.info);
    return all;
  }
  void hit(Evaluation& evaluation, const std::string& name, double factor) const {
    auto rate = std::find_if(rates_.begin(), rates_.end(), [&](const Rate& each) { return each.info.name == name; });
    const RuleInfo& info = rate->info;
    evaluation.hits.push_back({name, round_score(info.score * factor), factor, "", info.group, info.shadow});
  }
  void add(std::mt19937& random, bool as_spam, uint32_t campaign) { add(random, as_spam, campaign, as_spam); }
  void add(std::mt19937& random, bool as_spam, uint32_t campaign, bool label) {
    Evaluation evaluation;
    for (const Rate& rate : rates_) {
      double chance = static_cast<double>(random()) / 4294967296.0;
      if (chance < (as_spam ? rate.spam : rate.ham)) hit(evaluation, rate.info.name, 1);
    }
    sample_.add(evaluation, label, campaign, label ? 1 : 0);
  }

  std::vector<Rate> rates_;
  Groups groups_;
  Sample sample_;
};

inline std::map<std::string, double> after_of(const Proposal& proposal) {
  std::map<std::string, double> after;
  for (const Change& change : proposal.changes) after[change.rule] = change.after;
  return after;
}

}  // namespace postern::rules::tuning
