// postern learn: trains the classifier with messages that somebody has sorted.
#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "filters/base/bytes.h"
#include "filters/base/clock.h"
#include "filters/base/fd.h"
#include "filters/classifier/features.h"
#include "filters/classifier/model.h"
#include "filters/classifier/trainer.h"
#include "filters/message/headers.h"
#include "filters/mime/content.h"
#include "proxy/cli/cli.h"
#include "proxy/cli/corpora.h"
#include "proxy/cli/counted.h"
#include "proxy/cli/long_work.h"
#include "proxy/cli/mail_files.h"
#include "proxy/ops/learned.h"
#include "proxy/ops/learned_files.h"
#include "proxy/session/message_store.h"

namespace postern::cli {
namespace {

using ops::Learned;
using Counts = Learned::Counts;

int complain(const std::string& text) {
  std::cerr << "postern learn: " << text << '\n';
  return kBadInput;
}

/// What was given under --ham, or under --spam.
struct Given {
  bool spam = false;
  std::vector<std::string> files;
  uint64_t messages = 0;
  uint64_t fresh = 0;
  uint64_t known = 0;
  uint64_t relabelled = 0;
  uint64_t alike = 0;  // as another one of this run
  uint64_t forgotten = 0;
  uint64_t strange = 0;     // to be forgotten, and never learned
  uint64_t empty = 0;       // nothing in it to learn from
  uint64_t foreign = 0;     // no messages
  uint64_t unreadable = 0;  // files
};

std::string_view name_of(bool spam) {
  return spam ? "spam" : "ham";
}

/// Why this is no message, whatever the file was called (RFC 5322, 3.6: a message begins with fields, of which at least
/// Date and From must be there; who leaves one of them out is read all the same). Empty: it is one.
std::string_view why_no_message(const std::string& text) {
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "there is nothing in it";
  message::Header header = message::parse_header(std::string_view(text).substr(0, session::MessageStore::kHead));
  bool fields = std::any_of(header.fields.begin(), header.fields.end(), [](const auto& f) { return !f.name.empty(); });
  return fields ? std::string_view() : "it has no header: it is no message";
}

/// As the gateway sees a message: of a large one its beginning.
classifier::Example example_of(const std::string& text, bool spam) {
  constexpr size_t kHead = session::MessageStore::kHead;
  classifier::Example example;
  std::string_view seen = std::string_view(text).substr(0, kHead);
  message::Header header = message::parse_header(seen);
  mime::Content content(seen, text.size() <= kHead);
  classifier::read_features(content, header, example.reading);
  example.digest = classifier::digest_of(example.reading.features);
  example.sender = classifier::sender_of(header);
  example.spam = spam;
  return example;
}

class Learning {
 public:
  Learning(Learned& store, bool forget) : store_(store), forget_(forget) {}

  /// Reads all that was given; what cannot be read is said and left out. Fails where it cannot be stored.
  Result<void> take(Given& given) {
    ProgressLine progress(fmt::format("files of {}", name_of(given.spam)), given.files.size());
    for (size_t i = 0; i < given.files.size(); ++i) {
      Result<void> stored;
      auto read = read_messages(given.files[i], [&](const InputMessage& message) {
        if (stored) stored = take_one(message, given);
      });
      if (!stored) return stored;
      if (!read) {
        complain(read.error().message);
        ++given.unreadable;
      }
      progress.show(i + 1);
    }
    return {};
  }
  /// Messages that were given as ham and as spam in this very run.
  [[nodiscard]] uint64_t contradictions() const { return contradictions_; }

 private:
  Result<void> take_one(const InputMessage& message, Given& given) {
    ++given.messages;
    if (std::string_view why = why_no_message(message.text); !why.empty()) {
      // A folder of pictures should not scroll away what else is said.
      constexpr uint64_t kMostNamed = 10;
      if (++given.foreign <= kMostNamed) complain(fmt::format("{}: {}; left out", message.name, why));
      return {};
    }
    classifier::Example example = example_of(message.text, given.spam);
    if (example.reading.features.empty()) {
      ++given.empty;
      return {};
    }
    if (forget_) return forget_one(example, given);
    auto [said, first] = said_.try_emplace(std::pair(example.digest, example.sender), given.spam);
    auto taken = store_.learn(example);
    if (!taken) return tl::unexpected(std::move(taken.error()));
    if (!first && std::exchange(said->second, given.spam) == given.spam) {
      ++given.alike;
    } else if (!first) {
      ++contradictions_;
    } else {
      ++(*taken == Learned::Taken::New     ? given.fresh
         : *taken == Learned::Taken::Known ? given.known
                                           : given.relabelled);
    }
    return {};
  }

  Result<void> forget_one(const classifier::Example& example, Given& given) {
    auto gone = store_.forget(example.digest, example.sender);
    if (!gone) return tl::unexpected(std::move(gone.error()));
    const std::pair key(example.digest, example.sender);
    if (*gone) {
      said_.emplace(key, given.spam);
      ++given.forgotten;
    } else {
      ++(said_.count(key) != 0 ? given.alike : given.strange);
    }
    return {};
  }

  Learned& store_;
  const bool forget_;
  std::map<std::pair<uint64_t, uint64_t>, bool> said_;
  uint64_t contradictions_ = 0;
};

/// What is not there is a slip of the pen: nothing is changed before it is mended.
Result<void> find_files(const std::vector<std::string>& inputs, Given& given) {
  for (const std::string& input : inputs) {
    std::error_code error;
    if (input != "-" && !std::filesystem::exists(input, error)) {
      return fail(Code::BadInput, fmt::format("--{} {}: {}", name_of(given.spam), input,
                                              error ? error.message() : "no such file or directory"));
    }
  }
  auto found = find_messages(inputs);
  if (!found) return tl::unexpected(std::move(found.error()));
  if (found->empty() && !inputs.empty()) {
    return fail(Code::BadInput,
                fmt::format("--{} {}: there are no messages (.eml, .mbox, Maildir)", name_of(given.spam), inputs[0]));
  }
  given.files = std::move(*found);
  return {};
}

void report(const Given& given, bool forget) {
  if (given.files.empty()) return;
  auto one = [](uint64_t count) { return count == 1; };
  std::string line = fmt::format("{}: {},", name_of(given.spam), counted(given.messages, "message"));
  auto out = std::back_inserter(line);
  if (forget) {
    fmt::format_to(out, " {} forgotten, {} had not been learned", given.forgotten, given.strange);
  } else {
    fmt::format_to(out, " {} new, {} already known", given.fresh, given.known);
  }
  if (given.alike > 0) {
    fmt::format_to(out, ", {} the same as {} of them", given.alike, one(given.alike) ? "another" : "others");
  }
  if (given.relabelled > 0) {
    fmt::format_to(out, ", {} that {} {} before", given.relabelled, one(given.relabelled) ? "was" : "were",
                   name_of(!given.spam));
  }
  if (given.empty > 0) fmt::format_to(out, ", {} with nothing to learn from", given.empty);
  if (given.foreign > 0) {
    fmt::format_to(out, ", {} left out that {}", given.foreign,
                   one(given.foreign) ? "is no message" : "are no messages");
  }
  if (given.unreadable > 0) fmt::format_to(out, ", {} not readable", counted(given.unreadable, "file"));
  std::cout << line << '\n';
}

/// How much is learned now, what the model is made of, and whether that is enough to speak: `scan` and `explain` name
/// the second pair of numbers.
void report(const Counts& learned, const Counts& made_of) {
  std::cout << fmt::format("learned now: {} ham, {} spam", learned.ham, learned.spam);
  if (made_of.ham != learned.ham || made_of.spam != learned.spam) {
    std::cout << fmt::format("; the model is made of {} ham and {} spam, for of those that are nearly alike one counts",
                             made_of.ham, made_of.spam);
  }
  const uint64_t least = classifier::kLeastLearned;
  if (made_of.ham < least || made_of.spam < least) {
    std::cout << fmt::format("; too few: of no message anything is said before there are {} of each", least);
  }
  std::cout << '\n';
}

// ---------------------------------------------------------------- the model

/// What the model in force was made of, where the store has not got it: its file was damaged and set aside, or is
/// another one. nullopt: all is well, or there is no model that could be lost.
std::optional<Counts> find_loss(const std::string& directory, const Counts& stored) {
  auto model = classifier::Model::open(Learned::model_in(directory));
  if (!model || ((*model)->ham() <= stored.ham && (*model)->spam() <= stored.spam)) return std::nullopt;
  return Counts{(*model)->ham(), (*model)->spam()};
}

/// A little less is as good; too few to speak is nothing.
bool is_poorer(uint64_t now, uint64_t before) {
  return now < before - before / 10 || (now < classifier::kLeastLearned && before >= classifier::kLeastLearned);
}

/// A store that was lost must not cost the model too, which may have taken a year to learn.
Result<void> keep_what_is_better(const std::optional<Counts>& lost, const Counts& now, const std::string& directory) {
  if (!lost || (!is_poorer(now.ham, lost->ham) && !is_poorer(now.spam, lost->spam))) return {};
  return fail(
      Code::BadInput,
      fmt::format(
          "{} was made of {} ham and {} spam, of which {} does not know any more; with what is given "
          "there would be {} ham and {} spam. Nothing is changed, and the gateway goes on with it. "
          "Learn all of it again in one run, put back a backup of {} that knows it, or make the model of what there "
          "is now with --fresh",
          Learned::model_in(directory), lost->ham, lost->spam, Learned::file_in(directory), now.ham, now.spam,
          Learned::file_in(directory)));
}

classifier::Weights train_shown(std::vector<classifier::Example> examples, int64_t wall_seconds) {
  constexpr double kSteps = 100;
  ProgressLine progress("steps of training", static_cast<uint64_t>(kSteps));
  classifier::Training how;
  how.threads = std::max(1U, std::thread::hardware_concurrency());
  how.progress = [&progress](double share) {
    progress.show(static_cast<uint64_t>(std::clamp(share, 0.0, 1.0) * kSteps));
  };
  return classifier::train(std::move(examples), how, wall_seconds);
}

/// The model of all that is learned, beside the one in force. Returns what it is made of; of nothing there is none.
Result<Counts> stage_model(Learned& store, const std::optional<Counts>& lost, const std::string& directory) {
  auto examples = store.examples();
  if (!examples) return tl::unexpected(std::move(examples.error()));
  const std::string path = store.staged();
  if (examples->empty()) {
    // The sign for none. One that an earlier run left here was removed when the store was opened.
    Fd sign(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!sign || ::fsync(sign.get()) != 0) return ops::learned_io_error(path, errno);
    return Counts{};
  }
  int64_t now = SystemClock().wall_ms() / 1000;
  const classifier::Weights weights = train_shown(std::move(*examples), now);
  const Counts made_of{weights.ham, weights.spam};
  if (auto better = keep_what_is_better(lost, made_of, directory); !better) return tl::unexpected(better.error());
  auto written = classifier::write_model(path, weights);
  if (!written) return tl::unexpected(std::move(written.error()));
  return made_of;
}

/// The store, and what it was before this run.
struct Opened {
  std::unique_ptr<Learned> store;
  std::optional<Counts> lost;
};

Result<Opened> open_store(const LearnOptions& options, const std::string& directory) {
  Learned::Options where;
  where.directory = directory;
  where.wall_seconds = SystemClock().wall_ms() / 1000;
  auto store = Learned::open(std::move(where), [](const std::string& text) { complain(text); });
  if (!store) return tl::unexpected(std::move(store.error()));
  auto stored = (*store)->counts();
  if (!stored) return tl::unexpected(std::move(stored.error()).in(Learned::file_in(directory)));
  std::optional<Counts> lost = options.fresh ? std::nullopt : find_loss(directory, *stored);
  return Opened{std::move(*store), lost};
}

/// The store and the model made from it change together, or not at all: see ops::Learned::staged().
Result<void> learn_all(const LearnOptions& options, const std::string& directory, std::vector<Given>& all) {
  auto in_store = [&directory](Error&& error) {
    return tl::unexpected(std::move(error).in(Learned::file_in(directory)));
  };
  auto opened = open_store(options, directory);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  Learned& store = *opened->store;
  Learning learning(store, options.forget);
  for (Given& given : all) {
    if (auto taken = learning.take(given); !taken) return in_store(std::move(taken.error()));
  }
  auto gone = store.trim();
  if (!gone) return in_store(std::move(gone.error()));
  auto counts = store.counts();
  if (!counts) return in_store(std::move(counts.error()));
  // The model is made of no more than that: training takes minutes.
  if (auto better = keep_what_is_better(opened->lost, *counts, directory); !better) return better;
  auto made_of = stage_model(store, opened->lost, directory);
  if (!made_of) return tl::unexpected(std::move(made_of.error()));
  if (auto lasting = store.commit(); !lasting) return in_store(std::move(lasting.error()));
  if (auto published = store.publish(); !published) return published;
  for (const Given& given : all) report(given, options.forget);
  if (learning.contradictions() > 0) {
    std::cout << fmt::format(
        "{} given as ham and as spam: the later word counts\n",
        learning.contradictions() == 1 ? "1 was" : fmt::format("{} were", learning.contradictions()));
  }
  if (*gone > 0) {
    std::cout << fmt::format("{} of the oldest {} forgotten: of each kind 50000 are kept\n", *gone,
                             *gone == 1 ? "is" : "are");
  }
  report(*counts, *made_of);
  std::cout << (counts->ham + counts->spam > 0
                    ? fmt::format("model: {}; a running gateway takes it within 10 seconds\n",
                                  Learned::model_in(directory))
                    : "nothing is learned any more: the model is removed\n");
  return {};
}

}  // namespace

int learn(const LearnOptions& options) {
  if (options.ham.empty() && options.spam.empty()) {
    std::cerr << "postern learn: say what is to be learned, with --ham DIR, --spam DIR or both\n";
    return kUsage;
  }
  auto config = ops::load_config(options.config);
  if (!config) {
    for (const auto& problem : config.error()) std::cerr << problem.to_string() << '\n';
    return kBadInput;
  }
  std::string directory = (*config)->classifier_directory;
  if (directory.empty()) return complain("[classifier] directory is \"\": nothing is learned here");
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  if (auto distinct = check_distinct(options.ham, options.spam); !distinct) return complain(distinct.error().message);
  std::vector<Given> all(2);
  all[1].spam = true;
  for (Given& given : all) {
    if (auto found = find_files(given.spam ? options.spam : options.ham, given); !found) {
      return complain(found.error().message);
    }
  }
  if (auto done = learn_all(options, directory, all); !done) return complain(done.error().message);
  auto is_bad = [](const Given& given) { return given.unreadable + given.foreign > 0; };
  return std::any_of(all.begin(), all.end(), is_bad) ? kBadInput : kDone;
}

}  // namespace postern::cli
