// ClassifierKeeper: the model that the gateway classifies with: found, opened and handed on when `postern learn` has
// written another one.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "filters/base/clock.h"
#include "filters/classifier/model.h"
#include "proxy/ops/config.h"
#include "proxy/session/observer.h"
#include "proxy/session/ports.h"

namespace postern::cli {

/// Of the control thread. References outlive it.
class ClassifierKeeper {
 public:
  using ModelPtr = std::shared_ptr<const classifier::Model>;
  /// Another model from now on, or none. False: it did not reach everybody, and is said again later.
  using Use = std::function<bool(const ModelPtr& model)>;
  static constexpr Duration kPause = std::chrono::seconds(10);

  ClassifierKeeper(session::Timers& timers, session::Offload& offload, session::Observer& observer,
                   const ops::Config& config, Use use);
  ClassifierKeeper(const ClassifierKeeper&) = delete;
  ClassifierKeeper& operator=(const ClassifierKeeper&) = delete;
  ~ClassifierKeeper() = default;

  /// Opens the model that is there, which blocks on the disk, hands it on, and goes on looking.
  void start();
  /// Looks at once, whether or not the file seems to be another one.
  void reload(const ops::Config& config);

  /// Null: nothing was learned.
  [[nodiscard]] const ModelPtr& model() const { return model_; }

 private:
  /// What tells one file from the next in the same place; all zero: there is none.
  struct Mark {
    uint64_t device = 0;
    uint64_t inode = 0;
    int64_t seconds = 0;
    int64_t nanoseconds = 0;
    int64_t octets = 0;
    int error = 0;  // why it cannot be looked at

    friend bool operator==(const Mark&, const Mark&) = default;
  };
  /// What came of one look.
  struct Found {
    Mark mark;
    bool looked = false;  // it was another file than before, so it was opened
    Result<ModelPtr> model;
  };

  static Mark mark_of(const std::string& path);
  static Found find(const std::string& path, const Mark& before, bool anyway);
  void look_later();
  void look();
  void take(Found found);
  void say(const Found& found);

  session::Timers& timers_;
  session::Offload& offload_;
  session::Observer& observer_;
  const Use use_;
  std::string path_;  // empty: nothing is classified
  Mark mark_;         // of the file that was opened last, also of one that was refused
  ModelPtr model_;
  bool told_ = true;     // everybody has model_
  bool anyway_ = false;  // open the file even if it is the same
  bool looking_ = false;
  Pending timer_;
  Pending work_;
};

}  // namespace postern::cli
