// Learned: what the classifier looks at in the messages that it learns from, kept in a SQLite file.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "filters/base/result.h"
#include "filters/classifier/trainer.h"

namespace postern::ops {

/// Of each message hashes of its features, the beginning of its text and header (classifier::Reading), a digest, a
/// number for the sender, the kind and the time. Nobody but its owner may read the file. One thread. All changes are
/// one transaction: until commit(), and when the process dies before, the file is what it was.
class Learned {
 public:
  enum class Taken : uint8_t { New, Known, Relabelled };
  struct Counts {
    uint64_t ham = 0;
    uint64_t spam = 0;
  };
  struct Options {
    std::string directory;
    int64_t wall_seconds = 0;  // now, since 1970
    /// Messages of each kind; beyond, those that nobody has shown for the longest time go.
    uint64_t most = 50'000;
  };
  /// A sentence for the admin, that something was wrong and what was done.
  using Note = std::function<void(const std::string& text)>;

  /// Makes directory and file where there are none, and keeps others out until it is destroyed. A file that is broken,
  /// foreign or of an earlier version is set aside, which `note` says. Fails where another process is at work (Code::
  /// Unavailable), where permissions are missing, and on a file of a later version.
  [[nodiscard]] static Result<std::unique_ptr<Learned>> open(Options options, const Note& note);
  Learned(const Learned&) = delete;
  Learned& operator=(const Learned&) = delete;
  /// Undoes what was not committed.
  ~Learned();

  /// The latest word on a message counts; of messages that are nearly alike those of one sender are one, and what
  /// another sender writes takes nothing away. One that is known is as young as a new one afterwards.
  [[nodiscard]] Result<Taken> learn(const classifier::Example& example);
  /// False: it was not learned.
  [[nodiscard]] Result<bool> forget(uint64_t digest, uint64_t sender);
  /// Lets the oldest go where there are too many. Returns how many those were.
  [[nodiscard]] Result<uint64_t> trim();
  /// Trims, and makes all of it lasting. Returns how many of the oldest had to go.
  [[nodiscard]] Result<uint64_t> commit();

  // A model belongs to what was learned for it: whoever is killed leaves both or neither. It is written to staged()
  // before commit(), and put into its place by publish() behind it; where a run ended in between, open() or
  // finish_learning() does that.
  /// Where the model of this run is written, whole; an empty file: there shall be none.
  [[nodiscard]] std::string staged() const;
  /// After commit(): what stands at staged() is the model from now on.
  [[nodiscard]] Result<void> publish();

  [[nodiscard]] Result<Counts> counts();
  /// All that is learned now; some 5 KiB of memory each.
  [[nodiscard]] Result<std::vector<classifier::Example>> examples();

  /// The file in a directory.
  [[nodiscard]] static std::string file_in(const std::string& directory) { return directory + "/learned.db"; }
  [[nodiscard]] static std::string model_in(const std::string& directory) { return directory + "/model"; }

 private:
  class Impl;
  explicit Learned(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Puts the model into its place that a `postern learn` left beside it which was killed after its commit, and takes
/// away what others left. Cheap where nobody did; does nothing while one is at work, where there is nothing learned,
/// and where permissions are missing. Any thread; blocks on the disk.
void finish_learning(const std::string& directory);

}  // namespace postern::ops
