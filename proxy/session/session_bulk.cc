// Messages that are alike: each is counted once it is known who sent it, and what became of it is said afterwards.
#include <fmt/format.h>

#include "filters/bulk/sighting.h"
#include "proxy/session/queue_name.h"
#include "proxy/session/session_impl.h"

namespace postern::session {
namespace {

std::string_view result_of(const bulk::Seen& seen) {
  if (seen.outcome.count > 1) return "alike";
  return seen.ticket.empty() ? "no_evidence" : "alone";
}

/// For the log: an admin may want to look at it, and to pull what was let through.
std::string crossed(const bulk::Outcome& outcome) {
  return fmt::format(
      "bulk: cluster {} has reached {} messages: networks={} senders={} domains={} recipients={} "
      "authenticated={:.0f}%; "
      "see postern bulk show {}",
      outcome.cluster, outcome.count, outcome.networks, outcome.senders, outcome.domains, outcome.recipients,
      outcome.authenticated_share * 100, outcome.cluster);
}

}  // namespace

Task<void> SessionImpl::know_bulk(Transaction& tx, const message::Header& header) {
  if (services_.bulk == nullptr) co_return;
  TimePoint begin = services_.clock.now();
  Facts& facts = tx.facts;
  if (!facts.content) facts.content = std::make_shared<mime::Content>(facts.message, !facts.truncated);
  tx.bulk_at = services_.clock.wall_ms();
  bulk::Sighting sighting = bulk::sighting_of(facts, *facts.content, header, tx.id, tx.bulk_at);
  bulk::Seen seen = co_await services_.bulk->see(std::move(sighting));
  filter_done("bulk", result_of(seen), begin);
  facts.bulk = std::move(seen.outcome);
  tx.bulk = std::move(seen.ticket);
  if (seen.crossed) services_.observer.note("warning", crossed(facts.bulk));
}

/// A message that was deferred comes again and would be counted twice. One that was let through may have to be pulled.
void SessionImpl::settle_bulk(Transaction& tx, rules::Verdict verdict, const smtp::Reply& reply) {
  bool let = verdict == rules::Verdict::Accept || verdict == rules::Verdict::Tag;
  for (uint64_t cluster : tx.bulk) {
    if (reply.temporary()) {
      services_.bulk->tell(bulk::Withdrawn{cluster, tx.bulk_at});
    } else if (reply.positive() && let) {
      bulk::Passed passed;
      passed.id = tx.id;
      passed.queue = queue_name(tx.backend_reply);
      passed.from = tx.facts.from;
      passed.recipients = static_cast<uint32_t>(tx.facts.rcpts.size());
      passed.wall_ms = tx.bulk_at;
      services_.bulk->tell(bulk::Let{cluster, std::move(passed)});
    }
  }
  tx.bulk.clear();
}

}  // namespace postern::session
