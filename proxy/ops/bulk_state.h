// BulkState: the bulk index on disk, so that a restart does not forget what was seen.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "filters/base/clock.h"
#include "filters/base/fd.h"
#include "filters/base/result.h"
#include "filters/bulk/index.h"

namespace postern::ops {

/// The file DIRECTORY/clusters, and the lock DIRECTORY/lock that one process has at a time. What is there and could not
/// be read is never replaced: then nothing is saved. Calls block on the disk: never on a loop. Any thread; a call waits
/// for the one before it, so that of two the later one stays.
class BulkState {
 public:
  /// level, text: for the log.
  using Note = std::function<void(std::string_view level, const std::string& text)>;
  /// How long load() waits for a process that is just ending.
  static constexpr Duration kPatience = std::chrono::seconds(2);

  BulkState(std::string directory, Note note, Duration patience = kPatience)
      : directory_(std::move(directory)), note_(std::move(note)), patience_(patience) {}

  /// Once, at first. Makes the directory, takes the lock, fills an empty index and returns the position it was saved
  /// with; "" when there is no file. What can be read is read, although nothing can be written there or another process
  /// has the lock; that is said in a warning. A file that is torn, foreign or of another version is set aside (renamed
  /// to clusters.bad-TIME, the last three of them are kept) with a warning, and the index stays empty: counting begins
  /// anew. Fails when nothing can be read and nothing be kept; the caller goes on without.
  Result<std::string> load(bulk::Index& index, int64_t wall_ms);
  /// Whatever happens meanwhile, the file is the old one or the new one: written beside it, synced, renamed. Fails also
  /// while off().
  Result<void> save(const bulk::Index& index, std::string_view position);
  /// Nothing is saved until the next start, which the log has been told: somebody else keeps what is there, or it could
  /// not be read.
  [[nodiscard]] bool off() const;

 private:
  enum class Whose { Ours, Others };
  Result<Whose> lock(Duration patience);
  Result<std::string> read(bulk::Index& index, int64_t wall_ms);
  Result<void> write(const bulk::Index& index, std::string_view position);
  void warn(const std::string& text) const;

  const std::string directory_;
  const Note note_;
  const Duration patience_;
  mutable std::mutex one_;
  Fd lock_;            // held as long as this lives
  bool read_ = false;  // what is in the file is in the index, or was written by us
  std::string off_;    // why nothing is saved any more
};

}  // namespace postern::ops
