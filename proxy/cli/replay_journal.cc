// postern replay on recorded mail: what rules would have done to the messages of the last days.
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "filters/base/clock.h"
#include "proxy/cli/long_work.h"
#include "proxy/cli/open_journal.h"
#include "proxy/cli/replay.h"
#include "proxy/cli/replay_judge.h"
#include "proxy/ops/journal.h"
#include "proxy/ops/journal_entry.h"
#include "proxy/ops/values.h"

namespace postern::cli {

namespace {

class JournalRun {
 public:
  JournalRun(Replayed& replayed, ops::JournalReader& reader) : replayed_(replayed), reader_(reader) {
    for (const ReplaySide& side : replayed_.sides) {
      judges_.push_back(side.rules ? std::make_unique<RecordedJudge>(side.config, side.rules) : nullptr);
    }
  }

  /// What was read before the journal broke is good; the rest is said in `bad`.
  void run(int64_t since_ms) {
    ProgressLine line("messages", reader_.count(since_ms).value_or(0));
    uint64_t rows = 0;
    auto read = reader_.read(since_ms, 0, [&](int64_t /*place*/, const ops::JournalRow& row) {
      add(row);
      line.show(++rows);
      replayed_.complete = !Interruptible::interrupted();
      return replayed_.complete;
    });
    if (!read) replayed_.bad.push_back(read.error().message);
    for (size_t set = 0; set < judges_.size(); ++set) {
      if (judges_[set]) replayed_.cpu[set] = judges_[set]->cpu();
    }
    for (const auto& [rule, left] : replayed_.tally.unknown()) {
      auto reason = judges_.back()->reasons().find(rule);
      replayed_.left_out[rule] = {reason == judges_.back()->reasons().end() ? "" : reason->second, left.messages,
                                  left.verdicts};
    }
  }

 private:
  void add(const ops::JournalRow& row) {
    auto entry = ops::read_entry(row);
    if (!entry) {
      replayed_.bad.push_back(fmt::format("{}: {}", row.id, entry.error().message));
      return;
    }
    // A repeat that was answered from memory was not judged; nor was what was refused before the rules came to it.
    if (entry->duplicate || entry->repeated || entry->cause != session::Cause::None) return;
    Sample sample;
    sample.name = entry->id;
    std::vector<Opinion> opinions;
    opinions.reserve(judges_.size());
    for (const auto& judge : judges_) {
      if (!judge) {
        opinions.push_back(recorded_opinion(*entry));
        continue;
      }
      RecordedJudge::Result result = judge->judge(*entry, rules_of(entry->rules_version));
      opinions.push_back(std::move(result.opinion));
      sample.unknown = std::move(result.unknown);
    }
    sample.before = std::move(opinions.front());
    if (opinions.size() > 1) sample.after = std::move(opinions.back());
    replayed_.tally.add(sample);
  }

  const ops::JournalRuleSet* rules_of(const std::string& version) {
    auto [known, fresh] = sets_.try_emplace(version);
    if (fresh) {
      auto kept = reader_.rules(version);
      if (kept && *kept) {
        if (auto set = ops::read_rules(**kept)) known->second = std::move(*set);
      }
    }
    return known->second ? &*known->second : nullptr;
  }

  Replayed& replayed_;
  ops::JournalReader& reader_;
  std::vector<std::unique_ptr<RecordedJudge>> judges_;  // by side; null: recorded
  std::map<std::string, std::optional<ops::JournalRuleSet>> sets_;
};

}  // namespace

Result<Replayed> replay_journal(const ReplayOptions& options, const ops::Config& config,
                                std::vector<ReplaySide> sides) {
  if (config.journal_path.empty()) {
    return fail(Code::BadInput, fmt::format("{}: [journal] path is empty, so nothing is recorded; name messages with "
                                            "--ham and --spam",
                                            config.file));
  }
  int64_t since_ms = 0;
  if (options.since) {
    auto span = ops::parse_duration(*options.since);
    if (!span) return fail(Code::BadInput, fmt::format("--since {}: not a time like 24h or 90m", *options.since));
    since_ms = SystemClock().wall_ms() - std::chrono::duration_cast<std::chrono::milliseconds>(*span).count();
  }
  auto reader = open_journal(config.journal_path);
  if (!reader) return tl::unexpected(reader.error());
  Replayed replayed(0);
  replayed.mode = "journal";
  replayed.sides = std::move(sides);
  JournalRun(replayed, **reader).run(since_ms);
  return replayed;
}

}  // namespace postern::cli
