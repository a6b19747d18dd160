// Journal: rows wait in memory, and a thread of its own writes them, many in one transaction.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <span>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <pthread.h>

#include "proxy/ops/journal.h"
#include "proxy/ops/journal_file.h"
#include "proxy/ops/journal_health.h"

namespace postern::ops {
namespace {

using namespace std::chrono_literals;

// A row is in the file at most this long after it was put; and with so many the thread does not wait for more.
constexpr auto kPause = 250ms;
constexpr size_t kBatch = 1000;
// With none for so long it is a quiet moment.
constexpr auto kQuiet = 2s;
// Old rows go even when no new ones come.
constexpr auto kIdle = 60s;

size_t octets_of(const JournalRow& row) {
  return sizeof row + row.id.size() + row.data.size() + row.header.size() + row.rules_version.size();
}

/// Not one of the few whose memory is not worth keeping.
bool is_usual(const JournalRow& row) {
  constexpr size_t kMost = 16384;
  return row.data.capacity() + row.header.capacity() <= kMost;
}

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace

class Journal::Impl {
 public:
  Impl(Options options, Report report)
      : bounds_{options.keep, options.size},
        most_waiting_(options.waiting),
        clock_(options.clock != nullptr ? *options.clock : system_clock()),
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

  JournalRow blank() {
    std::lock_guard lock(mutex_);
    if (spares_.empty()) return {};
    JournalRow row = std::move(spares_.back());
    spares_.pop_back();
    return row;
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
      bool quiet = more && batch_.empty() && fresh.empty() && !trimming_ && !settled_;
      for (JournalRules& rules : fresh) remember(std::move(rules));
      if (quiet) {
        settle();
      } else {
        work(bounds, !more);
      }
    }
    settle();
  }

  /// Until there is something to do; false: for the last time.
  bool wait(std::vector<JournalRules>& fresh, JournalFile::Bounds& bounds) {
    std::unique_lock lock(mutex_);
    asleep_ = true;
    auto patience = trimming_ || !batch_.empty() ? Duration(kPause) : settled_ ? Duration(kIdle) : Duration(kQuiet);
    wake_.wait_for(lock, patience, [this] { return stop_ || !rows_.empty() || !rules_.empty(); });
    asleep_ = false;
    wake_.wait_for(lock, kPause, [this] { return stop_ || rows_.size() >= kBatch || !rules_.empty(); });
    if (batch_.empty()) {
      std::swap(rows_, batch_);
    } else {
      std::move(rows_.begin(), rows_.end(), std::back_inserter(batch_));
      rows_.clear();
    }
    std::swap(rules_, fresh);
    bounds = bounds_;
    return !stop_;
  }

  /// One attempt for each quiet time: who reads just then may do so for hours.
  void settle() {
    settled_ = true;
    static_cast<void>(file_.settle());
    used_ = {};
    std::vector<JournalRow> spares;  // freed after the lock is given back
    std::lock_guard lock(mutex_);
    std::swap(spares, spares_);
    bytes_ = file_.bytes();
  }

  /// Sets in force are few; a new file needs those that are, since rows will name them.
  void remember(JournalRules rules) {
    constexpr size_t kRemembered = 8;
    std::erase_if(known_, [&](const Known& known) { return known.rules.version == rules.version; });
    if (known_.size() == kRemembered) known_.erase(known_.begin());
    known_.push_back({std::move(rules), false});
  }

  /// In transactions that are small beside the bounds. What could not be written because another program is at the file
  /// stays in batch_ for the next time, if there is one.
  void work(const JournalFile::Bounds& bounds, bool last) {
    JournalFile::Outcome outcome;
    size_t done = 0;
    size_t octets = 0;
    do {
      size_t end = done;
      size_t piece = 0;
      while (end < batch_.size() && (end == done || piece < bounds.transaction())) piece += octets_of(batch_[end++]);
      outcome = write(std::span(batch_).subspan(done, end - done), bounds);
      if (!outcome.written) break;
      done = end;
      octets += piece;
    } while (done < batch_.size());
    if (done > 0 || outcome.more) settled_ = false;
    trimming_ = outcome.more;
    size_t lost = outcome.busy && !last ? 0 : batch_.size() - done;
    if (auto note = health_.wrote(done, lost, outcome.written ? "" : outcome.error, clock_.now()); note && report_) {
      report_(note->warning ? "warning" : "info", note->text);
    }
    auto gone = batch_.begin() + static_cast<std::ptrdiff_t>(done);
    if (lost > 0) {
      for (auto row = std::exchange(gone, batch_.end()); row != batch_.end(); ++row) octets += octets_of(*row);
    }
    for (auto row = batch_.begin(); row != gone && used_.size() < kBatch; ++row) {
      if (is_usual(*row)) used_.push_back(std::move(*row));
    }
    batch_.erase(batch_.begin(), gone);
    std::lock_guard lock(mutex_);
    if (spares_.empty()) std::swap(spares_, used_);
    waiting_ -= octets;
    written_ += done;
    dropped_ += lost;
    bytes_ = file_.bytes();
    broken_ = !outcome.written;
  }

  JournalFile::Outcome write(std::span<const JournalRow> rows, const JournalFile::Bounds& bounds) {
    JournalFile::Outcome outcome = try_write(rows, bounds);
    if (!outcome.corrupt) return outcome;
    bool written = outcome.written;
    auto begun = file_.set_aside(outcome.error);
    if (!begun) return JournalFile::Outcome{false, false, false, false, begun.error().message};
    // What was written is in the file that was set aside: only the rules are needed again.
    return try_write(written ? rows.first(0) : rows, bounds);
  }

  JournalFile::Outcome try_write(std::span<const JournalRow> rows, const JournalFile::Bounds& bounds) {
    if (auto opened = file_.open(); !opened) return {false, false, false, false, opened.error().message};
    if (std::exchange(opened_, file_.opened()) != file_.opened()) {
      for (Known& known : known_) known.written = false;
    }
    std::vector<JournalRules> rules;
    for (const Known& known : known_) {
      if (!known.written) rules.push_back(known.rules);
    }
    JournalFile::Outcome outcome = file_.write(rows, rules, bounds, clock_.wall_ms());
    for (Known& known : known_) known.written = known.written || outcome.written;
    return outcome;
  }

  struct Known {
    JournalRules rules;
    bool written = false;
  };

  mutable std::mutex mutex_;  // held for a push or a swap; over all until the next remark
  std::condition_variable wake_;
  std::vector<JournalRow> rows_;
  std::vector<JournalRow> spares_;  // written, for their memory: what one thread gets and another frees is dear
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
  const Clock& clock_;
  const Report report_;

  // Of the thread.
  JournalFile file_;
  std::vector<JournalRow> batch_;
  std::vector<JournalRow> used_;  // as spares_, until those are used up
  std::vector<Known> known_;
  uint64_t opened_ = 0;  // JournalFile::opened() when known_ was last looked at
  JournalHealth health_;
  bool trimming_ = false;  // there may be more to remove
  bool settled_ = true;    // nothing was written since the log was brought into the file
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

JournalRow Journal::blank() {
  return impl_->blank();
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
