// A directory with a state of the bulk index in it, and messages to fill an index with.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proxy/ops/bulk_state.h"
#include "tests/unit/proxy_ops/files.h"

namespace postern::ops {

namespace fs = std::filesystem;

constexpr int64_t kNow = 1'767'225'600'000;  // 2026-01-01T00:00:00Z

inline bulk::Index::Options small() {
  bulk::Index::Options options;
  options.memory = 4U << 20U;
  options.shards = 2;
  return options;
}

/// One message of the campaign `campaign`; those of one are alike, those of two are not.
inline bulk::Sighting sighting(uint32_t campaign, uint32_t number) {
  std::mt19937 random(campaign);
  bulk::Sighting seen;
  seen.print.evidence = bulk::Evidence::Enough;
  seen.print.text.emplace();
  seen.print.words = 100;
  for (uint16_t& slot : seen.print.text->words) slot = static_cast<uint16_t>(random());
  for (uint16_t& slot : seen.print.text->pairs) slot = static_cast<uint16_t>(random());
  seen.id = fmt::format("{}-{}", campaign, number);
  seen.from = fmt::format("sender{}@example.net", number);
  seen.subject = fmt::format("offer {}", campaign);
  seen.network = number + 1;
  seen.sender = number + 1;
  seen.domain = 1 + number % 5;
  seen.authenticated = number % 2 == 0;
  seen.recipients = {number + 1};
  seen.wall_ms = kNow + number;
  return seen;
}

/// `campaigns` of them, each with 20 messages.
inline void fill(bulk::Index& index, uint32_t campaigns) {
  for (uint32_t campaign = 1; campaign <= campaigns; ++campaign) {
    for (uint32_t number = 0; number < 20; ++number) (void)index.see(sighting(campaign, number));
  }
}

inline uint64_t count(bulk::Index& index, uint32_t campaign) {
  return index.see(sighting(campaign, 99)).outcome.count;
}

class BulkStateTest : public testing::Test {
 public:
  BulkStateTest() = default;
  BulkStateTest(const BulkStateTest&) = delete;
  BulkStateTest& operator=(const BulkStateTest&) = delete;
  ~BulkStateTest() override = default;

 protected:
  [[nodiscard]] BulkState state(const std::string& below = "bulk", Duration patience = Duration::zero()) {
    return {fmt::format("{}/{}", directory_.path(), below),
            [this](std::string_view level, const std::string& text) {
              notes_.push_back(fmt::format("{}: {}", level, text));
            },
            patience};
  }
  [[nodiscard]] std::string folder() const { return directory_.path() + "/bulk"; }
  [[nodiscard]] std::string file() const { return folder() + "/clusters"; }

  /// What is there beside the lock.
  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder())) {
      if (entry.path().filename() != "lock") names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  [[nodiscard]] static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& octets) const { std::ofstream(file(), std::ios::binary) << octets; }

  /// A file that 3 campaigns were saved in.
  void saved() {
    bulk::Index index(small());
    BulkState kept = state();
    ASSERT_TRUE(kept.load(index, kNow));
    fill(index, 3);
    auto written = kept.save(index, "17-0");
    ASSERT_TRUE(written) << written.error().message;
    notes_.clear();
  }

  /// What is in place of the file is set aside with a warning, nothing of it is counted, and the state can be saved.
  void expect_set_aside(const std::string& why) {
    notes_.clear();
    bulk::Index index(small());
    BulkState kept = state();
    auto loaded = kept.load(index, kNow);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_EQ(*loaded, "");
    EXPECT_EQ(index.stats().clusters + index.stats().single, 0U);
    ASSERT_EQ(notes_.size(), 1U);
    EXPECT_EQ(notes_[0].substr(0, 15), "warning: bulk: ");
    EXPECT_NE(notes_[0].find(why), std::string::npos) << notes_[0];
    EXPECT_NE(notes_[0].find("clusters.bad-"), std::string::npos) << notes_[0];
    EXPECT_FALSE(fs::exists(file()));
    EXPECT_EQ(count(index, 1), 1U) << "it counts, from the beginning";
    auto written = kept.save(index, "");
    EXPECT_TRUE(written) << written.error().message;
  }

  TempDirectory directory_;
  std::vector<std::string> notes_;
};

}  // namespace postern::ops
