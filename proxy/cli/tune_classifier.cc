#include "proxy/cli/tune_classifier.h"

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "filters/base/clock.h"
#include "filters/classifier/model.h"
#include "filters/classifier/trainer.h"
#include "proxy/cli/long_work.h"
#include "proxy/ops/learned.h"

namespace postern::cli {

namespace {

namespace fs = std::filesystem;

/// The more is learned, the less a model misses a part of it, and the longer it takes to make one.
constexpr uint32_t kParts = 10;
constexpr uint32_t kFewParts = 5;
constexpr size_t kMany = 10'000;

/// Tomorrow's ham is mostly of those who wrote before, whom the model knows; tomorrow's spam is of campaigns that it
/// has never seen. So campaigns of spam stay together, and of ham only messages that are nearly alike. The numbers are
/// mixed (Knuth's multiplicative hash).
uint32_t part_of(const TuneMessage& message, uint32_t parts) {
  uint64_t key = message.spam ? message.campaign : message.digest;
  return static_cast<uint32_t>((key * 0x9E3779B97F4A7C15U) >> 40U) % parts;
}

Result<std::string> make_directory() {
  std::error_code error;
  std::string name = (fs::temp_directory_path(error) / "postern-tune-XXXXXX").string();
  if (error || ::mkdtemp(name.data()) == nullptr) {
    return fail(Code::Io, fmt::format("{}: {}", name, std::generic_category().message(errno)));
  }
  return name;
}

}  // namespace

TuneModels::~TuneModels() {
  std::error_code ignored;
  if (!place_.empty()) fs::remove_all(place_, ignored);
}

Result<void> TuneModels::make(const std::vector<TuneMessage*>& messages, const ops::Config& config, unsigned jobs,
                              const std::function<void(const std::string& text)>& note) {
  const std::string& directory = config.classifier_directory;
  std::error_code ignored;
  if (!directory.empty()) ops::finish_learning(directory);
  if (directory.empty() || !fs::exists(directory + "/model", ignored)) return {};
  if (!fs::exists(ops::Learned::file_in(directory), ignored)) {
    return fail(Code::NotFound, fmt::format("{} is missing", ops::Learned::file_in(directory)));
  }
  auto model = classifier::Model::open(directory + "/model");
  if (!model) return tl::unexpected(model.error());
  if ((*model)->ham() < classifier::kLeastLearned || (*model)->spam() < classifier::kLeastLearned) {
    silent_ =
        fmt::format("the classifier has learned from {} ham and {} spam, and says nothing before it is {} of each",
                    (*model)->ham(), (*model)->spam(), classifier::kLeastLearned);
    return {};
  }
  SystemClock clock;
  ops::Learned::Options options;
  options.directory = directory;
  options.wall_seconds = clock.wall_ms() / 1000;
  auto store = ops::Learned::open(std::move(options), note);
  if (!store) return tl::unexpected(store.error());
  auto examples = (*store)->examples();
  if (!examples) return tl::unexpected(examples.error());
  std::set<uint64_t> known;
  for (const classifier::Example& example : *examples) known.insert(example.digest);
  const uint32_t parts = examples->size() > kMany ? kFewParts : kParts;
  std::vector<std::set<uint64_t>> without(parts);
  for (TuneMessage* message : messages) {
    if (known.count(message->digest) == 0) continue;
    ++learned_;
    without[part_of(*message, parts)].insert(message->digest);
  }
  if (learned_ == 0) return {};
  auto place = make_directory();
  if (!place) return tl::unexpected(place.error());
  place_ = *place;
  ProgressLine line("models", parts);
  for (uint32_t part = 0; part < parts; ++part) {
    std::vector<classifier::Example> kept;
    kept.reserve(examples->size());
    for (const classifier::Example& example : *examples) {
      if (without[part].count(example.digest) == 0) kept.push_back(example);
    }
    classifier::Training how;
    how.threads = jobs;
    directories_.push_back(fmt::format("{}/{}", place_, part));
    fs::create_directory(directories_.back(), ignored);
    classifier::Weights weights = classifier::train(std::move(kept), how, clock.wall_ms() / 1000);
    // It stands for the model in force, and speaks where that one does.
    weights.ham = (*model)->ham();
    weights.spam = (*model)->spam();
    auto written = classifier::write_model(directories_.back() + "/model", weights);
    if (!written) return written;
    line.show(part + 1);
  }
  for (TuneMessage* message : messages) message->model = part_of(*message, parts);
  return {};
}

}  // namespace postern::cli
