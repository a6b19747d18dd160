// postern replay on messages in files: threads take one file after the other, each with a scanner of its own.
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>

#include "filters/base/bytes.h"
#include "proxy/cli/long_work.h"
#include "proxy/cli/replay.h"
#include "proxy/cli/replay_state.h"
#include "proxy/cli/scanner.h"

namespace postern::cli {

namespace {

using nlohmann::ordered_json;

struct CorpusFile {
  std::string path;
  size_t input = 0;
};

/// What the rules of one set cost in one thread.
class CpuWatch final : public rules::Observer {
 public:
  void rule_hit(const rules::RuleInfo& /*rule*/) override {}
  void rule_ran(const rules::RuleInfo& rule, std::chrono::nanoseconds cpu) override { times[rule.name].add(cpu); }
  void rule_failed(const rules::RuleInfo& /*rule*/, std::string_view /*reason*/,
                   const std::string& /*message*/) override {}
  CpuTimes times;
};

ordered_json thresholds_json(const rules::Thresholds& limits) {
  ordered_json out = ordered_json::array();
  for (const auto& limit : {limits.tag, limits.quarantine, limits.defer, limits.reject}) {
    out.push_back(limit ? ordered_json(*limit) : ordered_json());
  }
  return out;
}

/// Size and time of a file; zeros where there is none.
MessageKey key_of(const std::string& path) {
  MessageKey key;
  key.file = path;
  struct stat about {};
  if (::stat(path.c_str(), &about) == 0) {
    key.size = static_cast<uint64_t>(about.st_size);
    key.mtime = int64_t{about.st_mtim.tv_sec} * 1'000'000'000 + about.st_mtim.tv_nsec;
  }
  return key;
}

/// What must be the same for what was judged before to be worth anything.
ordered_json run_of(const std::vector<ReplaySide>& sides) {
  ordered_json run;
  for (const ReplaySide& side : sides) {
    run[&side == sides.data() ? "before" : "after"] = {
        {"rules", side.rules->version()}, {"thresholds", thresholds_json(side.config->policy.verdict.thresholds)}};
  }
  // What the classifier learned meanwhile changes what it says.
  const std::string& directory = sides.front().config->classifier_directory;
  MessageKey model = key_of(directory.empty() ? std::string() : directory + "/model");
  run["model"] = {model.size, model.mtime};
  return run;
}

class CorpusRun {
 public:
  CorpusRun(Replayed& replayed, std::vector<CorpusFile> files, std::unique_ptr<ReplayState> state)
      : replayed_(replayed), files_(std::move(files)), state_(std::move(state)) {}

  Result<void> run(unsigned jobs) {
    running_ = jobs;
    std::vector<std::jthread> threads;
    threads.reserve(jobs);
    for (unsigned i = 0; i < jobs; ++i) threads.emplace_back([this] { work(); });
    show_progress();
    threads.clear();
    replayed_.complete = done_ == files_.size();
    std::sort(replayed_.bad.begin(), replayed_.bad.end());
    return outcome_;
  }
  [[nodiscard]] uint64_t done() const { return done_; }

 private:
  void show_progress() {
    ProgressLine line("messages", files_.size());
    std::unique_lock lock(mutex_);
    while (running_ > 0) {
      ended_.wait_for(lock, std::chrono::milliseconds(250));
      line.show(done_, replayed_.tally.messages());
    }
  }

  void work() {
    Result<void> judged;
    try {
      judged = judge_files();
    } catch (const std::exception& exception) {
      judged = fail(Code::Internal, exception.what());
    }
    std::lock_guard lock(mutex_);
    if (!judged && outcome_) outcome_ = judged;
    --running_;
    ended_.notify_all();
  }

  Result<void> judge_files() {
    std::array<CpuWatch, 2> watches;
    const auto& sides = replayed_.sides;
    auto scanner = Scanner::create({sides[0].config, sides[0].rules}, {}, Scanner::Bulk::Leave, watches.data());
    if (!scanner) return tl::unexpected(scanner.error());
    if (sides.size() > 1) (*scanner)->add({sides[1].config, sides[1].rules}, &watches[1]);
    while (const CorpusFile* file = next()) judge_file(**scanner, *file);
    std::lock_guard lock(mutex_);
    for (size_t set = 0; set < watches.size(); ++set) {
      for (const auto& [rule, cpu] : watches[set].times) replayed_.cpu[set][rule].add(cpu);
    }
    return {};
  }

  const CorpusFile* next() {
    std::lock_guard lock(mutex_);
    if (Interruptible::interrupted() || !outcome_ || next_ == files_.size()) return nullptr;
    return &files_[next_++];
  }

  void judge_file(Scanner& scanner, const CorpusFile& file) {
    MessageKey key = key_of(file.path);
    key.number = 0;
    bool whole = true;
    auto read = read_messages(file.path, [&](const InputMessage& message) {
      if (!whole || Interruptible::interrupted()) {
        whole = false;
        return;
      }
      ++key.number;
      judge_message(scanner, file, key, message);
    });
    std::lock_guard lock(mutex_);
    if (!read) replayed_.bad.push_back(read.error().message);
    if (whole) ++done_;
  }

  void judge_message(Scanner& scanner, const CorpusFile& file, const MessageKey& key, const InputMessage& message) {
    if (trim(message.text).empty()) {
      std::lock_guard lock(mutex_);
      replayed_.bad.push_back(fmt::format("{}: has nothing in it", message.name));
      return;
    }
    if (take_known(file, key, message.name)) return;
    std::vector<Judged> judged = scanner.judge_by_all(message);
    Sample sample;
    sample.before = opinion_of(judged[0].evaluation, judged[0].judgement);
    if (judged.size() > 1) sample.after = opinion_of(judged[1].evaluation, judged[1].judgement);
    std::lock_guard lock(mutex_);
    for (const RuleFailure& failure : judged.back().failures) ++replayed_.failures[failure.rule];
    if (state_ && !state_->put(key, sample)) {
      state_.reset();
      replayed_.notes.emplace_back("--state: the file cannot be written any more; the run goes on without it");
    }
    add(file, message.name, std::move(sample));
  }

  bool take_known(const CorpusFile& file, const MessageKey& key, const std::string& name) {
    std::lock_guard lock(mutex_);
    if (!state_) return false;
    auto sample = state_->find(key);
    if (!sample) return false;
    ++replayed_.resumed;
    add(file, name, std::move(*sample));
    return true;
  }

  void add(const CorpusFile& file, const std::string& name, Sample sample) {
    sample.name = name;
    sample.input = file.input;
    sample.label = replayed_.inputs[file.input].label;
    replayed_.tally.add(sample);
  }

  Replayed& replayed_;
  std::vector<CorpusFile> files_;
  std::unique_ptr<ReplayState> state_;
  std::mutex mutex_;  // of all that follows, and of replayed_ and state_
  std::condition_variable ended_;
  size_t next_ = 0;
  uint64_t done_ = 0;
  unsigned running_ = 0;
  Result<void> outcome_;
};

/// What a message out of a file has not got, and the rules that look at it. Nobody connected, and counts would depend
/// on which message a thread takes first.
void find_left_out(Replayed& replayed) {
  const rules::RuleSet& set = *replayed.sides.back().rules;
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kMissing = {
      {{"bulk", "alike messages are not counted"},
       {"client", "nobody connected"},
       {"helo", "nobody connected"},
       {"helo_is", "nobody connected"},
       {"helo_spf", "nobody connected"},
       {"spf", "nobody connected"}}};
  for (size_t i = 0; i < set.rules().size(); ++i) {
    const rules::RuleInfo& rule = set.rules()[i];
    if (rule.disabled) continue;
    const auto& reads = set.reads(i);
    for (const auto& [fact, why] : kMissing) {
      if (reads.count(fact) > 0) replayed.left_out.try_emplace(rule.name, LeftOut{std::string(why), 0, 0});
    }
    if (rule.kind != rules::RuleInfo::Kind::List) continue;
    lists::Subject of = (*set.lists())[rule.list].of;
    if (rules::known_from(of) < rules::Stage::Mail) {
      replayed.left_out.try_emplace(rule.name, LeftOut{"nobody connected", 0, 0});
    }
  }
}

}  // namespace

Result<Replayed> replay_corpus(const ReplayOptions& options, std::vector<ReplaySide> sides,
                               std::vector<ReplayInput> inputs) {
  Replayed replayed(inputs.size());
  replayed.mode = "corpus";
  replayed.sides = std::move(sides);
  replayed.inputs = std::move(inputs);
  std::vector<CorpusFile> files;
  for (size_t input = 0; input < replayed.inputs.size(); ++input) {
    auto found = find_messages({replayed.inputs[input].path});
    if (!found) return tl::unexpected(found.error());
    if (found->empty()) return fail(Code::BadInput, replayed.inputs[input].path + ": there is no message in it");
    files.reserve(files.size() + found->size());
    for (std::string& file : *found) files.push_back({std::move(file), input});
  }
  std::unique_ptr<ReplayState> state;
  if (!options.state.empty()) {
    std::string note;
    auto opened = ReplayState::open(options.state, run_of(replayed.sides), note);
    if (!opened) return tl::unexpected(opened.error());
    if (!note.empty()) replayed.notes.push_back(note);
    state = std::move(*opened);
  }
  unsigned jobs = options.jobs > 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency());
  jobs = static_cast<unsigned>(std::min<size_t>(jobs, std::max<size_t>(files.size(), 1)));
  CorpusRun run(replayed, std::move(files), std::move(state));
  auto ran = run.run(jobs);
  if (!ran) return tl::unexpected(ran.error());
  find_left_out(replayed);
  return replayed;
}

}  // namespace postern::cli
