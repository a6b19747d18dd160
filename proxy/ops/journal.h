// The journal: what became of each message, kept for days in a SQLite file; written by a thread of its own.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/result.h"

namespace postern::ops {

/// One row, as it is written.
struct JournalRow {
  std::string id;       // of the message, or as the log names the refusal
  int64_t wall_ms = 0;  // when it was answered
  std::string data;     // JSON, see journal_entry.h
  std::string header;   // raw, cut
  std::string rules_version;
  std::string verdict;  // as in MessageRecord; here for those who look into the file, `data` has it too
  double score = 0;
};

/// What a rule set was, so that recorded hits can be compared with another one later.
struct JournalRules {
  std::string version;
  std::string data;  // JSON: by rule its definition (RuleInfo::definition), score, group; the groups
};

class Journal {
 public:
  struct Options {
    std::string path;
    Duration keep = std::chrono::hours(24 * 7);
    uint64_t size = uint64_t{1} << 30U;  // octets of all files together: the oldest go first
    size_t waiting = size_t{32} << 20U;  // octets of rows that wait for the disk; beyond, rows are dropped
    const Clock* clock = nullptr;        // asked by the journal's thread, outlives the journal; null: the machine's
  };
  struct Statistics {
    uint64_t written = 0;  // rows since start
    uint64_t dropped = 0;  // because too many waited, or the disk refused
    uint64_t waiting = 0;  // octets
    uint64_t bytes = 0;    // of the file, its log and the log's index
    bool broken = false;   // the last write failed
  };
  /// Told from the journal's thread, seldom: "warning", what is wrong, or "info", that it is well again
  /// (JournalHealth).
  using Report = std::function<void(std::string_view level, const std::string& text)>;

  /// Opens or makes the file (mode 0640) and starts the thread; waits for the disk. A file that is no journal, or a
  /// broken one, is set aside (NAME.broken-TIME) with a warning; one that cannot be made, or that another process
  /// writes, is an error.
  [[nodiscard]] static Result<std::unique_ptr<Journal>> open(Options options, Report report);
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  ~Journal();  // finish()

  /// A row to be written over, with the memory of one that is in the file; empty where there is none. Any thread.
  [[nodiscard]] JournalRow blank();
  /// Any thread; never waits for the disk: beyond Options::waiting the row is dropped and counted.
  void put(JournalRow row);
  /// Once for each rule set that is in force. Never dropped.
  void put(JournalRules rules);
  void set_bounds(Duration keep, uint64_t size);
  [[nodiscard]] Statistics statistics() const;
  /// Writes what waits and ends the thread. Rows put afterwards are dropped.
  void finish();

 private:
  class Impl;
  explicit Journal(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Reads a journal that a gateway may be writing at the same time. One thread. Opens for reading only.
class JournalReader {
 public:
  [[nodiscard]] static Result<std::unique_ptr<JournalReader>> open(const std::string& path);
  JournalReader(const JournalReader&) = delete;
  JournalReader& operator=(const JournalReader&) = delete;
  ~JournalReader();

  /// Letters of any case. A message that was answered twice has the last answer first. At most 100.
  [[nodiscard]] Result<std::vector<JournalRow>> find(std::string_view id);
  /// Rows from `since_ms` on in the order in which they were written, until `use` says false; `after`: a place that
  /// `use` was told before, 0: from the first. A broken page ends it with an error; what was read before is good.
  /// Between rows nothing is locked, so `use` may take its time; rows that go meanwhile are not seen.
  [[nodiscard]] Result<void> read(int64_t since_ms, int64_t after,
                                  const std::function<bool(int64_t place, JournalRow row)>& use);
  [[nodiscard]] Result<std::optional<JournalRules>> rules(std::string_view version);
  /// Rows from `since_ms` on, for a progress bar.
  [[nodiscard]] Result<uint64_t> count(int64_t since_ms);

 private:
  class Impl;
  explicit JournalReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::ops
