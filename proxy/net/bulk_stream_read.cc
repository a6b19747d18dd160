// BulkStream::Impl: how events come out of the stream, ours and those of others.
#include <string>
#include <utility>
#include <variant>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

#include "filters/base/bytes.h"
#include "proxy/net/bulk_stream_impl.h"

namespace postern::net {
namespace {

constexpr std::string_view kCount = "128";                       // entries at a time
constexpr std::string_view kBlock = "1000";                      // milliseconds that Redis waits for the next entry
constexpr Duration kDeadline = std::chrono::milliseconds(2000);  // for that, and the answer's way
constexpr size_t kMaxEvent = 8192;
constexpr int64_t kMaxAheadMs = 600'000;  // another gateway's clock
constexpr Duration kComplaints = std::chrono::minutes(10);
constexpr size_t kErrorLength = 120;

}  // namespace

void BulkStream::Impl::read() {
  expected_ = acknowledged_;
  expected_probe_ = probe_ && probe_->acknowledged;
  read_deadline_ = timers_.after(kDeadline, [this] { fail("no answer"); });
  reader_->ask({"XREAD", "COUNT", kCount, "BLOCK", kBlock, "STREAMS", kKey, at_.text()},
               [this](const redisReply& reply) { arrived(reply); });
}

void BulkStream::Impl::arrived(const redisReply& reply) {
  if (failing_) return;
  if (reply.type == REDIS_REPLY_NIL) {
    nothing_new();
  } else if (auto entries = entries_of(reply)) {
    StreamId before = at_;
    for (const auto& entry : *entries) {
      if (at_ < entry.id) take(entry);
    }
    if (at_ == before) fail("it answers nonsense");
  } else {
    bool error = reply.type == REDIS_REPLY_ERROR;
    fail(error ? escape_for_log({reply.str, reply.len}, kErrorLength) : "it answers nonsense");
  }
  if (!failing_) read();
}

void BulkStream::Impl::nothing_new() {
  // What Redis had taken before it was asked stands behind us in the stream, or in no stream any more.
  bool lost = expected_probe_ && probe_;
  while (!flying_.empty() && flying_.front()->number <= expected_) {
    flying_.pop_front();
    lost = true;
  }
  if (lost) {
    fail("what was written does not come back");
  } else if (!up_) {
    probe_soon();
  }
}

void BulkStream::Impl::take(const StreamEntry& entry) {
  at_ = entry.id;
  started_ = true;
  if (!entry.from) {
    refuse(Refusal::Form, "not written by a gateway");
  } else if (entry.from->gateway == name_) {
    take_own(entry);
  } else if (!entry.event.empty()) {
    take_foreign(entry);
  }
  remember();
}

void BulkStream::Impl::take_own(const StreamEntry& entry) {
  uint64_t number = entry.from->number;
  if (entry.event.empty()) {
    if (probe_ && probe_->number == number) came_back(std::exchange(probe_, std::nullopt)->written);
    return;
  }
  // Those before it were lost with a Redis that kept nothing.
  while (!flying_.empty() && flying_.front()->number < number) flying_.pop_front();
  if (flying_.empty() || flying_.front()->number != number) return;  // a repetition
  ParcelPtr parcel = std::move(flying_.front());
  flying_.pop_front();
  if (parcel->claim()) {
    parcel->count(index_);
    if (parcel->counted) parcel->counted();
  }
  came_back(parcel->written);
}

void BulkStream::Impl::came_back(TimePoint written) {
  reconnect_.reset();
  Duration took = clock_.now() - written;
  if (took > kPatience || !queue_.empty()) {
    // Too late to wait for. Another try soon, for messages may be rare.
    if (up_) return;
    if (took > kPatience && queue_.empty()) {
      auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
      say_down(fmt::format("answers too late: {} ms", ms));
    }
    probe_soon();
    return;
  }
  probing_.reset();
  up_ = true;
  say_up();
}

void BulkStream::Impl::take_foreign(const StreamEntry& entry) {
  if (entry.event.size() > kMaxEvent) return refuse(Refusal::Size, "too large");
  auto event = bulk::decode(entry.event);
  if (!event) return refuse(Refusal::Content, event.error().message);
  if (const auto* sighting = std::get_if<bulk::Sighting>(&*event)) {
    int64_t age = clock_.wall_ms() - sighting->wall_ms;
    if (age < -kMaxAheadMs) return refuse(Refusal::Future, "from the future: a gateway's clock is wrong");
    if (age > std::chrono::duration_cast<std::chrono::milliseconds>(window_).count()) return;
  }
  if (!heard_.is_new(*entry.from)) return;
  bulk::apply(index_, *event);
  ++received_;
}

void BulkStream::Impl::refuse(Refusal kind, const std::string& why) {
  ++refused_;
  Complaint& complaint = complaints_.at(static_cast<size_t>(kind));
  ++complaint.since;
  TimePoint now = clock_.now();
  if (complaint.last && now - *complaint.last < kComplaints) return;
  observer_.note("warning", fmt::format("bulk: passed over {} entries in Redis at {}: {}", complaint.since,
                                        store_.shown(), escape_for_log(why)));
  complaint = {now, 0};
}

}  // namespace postern::net
