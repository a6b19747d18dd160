// What the lists say of one connection or one message: asked as soon as a subject is known, waited for when somebody
// reads it.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/base/signal.h"
#include "filters/base/task.h"
#include "filters/dns/dns.h"
#include "filters/lists/list.h"
#include "filters/lists/names.h"
#include "filters/lists/zone.h"

namespace postern::lists {

/// Told of every question, on the thread of the check.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;
  /// result: a Reading::Kind's name, "suspended" (not asked), "limit" (not asked). `time`: until the answer.
  virtual void list_asked(const List& list, std::string_view result, Duration time) = 0;
  /// A list answered with an error. Often; who logs it should not do so each time.
  virtual void list_error(const List& list, const std::string& reason) = 0;
};

class Check;

/// One worker's checks: wakes those that wait when a zone changes. One thread.
class Desk {
 public:
  /// All outlive it.
  Desk(const Clock& clock, Observer& observer) : clock_(clock), observer_(observer) {}
  Desk(const Desk&) = delete;
  Desk& operator=(const Desk&) = delete;
  ~Desk() = default;
  /// A zone's state changed: who waits for it looks again, and may end in this call. On the desk's thread, never inside
  /// a call of a check.
  void zones_changed();

 private:
  friend class Check;
  const Clock& clock_;
  Observer& observer_;
  std::list<Check*> waiting_;
};

/// Lists with their zones, looked up once for each set of rules and worker.
struct Bound {
  ListsPtr lists;
  std::vector<ZonePtr> zones;  // by list; null: not enabled
};

[[nodiscard]] std::shared_ptr<const Bound> bind_lists(const ListsPtr& lists, Zones& zones);

/// One thread. Questions go out at once, answers come in later turns; destroying it cancels.
class Check {
 public:
  /// `desk` and `dns` outlive it. `limit`: questions that it may ask.
  Check(Desk& desk, dns::Client& dns, std::shared_ptr<const Bound> bound, size_t limit, Duration timeout);
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;
  ~Check();

  /// Asks `list` about one thing.
  void ask(size_t list, const Query& query);
  /// Asks all enabled lists of this subject about each, list by list for one thing, then the next thing.
  void ask_all(Subject of, const std::vector<Query>& queries);
  /// Whether any enabled list is about `of`.
  [[nodiscard]] bool wants(Subject of) const;
  /// What it asked so far.
  [[nodiscard]] size_t asked() const { return asked_; }
  /// Only listings whose subject `keep` accepts count from now on (signatures that turned out not to pass).
  void keep_only(Subject of, const std::vector<std::string>& subjects);
  /// Forgets what is known of a subject (another HELO).
  void forget(Subject of);

  /// Everything that was asked of these lists is answered, or their zones are down, or hurry() was called since.
  /// One waiter at a time.
  Task<void> settle(std::vector<size_t> lists);
  /// Whoever waits in settle() goes on with what is known now; may end in this call.
  void hurry();
  [[nodiscard]] bool settled(size_t list) const;
  /// A list that did not count is up again: whoever keeps a check for long should begin another.
  [[nodiscard]] bool stale() const;
  /// What is known of `list` now. A zone that is not up is Suspended, whatever it said before.
  [[nodiscard]] Outcome outcome(size_t list) const;

 private:
  friend class Desk;
  /// What one list said so far.
  struct Said {
    size_t list = 0;
    size_t pending = 0;
    bool answered = false;   // at least one question was
    bool sick = false;       // one was answered by what no list says of a subject: nothing of it counts
    bool suspended = false;  // a question was not asked for it
    bool limited = false;    // the same, for the limit
    uint64_t falls = 0;      // of its zone, when it was first asked
    std::string failure;     // the first
    std::vector<Outcome::Listing> listings;
  };
  struct Question {
    size_t list = 0;
    std::string subject;
    std::string name;
    TimePoint asked;
    Pending lookup;
  };
  /// While somebody waits in settle().
  class Seat;

  Said& said(size_t list);
  [[nodiscard]] const Said* find(size_t list) const;
  void answered(Question& question, const dns::Answer& answer);

  Desk& desk_;
  dns::Client& dns_;
  std::shared_ptr<const Bound> bound_;
  size_t limit_;
  Duration timeout_;
  size_t asked_ = 0;
  std::vector<Said> said_;  // of the lists that were asked, in any order
  bool hurried_ = false;
  Signal changed_;
  std::list<Question> questions_;  // under way; goes first
};

}  // namespace postern::lists
