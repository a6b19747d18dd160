// Pending: a handle on an operation that is under way.
#pragma once

#include <memory>
#include <utility>

namespace postern {

/// The contract of every asynchronous operation of this project, on one thread:
///  1. the callback never runs inside the call that started the operation;
///  2. it runs at most once, and only while the handle lives;
///  3. destroying (or reset()ing) the handle cancels, also from inside another callback;
///  4. inside the callback the handle may be destroyed: an implementation touches nothing of the operation after it.
/// So a callback may capture `this` of the object that holds the handle.
class Pending {
 public:
  /// What an implementation derives from; its destructor cancels.
  class Operation {
   public:
    Operation() = default;
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;
    virtual ~Operation() = default;
  };

  Pending() = default;
  explicit Pending(std::unique_ptr<Operation> operation) : operation_(std::move(operation)) {}

  void reset() { operation_.reset(); }
  [[nodiscard]] explicit operator bool() const { return operation_ != nullptr; }

 private:
  std::unique_ptr<Operation> operation_;
};

}  // namespace postern
