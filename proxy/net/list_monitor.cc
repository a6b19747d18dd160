#include "proxy/net/list_monitor.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "filters/base/bytes.h"

namespace postern::net {

using State = lists::Zone::State;

/// One zone: a probe, a pause, a probe, ...
class ListMonitor::Watched {
 public:
  Watched(ListMonitor& owner, lists::ZonePtr zone) : owner_(owner), zone_(std::move(zone)) {}

  /// The lists that use the zone from now on, by their places in `lists`; at least one.
  void use(lists::ListsPtr lists, std::vector<size_t> places) {
    // A probe under way reads the old lists: it is cancelled first.
    task_ = {};
    again_ = false;
    timer_.reset();
    lists_ = std::move(lists);
    list_ = &(*lists_)[places.front()];
    std::string names = in_words(places);
    // A list that shares a zone which is down is news, though the zone is not.
    if (names != names_) noted_ = State::Unknown;
    names_ = std::move(names);
    retry_ = kFirstRetry;
  }

  void begin() {
    if (task_ && !task_.done()) {
      again_ = true;
      return;
    }
    timer_.reset();
    again_ = false;
    task_ = lists::probe(owner_.dns_, owner_.clock_, *list_, owner_.salt(), owner_.timeout_);
    task_.start([this] { ended(); });
  }

  /// Tells an admin when the zone is no more what was said of it.
  void look() {
    lists::Zone::Status status = zone_->status();
    if (status.state == noted_) return;
    bool many = names_.find(' ') != std::string::npos;
    std::string_view what = many ? "lists" : "list";
    std::string_view is = many ? "are" : "is";
    State before = std::exchange(noted_, status.state);
    if (status.state == State::Down) {
      owner_.observer_.note(
          "warning", fmt::format("{} {} {} suspended: {}", what, names_, is, escape_for_log(status.reason, kReason)));
    } else if (before == State::Down) {
      owner_.observer_.note("info", fmt::format("{} {} {} back", what, names_, is));
    }
  }

  /// No rule asks it any more. Sessions that began before may wait for its first probe, which never comes now.
  void retire() {
    if (zone_->state() == State::Unknown) zone_->probed("its probe was given up: no rule asks it any more");
  }

 private:
  static constexpr size_t kReason = 400;

  [[nodiscard]] std::string in_words(const std::vector<size_t>& places) const {
    std::string words;
    for (size_t i = 0; i < places.size(); ++i) {
      if (i > 0) words += i + 1 == places.size() ? " and " : ", ";
      words += (*lists_)[places[i]].name;
    }
    return words;
  }

  void ended() {
    std::string fault = task_.take().fault;
    if (fault.empty() && std::exchange(again_, false)) {
      // The doubt may be younger than the answers.
      timer_ = owner_.timers_.after(Duration::zero(), [this] { begin(); });
      return;
    }
    zone_->probed(fault);
    look();
    if (zone_->state() == State::Up) {
      retry_ = kFirstRetry;
      timer_ = owner_.timers_.after(owner_.pause(), [this] { begin(); });
    } else {
      timer_ = owner_.timers_.after(std::min(retry_, owner_.interval_), [this] { begin(); });
      retry_ = std::min(retry_ * 2, owner_.interval_);
    }
  }

  ListMonitor& owner_;
  lists::ZonePtr zone_;
  lists::ListsPtr lists_;
  const lists::List* list_ = nullptr;  // one of lists_: zone and test points, as the rules have them now
  std::string names_;
  State noted_ = State::Unknown;
  Duration retry_ = kFirstRetry;
  bool again_ = false;
  Task<lists::ProbeResult> task_;
  Pending timer_;
};

ListMonitor::ListMonitor(session::Timers& timers, dns::Client& dns, const Clock& clock, lists::Zones& zones,
                         session::Observer& observer)
    : timers_(timers),
      dns_(dns),
      clock_(clock),
      zones_(zones),
      observer_(observer),
      random_((static_cast<uint64_t>(std::random_device{}()) << 32U) | std::random_device{}()) {}
ListMonitor::~ListMonitor() = default;

Duration ListMonitor::pause() {
  auto tenth = static_cast<uint64_t>(std::max<int64_t>(interval_.count() / 10, 1));
  return interval_ - Duration(static_cast<int64_t>(random_() % tenth));
}

void ListMonitor::watch(const lists::ListsPtr& lists, Duration interval, Duration timeout) {
  interval_ = interval;
  timeout_ = timeout;
  std::vector<lists::ZonePtr> zones = zones_.of(*lists);
  std::map<const lists::Zone*, std::vector<size_t>> places;
  for (size_t i = 0; i < zones.size(); ++i) {
    if (zones[i]) places[zones[i].get()].push_back(i);
  }
  for (auto at = watched_.begin(); at != watched_.end();) {
    if (places.count(at->first) == 0) at->second->retire();
    at = places.count(at->first) == 0 ? watched_.erase(at) : std::next(at);
  }
  for (auto& [zone, uses] : places) {
    auto& watched = watched_[zone];
    if (!watched) watched = std::make_unique<Watched>(*this, zones[uses.front()]);
    watched->use(lists, std::move(uses));
  }
  for (auto& [zone, watched] : watched_) {
    watched->look();
    watched->begin();
  }
}

void ListMonitor::probe_now(lists::Zone& zone) {
  auto found = watched_.find(&zone);
  if (found == watched_.end()) return;
  found->second->look();
  found->second->begin();
}

}  // namespace postern::net
