// The DNS port: how every filter asks, whoever answers (libunbound in the program, a table in tests).
#pragma once

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/ip.h"
#include "filters/base/pending.h"
#include "filters/base/task.h"

namespace postern::dns {

/// Record types that filters may ask for, with their numbers on the wire (RFC 1035, 3.2.2; RFC 3596).
enum class Type : uint16_t { A = 1, NS = 2, CNAME = 5, SOA = 6, PTR = 12, MX = 15, TXT = 16, AAAA = 28 };
[[nodiscard]] std::string_view to_string(Type type);

/// What is asked. `name` is raw octets with '.' between labels and no final dot: no escapes, any octet but '.' may
/// stand in a label. A name that is no DNS name (a label empty or over 63 octets, over 253 in all; RFC 1035, 2.3.4) is
/// answered NoName without asking anyone.
struct Question {
  std::string name;
  Type type = Type::A;

  friend bool operator==(const Question&, const Question&) = default;
  // NOLINTNEXTLINE(hicpp-use-nullptr,modernize-use-nullptr): clang-tidy 14 misreads a defaulted <=>
  friend auto operator<=>(const Question&, const Question&) = default;
};
/// Whether a name can be asked at all.
[[nodiscard]] bool is_valid_name(std::string_view name);

enum class Status {
  Found,     // at least one record of the type asked
  NoName,    // NXDOMAIN: no such name
  NoRecord,  // NOERROR without a record of this type
  TempFail,  // SERVFAIL, REFUSED, time-out, a broken answer, our own budget
};
[[nodiscard]] std::string_view to_string(Status status);

struct Mx {
  uint16_t preference = 0;
  std::string name;
};

/// Bounded: at most kMaxRecords records, in the order of the answer; aliases (CNAME) have been followed. Only the
/// vector of the type asked is filled. Names are raw octets without final dot, as in Question, in the case they came
/// in.
struct Answer {
  static constexpr size_t kMaxRecords = 256;

  Status status = Status::TempFail;
  uint32_t ttl = 0;                  // seconds; the smallest of the records (or of the negative answer)
  std::vector<IpAddress> addresses;  // A, AAAA (as stated: an AAAA that is IPv4-mapped stays out)
  std::vector<std::string> texts;    // TXT: the strings of one record joined (RFC 7208, 3.3); any octets, NUL included
  std::vector<std::string> names;    // PTR, NS, CNAME
  std::vector<Mx> exchanges;         // MX
  TimePoint got{};                   // when this process heard it; the epoch: its client does not say
  std::string reason;                // TempFail only: for logs, "timeout", "SERVFAIL", ...
};

/// Contract, tested for each implementation: that of Pending, and
///  - exactly one callback unless cancelled; a time-out is an answer (TempFail);
///  - the answer is bounded as said at Answer;
///  - one thread: the one that owns the client.
class Client {
 public:
  using Callback = std::function<void(const Answer&)>;

  Client() = default;
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  virtual ~Client() = default;

  /// Asks; `timeout` is for this look-up alone, zero or less means TempFail at once (in a later turn).
  [[nodiscard]] virtual Pending lookup(const Question& question, Duration timeout, Callback callback) = 0;
};

/// Told of each question that was answered, before whoever asked hears it, so while the look-up still lives: of one
/// that was cancelled nothing is told. `asked`: when. Must not throw, ask, or destroy anything.
using Witness = std::function<void(const Question& question, const Answer& answer, TimePoint asked)>;

/// The same client, with a witness. Not owned: client and clock outlive it, and it outlives its look-ups.
class Watched final : public Client {
 public:
  Watched(Client& client, const Clock& clock) : client_(client), clock_(clock) {}
  /// None at first: then it costs nothing. Look-ups that are under way tell whichever there is when they end.
  void set_witness(Witness witness) { witness_ = std::move(witness); }
  [[nodiscard]] Pending lookup(const Question& question, Duration timeout, Callback callback) override;

 private:
  Client& client_;
  const Clock& clock_;
  Witness witness_;
};

/// All the DNS that one message may use: a deadline and a number of look-ups over any client. Questions beyond either
/// are TempFail. Not owned: client and clock outlive it, and it outlives its look-ups.
class Budget final : public Client {
 public:
  struct Limits {
    Duration lookup = std::chrono::seconds(5);  // for one look-up
    Duration total = std::chrono::seconds(8);   // from construction (or restart()) on
    int lookups = 500;
  };
  Budget(Client& client, const Clock& clock, const Limits& limits);
  /// Begins the time and the count anew (the next message of a session).
  void restart();
  /// Begins the time anew, but not the count: the sender was slow, not the DNS.
  void restart_time() { restart_time(limits_.total); }
  /// The same with this much time.
  void restart_time(Duration total);
  [[nodiscard]] Pending lookup(const Question& question, Duration timeout, Callback callback) override;
  /// With the limit for one look-up.
  [[nodiscard]] Pending lookup(const Question& question, Callback callback) {
    return lookup(question, limits_.lookup, std::move(callback));
  }
  /// See Watched.
  void set_witness(Witness witness) { client_.set_witness(std::move(witness)); }

 private:
  Watched client_;
  const Clock& clock_;
  Limits limits_;
  TimePoint deadline_;
  int left_;
};

/// co_await ask(client, questions, timeout): all at once, answers in the order of the questions.
class [[nodiscard]] Ask {
 public:
  Ask(Client& client, std::vector<Question> questions, Duration timeout);
  [[nodiscard]] bool await_ready() const noexcept { return questions_.empty(); }
  void await_suspend(std::coroutine_handle<> caller);
  std::vector<Answer> await_resume() { return std::move(answers_); }

 private:
  Client& client_;
  std::vector<Question> questions_;
  Duration timeout_;
  size_t missing_;
  std::vector<Answer> answers_;
  std::vector<Pending> pending_;
};
[[nodiscard]] inline Ask ask(Client& client, std::vector<Question> questions, Duration timeout) {
  return {client, std::move(questions), timeout};
}

}  // namespace postern::dns
