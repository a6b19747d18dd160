// The file from which an interrupted `postern replay` goes on: what it has judged already, a JSON object a line.
#pragma once

#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include <nlohmann/json.hpp>

#include "filters/base/result.h"
#include "proxy/cli/replay_tally.h"

namespace postern::cli {

/// Which message of which state of a file.
struct MessageKey {
  std::string file;
  uint64_t size = 0;
  int64_t mtime = 0;    // nanoseconds since 1970
  uint64_t number = 1;  // in the file
};

/// One thread at a time.
class ReplayState {
 public:
  /// `run`: what judged, the versions of the rules and the like; what another run has judged is thrown away, and `note`
  /// says so. A last line that was cut is no mistake. Fails where the file is not one of ours, or cannot be written.
  [[nodiscard]] static Result<std::unique_ptr<ReplayState>> open(const std::string& path,
                                                                 const nlohmann::ordered_json& run, std::string& note);
  ReplayState(const ReplayState&) = delete;
  ReplayState& operator=(const ReplayState&) = delete;
  ~ReplayState() = default;

  /// What was said of it; without label and input.
  [[nodiscard]] std::optional<Sample> find(const MessageKey& key);
  /// False: it could not be written, and neither will anything after it.
  [[nodiscard]] bool put(const MessageKey& key, const Sample& sample);
  [[nodiscard]] size_t known() const { return lines_.size(); }

 private:
  struct Line {
    uint64_t offset = 0;
    uint64_t length = 0;
  };
  explicit ReplayState(std::string path) : path_(std::move(path)) {}
  [[nodiscard]] Result<void> begin(const nlohmann::ordered_json& run, std::string& note);
  void index(std::ifstream& file, uint64_t offset);

  std::string path_;
  std::unordered_map<std::string, Line> lines_;  // by number and file
  uint64_t good_ = 0;                            // octets of whole lines
  std::ifstream in_;
  std::ofstream out_;
};

}  // namespace postern::cli
