// The classifier: what was learned from sorted mail says how likely this message is spam.
#include "proxy/session/session_impl.h"

namespace postern::session {
namespace {

// Where the metric draws its lines; rules have their own.
constexpr double kSpam = 0.9;
constexpr double kHam = 0.1;

std::string_view result_of(const classifier::Outcome& outcome) {
  if (!outcome.ready) return "silent";
  if (outcome.spam >= kSpam) return "spam";
  return outcome.spam <= kHam ? "ham" : "unsure";
}

}  // namespace

/// On the loop: it takes some tens of microseconds, and only where a rule asks. One session looks at a time, and does
/// not wait meanwhile.
void SessionImpl::know_classifier(Transaction& tx, const message::Header& header) {
  Classifying* classifying = services_.classifier;
  if (classifying == nullptr || !classifying->model) return;
  if (!snapshot_.host->reads(rules::Stage::Message, "classifier")) return;
  TimePoint begin = services_.clock.now();
  Facts& facts = tx.facts;
  if (!facts.content) facts.content = std::make_shared<mime::Content>(facts.message, !facts.truncated);
  classifier::read_features(*facts.content, header, classifying->reading);
  facts.classifier = classifying->model->judge(classifying->reading);
  filter_done("classifier", result_of(facts.classifier), begin);
}

}  // namespace postern::session
