// What is said of a cluster.
#include <algorithm>
#include <vector>

#include "filters/bulk/members.h"
#include "filters/bulk/samples.h"

namespace postern::bulk {
namespace {

/// A cluster of one message: its head says all there is.
void say_single(const Head& head, Outcome& outcome) {
  auto known = [&](Who who) { return uint64_t{head.who[static_cast<size_t>(who)] != 0}; };
  outcome.networks = known(Who::Networks);
  outcome.senders = known(Who::Senders);
  outcome.domains = known(Who::Domains);
  outcome.recipients = head.recipient_count;
  outcome.authenticated_share = head.authenticated ? 1 : 0;
}

void say_numbers(const Shard& shard, const Numbers& numbers, SliceSet live, Outcome& outcome) {
  auto estimate = [&](Who who) {
    auto at = static_cast<size_t>(who);
    return numbers.distinct[at].estimate(samples_of(shard, numbers, at), live);
  };
  // A message has one of each, whatever the estimate says.
  outcome.networks = std::min(estimate(Who::Networks), outcome.count);
  outcome.senders = std::min(estimate(Who::Senders), outcome.count);
  outcome.domains = std::min(estimate(Who::Domains), outcome.count);
  outcome.recipients = estimate(Who::Recipients);
  if (outcome.count == 0) return;
  outcome.authenticated_share =
      static_cast<double>(numbers.window.count_authenticated(live)) / static_cast<double>(outcome.count);
}

}  // namespace

Outcome alone(const Sighting& sighting, const Moment& moment) {
  Outcome outcome;
  outcome.first_seen = moment.ms / 1000;
  outcome.networks = sighting.network != 0 ? 1 : 0;
  outcome.senders = sighting.sender != 0 ? 1 : 0;
  outcome.domains = sighting.domain != 0 ? 1 : 0;
  std::vector<uint32_t> recipients = sighting.recipients;
  recipients.resize(std::min(recipients.size(), Sighting::kMaxRecipients));
  std::sort(recipients.begin(), recipients.end());
  auto end = std::unique(recipients.begin(), recipients.end());
  outcome.recipients = static_cast<uint64_t>(end - std::upper_bound(recipients.begin(), end, 0U));
  outcome.authenticated_share = sighting.authenticated ? 1 : 0;
  return outcome;
}

Outcome outcome_of(const Shard& shard, const Head& head, const Moment& moment) {
  Outcome outcome;
  outcome.aspect = head.aspect;
  outcome.evidence = static_cast<Evidence>(head.evidence);
  outcome.allowed = head.allowed;
  outcome.count = shard.count(head, moment.slice);
  if (head.numbers != 0) {
    const auto& numbers = shard.body<Numbers>(head.numbers);
    say_numbers(shard, numbers, numbers.window.live(moment.slice), outcome);
  } else {
    say_single(head, outcome);
  }
  outcome.first_seen = head.first_ms / 1000;
  outcome.age = std::max<int64_t>(0, (moment.ms - head.first_ms) / 1000);
  // A message alone is in no cluster yet.
  if (!head.counted && !head.allowed) return outcome;
  outcome.similarity = static_cast<double>(head.similarity);
  outcome.cluster = cluster_name(head.number);
  return outcome;
}

Report report_of(const Shard& shard, const Head& head, const Moment& moment) {
  Report report;
  report.cluster = head.number;
  report.outcome = outcome_of(shard, head, moment);
  report.outcome.cluster = cluster_name(head.number);
  report.last_seen = head.last_ms / 1000;
  report.let_through = head.passed_count;
  report.from = head.first_passed.from.view();
  if (head.numbers != 0) {
    const auto& numbers = shard.body<Numbers>(head.numbers);
    report.let_through = numbers.let_through;
    report.subject = numbers.subject.view();
    report.from = numbers.from.view();
  }
  report.passed = passed_of(shard, head);
  return report;
}

}  // namespace postern::bulk
