// postern replay: what its parts hand to each other.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "filters/base/result.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/replay_tally.h"

namespace postern::cli {

/// One of the two opinions that are compared.
struct ReplaySide {
  std::string what;         // "in force", "proposed", "recorded"
  ops::ConfigPtr config;    // whose thresholds judge; null: recorded
  rules::RuleSetPtr rules;  // null: recorded
};

/// A directory or file as it was named.
struct ReplayInput {
  std::string path;
  Label label = Label::None;
};

/// All that is reported.
struct Replayed {
  explicit Replayed(size_t inputs_named) : tally(inputs_named) {}

  std::string mode;               // "corpus", "journal"
  std::vector<ReplaySide> sides;  // one or two
  std::vector<ReplayInput> inputs;
  Tally tally;
  std::array<CpuTimes, 2> cpu;               // of rules with `when`, by set
  std::map<std::string, uint64_t> failures;  // rules of the last set that erred or overran: messages
  std::vector<std::string> bad;              // what could not be read: "FILE: why"
  std::vector<std::string> notes;            // what else should be said on stderr
  uint64_t resumed = 0;                      // messages that an earlier run had judged
  bool complete = true;
  std::map<std::string, LeftOut, std::less<>>
      left_out;  // rules of the last set that could not be judged as serve would
};

/// Judges the messages of `inputs` by `sides` (both with rules) on as many threads as told, until somebody interrupts
/// (the caller holds an Interruptible; of replay_journal() too). Fails where nothing can be judged at all.
[[nodiscard]] Result<Replayed> replay_corpus(const ReplayOptions& options, std::vector<ReplaySide> sides,
                                             std::vector<ReplayInput> inputs);

/// Judges what the journal of the first configuration kept. The first of `sides` may be "recorded".
[[nodiscard]] Result<Replayed> replay_journal(const ReplayOptions& options, const ops::Config& config,
                                              std::vector<ReplaySide> sides);

/// One object; its names are documented in deploy/README.md.
[[nodiscard]] nlohmann::ordered_json replay_json(const Replayed& replayed);
/// For people.
[[nodiscard]] std::string replay_text(const Replayed& replayed);

/// At a threshold that is on: of ham what reached it, of spam what did not.
struct Mistakes {
  rules::Verdict at = rules::Verdict::Accept;
  double limit = 0;
  uint64_t count = 0;
};
[[nodiscard]] std::vector<Mistakes> mistakes(const ReplaySide& side, Label label,
                                             const std::array<uint64_t, kVerdicts>& verdicts);

/// Rules of a set that are not disabled and never hit, but those in Replayed::left_out.
[[nodiscard]] std::vector<std::string> never_hit(const Replayed& replayed, size_t set);

}  // namespace postern::cli
