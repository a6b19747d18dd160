#include "proxy/net/lookup.h"

#include <utility>

#include "proxy/net/loop.h"

namespace postern::net {

void RingNode::leave() {
  previous->next = next;
  next->previous = previous;
  previous = next = this;
}

void RingNode::join(RingNode& ring) {
  leave();
  previous = ring.previous;
  next = &ring;
  previous->next = this;
  ring.previous = this;
}

void RingNode::take_all(RingNode& ring) {
  if (ring.alone()) return;
  RingNode* first = ring.next;
  RingNode* last = ring.previous;
  ring.previous = ring.next = &ring;
  first->previous = previous;
  previous->next = first;
  last->next = this;
  previous = last;
}

void Lookup::arm(event_base* base, Duration timeout, event_callback_fn on_deadline) {
  evtimer_assign(&deadline_, base, on_deadline, this);
  timeval time = to_timeval(timeout);
  armed_ = event_add(&deadline_, &time) == 0;
}

void Lookup::disarm() {
  if (std::exchange(armed_, false)) event_del(&deadline_);
}

ReadyLookups::ReadyLookups(event_base* base, std::function<void(Lookup&)> delivering)
    : event_(evtimer_new(base, on_ready, this)), delivering_(std::move(delivering)) {
  POSTERN_CHECK(event_ != nullptr);
}

ReadyLookups::~ReadyLookups() {
  while (!ready_.alone()) ready_.next->leave();
  while (!running_.alone()) running_.next->leave();
  event_free(event_);
}

void ReadyLookups::put(Lookup& lookup, AnswerPtr answer) {
  lookup.disarm();
  lookup.answer = std::move(answer);
  lookup.join(ready_);
}

void ReadyLookups::add(Lookup& lookup, AnswerPtr answer) {
  put(lookup, std::move(answer));
  if (evtimer_pending(event_, nullptr) != 0) return;
  timeval now{};
  POSTERN_CHECK(event_add(event_, &now) == 0);
}

void ReadyLookups::on_ready(int, short, void* self) noexcept {
  static_cast<ReadyLookups*>(self)->deliver();
}

void ReadyLookups::deliver() {
  running_.take_all(ready_);
  while (!running_.alone()) {
    auto& lookup = static_cast<Lookup&>(*running_.next);
    lookup.leave();
    if (delivering_) delivering_(lookup);
    // The caller may destroy the look-up in its callback.
    AnswerPtr answer = std::move(lookup.answer);
    dns::Client::Callback callback = std::move(lookup.callback);
    callback(*answer);
  }
}

AnswerPtr plain_answer(dns::Status status, std::string reason) {
  dns::Answer answer;
  answer.status = status;
  answer.reason = std::move(reason);
  return std::make_shared<const dns::Answer>(std::move(answer));
}

}  // namespace postern::net
