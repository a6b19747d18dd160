#include "proxy/net/shared_dns.h"

#include <algorithm>
#include <string>
#include <unordered_map>
#include <utility>

#include "proxy/net/dns_seat.h"
#include "proxy/net/lookup.h"

namespace postern::net {
namespace {

AnswerPtr failure(std::string reason, TimePoint now) {
  dns::Answer answer;
  answer.status = dns::Status::TempFail;
  answer.reason = std::move(reason);
  answer.got = now;
  return std::make_shared<const dns::Answer>(std::move(answer));
}

bool is_timeout(const dns::Answer& answer) {
  return answer.status == dns::Status::TempFail && answer.reason == "timeout";
}

/// Who has no more time left than this has none.
constexpr Duration kSlack = std::chrono::milliseconds(2);

}  // namespace

DnsRing::~DnsRing() = default;

// ---------------------------------------------------------------- one worker

class SharedDns::Impl {
 public:
  using Seat = DnsRing::Seat;

  Impl(Loop& loop, const Clock& clock, std::shared_ptr<DnsRing> ring, dns::Client& own);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  Pending lookup(const dns::Question& question, Duration timeout, Callback callback);
  [[nodiscard]] size_t outstanding() const { return flights_.size(); }
  void forget() {
    cache_.clear();
    forgotten_ = clock_.now();
  }

 private:
  struct Waiter;
  struct Flight;
  using Flights = std::unordered_map<dns::Question, std::unique_ptr<Flight>, QuestionHash, QuestionEqual>;

  static void on_deadline(int fd, short what, void* waiter) noexcept;
  static void on_post(int fd, short what, void* self) noexcept;

  void wait_for_answer(Waiter& waiter, const dns::Question& question, Duration timeout);
  Flight& open(const dns::Question& question, TimePoint now, TimePoint deadline);
  bool cross(Flight& flight);
  void ask_own(Flight& flight);
  void read(const Seat::Letters& letters);
  void serve(const Seat::Asked& letter);
  void take(const Seat::Told& letter);
  void answered(Flight& flight, const AnswerPtr& answer);
  bool ask_again(Flight& flight, const AnswerPtr& answer, TimePoint now);
  void tell(size_t seat, uint64_t id, AnswerPtr answer);
  Seat::Letters& letters_to(size_t seat);
  void post();
  void forget_if_unwanted(Flight& flight);

  event_base* base_;
  const Clock& clock_;
  const std::shared_ptr<DnsRing> ring_;
  dns::Client& own_;
  const size_t seat_;  // ours
  const AnswerPtr timed_out_ = plain_answer(dns::Status::TempFail, "timeout");
  AnswerCache cache_;  // of answers with `got`: who takes one over from another worker keeps it no longer than that one
  TimePoint forgotten_{};
  Flights flights_;
  std::unordered_map<uint64_t, Flight*> crossed_;  // by the number that the answer will bear
  uint64_t next_id_ = 1;
  std::vector<Seat::Letters> outgoing_;  // by seat; posted at the end of the turn
  event* post_event_;
  ReadyLookups ready_;
};

/// One question under way.
struct SharedDns::Impl::Flight {
  struct Asker {
    size_t seat = 0;
    uint64_t id = 0;
    TimePoint deadline;
  };
  Flight(Impl& owner, dns::Question what, TimePoint now, TimePoint until)
      : impl(owner), question(std::move(what)), asked(now), deadline(until) {}

  Impl& impl;
  dns::Question question;
  TimePoint asked;
  TimePoint deadline;         // of the look-up that is under way
  Pending own;                // our own client's; none while another worker asks
  uint64_t crossed = 0;       // the number under which another worker asks; 0: none does
  RingNode waiters;           // here
  std::vector<Asker> askers;  // elsewhere; only for questions that are ours
};

/// One look-up of one caller. Armed, but for the first that waits for a flight of our own client, which keeps that
/// deadline (and counts the time-out).
struct SharedDns::Impl::Waiter final : Lookup {
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() override {
    leave();
    if (flight != nullptr) flight->impl.forget_if_unwanted(*flight);
  }
  Flight* flight = nullptr;  // while it waits for one
  TimePoint deadline;
};

SharedDns::Impl::Impl(Loop& loop, const Clock& clock, std::shared_ptr<DnsRing> ring, dns::Client& own)
    : base_(loop.base()),
      clock_(clock),
      ring_(std::move(ring)),
      own_(own),
      seat_(ring_->seats_.size()),
      cache_(kAnswers, kAnswerBytes),
      post_event_(evtimer_new(base_, on_post, this)),
      ready_(base_, nullptr) {
  POSTERN_CHECK(post_event_ != nullptr);
  ring_->seats_.push_back(std::make_shared<Seat>(loop.inbox(), [this](const auto& letters) { read(letters); }));
}

SharedDns::Impl::~Impl() {
  for (const auto& letter : ring_->seats_[seat_]->close()) tell(letter.from, letter.id, nullptr);
  for (auto& [question, flight] : flights_) {
    for (const auto& asker : flight->askers) tell(asker.seat, asker.id, nullptr);
    while (!flight->waiters.alone()) {
      auto& waiter = static_cast<Waiter&>(*flight->waiters.next);
      waiter.disarm();
      waiter.leave();
      waiter.flight = nullptr;
    }
  }
  for (auto& letters : outgoing_) letters.asked.clear();
  post();
  event_free(post_event_);
}

// ---------------------------------------------------------------- asking

Pending SharedDns::Impl::lookup(const dns::Question& question, Duration timeout, Callback callback) {
  auto waiter = std::make_unique<Waiter>();
  waiter->callback = std::move(callback);
  if (timeout <= Duration::zero()) {
    ready_.add(*waiter, timed_out_);
  } else if (!dns::is_valid_name(question.name)) {
    ready_.add(*waiter, plain_answer(dns::Status::NoName));
  } else if (AnswerPtr known = cache_.find(question, clock_.now())) {
    ready_.add(*waiter, std::move(known));
  } else {
    wait_for_answer(*waiter, question, timeout);
  }
  return Pending(std::move(waiter));
}

void SharedDns::Impl::wait_for_answer(Waiter& waiter, const dns::Question& question, Duration timeout) {
  TimePoint now = clock_.now();
  waiter.deadline = now + timeout;
  auto place = flights_.find(question);
  bool fresh = place == flights_.end();
  if (fresh && flights_.size() >= kMaxOutstanding) {
    ready_.add(waiter, plain_answer(dns::Status::TempFail, "too many look-ups"));
    return;
  }
  Flight& flight = fresh ? open(question, now, waiter.deadline) : *place->second;
  waiter.flight = &flight;
  waiter.join(flight.waiters);
  if (fresh && !cross(flight)) {
    ask_own(flight);
  } else {
    waiter.arm(base_, timeout, on_deadline);
  }
}

SharedDns::Impl::Flight& SharedDns::Impl::open(const dns::Question& question, TimePoint now, TimePoint deadline) {
  return *flights_.emplace(question, std::make_unique<Flight>(*this, question, now, deadline)).first->second;
}

/// Writes to the worker whose question it is. False: it is ours.
bool SharedDns::Impl::cross(Flight& flight) {
  size_t owner = QuestionHash()(flight.question) % ring_->seats_.size();
  if (owner == seat_) return false;
  flight.crossed = next_id_++;
  crossed_.emplace(flight.crossed, &flight);
  letters_to(owner).asked.push_back({seat_, flight.crossed, flight.question, flight.deadline});
  return true;
}

void SharedDns::Impl::ask_own(Flight& flight) {
  flight.own = own_.lookup(flight.question, flight.deadline - clock_.now(), [this, &flight](const dns::Answer& answer) {
    auto heard = std::make_shared<dns::Answer>(answer);
    if (heard->got == TimePoint{}) heard->got = clock_.now();
    answered(flight, std::move(heard));
    ready_.deliver();
  });
}

void SharedDns::Impl::on_deadline(int, short, void* lookup) noexcept {
  auto& late = static_cast<Waiter&>(*static_cast<Lookup*>(lookup));
  late.fired();
  Flight& flight = *std::exchange(late.flight, nullptr);
  Impl& impl = flight.impl;
  impl.ready_.put(late, impl.timed_out_);
  impl.forget_if_unwanted(flight);
  impl.ready_.deliver();
}

void SharedDns::Impl::forget_if_unwanted(Flight& flight) {
  if (!flight.waiters.alone() || !flight.askers.empty()) return;
  if (flight.crossed != 0) crossed_.erase(flight.crossed);
  flights_.erase(flights_.find(flight.question));
}

// ---------------------------------------------------------------- answering

/// `answer`: of whoever asked. Callbacks run in the deliver() of the caller.
void SharedDns::Impl::answered(Flight& flight, const AnswerPtr& answer) {
  TimePoint now = clock_.now();
  // A look-up that "timed out" at once, long before its deadline, would do so again.
  bool patient = now + kSlack >= flight.deadline || now - flight.asked >= kSlack;
  if (is_timeout(*answer) && patient && ask_again(flight, answer, now)) return;
  // An owner that has not forgotten yet may answer with what it knew before.
  if (std::min(flight.asked, answer->got) > forgotten_) cache_.store(flight.question, answer, answer->got);
  for (const auto& asker : flight.askers) tell(asker.seat, asker.id, answer);
  while (!flight.waiters.alone()) {
    auto& waiter = static_cast<Waiter&>(*flight.waiters.next);
    waiter.flight = nullptr;
    ready_.put(waiter, answer);
  }
  flight.askers.clear();
  forget_if_unwanted(flight);
}

/// The look-up under way ended with the patience of who began it. Those who came later and have time left get another
/// one; false when there are none.
bool SharedDns::Impl::ask_again(Flight& flight, const AnswerPtr& answer, TimePoint now) {
  TimePoint latest = now;
  RingNode staying;
  while (!flight.waiters.alone()) {
    auto& waiter = static_cast<Waiter&>(*flight.waiters.next);
    if (waiter.armed() && waiter.deadline > now + kSlack) {
      latest = std::max(latest, waiter.deadline);
      waiter.join(staying);
    } else {
      waiter.flight = nullptr;
      ready_.put(waiter, answer);
    }
  }
  flight.waiters.take_all(staying);
  auto late = std::stable_partition(flight.askers.begin(), flight.askers.end(),
                                    [&](const auto& asker) { return asker.deadline > now + kSlack; });
  for (auto asker = late; asker != flight.askers.end(); ++asker) tell(asker->seat, asker->id, answer);
  flight.askers.erase(late, flight.askers.end());
  for (const auto& asker : flight.askers) latest = std::max(latest, asker.deadline);
  if (latest == now) return false;
  flight.deadline = latest;
  flight.asked = now;
  if (flight.crossed != 0) crossed_.erase(std::exchange(flight.crossed, 0));
  if (!cross(flight)) ask_own(flight);
  return true;
}

void SharedDns::Impl::read(const Seat::Letters& letters) {
  for (const auto& letter : letters.asked) serve(letter);
  for (const auto& letter : letters.told) take(letter);
  post();
  ready_.deliver();
}

/// Another worker asks what is ours.
void SharedDns::Impl::serve(const Seat::Asked& letter) {
  TimePoint now = clock_.now();
  if (AnswerPtr known = cache_.find(letter.question, now)) {
    tell(letter.from, letter.id, known);
    return;
  }
  auto place = flights_.find(letter.question);
  bool fresh = place == flights_.end();
  if (letter.deadline <= now || (fresh && flights_.size() >= kMaxOutstanding)) {
    tell(letter.from, letter.id, failure(letter.deadline <= now ? "timeout" : "too many look-ups", now));
    return;
  }
  Flight& flight = fresh ? open(letter.question, now, letter.deadline) : *place->second;
  flight.askers.push_back({letter.from, letter.id, letter.deadline});
  if (fresh) ask_own(flight);
}

/// Another worker answers.
void SharedDns::Impl::take(const Seat::Told& letter) {
  auto found = crossed_.find(letter.id);
  if (found == crossed_.end()) return;  // nobody waits any more
  Flight& flight = *found->second;
  if (letter.answer) {
    answered(flight, letter.answer);
    return;
  }
  flight.crossed = 0;
  crossed_.erase(found);
  ask_own(flight);
}

void SharedDns::Impl::tell(size_t seat, uint64_t id, AnswerPtr answer) {
  letters_to(seat).told.push_back({id, std::move(answer)});
}

DnsRing::Seat::Letters& SharedDns::Impl::letters_to(size_t seat) {
  // Behind the events that the loop has at hand, which may write to the same workers.
  if (outgoing_.empty()) outgoing_.resize(ring_->seats_.size());
  event_active(post_event_, EV_TIMEOUT, 0);
  return outgoing_[seat];
}

void SharedDns::Impl::on_post(int, short, void* self) noexcept {
  static_cast<Impl*>(self)->post();
}

void SharedDns::Impl::post() {
  for (size_t seat = 0; seat < outgoing_.size(); ++seat) {
    Seat::Letters& letters = outgoing_[seat];
    if (letters.empty()) continue;
    size_t questions = letters.asked.size();
    if (ring_->seats_[seat]->send(letters)) {
      ring_->crossings_.fetch_add(questions, std::memory_order_relaxed);
      continue;
    }
    // Who left needs no answers, and those that do not fit are lost ones. Our questions are for our own client then.
    for (const auto& letter : letters.asked) take({letter.id, nullptr});
    letters.asked.clear();
    letters.told.clear();
  }
}

// ---------------------------------------------------------------- outside

SharedDns::SharedDns(Loop& loop, const Clock& clock, std::shared_ptr<DnsRing> ring, dns::Client& own)
    : impl_(std::make_unique<Impl>(loop, clock, std::move(ring), own)) {}
SharedDns::~SharedDns() = default;

Pending SharedDns::lookup(const dns::Question& question, Duration timeout, Callback callback) {
  return impl_->lookup(question, timeout, std::move(callback));
}

void SharedDns::forget() {
  impl_->forget();
}

size_t SharedDns::outstanding() const {
  return impl_->outstanding();
}

}  // namespace postern::net
