// A classifier looks better than it is on messages that it has learned from. `postern tune` judges those by others.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "filters/base/result.h"
#include "proxy/cli/tune_corpus.h"

namespace postern::cli {

/// Models that were made without some of the messages, in a directory that goes with this. One thread.
class TuneModels {
 public:
  TuneModels() = default;
  TuneModels(const TuneModels&) = delete;
  TuneModels& operator=(const TuneModels&) = delete;
  ~TuneModels();

  /// Where the classifier of `config` has learned from messages of these: makes a model without each tenth of them
  /// (fifth, where more than ten thousand were learned; campaigns of spam stay together), and names it in
  /// TuneMessage::model. Else does nothing. May take a minute after ten thousands of messages. Fails where it cannot be
  /// told what was learned.
  /// `note`: told what was wrong with what was learned, a sentence.
  [[nodiscard]] Result<void> make(const std::vector<TuneMessage*>& messages, const ops::Config& config, unsigned jobs,
                                  const std::function<void(const std::string& text)>& note);

  /// Of the messages those that were learned.
  [[nodiscard]] size_t learned() const { return learned_; }
  /// Why the classifier says nothing of any message; empty: it speaks, or nobody has taught it.
  [[nodiscard]] const std::string& silent() const { return silent_; }
  /// One for each model.
  [[nodiscard]] const std::vector<std::string>& directories() const { return directories_; }

 private:
  std::string place_;
  std::vector<std::string> directories_;
  std::string silent_;
  size_t learned_ = 0;
};

}  // namespace postern::cli
