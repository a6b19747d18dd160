// BulkKeeper: the gateway's index of alike messages, with what keeps it: on disk, and shared with other gateways.
#pragma once

#include <memory>
#include <string>

#include "filters/base/clock.h"
#include "filters/bulk/index.h"
#include "proxy/net/bulk_stream.h"
#include "proxy/ops/bulk_state.h"
#include "proxy/ops/config.h"
#include "proxy/ops/metrics.h"
#include "proxy/session/observer.h"
#include "proxy/session/ports.h"

namespace postern::cli {

/// Of the control thread; index() and stream() are for any. References outlive it.
class BulkKeeper {
 public:
  /// The index is saved this long after it was saved last, and later when saving takes long: never more than a
  /// twentieth of the time.
  static constexpr Duration kSavePause = std::chrono::minutes(1);
  /// Twice within a slice of the shortest window.
  static constexpr Duration kForgetPause = std::chrono::seconds(2);

  BulkKeeper(const Clock& clock, session::Timers& timers, session::Offload& offload, session::Observer& observer,
             const ops::Config& config);
  BulkKeeper(const BulkKeeper&) = delete;
  BulkKeeper& operator=(const BulkKeeper&) = delete;
  ~BulkKeeper() = default;

  /// Reads what was kept; blocks on the disk. What cannot be read is no reason not to start. Fails on a bad `store`.
  [[nodiscard]] Result<void> start();
  /// The last time: blocks on the disk. After the workers have ended.
  void finish();
  void reload(const ops::Config& config);
  void show_in(ops::Metrics& metrics);

  [[nodiscard]] bulk::Index& index() { return *index_; }
  /// Null: nobody else shares it.
  [[nodiscard]] net::BulkStream* stream() { return stream_.get(); }
  /// An admin's word, here and elsewhere; false: too many are allowed, or there is no such cluster.
  [[nodiscard]] bool allow(const bulk::Allowed& allowed);

 private:
  void save_later(Duration pause);
  void save();
  void forget_later();
  void forget();
  void saved(const Result<std::string>& outcome, Duration took);
  [[nodiscard]] std::string position() const { return stream_ ? stream_->position() : position_; }
  [[nodiscard]] bool kept() const { return !directory_.empty() && !state_->off(); }

  const Clock& clock_;
  session::Timers& timers_;
  session::Offload& offload_;
  session::Observer& observer_;
  const std::string directory_;
  const std::string store_;
  const Duration window_;
  const uint64_t memory_;
  std::string position_;                         // where the stream was, as it was read
  const std::shared_ptr<bulk::Index> index_;     // shared with a save that is under way when we go
  const std::shared_ptr<ops::BulkState> state_;  // likewise
  std::unique_ptr<net::BulkStream> stream_;
  bool failing_ = false;  // the last save failed, and that was said
  Pending timer_;
  Pending work_;
  Pending forget_timer_;
  Pending forget_work_;
};

}  // namespace postern::cli
