// The shipped rules on real mail: scores are proposed for the true labels, and for shuffled ones never.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "lua/tuning.h"

namespace postern::rules::tuning {
namespace {

namespace fs = std::filesystem;

constexpr unsigned kSeeds = 12;

/// What the rules said of each message of a corpus, and its label.
struct Labelled {
  Evaluation evaluation;
  bool spam = false;
  uint32_t campaign = 0;
};

/// A ham that is tagged weighs as twenty spam that are not, of as many.
double mistakes(const Figures& figures) {
  return 20.0 * static_cast<double>(figures.ham.tagged) / static_cast<double>(figures.ham.messages) + 1.0 -
         static_cast<double>(figures.spam.tagged) / static_cast<double>(figures.spam.messages);
}

class RealMail : public ::testing::Test {
 public:
  RealMail() = default;
  RealMail(const RealMail&) = delete;
  RealMail& operator=(const RealMail&) = delete;
  ~RealMail() override {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

 protected:
  void SetUp() override {
    const fs::path archive = "../shared/data/corpora/csdmc2010-dedup.tar.xz";
    if (!fs::exists(archive)) GTEST_SKIP() << archive << " is missing";
    std::string name = (fs::temp_directory_path() / "postern-tuning-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    // NOLINTNEXTLINE(cert-env33-c): a test's own names
    ASSERT_EQ(std::system(fmt::format("tar -xJf '{}' -C '{}'", archive.string(), name).c_str()), 0);
    RuleSet::Options options;
    options.write_cache = false;
    auto rules = RuleSet::load("rules", options);
    ASSERT_TRUE(rules.has_value()) << rules.error().front().to_string();
    rules_ = *rules;
    judge_all();
  }

  [[nodiscard]] Result<Proposal> propose_for(const std::vector<bool>& labels) const {
    Sample sample(rules_->rules(), rules_->groups());
    for (size_t i = 0; i < mail_.size(); ++i) sample.add(mail_[i].evaluation, labels[i], mail_[i].campaign, labels[i]);
    return propose(sample, {});
  }
  [[nodiscard]] std::vector<bool> labels() const {
    std::vector<bool> all;
    all.reserve(mail_.size());
    for (const Labelled& each : mail_) all.push_back(each.spam);
    return all;
  }

 private:
  static std::string read(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  /// Of labels.jsonl, a JSON object a line.
  static std::string field(const std::string& row, const std::string& name) {
    std::string key = fmt::format("\"{}\": \"", name);
    size_t at = row.find(key);
    if (at == std::string::npos) return "";
    at += key.size();
    return row.substr(at, row.find('"', at) - at);
  }

  void judge_all() {
    fs::path labels;
    for (const auto& entry : fs::recursive_directory_iterator(folder_)) {
      if (entry.path().filename() == "labels.jsonl") labels = entry.path();
    }
    Host host(rules_, nullptr);
    std::map<std::string, uint32_t> senders;
    std::ifstream rows(labels);
    for (std::string row; std::getline(rows, row);) {
      std::string text = read(labels.parent_path() / field(row, "file"));
      Facts facts;
      facts.message = text;
      facts.size = text.size();
      facts.spf.emplace();
      facts.helo_spf.emplace();
      Labelled each;
      each.spam = field(row, "label") == "spam";
      host.run(Stage::Message, facts, each.evaluation);
      each.evaluation.maps.reset();
      std::string from = message::parse_header(text).first("From").value_or(field(row, "file"));
      each.campaign = senders.emplace(from, static_cast<uint32_t>(senders.size())).first->second;
      mail_.push_back(std::move(each));
    }
  }

  fs::path folder_;
  RuleSetPtr rules_;
  std::vector<Labelled> mail_;
};

TEST_F(RealMail, ScoresAreProposedForTrueLabelsAndNeverForShuffledOnes) {
  std::vector<bool> all = labels();
  ASSERT_GT(all.size(), 1000U);
  auto proposal = propose_for(all);
  ASSERT_TRUE(proposal.has_value());
  EXPECT_FALSE(proposal->changes.empty()) << proposal->why_none;
  EXPECT_LT(mistakes(proposal->after), mistakes(proposal->before));
  EXPECT_LE(proposal->after.ham.tagged, std::max<size_t>(1, proposal->before.ham.tagged));
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    std::mt19937 random(seed);
    std::shuffle(all.begin(), all.end(), random);
    proposal = propose_for(all);
    ASSERT_TRUE(proposal.has_value());
    EXPECT_TRUE(proposal->changes.empty()) << seed;
    EXPECT_FALSE(proposal->why_none.empty());
  }
}

}  // namespace
}  // namespace postern::rules::tuning
