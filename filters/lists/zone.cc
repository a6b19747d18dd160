#include "filters/lists/zone.h"

#include <algorithm>
#include <functional>
#include <utility>

#include <fmt/format.h>

namespace postern::lists {
namespace {

int64_t ticks(TimePoint at) {
  return at.time_since_epoch().count();
}

/// Whoever reports a DNS answer says in these words that there was none in time (dns::Answer::reason).
bool is_timeout(std::string_view reason) {
  return reason.find("timeout") != std::string_view::npos;
}

double seconds(Duration time) {
  return std::chrono::duration<double>(time).count();
}

/// What makes two lists one zone. NUL stands in no name.
std::string key_of(const List& list) {
  std::string key = list.zone;
  auto add = [&key](std::string_view part) {
    key += '\0';
    key += part;
  };
  Zone::Style style = Zone::style_of(list.of);
  add(std::to_string(static_cast<int>(style)));
  add(list.probe ? "probe" : "trust");
  add(list.listed.value_or(""));
  add(list.unlisted.value_or(""));
  if (style == Zone::Style::Hash) {
    add(std::to_string(static_cast<int>(list.digest)));
    add(std::to_string(static_cast<int>(list.encoding)));
  }
  return key;
}

}  // namespace

Zone::Zone(class Zones& owner, List list, State first) : owner_(owner), list_(std::move(list)), state_(first) {
  status_.state = first;
  status_.since_ms = owner_.clock_.wall_ms();
}

Zone::Style Zone::style_of(Subject of) {
  switch (of) {
    case Subject::Client:
    case Subject::Received: return Style::Address;
    case Subject::Rdns:
    case Subject::Helo:
    case Subject::From:
    case Subject::Author:
    case Subject::ReplyTo:
    case Subject::Dkim:
    case Subject::Url: return Style::Domain;
    case Subject::Hash: return Style::Hash;
  }
  return Style::Domain;
}

Zone::Status Zone::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

void Zone::report(const Reading& reading, std::string_view subject, std::string_view reason, TimePoint asked,
                  TimePoint now) {
  switch (reading.kind) {
    case Reading::Kind::Unlisted:
    case Reading::Kind::Other:
      answered(now);
      forget_run();
      return;
    case Reading::Kind::Listed:
      answered(now);
      listed(subject, now);
      return;
    case Reading::Kind::Refused:
    case Reading::Kind::Wrong:
      answered(now);
      kick(now);
      return;
    case Reading::Kind::NoAnswer: failed(reason, asked, now); return;
  }
}

void Zone::answered(TimePoint now) {
  last_success_.store(ticks(now), std::memory_order_relaxed);
  // Read first: all workers share these lines, and they hardly ever change.
  if (failures_.load(std::memory_order_relaxed) != 0) failures_.store(0, std::memory_order_relaxed);
}

void Zone::forget_run() {
  for (auto& slot : run_) {
    if (slot.load(std::memory_order_relaxed) != 0) slot.store(0, std::memory_order_relaxed);
  }
}

// A list that lists everything looks like a wave of spam at first; only a probe can tell. Workers may fill and empty
// the run at the same time: it may then be a subject too short or too long, which makes a probe early or late, no harm.
void Zone::listed(std::string_view subject, TimePoint now) {
  uint64_t mark = std::hash<std::string_view>{}(subject) | 1U;
  bool full = true;
  for (auto& slot : run_) {
    uint64_t seen = slot.load(std::memory_order_relaxed);
    if (seen == 0 && slot.compare_exchange_strong(seen, mark, std::memory_order_relaxed)) {
      full = &slot == &run_.back();
      break;
    }
    if (seen == mark) {
      full = run_.back().load(std::memory_order_relaxed) != 0;
      break;
    }
  }
  // A full run stays until a probe was asked for: one that came too early for that is not forgotten.
  if (full && kick(now)) forget_run();
}

void Zone::failed(std::string_view reason, TimePoint asked, TimePoint now) {
  int failures = failures_.fetch_add(1, std::memory_order_relaxed) + 1;
  bool late = is_timeout(reason);
  if (late && trip(reason, asked, now)) return;
  // Answers that a cache gave may hide that the list is dead, so every time-out asks for a probe.
  if ((late || failures >= kFailures) && kick(now)) failures_.store(0, std::memory_order_relaxed);
}

bool Zone::is_old(uint32_t ttl, TimePoint heard) {
  uint32_t longest = longest_ttl_.load(std::memory_order_relaxed);
  while (ttl > longest && !longest_ttl_.compare_exchange_weak(longest, ttl, std::memory_order_relaxed)) {}
  int64_t returned = returned_.load(std::memory_order_relaxed);
  if (returned == kNever) return false;
  uint32_t age = longest > ttl ? longest - ttl : 0;
  return ticks(heard - std::chrono::seconds(age)) < returned;
}

bool Zone::trip(std::string_view reason, TimePoint asked, TimePoint now) {
  if (state() == State::Down) return false;
  {
    std::lock_guard lock(mutex_);
    int64_t success = last_success_.load(std::memory_order_relaxed);
    if (status_.state == State::Down || (success != kNever && success > ticks(asked))) return false;
    // A zone whose probes are good while messages wait in vain (a server that drops most questions, a limit on
    // questions) would cost a message its time at each recovery. The first time may be chance; after that it must be
    // well for longer and longer before it is believed.
    bool calm = now - back_since_ >= kCalm && success != kNever && success > ticks(back_since_);
    trips_ = trips_ == 0 || calm ? 1 : trips_ + 1;
    Duration hold{};
    if (trips_ > 1) hold = std::min(kMaxHold, kHold * (1 << std::min(trips_ - 2, 10)));
    held_until_ = now + hold;
    status_.state = State::Down;
    distrusted_ = false;
    status_.reason =
        fmt::format("no answer within {:.1f} s ({}); messages do not wait for it until a probe is answered",
                    seconds(now - asked), reason);
    status_.since_ms = owner_.clock_.wall_ms();
    fell();
    state_.store(State::Down, std::memory_order_release);
  }
  failures_.store(0, std::memory_order_relaxed);
  last_kick_.store(ticks(now), std::memory_order_relaxed);
  if (owner_.changed) owner_.changed(*this);
  if (owner_.wants_probe) owner_.wants_probe(*this);
  return true;
}

void Zone::fell() {
  falls_.fetch_add(1, std::memory_order_release);
  owner_.turns_.fetch_add(1, std::memory_order_release);
}

bool Zone::kick(TimePoint now) {
  if (state() == State::Down) return false;  // it is probed anyway
  int64_t last = last_kick_.load(std::memory_order_relaxed);
  if (last != kNever && ticks(now) - last < kKick.count()) return false;
  if (!last_kick_.compare_exchange_strong(last, ticks(now), std::memory_order_relaxed)) return false;
  if (owner_.wants_probe) owner_.wants_probe(*this);
  return true;
}

void Zone::probed(const std::string& fault) {
  TimePoint now = owner_.clock_.now();
  bool good = fault.empty();
  {
    std::lock_guard lock(mutex_);
    status_.probed_ms = owner_.clock_.wall_ms();
    if (good) {
      // Look-ups that began before this may still time out: they do not say more than the probe.
      answered(now);
      if (status_.state == State::Down && now < held_until_) {
        status_.reason = fmt::format(
            "its probes are answered, but {} times in a row the questions of messages were not; it is asked again in "
            "{:.0f} s at the earliest",
            trips_, seconds(held_until_ - now));
        return;
      }
    }
    status_.reason = fault;
    State next = good ? State::Up : State::Down;
    if (status_.state == next) return;
    if (good) back_since_ = now;
    if (good && distrusted_) {
      returned_.store(ticks(now), std::memory_order_relaxed);
      owner_.turns_.fetch_add(1, std::memory_order_release);
    }
    distrusted_ = !good;
    status_.state = next;
    status_.since_ms = owner_.clock_.wall_ms();
    if (!good) fell();
    state_.store(next, std::memory_order_release);
  }
  if (owner_.changed) owner_.changed(*this);
}

ZonePtr Zones::of(const List& list) {
  std::lock_guard lock(mutex_);
  ZonePtr& zone = zones_[key_of(list)];
  if (!zone) {
    // A list without test points is taken on trust: nobody waits for its first probe.
    Zone::State first = list.probe ? first_ : Zone::State::Up;
    zone = ZonePtr(new Zone(*this, list, first));
  }
  return zone;
}

std::vector<ZonePtr> Zones::of(const Lists& lists) {
  std::vector<ZonePtr> zones;
  zones.reserve(lists.size());
  for (const List& list : lists) zones.push_back(list.enabled ? of(list) : nullptr);
  return zones;
}

}  // namespace postern::lists
