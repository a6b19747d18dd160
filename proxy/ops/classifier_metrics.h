// The metrics of the classifier; a part of Metrics.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>

namespace postern::ops {

/// What the filter "classifier" may come to, of one message.
inline constexpr std::array<std::string_view, 4> kClassifierResults{"ham", "spam", "unsure", "silent"};

/// Any thread.
class ClassifierMetrics {
 public:
  explicit ClassifierMetrics(prometheus::Registry& registry);

  /// Messages of each kind, and seconds since 1970.
  void learned(uint64_t ham, uint64_t spam, int64_t trained_at);

 private:
  prometheus::Family<prometheus::Gauge>& learned_;
  prometheus::Gauge& ham_;
  prometheus::Gauge& spam_;
  prometheus::Gauge& trained_at_;
};

}  // namespace postern::ops
