#include "proxy/cli/bulk_keeper.h"

#include <algorithm>
#include <utility>

namespace postern::cli {
namespace {

bulk::Index::Options options_of(const ops::Config& config) {
  bulk::Index::Options options;
  options.memory = config.bulk_memory;
  options.window = config.bulk_window;
  options.limit = config.bulk_limit;
  return options;
}

}  // namespace

BulkKeeper::BulkKeeper(const Clock& clock, session::Timers& timers, session::Offload& offload,
                       session::Observer& observer, const ops::Config& config)
    : clock_(clock),
      timers_(timers),
      offload_(offload),
      observer_(observer),
      directory_(config.bulk_state),
      store_(config.bulk_store),
      window_(config.bulk_window),
      memory_(config.bulk_memory),
      index_(std::make_shared<bulk::Index>(options_of(config))),
      state_(std::make_shared<ops::BulkState>(
          directory_, [&observer](std::string_view level, const std::string& text) { observer.note(level, text); })) {}

Result<void> BulkKeeper::start() {
  if (!directory_.empty()) {
    auto loaded = state_->load(*index_, clock_.wall_ms());
    if (loaded) {
      position_ = std::move(*loaded);
    } else {
      observer_.note("warning", "[bulk] state: " + loaded.error().message + "; counts will not survive a restart");
    }
    if (kept()) save_later(kSavePause);
  }
  forget_later();
  if (store_ == "memory") return {};
  auto stream = net::BulkStream::create(clock_, *index_, observer_, {store_, position_, window_});
  if (!stream) return tl::unexpected(std::move(stream.error()).in("[bulk] store"));
  stream_ = std::move(*stream);
  return {};
}

void BulkKeeper::save_later(Duration pause) {
  timer_ = timers_.after(pause, [this] { save(); });
}

/// Off the loop: the index is copied shard by shard, and mail goes on meanwhile.
void BulkKeeper::save() {
  TimePoint begin = clock_.now();
  work_ = offload_.run(
      [state = state_, index = index_, at = position()]() -> Result<std::string> {
        auto written = state->save(*index, at);
        if (!written) return tl::unexpected(std::move(written.error()));
        return std::string();
      },
      [this, begin](const Result<std::string>& outcome) { saved(outcome, clock_.now() - begin); });
}

/// Messages that come forget what has left the window; when none comes nobody would.
void BulkKeeper::forget_later() {
  forget_timer_ = timers_.after(kForgetPause, [this] { forget(); });
}

/// Off the loop: now and then it looks at all clusters.
void BulkKeeper::forget() {
  forget_work_ = offload_.run(
      [index = index_, now = clock_.wall_ms()]() -> Result<std::string> {
        index->forget(now);
        return std::string();
      },
      [this](const Result<std::string>&) { forget_later(); });
}

void BulkKeeper::saved(const Result<std::string>& outcome, Duration took) {
  if (!outcome && !failing_) observer_.note("error", "[bulk] state cannot be kept: " + outcome.error().message);
  if (outcome && failing_) observer_.note("info", "[bulk] state is kept again");
  failing_ = !outcome;
  if (kept()) save_later(std::max<Duration>(kSavePause, took * 20));
}

void BulkKeeper::finish() {
  timer_.reset();
  work_.reset();
  forget_timer_.reset();
  forget_work_.reset();
  if (!kept()) return;
  if (auto written = state_->save(*index_, position()); !written) {
    observer_.note("error", "[bulk] state cannot be kept: " + written.error().message);
  }
}

void BulkKeeper::reload(const ops::Config& config) {
  index_->set_limit(config.bulk_limit);
  forget();  // what is over the limit is counted anew
  if (config.bulk_store != store_ || config.bulk_window != window_ || config.bulk_memory != memory_ ||
      config.bulk_state != directory_) {
    observer_.note("warning", "[bulk] store, window, memory and state take effect at a restart");
  }
}

void BulkKeeper::show_in(ops::Metrics& metrics) {
  metrics.watch_bulk([index = index_] { return index->stats(); });
  if (!stream_) return;
  metrics.watch_bulk_store([stream = stream_.get()] {
    net::BulkStream::Stats stats = stream->stats();
    return ops::BulkStoreStats{stats.up, stats.sent, stats.received, stats.dropped, stats.refused, stats.alone};
  });
}

bool BulkKeeper::allow(const bulk::Allowed& allowed) {
  if (!index_->take(allowed)) return false;
  if (stream_) stream_->publish(allowed);
  return true;
}

}  // namespace postern::cli
