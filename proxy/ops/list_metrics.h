// The metrics of DNS lists; a part of Metrics.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include "filters/base/clock.h"
#include "filters/lists/list.h"
#include "proxy/ops/label_map.h"

namespace postern::ops {

/// What a question to a list may come to, in the order of the arrays here and in ListStatistics: the names of
/// lists::Reading::Kind, then those of what was not asked.
inline constexpr std::array<std::string_view, 8> kListResults{"unlisted", "listed",   "other",     "refused",
                                                              "wrong",    "noanswer", "suspended", "limit"};
/// The place in kListResults; for an unknown name that of "noanswer".
[[nodiscard]] size_t list_result(std::string_view name);
/// Whether anybody was asked.
[[nodiscard]] inline bool was_asked(size_t result) {
  return result < 6;
}

/// Whether the list answered, with whatever.
[[nodiscard]] inline bool was_answered(size_t result) {
  return result < 5;
}

/// Any thread. asked() and decisive() take no lock after the first use of a list's name.
class ListMetrics {
 public:
  explicit ListMetrics(prometheus::Registry& registry);

  /// Makes the series of the enabled lists exist, with 0. The health of lists that are gone is not shown any more.
  void in_force(const lists::Lists& lists);
  /// `time`: until the answer, 0 if it was known already: then it says nothing of the list's speed, and is left out.
  void asked(const std::string& list, size_t result, Duration time);
  void decisive(const std::string& list);
  /// Ignored for a list that is not in force.
  void state(const std::string& list, bool up);

 private:
  struct Series {
    std::array<prometheus::Counter*, kListResults.size()> queries{};
    prometheus::Counter* decisive = nullptr;
    prometheus::Histogram* seconds = nullptr;
  };
  Series& series(const std::string& list);

  prometheus::Family<prometheus::Counter>& queries_;
  prometheus::Family<prometheus::Gauge>& up_;
  prometheus::Family<prometheus::Counter>& decisive_;
  prometheus::Family<prometheus::Histogram>& seconds_;
  LabelMap<Series> series_{512};
  std::mutex mutex_;
  std::map<std::string, prometheus::Gauge*> present_;  // guarded by mutex_
};

}  // namespace postern::ops
