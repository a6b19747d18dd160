// What is fitted: messages as rows, rules as columns, bounds for each score, folds that share no campaign.
#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "lua/tuning_fit.h"

namespace postern::rules::tuning {

namespace {

/// A sender who writes much must not decide alone: a campaign counts as at most this share of its kind.
constexpr double kCampaignShare = 0.02;
/// A score may rise to this, or to twice what it is.
constexpr double kRoom = 5.0;
constexpr double kStep = 0.1;  // scores are written in tenths

double floor_to_step(double score) {
  return round_score(std::floor(score / kStep + 1e-6) * kStep);
}

}  // namespace

Sample::Sample(std::vector<RuleInfo> rules, Groups groups) : rules_(std::move(rules)), groups_(std::move(groups)) {
  left_.resize(rules_.size());
  for (size_t i = 0; i < rules_.size(); ++i) place_.emplace(rules_[i].name, static_cast<uint32_t>(i));
}

void Sample::add(const Evaluation& evaluation, bool spam, uint32_t campaign, uint32_t corpus) {
  Message message;
  message.spam = spam;
  message.campaign = campaign;
  message.corpus = corpus;
  if (evaluation.decision) message.decided = evaluation.decision->verdict;
  std::map<std::string_view, uint32_t> groups;
  message.hits.reserve(evaluation.hits.size());
  for (const rules::Hit& hit : evaluation.hits) {
    auto place = place_.find(hit.rule);
    if (hit.shadow || place == place_.end()) continue;
    uint32_t group = kNoGroup;
    if (!hit.group.empty()) {
      auto [known, fresh] = groups.emplace(hit.group, static_cast<uint32_t>(message.caps.size()));
      if (fresh) {
        auto cap = cap_of(hit.group, evaluation.hits, groups_);
        message.caps.push_back(cap.value_or(std::numeric_limits<double>::infinity()));
      }
      group = known->second;
    }
    message.hits.push_back({place->second, group, hit.factor});
  }
  messages_.push_back(std::move(message));
}

double score_of(const Message& message, const std::vector<double>& scores) {
  double total = 0;
  std::vector<double> added(message.caps.size());
  for (const Message::Hit& hit : message.hits) {
    double score = round_score(scores[hit.rule] * hit.factor);
    (hit.group == Sample::kNoGroup ? total : added[hit.group]) += score;
  }
  for (size_t i = 0; i < added.size(); ++i) total += std::min(added[i], message.caps[i]);
  return round_score(total);
}

Problem::Problem(const Sample& sample, const Options& options) : sample_(sample), options_(options) {
  present_.reserve(sample.rules().size());
  for (const RuleInfo& rule : sample.rules()) present_.push_back(rule.score);
  make_columns();
  make_folds();
  weigh();
  find_rows();
  fixed_.reserve(present_.size());
  for (size_t rule = 0; rule < present_.size(); ++rule) fixed_.push_back(why_fixed(rule));
  bound();
}

void Problem::make_columns() {
  const std::vector<Message>& messages = sample_.messages();
  columns_.resize(present_.size());
  scores_.reserve(messages.size());
  for (size_t i = 0; i < messages.size(); ++i) {
    auto first = static_cast<uint32_t>(caps_.size());
    caps_.insert(caps_.end(), messages[i].caps.begin(), messages[i].caps.end());
    raw_.resize(caps_.size());
    for (const Message::Hit& hit : messages[i].hits) {
      uint32_t slot = hit.group == Sample::kNoGroup ? kNoSlot : first + hit.group;
      columns_[hit.rule].push_back({static_cast<uint32_t>(i), slot, hit.factor});
      if (slot != kNoSlot) raw_[slot] += present_[hit.rule] * hit.factor;
    }
    scores_.push_back(score_of(messages[i], present_));
  }
}

/// Whole campaigns, the largest first, each to the fold that has the least of its kinds.
void Problem::make_folds() {
  struct Campaign {
    size_t first = 0;  // message
    size_t ham = 0;
    size_t spam = 0;
  };
  const std::vector<Message>& messages = sample_.messages();
  std::map<uint32_t, Campaign> by_number;
  double ham = 1;
  double spam = 1;
  for (size_t i = 0; i < messages.size(); ++i) {
    Campaign& campaign = by_number.try_emplace(messages[i].campaign, Campaign{.first = i}).first->second;
    ++(messages[i].spam ? campaign.spam : campaign.ham);
    ++(messages[i].spam ? spam : ham);
  }
  std::vector<std::pair<uint32_t, Campaign>> campaigns(by_number.begin(), by_number.end());
  std::sort(campaigns.begin(), campaigns.end(), [](const auto& a, const auto& b) {
    size_t size_a = a.second.ham + a.second.spam;
    size_t size_b = b.second.ham + b.second.spam;
    return size_a != size_b ? size_a > size_b : a.second.first < b.second.first;
  });
  std::vector<double> ham_load(kFolds);
  std::vector<double> spam_load(kFolds);
  std::map<uint32_t, uint32_t> fold_of;
  for (const auto& [number, campaign] : campaigns) {
    double ham_share = static_cast<double>(campaign.ham) / ham;
    double spam_share = static_cast<double>(campaign.spam) / spam;
    uint32_t best = 0;
    double least = std::numeric_limits<double>::infinity();
    for (uint32_t fold = 0; fold < kFolds; ++fold) {
      double load = ham_share * ham_load[fold] + spam_share * spam_load[fold];
      if (load < least) {
        least = load;
        best = fold;
      }
    }
    ham_load[best] += ham_share;
    spam_load[best] += spam_share;
    fold_of[number] = best;
    if (campaign.ham > 0) ++ham_campaigns_;
    if (campaign.spam > 0) ++spam_campaigns_;
  }
  folds_.reserve(messages.size());
  for (const Message& message : messages) folds_.push_back(fold_of[message.campaign]);
}

/// Both kinds count the same, however many there are of each: as many as there are of the rarer one.
void Problem::weigh() {
  const std::vector<Message>& messages = sample_.messages();
  std::map<std::pair<bool, uint32_t>, double> sizes;
  double count[2] = {0, 0};
  for (const Message& message : messages) {
    ++sizes[{message.spam, message.campaign}];
    ++count[message.spam ? 1 : 0];
  }
  double total[2] = {0, 0};
  weights_.reserve(messages.size());
  for (const Message& message : messages) {
    double size = sizes[{message.spam, message.campaign}];
    weights_.push_back(std::min(1.0, kCampaignShare * count[message.spam ? 1 : 0] / size));
    total[message.spam ? 1 : 0] += weights_.back();
  }
  double rarer = std::min(count[0], count[1]);
  for (size_t i = 0; i < messages.size(); ++i) weights_[i] *= rarer / total[messages[i].spam ? 1 : 0];
}

std::string Problem::why_still(size_t place) const {
  const RuleInfo& rule = sample_.rules()[place];
  if (rule.disabled) return "it is switched off";
  if (rule.shadow) return "it is in shadow";
  if (rule.action) return "it decides by itself";
  if (rule.score == 0) return "its score is 0: it only tells other rules something";
  if (!sample_.left(place).empty()) return sample_.left(place);
  return "";
}

std::string Problem::why_fixed(size_t place) const {
  if (std::string why = why_still(place); !why.empty()) return why;
  // A step that few messages have goes where its neighbours leave room.
  size_t hits = 0;
  std::vector<uint32_t> campaigns;
  for (uint32_t rule : row_or_itself(place)) {
    hits += columns_[rule].size();
    campaigns.reserve(hits);
    for (const Entry& entry : columns_[rule]) campaigns.push_back(sample_.messages()[entry.message].campaign);
  }
  std::sort(campaigns.begin(), campaigns.end());
  auto several = static_cast<size_t>(std::unique(campaigns.begin(), campaigns.end()) - campaigns.begin());
  if (hits == 0) return "it did not hit";
  if (hits < kLeastHits) {
    return fmt::format("it hit {} {}, too few to learn from", hits, hits == 1 ? "message" : "messages");
  }
  if (several < kLeastHitCampaigns) {
    return fmt::format("its {} hits are of {} {}", hits, several,
                       several == 1 ? "sender or campaign" : "senders or campaigns");
  }
  return "";
}

/// No score changes its sign. What adds may double or rise to kRoom, but not so far that the rule alone is enough where
/// it was not; what takes away may double and no more: anybody can put on a good sign once it is known to pay. Of steps
/// of one number each may rise to what the surest has: from where on it is that sure is learned.
void Problem::bound() {
  lowest_.reserve(present_.size());
  highest_.reserve(present_.size());
  for (size_t rule = 0; rule < present_.size(); ++rule) {
    double score = present_[rule];
    double most = 1;
    for (const Entry& entry : columns_[rule]) most = std::max(most, entry.factor);
    double high = std::max(2 * score, kRoom);
    bool list = sample_.rules()[rule].kind == RuleInfo::Kind::List;
    auto keep_below = [&](double limit) {
      if (!options_.alone && score * most < limit) high = std::min(high, floor_to_step((limit - kStep) / most));
    };
    if (!list) keep_below(options_.tag);
    if (options_.reject) keep_below(*options_.reject);
    double surest = present_[row_or_itself(rule).back()];
    if (options_.reject && surest < *options_.reject) high = std::max(high, surest);
    lowest_.push_back(score > 0 ? 0 : 2 * score);
    highest_.push_back(score > 0 ? std::max(high, score) : 0);
  }
}

}  // namespace postern::rules::tuning
