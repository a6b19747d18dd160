// Which scores to propose, if any. How strong the fit is comes from cross-validation, and whether the result is better
// than the present scores from another one around it, so that no message is judged by scores that it had a part in.
#include "lua/tuning.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string_view>
#include <thread>
#include <tuple>

#include <fmt/format.h>

#include "filters/base/parallel.h"
#include "lua/tuning_fit.h"
#include "lua/tuning_measure.h"

namespace postern::rules::tuning {

namespace {

constexpr uint32_t kFolds = Problem::kFolds;
/// From the most careful to the boldest: of those that do as well the first is taken.
constexpr Strength kStrengths[] = {{30, 100}, {30, 30},  {100, 30}, {100, 5}, {300, 5}, {1000, 5}, {100, 1},
                                   {300, 1},  {1000, 1}, {30, 5},   {10, 5},  {30, 1},  {10, 1}};
constexpr size_t kStrengthCount = std::size(kStrengths);
constexpr size_t kCarefulCount = 9;
constexpr double kOverTarget = 100;  // where care is taken, for each share of ham above the target; see costs_of
/// Ham this close below the threshold says what others will do that are not in the sample.
constexpr double kNear = 2.0;
constexpr double kNearCost = 10;   // for each share of ham; less the further it is from the threshold
constexpr double kLeastAuc = 0.6;  // below, the rules say nothing of what divides these messages
constexpr double kSureErrors = 5;  // so many times the uncertainty
constexpr double kAucLost = 0.01;  // as much is given for scores that are used better at the thresholds
constexpr double kMending = 100;   // so much spam may be missed for each share of ham above the target
constexpr size_t kSuspicious = 5;

/// One fit: scores learned without two folds (or one, or none).
struct Job {
  size_t strength = 0;
  uint32_t fold_a = Problem::kNone;
  uint32_t fold_b = Problem::kNone;

  friend bool operator<(const Job& a, const Job& b) {
    return std::tie(a.strength, a.fold_a, a.fold_b) < std::tie(b.strength, b.fold_a, b.fold_b);
  }
};

/// Does the fits, several at a time.
class Fits {
 public:
  explicit Fits(const Problem& problem) : problem_(problem) {}

  void run(const std::vector<Job>& jobs) {
    std::vector<std::vector<double>> results(jobs.size());
    const auto& progress = problem_.options().progress;
    const std::thread::id caller = std::this_thread::get_id();
    in_parallel(jobs.size(), problem_.options().threads, [&](size_t i) {
      results[i] = problem_.fit(kStrengths[jobs[i].strength], jobs[i].fold_a, jobs[i].fold_b);
      if (!progress || std::this_thread::get_id() != caller) return;
      progress(static_cast<double>(i + 1) / static_cast<double>(jobs.size()));
    });
    for (size_t i = 0; i < jobs.size(); ++i) done_[jobs[i]] = std::move(results[i]);
  }

  [[nodiscard]] const std::vector<double>& at(size_t strength, uint32_t fold_a, uint32_t fold_b) const {
    return done_.at({strength, std::min(fold_a, fold_b), std::max(fold_a, fold_b)});
  }

 private:
  const Problem& problem_;
  std::map<Job, std::vector<double>> done_;
};

/// Every strength without every fold and without every two.
std::vector<Job> all_jobs() {
  std::vector<Job> jobs;
  jobs.reserve(kStrengthCount * (kFolds + 1) * kFolds);
  for (size_t strength = 0; strength < kStrengthCount; ++strength) {
    jobs.push_back({strength, Problem::kNone, Problem::kNone});
    for (uint32_t a = 0; a < kFolds; ++a) {
      jobs.push_back({strength, a, Problem::kNone});
      for (uint32_t b = a + 1; b < kFolds; ++b) jobs.push_back({strength, a, b});
    }
  }
  return jobs;
}

class Proposing {
 public:
  Proposing(const Problem& problem, const Options& options)
      : problem_(problem), sample_(problem.sample()), options_(options), fits_(problem) {}

  Proposal run() {
    fits_.run(all_jobs());
    Scores before = present_scores();
    proposal_.before = figures_of(sample_, before, options_);
    // First with a wide berth around ham. Where that costs more spam than it can show to be worth: with no more ham
    // tagged than now.
    for (bool careful : {true, false}) {
      careful_ = careful;
      Scores after = validated();
      Figures figures = figures_of(sample_, after, options_);
      std::vector<double> learned = final_scores();
      std::string why = decide(before, after, figures, learned);
      if (!careful && !why.empty()) break;
      proposal_.after = std::move(figures);
      proposal_.why_none = std::move(why);
      proposal_.kept.clear();
      keep(learned);
      suspect(after);
      if (proposal_.why_none.empty()) break;
    }
    return std::move(proposal_);
  }

 private:
  [[nodiscard]] Scores present_scores() const {
    Scores scores;
    scores.reserve(sample_.messages().size());
    for (const Message& message : sample_.messages()) scores.push_back(score_of(message, problem_.present()));
    return scores;
  }

  /// What mistakes cost in the folds but `without`, each fold judged by scores that were learned without it (and
  /// without `without`).
  [[nodiscard]] double cost_of(size_t strength, uint32_t without) const {
    Scores scores(sample_.messages().size());
    for (size_t i = 0; i < scores.size(); ++i) {
      uint32_t fold = problem_.fold_of(i);
      if (fold != without) scores[i] = score_of(sample_.messages()[i], fits_.at(strength, fold, without));
    }
    return cost_of(scores, without);
  }

  [[nodiscard]] double cost_of(const Scores& scores, uint32_t without) const {
    std::vector<double> costs = costs_of(sample_, scores, options_);
    std::vector<double> losses = losses_of(sample_, scores, options_);
    double cost = 0;
    double ham = 0;
    double tagged = 0;
    double near = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      const Message& message = sample_.messages()[i];
      if (problem_.fold_of(i) == without || message.decided) continue;
      cost += costs[i] + losses[i] / 100;
      if (message.spam) continue;
      ++ham;
      if (scores[i] >= options_.tag) ++tagged;
      near += std::clamp((scores[i] - options_.tag) / kNear + 1, 0.0, 1.0);
    }
    if (!careful_) return cost;
    ham = std::max(1.0, ham);
    return cost + kOverTarget * std::max(0.0, tagged / ham - kTarget) + kNearCost * near / ham;
  }

  [[nodiscard]] size_t best_strength(uint32_t without) const {
    size_t best = 0;
    double least = cost_of(0, without);
    for (size_t strength = 1; strength < (careful_ ? kCarefulCount : kStrengthCount); ++strength) {
      double cost = cost_of(strength, without);
      // Bolder only for something.
      if (cost < least - 0.001) {
        least = cost;
        best = strength;
      }
    }
    return best;
  }

  /// Each message by scores that were learned, and a strength that was chosen, without its fold.
  [[nodiscard]] Scores validated() const {
    std::vector<const std::vector<double>*> learned;
    learned.reserve(kFolds);
    for (uint32_t fold = 0; fold < kFolds; ++fold) {
      learned.push_back(&fits_.at(best_strength(fold), fold, Problem::kNone));
    }
    Scores scores;
    scores.reserve(sample_.messages().size());
    for (size_t i = 0; i < sample_.messages().size(); ++i) {
      scores.push_back(score_of(sample_.messages()[i], *learned[problem_.fold_of(i)]));
    }
    return scores;
  }

  [[nodiscard]] std::vector<double> final_scores() const {
    return fits_.at(best_strength(Problem::kNone), Problem::kNone, Problem::kNone);
  }

  /// Takes the changes, or says why there are none.
  std::string decide(const Scores& before, const Scores& after, const Figures& figures,
                     const std::vector<double>& learned) {
    double chance = mends(figures) ? ham_chance(before, after) : cost_chance(before, after);
    // Who tries a second time is lucky twice as often.
    chance = std::min(1.0, careful_ ? chance : 2 * chance);
    std::string why = why_none(figures, chance);
    if (careful_ || why.empty()) proposal_.chance = chance;
    if (!why.empty()) return why;
    proposal_.changes = changes(learned);
    if (proposal_.changes.empty()) return "no score would change by more than a little";
    proposal_.target_missed = share(figures.ham.tagged, figures.ham.messages) > kTarget;
    return "";
  }

  [[nodiscard]] double cost_chance(const Scores& before, const Scores& after) const {
    return chance_of(sample_, costs_of(sample_, before, options_), costs_of(sample_, after, options_));
  }

  /// The present scores tag too much ham, with these hardly any of that is left, and the spam missed for it is not
  /// much.
  [[nodiscard]] bool mends(const Figures& after) const {
    const Figures& before = proposal_.before;
    double was = share(before.ham.tagged, before.ham.messages);
    double is = share(after.ham.tagged, after.ham.messages);
    double missed = share(before.spam.tagged, before.spam.messages) - share(after.spam.tagged, after.spam.messages);
    bool enough = was > kTarget && is - kTarget <= (was - kTarget) / 4;
    return enough && missed < kMending * (was - is);
  }

  /// Ham that is tagged is rare: a handful says little about chance. How near to the threshold all of it comes says
  /// more.
  [[nodiscard]] double ham_chance(const Scores& before, const Scores& after) const {
    std::vector<double> was = losses_of(sample_, before, options_);
    std::vector<double> is = losses_of(sample_, after, options_);
    for (size_t i = 0; i < was.size(); ++i) {
      if (sample_.messages()[i].spam) was[i] = is[i] = 0;
    }
    return chance_of(sample_, was, is);
  }

  static double share(size_t part, size_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }

  [[nodiscard]] std::string why_none(const Figures& after, double chance) const {
    const Figures& before = proposal_.before;
    double error = uncertainty_of_auc(problem_.campaigns(false), problem_.campaigns(true));
    double least = std::max(kLeastAuc, 0.5 + kSureErrors * error);
    if (before.auc < 1 - least && after.auc < least) {
      return "the messages called ham look like spam to the rules, and those called spam like ham: were they mixed up?";
    }
    // Labels that have nothing to do with the mail: to score nothing at all would make fewer mistakes, and be no help.
    if (after.auc < least) {
      return fmt::format(
          "what the rules say has too little to do with what was called ham and spam (AUC {:.3f}, at least "
          "{:.3f} is needed): were the messages sorted well?",
          after.auc, least);
    }
    size_t allowed = std::max(
        {before.ham.tagged, static_cast<size_t>(kTarget * static_cast<double>(after.ham.messages)), size_t{1}});
    if (after.ham.tagged > allowed) {
      return fmt::format("other scores would tag more ham ({} instead of {})", after.ham.tagged, before.ham.tagged);
    }
    if (after.ham.rejected > before.ham.rejected) {
      return fmt::format("other scores would reject more ham ({} instead of {})", after.ham.rejected,
                         before.ham.rejected);
    }
    if (after.auc < before.auc - kAucLost) {
      return fmt::format("other scores would tell ham and spam apart less well (AUC {:.4f} instead of {:.4f})",
                         after.auc, before.auc);
    }
    if (chance > kChance) {
      return "no other scores do better on messages that they were not made from by more than chance explains";
    }
    return "";
  }

  [[nodiscard]] std::vector<Change> changes(const std::vector<double>& learned) const {
    std::vector<Change> changes;
    for (size_t rule = 0; rule < learned.size(); ++rule) {
      if (std::abs(learned[rule] - problem_.present()[rule]) < 0.05) continue;
      Change change = hits_of(rule);
      change.before = problem_.present()[rule];
      change.after = learned[rule];
      double rates =
          share(change.ham, proposal_.before.ham.messages) + share(change.spam, proposal_.before.spam.messages);
      change.effect = std::abs(change.after - change.before) * rates;
      bool dragged = problem_.is_step(rule) && change.ham + change.spam < kLeastHits;
      change.why = dragged ? "few have it: it keeps its place between the steps beside it" : why(change);
      changes.push_back(std::move(change));
    }
    std::stable_sort(changes.begin(), changes.end(),
                     [](const Change& a, const Change& b) { return a.effect > b.effect; });
    return changes;
  }

  [[nodiscard]] Change hits_of(size_t rule) const {
    Change change;
    change.rule = sample_.rules()[rule].name;
    for (const Message& message : sample_.messages()) {
      auto hit = [rule](const Message::Hit& each) { return each.rule == rule; };
      if (std::none_of(message.hits.begin(), message.hits.end(), hit)) continue;
      ++(message.spam ? change.spam : change.ham);
    }
    double spam = share(change.spam, proposal_.before.spam.messages);
    double ham = share(change.ham, proposal_.before.ham.messages);
    if (spam + ham > 0) change.spam_share = spam / (spam + ham);
    return change;
  }

  static std::string why(const Change& change) {
    bool adds = change.before > 0;
    bool more = std::abs(change.after) > std::abs(change.before);
    double right = adds ? change.spam_share : 1 - change.spam_share;
    std::string_view kind = adds ? "spam" : "ham";
    if (more && right >= 0.9) return fmt::format("nearly only {} has it", kind);
    if (more && right < 0.5)
      return fmt::format("of messages that other rules leave in doubt, {} has it more often", kind);
    if (more) return fmt::format("{} has it more often, and other rules do not say so", kind);
    if (change.after == 0 && right < 0.5) return "the other kind has it more often";
    if (right < 0.7) return "both kinds have it";
    if (right < 0.95) return fmt::format("too much {} has it", adds ? "ham" : "spam");
    return "other rules say the same of these messages";
  }

  void keep(const std::vector<double>& learned) {
    for (size_t rule = 0; rule < learned.size(); ++rule) {
      const std::string& fixed = problem_.fixed(rule);
      if (!fixed.empty()) {
        proposal_.kept.push_back({sample_.rules()[rule].name, fixed});
      } else if (std::abs(learned[rule] - problem_.present()[rule]) < 0.05) {
        proposal_.kept.push_back({sample_.rules()[rule].name, "its score is right as it is"});
      }
    }
  }

  /// Ham that scores most and spam that scores least, where that is a clear mistake.
  void suspect(const Scores& scores) {
    proposal_.suspicious_ham.clear();
    proposal_.suspicious_spam.clear();
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    for (size_t place : order) {
      if (sample_.messages()[place].spam || proposal_.suspicious_ham.size() == kSuspicious) continue;
      if (scores[place] >= options_.tag) proposal_.suspicious_ham.push_back(place);
    }
    std::reverse(order.begin(), order.end());
    for (size_t place : order) {
      if (!sample_.messages()[place].spam || proposal_.suspicious_spam.size() == kSuspicious) continue;
      if (scores[place] < 0) proposal_.suspicious_spam.push_back(place);
    }
  }

  const Problem& problem_;
  const Sample& sample_;
  const Options& options_;
  Fits fits_;
  bool careful_ = true;
  Proposal proposal_;
};

}  // namespace

Result<void> enough(size_t ham, size_t spam) {
  for (auto [count, kind] : {std::pair(ham, "ham"), std::pair(spam, "spam")}) {
    if (count >= kLeastMessages) continue;
    return fail(Code::BadInput,
                fmt::format("{} {} of {} are too few to learn scores from: at least {} of each kind are needed", count,
                            count == 1 ? "message" : "messages", kind, kLeastMessages));
  }
  return {};
}

Result<Proposal> propose(const Sample& sample, const Options& options) {
  size_t spam = 0;
  for (const Message& message : sample.messages()) spam += message.spam ? 1U : 0U;
  if (auto all = enough(sample.messages().size() - spam, spam); !all) return tl::unexpected(all.error());
  Problem problem(sample, options);
  for (auto [several, kind] :
       {std::pair(problem.campaigns(false), "ham"), std::pair(problem.campaigns(true), "spam")}) {
    if (several >= kLeastCampaigns) continue;
    return fail(Code::BadInput,
                fmt::format("the {} comes from {} senders or campaigns only: at least {} are needed to tell what is "
                            "common from what one of them does",
                            kind, several, kLeastCampaigns));
  }
  return Proposing(problem, options).run();
}

}  // namespace postern::rules::tuning
