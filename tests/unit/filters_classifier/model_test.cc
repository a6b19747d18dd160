#include "filters/classifier/model.h"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <xxhash.h>

#include "filters/classifier/scale.h"
#include "filters/classifier/words.h"

namespace postern::classifier {
namespace {

class ModelFile : public ::testing::Test {
 public:
  ModelFile() = default;
  ModelFile(const ModelFile&) = delete;
  ModelFile& operator=(const ModelFile&) = delete;
  ~ModelFile() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "postern-model-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  [[nodiscard]] std::string path() const { return folder_ / "model"; }
  [[nodiscard]] std::string octets() const {
    std::ifstream file(path(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }
  void write(std::string_view octets) const {
    std::ofstream(path(), std::ios::binary).write(octets.data(), static_cast<std::streamsize>(octets.size()));
  }
  /// The sum put right: as if whoever wrote it had meant it so.
  void write_summed(std::string octets) const {
    uint64_t sum = XXH3_64bits(octets.data(), octets.size() - 8);
    std::memcpy(octets.data() + octets.size() - 8, &sum, 8);
    write(octets);
  }
  [[nodiscard]] std::string why() const {
    auto model = Model::open(path());
    return model ? "" : model.error().message;
  }
  std::filesystem::path folder_;
};

constexpr size_t kTable = 1024 * kRegions;

Feature of_kind(Kind kind, Feature hash) {
  return static_cast<Feature>(kind) << kKindShift | hash;
}

Weights some_weights() {
  Weights out;
  out.table.assign(kTable, 0.0F);
  for (Feature i = 0; i < 20; ++i) {
    out.table[place_of(of_kind(Kind::Word, i), kTable)] = 1;
    out.table[place_of(of_kind(Kind::Field, i), kTable)] = 1;
    out.table[place_of(of_kind(Kind::Link, i), kTable)] = 1;
    out.table[place_of(of_kind(Kind::Word, 100 + i), kTable)] = -1;
  }
  out.bias = 0.25F;
  out.slope = 2;
  out.offset = -0.5F;
  out.ham = 300;
  out.spam = 250;
  out.trained_at = 1'767'225'600;
  return out;
}

std::vector<Feature> run_of(Feature from, Feature count) {
  std::vector<Feature> out;
  out.reserve(count);
  for (Feature i = 0; i < count; ++i) out.push_back(from + i);
  return out;
}

Reading seen(std::vector<Feature> features) {
  return {std::move(features), "", "", ""};
}

double probability(double score) {
  return 1 / (1 + std::exp(-(2 * score - 0.5)));
}

TEST(Model, JudgesByWhatItKnows) {
  auto model = Model::from(some_weights());
  Outcome spam = model->judge(seen(run_of(0, 16)));
  EXPECT_TRUE(spam.ready);
  EXPECT_NEAR(spam.spam, probability(0.25 + 16 / 4.0), 1e-6);
  EXPECT_EQ(spam.ham_learned, 300U);
  EXPECT_EQ(spam.spam_learned, 250U);
  EXPECT_NEAR(model->judge(seen(run_of(100, 16))).spam, probability(0.25 - 16 / 4.0), 1e-6);
  // Features of another kind are scaled on their own.
  std::vector<Feature> two = run_of(0, 16);
  for (Feature hash : run_of(0, 9)) two.push_back(of_kind(Kind::Link, hash));
  EXPECT_NEAR(model->judge(seen(two)).spam, probability(0.25 + 16 / 4.0 + 9 / 3.0), 1e-6);
}

TEST(Model, SaysNothingOfWhatItDoesNotKnow) {
  auto model = Model::from(some_weights());
  for (const auto& features : {run_of(0, 0), run_of(0, 7), run_of(500, 200)}) {
    Outcome outcome = model->judge(seen(features));
    EXPECT_FALSE(outcome.ready);
    EXPECT_EQ(outcome.spam, 0.5);
    EXPECT_EQ(outcome.ham_learned, 300U);
  }
  // Ten known ones among many unknown.
  std::vector<Feature> many = run_of(0, 10);
  for (Feature feature : run_of(500, 200)) many.push_back(feature);
  EXPECT_FALSE(model->judge(seen(many)).ready);
}

TEST(Model, RunsOfOctetsAreNoSignThatItKnowsAnything) {
  auto model = Model::from(some_weights());
  std::vector<Feature> features = run_of(500, 200);
  for (Feature hash : run_of(0, 20)) features.push_back(of_kind(Kind::Field, hash));
  EXPECT_FALSE(model->judge(seen(features)).ready);
  // Nor that it does not.
  features = run_of(0, 16);
  for (Feature hash : run_of(500, 1000)) features.push_back(of_kind(Kind::Field, hash));
  EXPECT_TRUE(model->judge(seen(features)).ready);
}

TEST(Model, NoTwoViewsShareAWeight) {
  for (size_t size : {kRegions, kTable, size_t{1} << 20U}) {
    std::vector<size_t> view_at(size, kViews);
    for (Feature kind = 0; kind <= static_cast<Feature>(Kind::Form); ++kind) {
      for (Feature i = 0; i < 20'000; ++i) {
        Feature feature = of_kind(static_cast<Kind>(kind), static_cast<Feature>(mix(i) >> (64 - kKindShift)));
        size_t place = place_of(feature, size);
        ASSERT_LT(place, size);
        ASSERT_TRUE(view_at[place] == kViews || view_at[place] == kViewOf[kind]);
        view_at[place] = kViewOf[kind];
      }
    }
  }
}

TEST(Model, SaysNothingBeforeEnoughOfBothKindsWasLearned) {
  for (auto [ham, spam] : {std::pair{kLeastLearned - 1, uint64_t{9999}}, {uint64_t{9999}, kLeastLearned - 1}}) {
    Weights weights = some_weights();
    weights.ham = ham;
    weights.spam = spam;
    Outcome outcome = Model::from(weights)->judge(seen(run_of(0, 16)));
    EXPECT_FALSE(outcome.ready);
    EXPECT_EQ(outcome.spam, 0.5);
    EXPECT_EQ(outcome.ham_learned, ham);
    EXPECT_EQ(outcome.spam_learned, spam);
  }
}

TEST_F(ModelFile, IsReadAsItWasWritten) {
  ASSERT_TRUE(write_model(path(), some_weights()));
  auto model = Model::open(path());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->ham(), 300U);
  EXPECT_EQ((*model)->spam(), 250U);
  EXPECT_EQ((*model)->trained_at(), 1'767'225'600);
  auto memory = Model::from(some_weights());
  for (Feature from : {0U, 5U, 90U, 110U}) {
    EXPECT_EQ((*model)->judge(seen(run_of(from, 30))).spam, memory->judge(seen(run_of(from, 30))).spam);
  }
}

TEST_F(ModelFile, ReplacedWhileOpenStaysWhatItWas) {
  ASSERT_TRUE(write_model(path(), some_weights()));
  auto old = Model::open(path());
  ASSERT_TRUE(old);
  double before = (*old)->judge(seen(run_of(0, 16))).spam;
  Weights other = some_weights();
  other.bias = -9;
  ASSERT_TRUE(write_model(path(), other));
  EXPECT_EQ((*old)->judge(seen(run_of(0, 16))).spam, before);
  auto fresh = Model::open(path());
  ASSERT_TRUE(fresh);
  EXPECT_LT((*fresh)->judge(seen(run_of(0, 16))).spam, before);
  // Nothing is left beside it.
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator{}), 1);
}

TEST_F(ModelFile, ShortenedInPlaceHarmsNobodyWhoHasReadIt) {
  ASSERT_TRUE(write_model(path(), some_weights()));
  auto model = Model::open(path());
  ASSERT_TRUE(model);
  std::vector<Feature> features;
  features.reserve(20);
  for (Feature i = 0; i < 20; ++i) features.push_back(of_kind(Kind::Word, i));
  double before = (*model)->judge(seen(features)).spam;
  std::filesystem::resize_file(path(), 0);
  EXPECT_EQ((*model)->judge(seen(features)).spam, before);
}

TEST_F(ModelFile, MissingOrNoFileIsSaid) {
  auto missing = Model::open(path());
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Code::NotFound);
  EXPECT_NE(missing.error().message.find(path()), std::string::npos);
  EXPECT_FALSE(Model::open(folder_));
  write("");
  EXPECT_NE(why().find("empty"), std::string::npos);
  write("#!/bin/sh\n");
  EXPECT_NE(why().find("no model"), std::string::npos);
  EXPECT_FALSE(write_model(folder_ / "no" / "such" / "folder", some_weights()));
}

TEST_F(ModelFile, TornIsRefusedWhereverItIsCut) {
  ASSERT_TRUE(write_model(path(), some_weights()));
  const std::string whole = octets();
  for (size_t size = 0; size < whole.size(); size += size < 100 ? 1 : 97) {
    write(whole.substr(0, size));
    EXPECT_NE(why(), "") << size;
  }
  write(whole + "x");
  EXPECT_NE(why().find("torn"), std::string::npos);
}

TEST_F(ModelFile, AnyOctetChangedIsNoticed) {
  ASSERT_TRUE(write_model(path(), some_weights()));
  const std::string whole = octets();
  for (size_t at = 0; at < whole.size(); at += at < 80 ? 1 : 61) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 0x40);
    write(changed);
    EXPECT_NE(why(), "") << at;
  }
}

TEST_F(ModelFile, OfAnotherVersionIsRefusedAndSaid) {
  ASSERT_TRUE(write_model(path(), some_weights()));
  std::string other = octets();
  other[8] = 9;
  write_summed(other);
  EXPECT_NE(why().find("form 9"), std::string::npos) << why();
  other[8] = 2;
  other[12] = 77;
  write_summed(other);
  EXPECT_NE(why().find("version 77"), std::string::npos) << why();
  other[12] = static_cast<char>(kFeaturesVersion);
  other[16] = 60;
  write_summed(other);
  EXPECT_NE(why().find("2^60"), std::string::npos) << why();
}

TEST_F(ModelFile, WeightsThatAreNoNumbersAreRefused) {
  for (float bad : {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    Weights weights = some_weights();
    weights.table[77] = bad;
    ASSERT_TRUE(write_model(path(), weights));
    EXPECT_NE(why().find("no numbers"), std::string::npos);
    weights = some_weights();
    weights.slope = bad;
    ASSERT_TRUE(write_model(path(), weights));
    EXPECT_NE(why().find("no numbers"), std::string::npos);
  }
  Weights huge = some_weights();
  for (float& weight : huge.table) weight = std::numeric_limits<float>::max();
  ASSERT_TRUE(write_model(path(), huge));
  auto model = Model::open(path());
  ASSERT_TRUE(model);
  EXPECT_EQ((*model)->judge(seen(run_of(0, 1000))).spam, 1.0);
}

}  // namespace
}  // namespace postern::classifier
