#include "tests/bench/campaign/recall.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "tests/bench/campaign/cpu.h"
#include "tests/bench/campaign/methods.h"
#include "tests/bench/campaign/mutate.h"

namespace postern::campaign {
namespace {

constexpr size_t kSettled = 20;  // copies after which it counts

struct Class {
  std::string_view name;
  size_t from = 0;
  size_t below = 0;
};
constexpr std::array<Class, 5> kClasses{
    {{"40-59", 40, 60}, {"60-99", 60, 100}, {"100-199", 100, 200}, {"200-499", 200, 500}, {"500-", 500, 5000}}};

struct Campaign {
  const Original* original = nullptr;
  size_t size_class = 0;
};

// A message of the stream: a copy of a campaign, or one of the others.
struct Item {
  size_t campaign = 0;  // kOther: none
  Print print;
};
constexpr size_t kOther = ~size_t{0};

struct Share {
  uint64_t found = 0;
  uint64_t all = 0;
  uint64_t mixed = 0;  // not recognised, because the cluster has too many others
  uint64_t mute = 0;   // without evidence

  void add(const Share& other) {
    found += other.found;
    all += other.all;
    mixed += other.mixed;
    mute += other.mute;
  }
  [[nodiscard]] std::string text() const {
    return all == 0 ? "-" : fmt::format("{:.1f}", 100.0 * static_cast<double>(found) / static_cast<double>(all));
  }
};
using Shares = std::array<Share, kClasses.size()>;

struct Result {
  std::vector<Share> campaigns;  // each one's
  Shares classes;
};

// Texts that are not copies of one another, so that each campaign is one.
std::vector<Original> originals_of(const std::vector<Mail>& mails, Random& random) {
  std::vector<const Mail*> spam;
  for (const Mail& mail : mails) {
    if (mail.spam) spam.push_back(&mail);
  }
  std::shuffle(spam.begin(), spam.end(), random);
  std::vector<const Mail*> chosen;
  std::vector<Original> originals;
  for (const Mail* mail : spam) {
    const bool copy = std::any_of(chosen.begin(), chosen.end(),
                                  [&](const Mail* other) { return jaccard(mail->grams, other->grams) > 0.02; });
    if (copy) continue;
    chosen.push_back(mail);
    originals.push_back(original_of(*mail));
  }
  return originals;
}

std::vector<Campaign> campaigns_of(const std::vector<Original>& originals, size_t most) {
  std::vector<Campaign> campaigns;
  for (size_t size_class = 0; size_class < kClasses.size(); ++size_class) {
    size_t taken = 0;
    for (const Original& original : originals) {
      const Class& bounds = kClasses[size_class];
      if (original.words < bounds.from || original.words >= bounds.below) continue;
      campaigns.push_back({&original, size_class});
      if (++taken == most) break;
    }
  }
  return campaigns;
}

// The others in their order, copies spread among them.
std::vector<const Item*> stream_of(const std::vector<Item>& others, const std::vector<Item>& copies, Random& random) {
  std::vector<const Item*> stream;
  stream.reserve(others.size() + copies.size());
  for (const Item& item : others) stream.push_back(&item);
  for (const Item& item : copies) stream.push_back(&item);
  std::shuffle(stream.begin(), stream.end(), random);
  return stream;
}

Result run(Method& method, const std::vector<const Item*>& stream, const std::vector<Campaign>& campaigns) {
  Result result;
  result.campaigns.resize(campaigns.size());
  std::vector<uint64_t> seen(campaigns.size());
  std::unordered_map<uint64_t, std::unordered_map<size_t, uint64_t>> members;  // of a cluster, by campaign
  for (const Item* item : stream) {
    const Place place = method.see(item->print);
    auto& by_campaign = members[method.now_called(place.cluster)];
    ++by_campaign[item->campaign];
    if (item->campaign == kOther || ++seen[item->campaign] <= kSettled) continue;
    Share& share = result.campaigns[item->campaign];
    ++share.all;
    share.mute += item->print.evidence ? 0 : 1;
    if (place.count * 2 < seen[item->campaign]) continue;
    uint64_t foreign = 0;  // of other campaigns; among the others there are real copies of the original
    for (const auto& [campaign, count] : by_campaign) {
      if (campaign != kOther && campaign != item->campaign) foreign += count;
    }
    const bool pure = foreign * 9 <= by_campaign[item->campaign];
    ++(pure ? share.found : share.mixed);
  }
  for (size_t at = 0; at < campaigns.size(); ++at) result.classes[campaigns[at].size_class].add(result.campaigns[at]);
  return result;
}

struct Cost {
  double print_us = 0;
  double see_us = 0;
  uint64_t prints = 0;
  uint64_t sights = 0;
};
template <class Work>
double micros(const Work& work) {
  const double begin = cpu_micros();
  work();
  return cpu_micros() - begin;
}

class Bench {
 public:
  Bench(const std::vector<Mail>& mails, const RecallOptions& options) : mails_(mails), options_(options) {
    Random random(1);
    vocabulary_ = vocabulary_of(mails);
    originals_ = originals_of(mails, random);
    campaigns_ = campaigns_of(originals_, options.campaigns);
  }

  // By mutation.
  std::vector<Result> measure(const MethodKind& kind) {
    Cost cost;
    const std::unique_ptr<Method> printer = kind.make();
    std::vector<Item> others;
    others.reserve(mails_.size());
    cost.print_us += micros([&] {
      for (const Mail& mail : mails_) others.push_back({kOther, printer->print(mail.octets, mail.bounce)});
    });
    cost.prints += others.size();
    std::vector<Result> results;
    for (const Mutation& mutation : mutations()) {
      const std::vector<Item> copies = copies_of(mutation, *printer);
      Random random(3);
      const std::vector<const Item*> stream = stream_of(others, copies, random);
      const std::unique_ptr<Method> method = kind.make();
      cost.see_us += micros([&] { results.push_back(run(*method, stream, campaigns_)); });
      cost.sights += stream.size();
    }
    fmt::print("| {} | {:.0f} | {:.1f} |\n", kind.name, cost.print_us / static_cast<double>(cost.prints),
               cost.see_us / static_cast<double>(cost.sights));
    return results;
  }

  [[nodiscard]] size_t campaigns() const { return campaigns_.size(); }

  /// Which campaigns are the hardest, for whoever wants to know why.
  void print_worst(const Result& result) const {
    std::vector<size_t> order(campaigns_.size());
    std::iota(order.begin(), order.end(), 0U);
    auto lost = [&](size_t at) { return result.campaigns[at].all - result.campaigns[at].found; };
    std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return lost(a) > lost(b); });
    for (size_t at : order) {
      const Share& share = result.campaigns[at];
      if (lost(at) * 20 <= share.all) break;
      fmt::print("  {:.44}: {} words, {} of {} found, {} without evidence, {} mixed\n", campaigns_[at].original->source,
                 campaigns_[at].original->words, share.found, share.all, share.mute, share.mixed);
    }
  }

 private:
  std::vector<Item> copies_of(const Mutation& mutation, const Method& printer) {
    Random random(2);
    std::vector<Item> copies;
    copies.reserve(campaigns_.size() * options_.copies);
    for (size_t campaign = 0; campaign < campaigns_.size(); ++campaign) {
      for (size_t copy = 0; copy < options_.copies; ++copy) {
        copies.push_back(
            {campaign,
             printer.print(copy_of(*campaigns_[campaign].original, mutation, campaign, vocabulary_, random), false)});
      }
    }
    return copies;
  }

  const std::vector<Mail>& mails_;
  RecallOptions options_;
  std::vector<std::string> vocabulary_;
  std::vector<Original> originals_;
  std::vector<Campaign> campaigns_;
};

Share total(const Shares& shares) {
  Share sum;
  for (const Share& share : shares) sum.add(share);
  return sum;
}

}  // namespace

void print_recall(const std::vector<Mail>& mails, const RecallOptions& options) {
  Bench bench(mails, options);
  fmt::print("\n## Recall: {} campaigns of {} copies among {} other messages\n\n", bench.campaigns(), options.copies,
             mails.size());
  fmt::print(
      "| method | CPU us a message for the fingerprint, MIME included | for the look-up |\n| --- | --- | --- |\n");
  std::vector<std::vector<Result>> results;
  std::string head = "| copies |";
  std::string rule = "| --- |";
  for (const MethodKind& kind : methods()) {
    if (options.ours_alone && !results.empty()) break;
    results.push_back(bench.measure(kind));
    head += fmt::format(" {} |", kind.name);
    rule += " --- |";
  }
  fmt::print("\n% of the copies after the {}th:\n\n{}\n{}\n", kSettled, head, rule);
  for (size_t row = 0; row < mutations().size(); ++row) {
    std::string line = fmt::format("| {} |", mutations()[row].name);
    for (const auto& result : results) line += fmt::format(" {} |", total(result[row].classes).text());
    fmt::print("{}\n", line);
  }
  fmt::print("\nfilters/bulk by words of the original:\n\n| copies |");
  for (const Class& size_class : kClasses) fmt::print(" {} |", size_class.name);
  fmt::print(" mixed |\n| --- | --- | --- | --- | --- | --- | --- |\n");
  for (size_t row = 0; row < mutations().size(); ++row) {
    std::string line = fmt::format("| {} |", mutations()[row].name);
    for (const Share& share : results.front()[row].classes) line += fmt::format(" {} |", share.text());
    fmt::print("{} {} |\n", line, total(results.front()[row].classes).mixed);
  }
  for (size_t row = 0; row < mutations().size(); ++row) {
    fmt::print("\nfilters/bulk, {}: campaigns of which more than one copy in 20 is not found\n", mutations()[row].name);
    bench.print_worst(results.front()[row]);
  }
}

}  // namespace postern::campaign
