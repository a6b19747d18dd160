// ClassifierKeeper with timers and threads that the test plays.
#include "proxy/cli/classifier_keeper.h"

#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::cli {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Nothing final : Pending::Operation {};

/// Keeps the last one, until the test lets it happen.
struct Timers final : session::Timers {
  Pending after(Duration delay, std::function<void()> callback) override {
    EXPECT_EQ(delay, ClassifierKeeper::kPause);
    due = std::move(callback);
    return Pending(std::make_unique<Nothing>());
  }
  void fire() { std::exchange(due, nullptr)(); }
  std::function<void()> due;
};

struct Offload final : session::Offload {
  using Work = std::function<Result<std::string>()>;
  using Done = std::function<void(Result<std::string>)>;
  Pending run(Work work, Done done) override {
    jobs.emplace_back(std::move(work), std::move(done));
    return Pending(std::make_unique<Nothing>());
  }
  void finish() {
    auto job = std::move(jobs.front());
    jobs.erase(jobs.begin());
    job.second(job.first());
  }
  std::vector<std::pair<Work, Done>> jobs;
};

struct Notes final : session::Observer {
  void connection_opened(const std::string& /*listener*/) override {}
  void connection_closed(const std::string& /*listener*/) override {}
  void replied(int /*code*/) override {}
  void recipient(std::string_view /*result*/) override {}
  void message(const session::MessageRecord& /*record*/) override {}
  void filter(std::string_view /*filter*/, std::string_view /*result*/, Duration /*time*/) override {}
  void backend_replied(const std::string& /*backend*/, int /*code*/, Duration /*time*/) override {}
  void backend_state(const std::string& /*backend*/, bool /*up*/) override {}
  void refused(const session::RefusalRecord& /*record*/) override {}
  void note(std::string_view level, const std::string& text) override {
    all.push_back(fmt::format("{}: {}", level, text));
  }
  std::vector<std::string> take() { return std::exchange(all, {}); }
  std::vector<std::string> all;
};

class ClassifierKeeperTest : public testing::Test {
 public:
  ClassifierKeeperTest() {
    std::string pattern = (fs::temp_directory_path() / "postern-keeper-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    config_.classifier_directory = directory_;
  }
  ~ClassifierKeeperTest() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  ClassifierKeeperTest(const ClassifierKeeperTest&) = delete;
  ClassifierKeeperTest& operator=(const ClassifierKeeperTest&) = delete;

 protected:
  void write_model(uint64_t ham, uint64_t spam, const std::string& below = "") const {
    classifier::Weights weights;
    weights.table.resize(1024);
    weights.ham = ham;
    weights.spam = spam;
    weights.trained_at = 1'767'225'600;
    fs::create_directories(directory_ + below);
    auto written = classifier::write_model(directory_ + below + "/model", weights);
    ASSERT_TRUE(written) << written.error().message;
  }
  void look() {
    timers_.fire();
    offload_.finish();
  }
  /// How much ham each model was made from that was handed on; -1: none.
  std::vector<int64_t> used() { return std::exchange(used_, {}); }

  std::string directory_;
  ops::Config config_;
  Timers timers_;
  Offload offload_;
  Notes notes_;
  bool reached_ = true;
  std::vector<int64_t> used_;
  ClassifierKeeper& keeper() {
    if (!keeper_) {
      keeper_.emplace(timers_, offload_, notes_, config_, [this](const ClassifierKeeper::ModelPtr& model) {
        used_.push_back(model ? static_cast<int64_t>(model->ham()) : -1);
        return reached_;
      });
    }
    return *keeper_;
  }

 private:
  std::optional<ClassifierKeeper> keeper_;
};

TEST_F(ClassifierKeeperTest, TheModelThatIsThereIsUsedFromTheStart) {
  write_model(300, 400);
  keeper().start();
  EXPECT_THAT(used(), ElementsAre(300));
  EXPECT_THAT(notes_.take(), ElementsAre(fmt::format("info: [classifier] {}/model: learned from 300 ham and 400 spam, "
                                                     "2026-01-01T00:00:00Z",
                                                     directory_)));
  look();
  EXPECT_THAT(used(), IsEmpty()) << "it is the same file";
  EXPECT_THAT(notes_.take(), IsEmpty());
}

TEST_F(ClassifierKeeperTest, WhereNothingWasLearnedNothingIsSaid) {
  config_.classifier_directory += "/not/there";
  keeper().start();
  look();
  EXPECT_THAT(notes_.take(), IsEmpty());
  EXPECT_EQ(keeper().model(), nullptr);
}

TEST_F(ClassifierKeeperTest, AnotherModelIsTakenWithoutReload) {
  keeper().start();
  used();
  write_model(300, 400);
  look();
  EXPECT_THAT(used(), ElementsAre(300));
  write_model(301, 400);
  look();
  EXPECT_THAT(used(), ElementsAre(301));
  EXPECT_THAT(notes_.take(), ElementsAre(HasSubstr("300 ham"), HasSubstr("301 ham")));
}

TEST_F(ClassifierKeeperTest, TooFewIsSaid) {
  write_model(300, 199);
  keeper().start();
  EXPECT_THAT(notes_.take(), ElementsAre(HasSubstr("too few to say anything")));
}

TEST_F(ClassifierKeeperTest, ABadModelIsRefusedOnceAndTheOldOneStays) {
  write_model(300, 400);
  keeper().start();
  used();
  notes_.take();
  std::ofstream(directory_ + "/model") << "something else";
  look();
  look();
  EXPECT_THAT(notes_.take(), ElementsAre(AllOf(HasSubstr("warning: [classifier] the model is refused, the old one "
                                                         "stays"),
                                               HasSubstr(directory_ + "/model"))));
  EXPECT_THAT(used(), IsEmpty());
  EXPECT_EQ(keeper().model()->ham(), 300U);
  keeper().reload(config_);
  offload_.finish();
  EXPECT_THAT(notes_.take(), ElementsAre(HasSubstr("is refused"))) << "who reloads is told again";
  write_model(500, 400);
  look();
  EXPECT_THAT(used(), ElementsAre(500));
}

TEST_F(ClassifierKeeperTest, WhatIsForgottenFallsSilent) {
  write_model(300, 400);
  keeper().start();
  used();
  notes_.take();
  fs::remove(directory_ + "/model");
  look();
  EXPECT_THAT(used(), ElementsAre(-1));
  EXPECT_THAT(notes_.take(), ElementsAre(HasSubstr("is gone: nothing is classified")));
}

TEST_F(ClassifierKeeperTest, WhomItDidNotReachIsToldAgain) {
  keeper().start();
  used();
  write_model(300, 400);
  reached_ = false;
  look();
  EXPECT_THAT(used(), ElementsAre(300));
  reached_ = true;
  look();
  EXPECT_THAT(used(), ElementsAre(300));
  look();
  EXPECT_THAT(used(), IsEmpty());
}

TEST_F(ClassifierKeeperTest, AReloadLooksAtOnceAndElsewhere) {
  write_model(300, 400);
  write_model(500, 600, "/other");
  keeper().start();
  used();
  config_.classifier_directory = directory_ + "/other";
  keeper().reload(config_);
  offload_.finish();
  EXPECT_THAT(used(), ElementsAre(500));
}

TEST_F(ClassifierKeeperTest, AReloadDuringALookCountsAfterIt) {
  write_model(300, 400);
  write_model(500, 600, "/other");
  keeper().start();
  used();
  write_model(301, 400);
  timers_.fire();
  config_.classifier_directory = directory_ + "/other";
  keeper().reload(config_);
  offload_.finish();
  EXPECT_THAT(used(), IsEmpty()) << "what was found is in the old place";
  offload_.finish();
  EXPECT_THAT(used(), ElementsAre(500));
  EXPECT_TRUE(timers_.due) << "it goes on looking";
}

TEST_F(ClassifierKeeperTest, WithoutADirectoryNothingIsClassified) {
  write_model(300, 400);
  keeper().start();
  used();
  config_.classifier_directory.clear();
  keeper().reload(config_);
  offload_.finish();
  EXPECT_THAT(used(), ElementsAre(-1));
}

}  // namespace
}  // namespace postern::cli
