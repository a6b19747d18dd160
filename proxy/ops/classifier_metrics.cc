#include "proxy/ops/classifier_metrics.h"

namespace postern::ops {

ClassifierMetrics::ClassifierMetrics(prometheus::Registry& registry)
    : learned_(prometheus::BuildGauge()
                   .Name("postern_classifier_learned")
                   .Help("Messages that the classifier in use was made from, by their kind.")
                   .Register(registry)),
      ham_(learned_.Add({{"kind", "ham"}})),
      spam_(learned_.Add({{"kind", "spam"}})),
      trained_at_(prometheus::BuildGauge()
                      .Name("postern_classifier_trained_seconds")
                      .Help("When the classifier in use was made, in seconds since 1970; 0: there is none.")
                      .Register(registry)
                      .Add({})) {}

void ClassifierMetrics::learned(uint64_t ham, uint64_t spam, int64_t trained_at) {
  ham_.Set(static_cast<double>(ham));
  spam_.Set(static_cast<double>(spam));
  trained_at_.Set(static_cast<double>(trained_at));
}

}  // namespace postern::ops
