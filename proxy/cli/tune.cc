// postern tune: proposes scores from mail that people have sorted.
#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "filters/base/fd.h"
#include "filters/base/files.h"
#include "lua/tuning.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/corpora.h"
#include "proxy/cli/counted.h"
#include "proxy/cli/local_lua.h"
#include "proxy/cli/long_work.h"
#include "proxy/cli/tune_classifier.h"
#include "proxy/cli/tune_corpus.h"
#include "proxy/cli/tune_report.h"

namespace postern::cli {

namespace {

namespace fs = std::filesystem;
namespace tuning = rules::tuning;

/// What a file does not tell. Rules that ask for it say something else than they will say of mail that arrives.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kNotInFiles = {
    {{"bulk", "files do not tell how many such messages came"},
     {"client", "files do not tell who connected"},
     {"helo", "files do not tell who connected"},
     {"helo_is", "files do not tell who connected"},
     {"helo_spf", "files do not tell who connected"},
     {"rcpts", "files do not tell to whom it was sent"},
     {"spf", "files do not tell who connected"}}};

int complain(const std::string& text) {
  std::cerr << "postern tune: " << text << '\n';
  return kBadInput;
}

void note(const std::string& text) {
  std::cerr << "note: " << text << '\n';
}

/// Where a message begins to be marked, and where it is refused.
tuning::Options thresholds_of(const rules::Thresholds& limits) {
  tuning::Options options;
  std::optional<double> least;
  for (const auto& limit : {limits.tag, limits.quarantine, limits.defer, limits.reject}) {
    if (limit && (!least || *limit < *least)) least = limit;
  }
  options.tag = least.value_or(options.tag);
  options.reject = limits.reject;
  return options;
}

/// Of messages that do not tell who sent them, nothing counts that asks for it.
void drop_sender_evidence(const rules::RuleSet& set, const std::vector<TuneMessage*>& messages) {
  std::set<std::string_view> asking;
  for (size_t rule = 0; rule < set.rules().size(); ++rule) {
    if (set.reads(rule).count("from") > 0) asking.insert(set.rules()[rule].name);
  }
  size_t unknown = 0;
  for (TuneMessage* message : messages) {
    if (message->sender_known) continue;
    ++unknown;
    std::erase_if(message->evaluation.hits, [&](const rules::Hit& hit) { return asking.count(hit.rule) > 0; });
  }
  if (unknown > 0) {
    note(fmt::format(
        "{} of these {} messages {} not tell who sent them (no Return-Path, no address in From): rules that "
        "ask for the sender count nothing there",
        unknown, messages.size(), unknown == 1 ? "does" : "do"));
  }
}

tuning::Sample sample_of(const rules::RuleSet& set, const std::vector<TuneMessage*>& messages,
                         const std::string& silent) {
  tuning::Sample sample(set.rules(), set.groups());
  for (size_t rule = 0; rule < set.rules().size(); ++rule) {
    for (const auto& [fact, why] : kNotInFiles) {
      if (set.reads(rule).count(fact) > 0) sample.leave(rule, std::string(why));
    }
    if (!silent.empty() && set.reads(rule).count("classifier") > 0) sample.leave(rule, silent);
    if (set.reads(rule).count("score") > 0) sample.leave(rule, "it asks for the score, which would be another one");
  }
  for (const TuneMessage* message : messages) {
    sample.add(message->evaluation, message->spam, message->campaign, message->input);
  }
  return sample;
}

/// Whether write_new() is going to work: minutes of work come before it. Tried out, for permissions do not tell of file
/// systems that take no file.
Result<void> can_write_new(const std::string& path) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file) {
    ::unlink(path.c_str());
    return {};
  }
  if (errno == EEXIST) return fail(Code::BadInput, fmt::format("{}: is there already, and is not overwritten", path));
  std::string parent = fs::path(path).has_parent_path() ? fs::path(path).parent_path().string() : ".";
  return fail(Code::BadInput, fmt::format("--output {}: {}: {}", path, parent, std::generic_category().message(errno)));
}

/// Never over a file that is there.
Result<void> write_new(const std::string& path, const std::string& text) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (file && write_all(file.get(), text) && ::close(file.release()) == 0) return {};
  return fail(Code::Io, fmt::format("{}: {}", path, std::generic_category().message(errno)));
}

bool is_rule_file(const fs::path& path, const std::string& rules) {
  std::error_code error;
  fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  return path.extension() == ".lua" && fs::equivalent(parent, rules, error);
}

Result<std::string> present_local_lua(const std::string& directory) {
  fs::path path = fs::path(directory) / "local.lua";
  std::error_code error;
  if (!fs::exists(path, error)) return std::string();
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file || file.bad()) return fail(Code::BadInput, fmt::format("{}: cannot be read", path.string()));
  return text;
}

std::string today() {
  std::time_t now = std::time(nullptr);
  std::tm date{};
  ::gmtime_r(&now, &date);
  return fmt::format("{:04}-{:02}-{:02}", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
}

/// The rules with the proposal in the place of local.lua must load, and have the scores that it says.
Result<void> try_out(const Loaded& loaded, const std::string& file, const tuning::Proposal& proposal) {
  rules::RuleSet::Options options;
  options.limits = loaded.rules->limits();
  options.write_cache = false;
  options.local = file;
  auto with = rules::RuleSet::load(loaded.config->rules_directory, options);
  if (!with) return fail(Code::Internal, with.error().front().to_string());
  for (const tuning::Change& change : proposal.changes) {
    auto is_it = [&change](const rules::RuleInfo& rule) { return rule.name == change.rule; };
    auto rule = std::find_if((*with)->rules().begin(), (*with)->rules().end(), is_it);
    if (rule == (*with)->rules().end() || rule->score != change.after) {
      return fail(Code::Internal, fmt::format("{}: the score of {} does not come out as proposed", file, change.rule));
    }
  }
  return {};
}

int write_proposal(const TuneOptions& options, const Loaded& loaded, const tuning::Proposal& proposal) {
  const std::string& directory = loaded.config->rules_directory;
  auto present = present_local_lua(directory);
  if (!present) return complain(present.error().message);
  auto written = write_new(options.output, tuned_local_lua(*present, proposal, today()));
  if (!written) return complain(written.error().message);
  if (auto tried = try_out(loaded, options.output, proposal); !tried) {
    std::cerr << "postern tune: " << tried.error().message << '\n';
    return kOurFault;
  }
  auto end = find_return(*present);
  std::string where = end ? fmt::format("before its line {}, where it returns", end->line) : "behind it";
  std::string config = options.config == kDefaultConfig ? "" : fmt::format(" --config {}", options.config);
  std::cout << fmt::format(
      "\nWritten to {0}: your local.lua with {1} {4}. Nothing has changed yet. Read it; then see what it would\n"
      "have done to the mail of the last days:\n"
      "    postern replay{2} --against {0}\n"
      "and put it in force:\n"
      "    cp {0} {3}\n"
      "    postern check{2} && systemctl reload postern\n",
      options.output, counted(proposal.changes.size(), "score"), config, (fs::path(directory) / "local.lua").string(),
      where);
  return kDone;
}

void note_corpus(const TuneCorpus& corpus) {
  constexpr size_t kShown = 10;
  for (size_t i = 0; i < std::min(kShown, corpus.bad.size()); ++i) note(corpus.bad[i]);
  if (corpus.bad.size() > kShown) note(fmt::format("{} more could not be read", corpus.bad.size() - kShown));
  if (corpus.contradictions > 0) {
    note(fmt::format("{} in --ham and in --spam, and left out",
                     corpus.contradictions == 1 ? std::string("1 message stands")
                                                : fmt::format("{} messages stand", corpus.contradictions)));
  }
}

void note_classifier(const std::vector<TuneMessage*>& messages, const TuneModels& models, const Result<void>& made) {
  auto spoke = [](const TuneMessage* message) { return message->classified; };
  bool any = std::any_of(messages.begin(), messages.end(), spoke);
  if (!made && any) {
    note(fmt::format(
        "it could not be told which of these messages the classifier has learned from ({}): what it says of "
        "those looks better than it is, and so do the scores of its rules",
        made.error().message));
  }
  if (!models.silent().empty()) note(models.silent() + ": its rules keep their scores");
  if (made && models.learned() > 0) {
    note(fmt::format(
        "the classifier has learned from {} of these {} messages; here they were judged by models that were "
        "made without them",
        models.learned(), messages.size()));
  }
}

int propose_and_print(const TuneOptions& options, const Loaded& loaded, const std::vector<TuneInput>& inputs,
                      const std::vector<TuneMessage*>& messages, const std::string& silent, unsigned jobs) {
  drop_sender_evidence(*loaded.rules, messages);
  tuning::Sample sample = sample_of(*loaded.rules, messages, silent);
  tuning::Options how = thresholds_of(loaded.config->policy.verdict.thresholds);
  how.alone = options.alone;
  how.threads = jobs;
  auto proposal = [&] {
    constexpr double kSteps = 100;
    ProgressLine line("steps", static_cast<uint64_t>(kSteps));
    how.progress = [&line](double share) { line.show(static_cast<uint64_t>(share * kSteps)); };
    return tuning::propose(sample, how);
  }();
  how.progress = nullptr;
  if (Interruptible::interrupted()) return complain("interrupted: nothing is proposed");
  if (!proposal) return complain(proposal.error().message);
  std::cout << tune_figures(*proposal, inputs, how) << tune_suspects(*proposal, messages);
  if (!proposal->why_none.empty()) {
    std::cout << "\nNothing is proposed: " << proposal->why_none << ".\n";
    return kDone;
  }
  std::cout << '\n' << tune_changes(*proposal);
  if (proposal->target_missed) {
    std::cout << fmt::format("\nMore than {:.1f} % of the ham would still be tagged.\n", 100 * tuning::kTarget);
  }
  return write_proposal(options, loaded, *proposal);
}

}  // namespace

int tune(const TuneOptions& options) {
  std::vector<TuneInput> inputs;
  inputs.reserve(options.ham.size() + options.spam.size());
  for (const std::string& path : options.ham) inputs.push_back({path, false});
  for (const std::string& path : options.spam) inputs.push_back({path, true});
  auto is_stdin = [](const TuneInput& input) { return input.path == "-"; };
  if (options.ham.empty() || options.spam.empty() || std::any_of(inputs.begin(), inputs.end(), is_stdin)) {
    std::cerr << "postern tune: needs files or directories of both kinds: --ham DIR --spam DIR\n";
    return kUsage;
  }
  if (auto distinct = check_distinct(options.ham, options.spam); !distinct) return complain(distinct.error().message);
  if (auto writable = can_write_new(options.output); !writable) return complain(writable.error().message);
  auto loaded = load_or_complain(options.config, Examples::Skip);
  if (!loaded) return kBadInput;
  if (is_rule_file(options.output, loaded->config->rules_directory)) {
    return complain(fmt::format(
        "{}: would be read as rules at the next reload; give it a name that does not end in .lua", options.output));
  }
  unsigned jobs = options.jobs > 0 ? options.jobs : std::max(1U, std::thread::hardware_concurrency());
  Interruptible interruptible;
  auto corpus = read_corpus(inputs, jobs);
  if (!corpus) return complain(corpus.error().message);
  note_corpus(*corpus);
  std::vector<TuneMessage*> messages = corpus->messages();
  auto spam =
      static_cast<size_t>(std::count_if(messages.begin(), messages.end(), [](auto* each) { return each->spam; }));
  // Before minutes are spent on judging them.
  auto enough = tuning::enough(messages.size() - spam, spam);
  if (!enough && !Interruptible::interrupted()) return complain(enough.error().message);
  find_campaigns(messages);
  TuneModels models;
  Result<void> made;
  if (!Interruptible::interrupted()) made = models.make(messages, *loaded->config, jobs, note);
  if (!Interruptible::interrupted()) {
    auto judged = judge_corpus(*corpus, *loaded, models.directories(), jobs);
    if (!judged) return complain(judged.error().message);
  }
  if (Interruptible::interrupted()) return complain("interrupted: nothing is proposed");
  note_classifier(messages, models, made);
  return propose_and_print(options, *loaded, inputs, messages, models.silent(), jobs);
}

}  // namespace postern::cli
