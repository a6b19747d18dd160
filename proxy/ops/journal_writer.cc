// Journal: rows wait in memory, and a thread of its own writes them, many in one transaction.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "proxy/ops/journal.h"
#include "proxy/ops/journal_file.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;

// A row is in the file at most this long after it was put; and with so many the thread does not wait for more.
constexpr auto kPause = 250ms;
constexpr size_t kBatch = 1000;
// Old rows go even when no new ones come.
constexpr auto kIdle = 60s;

size_t octets_of(const JournalRow& row) {
  return sizeof row + row.id.size() + row.data.size() + row.header.size() + row.rules_version.size();
}

int64_t now_ms() {
  return SystemClock().wall_ms();
}

}  // namespace

class Journal::Impl {
 public:
  Impl(Options options, Report report)
      : bounds_{options.keep, options.size},
        most_waiting_(options.waiting),
        report_(std::move(report)),
        file_(std::move(options.path), report_) {
    rows_.reserve(kBatch);
    batch_.reserve(kBatch);
  }

  Result<void> start() {
    if (auto opened = file_.open(); !opened) return opened;
    bytes_ = file_.bytes();
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void put(JournalRow row) {
    size_t octets = octets_of(row);
    bool wake = false;
    {
      std::lock_guard lock(mutex_);
      if (stop_ || waiting_ + octets > most_waiting_) {
        ++dropped_;
        return;
      }
      waiting_ += octets;
      rows_.push_back(std::move(row));
      // The first ends the sleep; then the thread looks again by itself, unless there is much.
      wake = std::exchange(asleep_, false) || rows_.size() == kBatch;
    }
    if (wake) wake_.notify_one();
  }

  void put(JournalRules rules) {
    std::lock_guard lock(mutex_);
    if (stop_) return;
    rules_.push_back(std::move(rules));
    asleep_ = false;
    wake_.notify_one();
  }

  void set_bounds(Duration keep, uint64_t size) {
    std::lock_guard lock(mutex_);
    bounds_ = {keep, size};
  }

  Statistics statistics() const {
    std::lock_guard lock(mutex_);
    return {written_, dropped_, waiting_, bytes_, broken_};
  }

  void finish() {
    {
      std::lock_guard lock(mutex_);
      stop_ = true;
      wake_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    pthread_setname_np(pthread_self(), "journal");  // for those who ask which thread is at work
    bool more = true;
    while (more) {
      std::vector<JournalRules> fresh;
      JournalFile::Bounds bounds;
      more = wait(fresh, bounds);
      for (JournalRules& rules : fresh) remember(std::move(rules));
      work(bounds);
    }
  }

  /// Until there is something to do; false: for the last time.
  bool wait(std::vector<JournalRules>& fresh, JournalFile::Bounds& bounds) {
    std::unique_lock lock(mutex_);
    asleep_ = true;
    wake_.wait_for(lock, trimming_ ? kPause : kIdle, [this] { return stop_ || !rows_.empty() || !rules_.empty(); });
    asleep_ = false;
    wake_.wait_for(lock, kPause, [this] { return stop_ || rows_.size() >= kBatch || !rules_.empty(); });
    std::swap(rows_, batch_);
    std::swap(rules_, fresh);
    bounds = bounds_;
    return !stop_;
  }

  /// Sets in force are few; a new file needs those that are, since rows will name them.
  void remember(JournalRules rules) {
    constexpr size_t kRemembered = 8;
    std::erase_if(known_, [&](const Known& known) { return known.rules.version == rules.version; });
    if (known_.size() == kRemembered) known_.erase(known_.begin());
    known_.push_back({std::move(rules), false});
  }

  void work(const JournalFile::Bounds& bounds) {
    JournalFile::Outcome outcome = write(bounds);
    if (outcome.corrupt) {
      auto begun = file_.set_aside(outcome.error);
      outcome = begun ? write(bounds) : JournalFile::Outcome{false, false, false, begun.error().message};
    }
    trimming_ = outcome.more;
    tell(outcome);
    size_t octets = 0;
    for (const JournalRow& row : batch_) octets += octets_of(row);
    {
      std::lock_guard lock(mutex_);
      waiting_ -= octets;
      (outcome.written ? written_ : dropped_) += batch_.size();
      bytes_ = file_.bytes();
      broken_ = !outcome.written;
    }
    batch_.clear();
  }

  JournalFile::Outcome write(const JournalFile::Bounds& bounds) {
    if (auto opened = file_.open(); !opened) return {false, false, false, opened.error().message};
    if (std::exchange(opened_, file_.opened()) != file_.opened()) {
      for (Known& known : known_) known.written = false;
    }
    std::vector<JournalRules> rules;
    for (const Known& known : known_) {
      if (!known.written) rules.push_back(known.rules);
    }
    JournalFile::Outcome outcome = file_.write(batch_, rules, bounds, now_ms());
    for (Known& known : known_) known.written = known.written || outcome.written;
    return outcome;
  }

  /// Once for each trouble.
  void tell(const JournalFile::Outcome& outcome) {
    if (outcome.written != failing_) return;
    failing_ = !outcome.written;
    if (!report_) return;
    if (failing_) {
      report_("warning", fmt::format("journal {}; messages go on, what is not written is dropped", outcome.error));
    } else {
      report_("info", "the journal is well again");
    }
  }

  struct Known {
    JournalRules rules;
    bool written = false;
  };

  mutable std::mutex mutex_;  // held for a push or a swap; over all until the next remark
  std::condition_variable wake_;
  std::vector<JournalRow> rows_;
  std::vector<JournalRules> rules_;
  JournalFile::Bounds bounds_;
  size_t waiting_ = 0;  // octets: of rows_, and of batch_ until it is done
  uint64_t written_ = 0;
  uint64_t dropped_ = 0;
  uint64_t bytes_ = 0;
  bool broken_ = false;
  bool asleep_ = false;
  bool stop_ = false;

  const size_t most_waiting_;
  const Report report_;

  // Of the thread.
  JournalFile file_;
  std::vector<JournalRow> batch_;
  std::vector<Known> known_;
  uint64_t opened_ = 0;  // JournalFile::opened() when known_ was last looked at
  bool failing_ = false;
  bool trimming_ = false;  // there may be more to remove
  std::thread thread_;
};

Journal::Journal(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Journal::~Journal() {
  finish();
}

Result<std::unique_ptr<Journal>> Journal::open(Options options, Report report) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(report));
  if (auto started = impl->start(); !started) return tl::unexpected(std::move(started.error()));
  return std::unique_ptr<Journal>(new Journal(std::move(impl)));
}

void Journal::put(JournalRow row) {
  impl_->put(std::move(row));
}

void Journal::put(JournalRules rules) {
  impl_->put(std::move(rules));
}

void Journal::set_bounds(Duration keep, uint64_t size) {
  impl_->set_bounds(keep, size);
}

Journal::Statistics Journal::statistics() const {
  return impl_->statistics();
}

void Journal::finish() {
  impl_->finish();
}

}  // namespace postern::ops
