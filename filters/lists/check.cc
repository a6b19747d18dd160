#include "filters/lists/check.h"

#include <algorithm>
#include <utility>

namespace postern::lists {

void Desk::zones_changed() {
  // Whoever is woken may end, and take its seat with it; or wait again, at the end.
  size_t seats = waiting_.size();
  for (; seats > 0 && !waiting_.empty(); --seats) {
    Check* check = waiting_.front();
    waiting_.splice(waiting_.end(), waiting_, waiting_.begin());
    check->changed_.notify();
  }
}

std::shared_ptr<const Bound> bind_lists(const ListsPtr& lists, Zones& zones) {
  return std::make_shared<const Bound>(Bound{lists, zones.of(*lists)});
}

class Check::Seat {
 public:
  explicit Seat(Check& check) : waiting_(check.desk_.waiting_), place_(waiting_.insert(waiting_.end(), &check)) {}
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { waiting_.erase(place_); }

 private:
  std::list<Check*>& waiting_;
  std::list<Check*>::iterator place_;
};

Check::Check(Desk& desk, dns::Client& dns, std::shared_ptr<const Bound> bound, size_t limit, Duration timeout)
    : desk_(desk), dns_(dns), bound_(std::move(bound)), limit_(limit), timeout_(timeout) {}
Check::~Check() = default;

Check::Said& Check::said(size_t list) {
  auto known = std::find_if(said_.begin(), said_.end(), [list](const Said& each) { return each.list == list; });
  if (known != said_.end()) return *known;
  Said& fresh = said_.emplace_back();
  fresh.list = list;
  if (const ZonePtr& zone = bound_->zones[list]) fresh.falls = zone->falls();
  return fresh;
}

const Check::Said* Check::find(size_t list) const {
  auto known = std::find_if(said_.begin(), said_.end(), [list](const Said& each) { return each.list == list; });
  return known == said_.end() ? nullptr : &*known;
}

bool Check::wants(Subject of) const {
  const Lists& lists = *bound_->lists;
  for (size_t list = 0; list < lists.size(); ++list) {
    if (lists[list].of == of && bound_->zones[list]) return true;
  }
  return false;
}

void Check::ask(size_t list, const Query& query) {
  const ZonePtr& zone = bound_->zones[list];
  if (!zone) return;
  const List& definition = (*bound_->lists)[list];
  auto name = list_name(query, definition);
  if (!name) return;
  Said& to = said(list);
  if (zone->state() == Zone::State::Down) {
    to.suspended = true;
    desk_.observer_.list_asked(definition, "suspended", Duration::zero());
    return;
  }
  if (asked_ >= limit_) {
    to.limited = true;
    desk_.observer_.list_asked(definition, "limit", Duration::zero());
    return;
  }
  ++asked_;
  ++to.pending;
  hurried_ = false;
  Question& question = questions_.emplace_back();
  question.list = list;
  question.subject = query.subject;
  question.name = *name;
  question.asked = desk_.clock_.now();
  question.lookup = dns_.lookup({std::move(*name), dns::Type::A}, timeout_,
                                [this, &question](const dns::Answer& answer) { answered(question, answer); });
}

void Check::ask_all(Subject of, const std::vector<Query>& queries) {
  const Lists& lists = *bound_->lists;
  for (const Query& query : queries) {
    for (size_t list = 0; list < lists.size(); ++list) {
      if (lists[list].of == of) ask(list, query);
    }
  }
}

// The last thing that happens to this object here is notify(): whoever waits may destroy it.
void Check::answered(Question& question, const dns::Answer& answer) {
  const List& list = (*bound_->lists)[question.list];
  Reading reading = read_answer(list, answer);
  TimePoint now = desk_.clock_.now();
  ZonePtr zone = bound_->zones[question.list];
  bool old =
      reading.kind == Reading::Kind::Listed && zone->is_old(answer.ttl, answer.got == TimePoint{} ? now : answer.got);
  // What a cache of ours knew says nothing of how the list does now, nor of how fast it is.
  bool cached = answer.got != TimePoint{} && answer.got < question.asked;
  desk_.observer_.list_asked(list, old ? "suspended" : to_string(reading.kind),
                             cached ? Duration::zero() : now - question.asked);
  Said& to = said(question.list);
  --to.pending;
  to.answered = true;
  to.suspended = to.suspended || old;
  std::string reason;
  switch (reading.kind) {
    case Reading::Kind::Listed:
      if (!old && to.listings.size() < Outcome::kMaxListings) {
        to.listings.push_back({question.subject, std::move(question.name), reading.answers, reading.matched});
      }
      break;
    case Reading::Kind::Unlisted:
    case Reading::Kind::Other: break;
    case Reading::Kind::NoAnswer: reason = answer.reason.empty() ? "no answer" : answer.reason; break;
    case Reading::Kind::Refused:
    case Reading::Kind::Wrong:
      reason = explain(list, reading);
      to.sick = true;
      break;
  }
  if (!reason.empty()) {
    if (to.failure.empty()) to.failure = reason;
    desk_.observer_.list_error(list, reason);
  }
  std::string subject = std::move(question.subject);
  TimePoint asked = question.asked;
  questions_.remove_if([&question](const Question& each) { return &each == &question; });
  if (!old && !cached) zone->report(reading, subject, reason, asked, now);
  changed_.notify();
}

void Check::keep_only(Subject of, const std::vector<std::string>& subjects) {
  for (Said& each : said_) {
    if ((*bound_->lists)[each.list].of != of) continue;
    auto gone = [&subjects](const Outcome::Listing& listing) {
      return std::find(subjects.begin(), subjects.end(), listing.subject) == subjects.end();
    };
    each.listings.erase(std::remove_if(each.listings.begin(), each.listings.end(), gone), each.listings.end());
  }
}

void Check::forget(Subject of) {
  const Lists& lists = *bound_->lists;
  questions_.remove_if([&](const Question& each) { return lists[each.list].of == of; });
  said_.erase(std::remove_if(said_.begin(), said_.end(), [&](const Said& each) { return lists[each.list].of == of; }),
              said_.end());
}

bool Check::settled(size_t list) const {
  const ZonePtr& zone = bound_->zones[list];
  const Said* said = find(list);
  if (!zone || said == nullptr || zone->state() == Zone::State::Down) return true;
  return said->pending == 0 && (zone->state() == Zone::State::Up || !said->answered);
}

Task<void> Check::settle(std::vector<size_t> lists) {
  Seat seat(*this);
  for (size_t list : lists) {
    while (!settled(list) && !hurried_) co_await changed_;
  }
}

void Check::hurry() {
  hurried_ = true;
  changed_.notify();
}

bool Check::stale() const {
  return std::any_of(said_.begin(), said_.end(), [this](const Said& each) {
    const ZonePtr& zone = bound_->zones[each.list];
    return zone && zone->state() == Zone::State::Up && (each.suspended || each.falls != zone->falls());
  });
}

Outcome Check::outcome(size_t list) const {
  Outcome outcome;
  const Said* said = find(list);
  const ZonePtr& zone = bound_->zones[list];
  if (said == nullptr || !zone) return outcome;
  if (zone->state() != Zone::State::Up) {
    outcome.state = Outcome::State::Suspended;
    outcome.reason = zone->status().reason;
  } else if (said->falls != zone->falls()) {
    outcome.state = Outcome::State::Suspended;
    outcome.reason = "it was suspended since it answered";
  } else if (!said->listings.empty() && !said->sick) {
    outcome.state = Outcome::State::Listed;
    outcome.listings = said->listings;
  } else if (said->suspended) {
    outcome.state = Outcome::State::Suspended;
    outcome.reason = "it was suspended when it should have been asked";
  } else if (!said->failure.empty() || said->pending > 0) {
    outcome.state = Outcome::State::Failed;
  } else if (said->answered) {
    outcome.state = Outcome::State::Unlisted;
  }
  if (!outcome.reason.empty()) return outcome;
  if (!said->failure.empty()) {
    outcome.reason = said->failure;
  } else if (said->pending > 0) {
    outcome.reason = "no answer yet";
  } else if (said->limited) {
    outcome.reason = "[limits] list_queries";
  }
  return outcome;
}

}  // namespace postern::lists
