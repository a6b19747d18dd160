// MapWatch with timers and threads that the test plays.
#include "proxy/net/map_watch.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace postern::net {
namespace {

/// What was asked for and is not cancelled, until the test lets it happen.
template <class What>
class Asked {
 public:
  Pending add(What what) {
    auto place = std::make_shared<What>(std::move(what));
    places_.push_back(place);
    return Pending(std::make_unique<Operation>(*this, place));
  }
  [[nodiscard]] size_t count() const { return places_.size(); }
  std::shared_ptr<What> take() {
    auto first = places_.front();
    places_.erase(places_.begin());
    return first;
  }

 private:
  struct Operation final : Pending::Operation {
    Operation(Asked& asked, std::shared_ptr<What> place) : all(asked), mine(std::move(place)) {}
    ~Operation() override {
      all.places_.erase(std::remove(all.places_.begin(), all.places_.end(), mine), all.places_.end());
    }
    Asked& all;
    std::shared_ptr<What> mine;
  };
  std::vector<std::shared_ptr<What>> places_;
};

struct Timers final : session::Timers {
  Pending after(Duration delay, std::function<void()> callback) override {
    EXPECT_EQ(delay, MapWatch::kInterval);
    return asked.add(std::move(callback));
  }
  Asked<std::function<void()>> asked;
};

struct Offload final : session::Offload {
  using Work = std::function<Result<std::string>()>;
  using Done = std::function<void(Result<std::string>)>;
  Pending run(Work work, Done done) override { return asked.add({std::move(work), std::move(done)}); }
  Asked<std::pair<Work, Done>> asked;
};

class MapWatchTest : public testing::Test {
 public:
  MapWatchTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-watch-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    write("a.map", "one\n");
  }
  ~MapWatchTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  MapWatchTest(const MapWatchTest&) = delete;
  MapWatchTest& operator=(const MapWatchTest&) = delete;

 protected:
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ + "/" + name, std::ios::binary | std::ios::trunc) << text;
  }
  [[nodiscard]] rules::RuleSetPtr rules(const std::string& text = "local a = map('a.map')\n") const {
    auto set = rules::RuleSet::from_texts({{"rules/test.lua", text}}, {{}, "", directory_});
    if (set) return *set;
    ADD_FAILURE() << set.error()[0].to_string();
    return rules::RuleSet::empty();
  }
  void five_seconds_later() {
    ASSERT_EQ(timers_.asked.count(), 1U);
    (*timers_.asked.take())();
  }
  void the_pool_works() {
    ASSERT_EQ(offload_.asked.count(), 1U);
    auto job = offload_.asked.take();
    job->second(job->first());
  }

  std::string directory_;
  Timers timers_;
  Offload offload_;
  std::vector<rules::Maps::Change> changes_;
  size_t looks_ = 0;
  std::function<void()> then_ = [] {};
  MapWatch watch_{timers_, offload_, [this](const std::vector<rules::Maps::Change>& changes) {
                    ++looks_;
                    changes_.insert(changes_.end(), changes.begin(), changes.end());
                    then_();
                  }};
};

TEST_F(MapWatchTest, AChangedFileIsTakenWithinOneInterval) {
  auto set = rules();
  watch_.watch(set);
  write("a.map", "two\nthree\n");
  five_seconds_later();
  EXPECT_TRUE(watch_.looking());
  EXPECT_TRUE(set->maps().find("a.map", rules::Map::Kind::Auto)->has("one"));  // not on the loop
  the_pool_works();
  EXPECT_FALSE(watch_.looking());
  EXPECT_TRUE(set->maps().find("a.map", rules::Map::Kind::Auto)->has("two"));
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_TRUE(changes_[0].taken);
  five_seconds_later();
  the_pool_works();
  EXPECT_EQ(looks_, 2U);
  EXPECT_EQ(changes_.size(), 1U);
}

TEST_F(MapWatchTest, OneLookAtATime) {
  watch_.watch(rules());
  five_seconds_later();
  EXPECT_EQ(timers_.asked.count(), 0U);  // the next begins when this one has ended
  watch_.watch(rules());
  EXPECT_EQ(timers_.asked.count(), 0U);
  EXPECT_EQ(offload_.asked.count(), 1U);
  the_pool_works();
  EXPECT_EQ(timers_.asked.count(), 1U);
}

TEST_F(MapWatchTest, RulesWithoutMapsCostNothing) {
  watch_.watch(rules("-- none\n"));
  EXPECT_EQ(timers_.asked.count(), 0U);
  watch_.watch(rules());
  EXPECT_EQ(timers_.asked.count(), 1U);
  watch_.watch(rules::RuleSet::empty());
  EXPECT_EQ(timers_.asked.count(), 0U);
}

TEST_F(MapWatchTest, OnHoldNothingBeginsAndWhatIsUnderWayEnds) {
  watch_.watch(rules());
  watch_.hold();
  EXPECT_EQ(timers_.asked.count(), 0U);
  watch_.watch(rules());
  five_seconds_later();
  watch_.hold();
  write("a.map", "two\n");
  the_pool_works();
  EXPECT_EQ(changes_.size(), 1U);
  EXPECT_EQ(timers_.asked.count(), 0U);
  watch_.watch(rules());
  EXPECT_EQ(timers_.asked.count(), 1U);
}

TEST_F(MapWatchTest, ItMayBePutOnHoldFromItsOwnCallback) {
  then_ = [this] { watch_.hold(); };
  watch_.watch(rules());
  five_seconds_later();
  the_pool_works();
  EXPECT_EQ(timers_.asked.count(), 0U);
}

TEST_F(MapWatchTest, AThreadThatCannotLookIsReportedAndTheNextLookComes) {
  watch_.watch(rules());
  five_seconds_later();
  auto job = offload_.asked.take();
  job->second(fail(Code::Limit, "too many jobs wait"));
  ASSERT_EQ(changes_.size(), 1U);
  EXPECT_FALSE(changes_[0].taken);
  EXPECT_EQ(changes_[0].text, "maps were not looked at: too many jobs wait");
  EXPECT_EQ(timers_.asked.count(), 1U);
}

TEST_F(MapWatchTest, DestroyedItForgetsWhatIsUnderWay) {
  auto other = std::make_unique<MapWatch>(timers_, offload_, [](const auto&) { FAIL() << "nobody waits any more"; });
  other->watch(rules());
  five_seconds_later();
  other.reset();
  EXPECT_EQ(offload_.asked.count(), 0U);
  EXPECT_EQ(timers_.asked.count(), 0U);
}

}  // namespace
}  // namespace postern::net
