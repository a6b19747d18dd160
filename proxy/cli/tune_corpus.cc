#include "proxy/cli/tune_corpus.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "filters/base/bytes.h"
#include "filters/bulk/kinds.h"
#include "filters/classifier/features.h"
#include "filters/message/headers.h"
#include "filters/mime/content.h"
#include "proxy/cli/long_work.h"
#include "proxy/cli/mail_files.h"
#include "proxy/cli/scanner.h"

namespace postern::cli {

namespace {

uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

/// What is left of a subject in all messages of a campaign: its letters, without "Re:" and numbers. 0: too little.
uint64_t subject_key(const message::Header& header) {
  constexpr size_t kLeastLetters = 9;
  constexpr size_t kMostOctets = 2000;
  std::string subject = to_lower(header.first("Subject").value_or("").substr(0, kMostOctets));
  std::string_view rest = trim(subject);
  for (bool again = true; again;) {
    again = false;
    for (std::string_view prefix : {"re:", "fw:", "fwd:", "aw:"}) {
      if (!rest.starts_with(prefix)) continue;
      rest = trim(rest.substr(prefix.size()));
      again = true;
    }
  }
  std::string letters;
  letters.reserve(rest.size());
  for (char c : rest) {
    if ((c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80) letters += c;
  }
  return letters.size() < kLeastLetters ? 0 : hash_of(letters);
}

void read_keys(const InputMessage& input, classifier::Reading& reading, TuneMessage& message) {
  message::Header header = message::parse_header(input.text);
  mime::Content content(input.text, true);
  classifier::read_features(content, header, reading);
  message.octets = hash_of(input.text);
  message.digest = classifier::digest_of(reading.features);
  message.sender = classifier::sender_of(header);
  message.subject = subject_key(header);
}

/// Threads that take one file after the other, until somebody interrupts (the caller holds an Interruptible).
class FileWork {
 public:
  using Work = std::function<Result<void>(TuneCorpus::File& file)>;
  /// Called in each thread; what it returns is used there only.
  using Begin = std::function<Work()>;

  FileWork(TuneCorpus& corpus, unsigned jobs) : corpus_(corpus), running_(jobs), jobs_(jobs) {}

  Result<void> run(const Begin& begin) {
    std::vector<std::jthread> threads;
    threads.reserve(jobs_);
    for (unsigned i = 0; i < jobs_; ++i) threads.emplace_back([&] { take_files(begin); });
    ProgressLine line("files", corpus_.files.size());
    {
      std::unique_lock lock(mutex_);
      while (running_ > 0) {
        ended_.wait_for(lock, std::chrono::milliseconds(250));
        line.show(std::min(next_.load(), corpus_.files.size()));
      }
    }
    threads.clear();
    return outcome_;
  }

 private:
  void take_files(const Begin& begin) {
    Result<void> result;
    try {
      Work work = begin();
      while (result && !Interruptible::interrupted()) {
        size_t place = next_++;
        if (place >= corpus_.files.size()) break;
        result = work(corpus_.files[place]);
      }
    } catch (const std::exception& exception) {
      result = fail(Code::Internal, exception.what());
    }
    std::lock_guard lock(mutex_);
    if (!result && outcome_) outcome_ = result;
    if (!result) next_ = corpus_.files.size();
    --running_;
    ended_.notify_all();
  }

  TuneCorpus& corpus_;
  std::atomic<size_t> next_{0};
  std::mutex mutex_;  // of all that follows
  std::condition_variable ended_;
  unsigned running_;
  unsigned jobs_;
  Result<void> outcome_;
};

/// Sets that are joined (union-find).
class Sets {
 public:
  explicit Sets(size_t count) : parent_(count), size_(count, 1) {
    for (size_t i = 0; i < count; ++i) parent_[i] = static_cast<uint32_t>(i);
  }
  uint32_t find(uint32_t each) {
    while (parent_[each] != each) each = parent_[each] = parent_[parent_[each]];
    return each;
  }
  void join(uint32_t a, uint32_t b, size_t most) {
    a = find(a);
    b = find(b);
    if (a == b || size_[a] + size_[b] > most) return;
    if (b < a) std::swap(a, b);
    parent_[b] = a;
    size_[a] += size_[b];
  }

 private:
  std::vector<uint32_t> parent_;
  std::vector<size_t> size_;
};

/// Messages that were called ham here and spam there teach nothing.
void leave_contradictions_out(TuneCorpus& corpus) {
  std::map<uint64_t, std::pair<bool, bool>> called;  // ham, spam
  for (const TuneMessage* message : corpus.messages()) {
    (message->spam ? called[message->octets].second : called[message->octets].first) = true;
  }
  for (TuneCorpus::File& file : corpus.files) {
    corpus.contradictions += std::erase_if(file.messages, [&](const TuneMessage& message) {
      const auto& [ham, spam] = called[message.octets];
      return ham && spam;
    });
  }
}

}  // namespace

std::vector<TuneMessage*> TuneCorpus::messages() {
  std::vector<TuneMessage*> all;
  for (File& file : files) {
    all.reserve(all.size() + file.messages.size());
    for (TuneMessage& message : file.messages) all.push_back(&message);
  }
  return all;
}

Result<TuneCorpus> read_corpus(const std::vector<TuneInput>& inputs, unsigned jobs) {
  TuneCorpus corpus;
  for (size_t i = 0; i < inputs.size(); ++i) {
    auto found = find_messages({inputs[i].path});
    if (!found) return tl::unexpected(found.error());
    corpus.files.reserve(corpus.files.size() + found->size());
    for (std::string& path : *found) corpus.files.push_back({std::move(path), static_cast<uint32_t>(i), {}});
  }
  std::mutex mutex;
  auto read = FileWork(corpus, jobs).run([&]() -> FileWork::Work {
    auto reading = std::make_shared<classifier::Reading>();
    return [&corpus, &inputs, &mutex, reading](TuneCorpus::File& file) -> Result<void> {
      auto all = read_messages(file.path, [&](const InputMessage& input) {
        TuneMessage message;
        message.name = input.name;
        message.input = file.input;
        message.spam = inputs[file.input].spam;
        if (!trim(input.text).empty()) read_keys(input, *reading, message);
        file.messages.push_back(std::move(message));
      });
      std::lock_guard lock(mutex);
      if (!all) corpus.bad.push_back(all.error().message);
      return {};
    };
  });
  if (!read) return tl::unexpected(read.error());
  for (TuneCorpus::File& file : corpus.files) {
    std::erase_if(file.messages, [&](const TuneMessage& message) {
      if (message.octets == 0) corpus.bad.push_back(fmt::format("{}: has nothing in it", message.name));
      return message.octets == 0;
    });
  }
  std::sort(corpus.bad.begin(), corpus.bad.end());
  leave_contradictions_out(corpus);
  return corpus;
}

void find_campaigns(const std::vector<TuneMessage*>& messages) {
  Sets sets(messages.size());
  // Joined by what is weak, half of the mail would hang together: a thread leads to its senders, each to other threads.
  size_t bounded = std::max<size_t>(20, messages.size() / 50);
  auto join = [&](auto key_of, size_t most) {
    std::map<uint64_t, uint32_t> first;
    for (size_t i = 0; i < messages.size(); ++i) {
      uint64_t key = key_of(*messages[i]);
      if (key == 0) continue;
      auto [known, fresh] = first.emplace(key, static_cast<uint32_t>(i));
      if (!fresh) sets.join(known->second, static_cast<uint32_t>(i), most);
    }
  };
  join([](const TuneMessage& message) { return message.digest; }, messages.size());
  join([](const TuneMessage& message) { return message.sender; }, std::max<size_t>(bounded, messages.size() / 5));
  join([](const TuneMessage& message) { return message.spam ? message.subject : 0; }, bounded);
  for (size_t i = 0; i < messages.size(); ++i) messages[i]->campaign = sets.find(static_cast<uint32_t>(i));
}

namespace {

/// A thread's scanners: one for the model in force, one for each other; made when the first message asks for it.
class Scanners {
 public:
  Scanners(const Loaded& loaded, const std::vector<std::string>& models)
      : loaded_(loaded), models_(models), scanners_(models.size() + 1) {}

  Result<Scanner*> get(uint32_t model) {
    auto& scanner = scanners_[model == TuneMessage::kTheModel ? models_.size() : model];
    if (!scanner) {
      Loaded with = loaded_;
      if (model != TuneMessage::kTheModel) {
        auto config = std::make_shared<ops::Config>(*loaded_.config);
        config->classifier_directory = models_[model];
        with.config = std::move(config);
      }
      auto made = Scanner::create(with, {}, Scanner::Bulk::Leave);
      if (!made) return tl::unexpected(made.error());
      scanner = std::move(*made);
    }
    return scanner.get();
  }

 private:
  const Loaded& loaded_;
  const std::vector<std::string>& models_;
  std::vector<std::unique_ptr<Scanner>> scanners_;
};

/// Whether a message without a sender says itself that it has none: by its Return-Path, or because it is a report or
/// answers by itself (RFC 5321, 4.5.5; RFC 3834, 3.3).
bool tells_no_sender(const InputMessage& input) {
  message::Header header = message::parse_header(input.text);
  if (header.first("Return-Path")) return true;
  mime::Content content(input.text, true);
  auto kind = bulk::special_kind(content, header, true, 0);
  return kind == bulk::Evidence::Bounce || kind == bulk::Evidence::AutoReply;
}

Result<void> judge_file(Scanners& scanners, TuneCorpus::File& file) {
  if (file.messages.empty()) return {};
  size_t next = 0;
  Result<void> outcome;
  auto read = read_messages(file.path, [&](const InputMessage& input) {
    if (!outcome || next == file.messages.size() || file.messages[next].name != input.name) return;
    TuneMessage& message = file.messages[next++];
    auto scanner = scanners.get(message.model);
    if (!scanner) {
      outcome = tl::unexpected(scanner.error());
      return;
    }
    Judged judged = (*scanner)->judge(input);
    message.evaluation = std::move(judged.evaluation);
    message.classified = judged.facts.classifier.ready;
    message.sender_known = !judged.facts.from.empty() || tells_no_sender(input);
    // Of a hundred thousand messages nothing is kept that nobody reads.
    for (rules::Hit& hit : message.evaluation.hits) hit.detail.clear();
    message.evaluation.slowest.clear();
    message.evaluation.maps.reset();
  });
  // It was there a moment ago.
  if (outcome && (!read || next != file.messages.size())) {
    return fail(Code::Io, fmt::format("{}: changed while it was read", file.path));
  }
  return outcome;
}

}  // namespace

Result<void> judge_corpus(TuneCorpus& corpus, const Loaded& loaded, const std::vector<std::string>& models,
                          unsigned jobs) {
  return FileWork(corpus, jobs).run([&]() -> FileWork::Work {
    auto scanners = std::make_shared<Scanners>(loaded, models);
    return [scanners](TuneCorpus::File& file) { return judge_file(*scanners, file); };
  });
}

}  // namespace postern::cli
