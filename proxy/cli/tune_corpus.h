// The messages that `postern tune` learns from: found, told apart by campaign, judged.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "filters/base/result.h"
#include "lua/verdict.h"
#include "proxy/cli/cli.h"

namespace postern::cli {

/// A file, mbox or directory as it was named.
struct TuneInput {
  std::string path;
  bool spam = false;
};

struct TuneMessage {
  std::string name;  // the file; "file#2" for the second message of an mbox
  uint32_t input = 0;
  bool spam = false;
  // What tells whether two are of one campaign; 0: nothing.
  uint64_t octets = 0;   // a hash of the whole message
  uint64_t digest = 0;   // classifier::digest_of
  uint64_t sender = 0;   // classifier::sender_of
  uint64_t subject = 0;  // a hash of its words
  uint32_t campaign = 0;
  /// Which of the models judges it (a place in the directories of judge_corpus); kTheModel: the one in force.
  uint32_t model = kTheModel;
  rules::Evaluation evaluation;  // without details
  bool classified = false;       // the classifier spoke
  /// False: neither Return-Path nor From says who sent it, and no report says why nobody did; it was judged as if it
  /// had the null sender.
  bool sender_known = true;

  static constexpr uint32_t kTheModel = UINT32_MAX;
};

struct TuneCorpus {
  struct File {
    std::string path;
    uint32_t input = 0;
    std::vector<TuneMessage> messages;
  };
  std::vector<File> files;
  std::vector<std::string> bad;  // "FILE: why"
  size_t contradictions = 0;     // messages that were called both, and are left out

  [[nodiscard]] std::vector<TuneMessage*> messages();
};

/// Reads all messages of the inputs, with what tells campaigns apart; some of them where Interruptible says so. Fails
/// where an input cannot be searched.
[[nodiscard]] Result<TuneCorpus> read_corpus(const std::vector<TuneInput>& inputs, unsigned jobs);

/// Numbers the campaigns: messages that are nearly alike, of one sender, or (of spam) with one subject. The same
/// messages in the same order get the same numbers.
void find_campaigns(const std::vector<TuneMessage*>& messages);

/// Judges every message as `replay` does. `models`: directories of classifiers that TuneMessage::model names.
[[nodiscard]] Result<void> judge_corpus(TuneCorpus& corpus, const Loaded& loaded,
                                        const std::vector<std::string>& models, unsigned jobs);

}  // namespace postern::cli
