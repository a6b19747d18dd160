// BulkState: the bulk index on disk, so that a restart does not forget what was seen.
#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "filters/base/result.h"
#include "filters/bulk/index.h"

namespace postern::ops {

/// The file DIRECTORY/clusters. Calls block on the disk: never on a loop. Any thread; a call
/// waits for the one before it, so that of two the later one stays.
class BulkState {
 public:
  /// level, text: for the log.
  using Note = std::function<void(std::string_view level, const std::string& text)>;

  BulkState(std::string directory, Note note) : directory_(std::move(directory)), note_(std::move(note)) {}

  /// Fills an empty index and returns the position it was saved with; "" when there is no file. A file that is torn,
  /// foreign or of another version is set aside (renamed to clusters.bad-TIME, the last three of them are kept) with a
  /// warning, and the index stays empty: counting begins anew. Makes the directory. Fails when nothing can be kept
  /// there at all; the caller goes on without.
  Result<std::string> load(bulk::Index& index, int64_t wall_ms) const;
  /// Whatever happens meanwhile, the file is the old one or the new one: written beside it, synced, renamed.
  Result<void> save(const bulk::Index& index, std::string_view position) const;

 private:
  std::string directory_;
  Note note_;
  mutable std::mutex one_;
};

}  // namespace postern::ops
