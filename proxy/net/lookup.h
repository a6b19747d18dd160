// What the DNS clients of this folder have in common: look-ups that wait in rings, each with a deadline of its own, and
// the turn of the loop in which they hear their answers.
#pragma once

#include <functional>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "filters/base/pending.h"
#include "filters/dns/dns.h"
#include "proxy/net/answer_cache.h"

namespace postern::net {

/// A ring of waiting look-ups: an element may leave from wherever it stands, in constant time.
struct RingNode {
  RingNode() = default;
  RingNode(const RingNode&) = delete;
  RingNode& operator=(const RingNode&) = delete;
  ~RingNode() { leave(); }

  [[nodiscard]] bool alone() const { return next == this; }
  void leave();
  void join(RingNode& ring);
  /// All of `ring` at our end, in order.
  void take_all(RingNode& ring);

  RingNode* previous = this;
  RingNode* next = this;
};

/// One look-up of one caller. Destroying it cancels.
class Lookup : public Pending::Operation, public RingNode {
 public:
  Lookup() = default;
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() override { disarm(); }

  /// `on_deadline` gets this look-up (as Lookup*) after `timeout`, unless it is disarmed before.
  void arm(event_base* base, Duration timeout, event_callback_fn on_deadline);
  void disarm();
  /// Whether its deadline is still to come.
  [[nodiscard]] bool armed() const { return armed_; }
  /// For on_deadline: the event has fired.
  void fired() { armed_ = false; }

  dns::Client::Callback callback;
  AnswerPtr answer;

 private:
  bool armed_ = false;
  event deadline_;  // assigned when armed
};

/// Look-ups that have their answer. Their callbacks run in a turn of their own, never inside lookup().
class ReadyLookups {
 public:
  /// `delivering`: called before each callback; may be empty.
  ReadyLookups(event_base* base, std::function<void(Lookup&)> delivering);
  ReadyLookups(const ReadyLookups&) = delete;
  ReadyLookups& operator=(const ReadyLookups&) = delete;
  /// Those that still wait are never answered.
  ~ReadyLookups();

  /// To be delivered in a later turn.
  void add(Lookup& lookup, AnswerPtr answer);
  /// To be delivered by the deliver() that the caller, who is an event of the loop, is about to call.
  void put(Lookup& lookup, AnswerPtr answer);
  /// What callbacks ask now is delivered in a later turn, so that the rest of the loop gets its share.
  void deliver();

 private:
  static void on_ready(int fd, short what, void* self) noexcept;

  event* event_;
  std::function<void(Lookup&)> delivering_;
  RingNode ready_;    // answered, callback not yet called
  RingNode running_;  // the part of ready_ that the current turn delivers
};

/// An answer without records.
[[nodiscard]] AnswerPtr plain_answer(dns::Status status, std::string reason = "");

}  // namespace postern::net
