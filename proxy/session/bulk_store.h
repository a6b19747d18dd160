// BulkStore: where sessions count alike messages. In this process alone, or shared with other gateways (proxy/net).
#pragma once

#include <utility>

#include "filters/base/task.h"
#include "filters/bulk/index.h"
#include "filters/bulk/sighting.h"

namespace postern::session {

/// Of one worker, on its thread.
class BulkStore {
 public:
  BulkStore() = default;
  BulkStore(const BulkStore&) = delete;
  BulkStore& operator=(const BulkStore&) = delete;
  virtual ~BulkStore() = default;

  /// Counts the message and says what is known of its like. Waits for nobody longer than a few hundredths of a second;
  /// destroying the task leaves it open whether the message counts.
  [[nodiscard]] virtual Task<bulk::Seen> see(bulk::Sighting sighting) = 0;
  /// What became of it: Let or Withdrawn. Never waits.
  virtual void tell(bulk::Event event) = 0;
};

/// An index of this process, without anybody else. `index` outlives it.
class LocalBulk final : public BulkStore {
 public:
  explicit LocalBulk(bulk::Index& index) : index_(index) {}
  [[nodiscard]] Task<bulk::Seen> see(bulk::Sighting sighting) override { co_return index_.see(sighting); }
  void tell(bulk::Event event) override { bulk::apply(index_, event); }

 private:
  bulk::Index& index_;
};

}  // namespace postern::session
