// From the final dot to the reply: the facts are waited for, the rules run, the verdict is carried out.
#include "proxy/session/reply_text.h"
#include "proxy/session/session_impl.h"

namespace postern::session {

using rules::Stage;
using rules::Verdict;
using smtp::Reply;

namespace {

/// Our header fields, then the stored message behind its own header.
class StampedContent final : public Content {
 public:
  StampedContent(MessageStore& store, std::string beginning, uint64_t rest_at)
      : store_(store), beginning_(std::move(beginning)), rest_at_(rest_at), at_(rest_at) {}

  Result<std::string_view> next() override {
    constexpr size_t kPiece = 64U << 10U;
    if (!begun_) {
      begun_ = true;
      return std::string_view(beginning_);
    }
    auto piece = store_.read(at_, kPiece);
    if (piece) at_ += piece->size();
    return piece;
  }
  void rewind() override {
    begun_ = false;
    at_ = rest_at_;
  }

 private:
  MessageStore& store_;
  std::string beginning_;
  uint64_t rest_at_;
  uint64_t at_;
  bool begun_ = false;
};

/// RFC 1047: the same message from the same client after it vanished before our 250. Taken out: if it vanishes again it
/// will be remembered again, and if not, the next such message is a new one.
std::optional<RetryMemory::Found> find_answer(const Services& services, Transaction& tx) {
  if (services.retries.empty()) return std::nullopt;
  auto key = tx.key();
  return key ? services.retries.take(*key, services.clock.now()) : std::nullopt;
}

Reply being_delivered(Transaction& tx) {
  tx.cause = Cause::UnderWay;
  return {451, "4.3.0", "this message is being delivered at this moment, try again later" + id_tag(tx.id)};
}

}  // namespace

void SessionImpl::take_content(Transaction& tx, std::string_view bytes) {
  if (!tx.stored) return;
  tx.stored = tx.store->append(bytes);
  if (!tx.stored || !tx.authentication) return;
  // A sender may take its time between MAIL and the end of the header; what is asked then has the whole budget.
  if (!tx.authentication->begun()) dns_.restart_time(patience_left());
  tx.authentication->append(bytes, tx.store->head());
  if (tx.lists && !tx.header_lists_asked && tx.authentication->begun()) {
    ask_lists_of_header(tx, message::parse_header(tx.store->head()));
  }
}

/// DKIM, ARC, DMARC; SPF is known. What of it needs the DNS was asked when the header was complete.
Task<void> SessionImpl::know_authentication(Transaction& tx, const message::Header& header) {
  if (!tx.authentication) co_return;
  TimePoint begin = services_.clock.now();
  auto outcome = co_await tx.authentication->finish(header, tx.facts.message, *tx.facts.spf);
  tx.dns += services_.clock.now() - begin;
  tx.facts.dkim = std::move(outcome.dkim);
  tx.facts.dkim_ignored = outcome.dkim_ignored;
  tx.facts.arc = std::move(outcome.arc);
  tx.facts.dmarc = std::move(outcome.dmarc);
  filter_done("dkim", authentication::dkim_summary(tx.facts.dkim), begin);
  filter_done("arc", arc::to_string(tx.facts.arc->result), begin);
  filter_done("dmarc", dmarc::to_string(tx.facts.dmarc->result), begin);
  tx.authentication.reset();
}

Task<Reply> SessionImpl::on_message(smtp::AskMessage ask) {
  Transaction& tx = *transaction_;
  tx.final_dot = services_.clock.now();
  tx.facts.size = ask.size;
  tx.timeline.add(Moment::What::FinalDot, tx.final_dot, std::to_string(ask.size) + " octets");
  tx.bare_newlines = ask.bare_newlines;
  rules::Judgement judgement;
  std::string verdict = "error";
  bool duplicate = false;
  Reply reply;
  if (ask.fault != smtp::BodyFault::None) {
    verdict = rules::to_string(Verdict::Reject);
    tx.cause = ask.fault == smtp::BodyFault::TooBig ? Cause::TooBig : Cause::BareNewline;
    reply = with_id(smtp::body_fault_reply(ask.fault), tx.id);
  } else if (!tx.stored) {
    services_.observer.note("error", tx.id + ": " + tx.stored.error().message);
    tx.cause = Cause::Storage;
    reply = {452, "4.3.1", "insufficient system storage, try again later" + id_tag(tx.id)};
  } else if (auto before = find_answer(services_, tx)) {
    duplicate = true;
    verdict = rules::to_string(before->pending ? Verdict::Defer : Verdict::Accept);
    reply = before->pending ? being_delivered(tx) : Reply(250, "2.0.0", before->reply);
  } else {
    reply = co_await judge_and_deliver(tx, judgement, verdict);
  }
  settle_bulk(tx, judgement.verdict, reply);
  report(tx, judgement, std::move(verdict), reply, duplicate);
  if (reply.positive() || tx.awaits_retry) settle_retry(tx, reply);
  if (tx.mail_sent) backend_dirty_ = true;
  end_transaction();
  co_return reply;
}

/// The client has gone while its message is under way: should it come again at once, it must not be delivered twice.
void SessionImpl::await_retry() {
  if (!transaction_ || !busy() || transaction_->awaits_retry) return;
  auto key = transaction_->key();
  if (!key) return;
  transaction_->awaits_retry = true;
  services_.retries.pend(*key, services_.clock.now());
}

/// The message is answered: a retry is expected only if the client did not read a 250.
void SessionImpl::settle_retry(Transaction& tx, const Reply& reply) {
  auto key = tx.key();
  if (!key) return;
  if (tx.awaits_retry) services_.retries.forget(*key);
  if (!reply.positive()) return;
  unread_ = *key;
  unread_reply_ = reply.lines.front();
}

/// Everything that rules want to know of the message.
Task<void> SessionImpl::learn(Transaction& tx, const message::Header& header) {
  Patience patience(*this);
  ask_lists_of_text(tx, header);
  co_await know_client(tx);
  if (!tx.filtered) co_return;
  co_await know_spf(tx);
  co_await know_authentication(tx, header);
  co_await know_helo(Stage::Message, tx.facts);
  co_await know_lists(Stage::Message, tx.facts, &tx);
  // Whoever reads the text first decodes it for all, the journal too.
  if (!tx.facts.content) tx.facts.content = std::make_shared<mime::Content>(tx.facts.message, !tx.facts.truncated);
  co_await know_bulk(tx, header);
  know_classifier(tx, header);
}

Task<Reply> SessionImpl::judge_and_deliver(Transaction& tx, rules::Judgement& judgement, std::string& verdict) {
  tx.facts.message = tx.store->head();
  tx.facts.truncated = tx.store->spooled();
  message::Header header = message::parse_header(tx.facts.message);
  // A header that is not seen as a whole cannot be judged: who signed it, and whom it is from.
  if (!header.complete || (tx.facts.truncated && header.header_size == tx.facts.message.size())) {
    verdict = rules::to_string(Verdict::Reject);
    tx.cause = Cause::HeaderTooBig;
    co_return Reply(552, "5.3.4", "message header is too large" + id_tag(tx.id));
  }
  rules::Thresholds thresholds = tx.thresholds.value_or(policy_.verdict.thresholds);
  co_await learn(tx, header);
  if (tx.filtered) {
    co_await run_rules(Stage::Message, tx.facts, tx.evaluation, &tx.rules_time);
    judgement = rules::judge(tx.evaluation, thresholds);
  }
  verdict = rules::to_string(judgement.verdict);
  Reply reply;
  switch (judgement.verdict) {
    case Verdict::Accept:
    case Verdict::Tag:
    case Verdict::Quarantine:
      reply = co_await deliver(tx, judgement, header);
      if (!reply.positive()) verdict = "error";
      break;
    case Verdict::Discard: reply = with_id({250, "2.0.0", "accepted"}, tx.id); break;
    case Verdict::Defer:
    case Verdict::Reject: reply = co_await refusal(tx, judgement); break;
  }
  co_return reply;
}

Task<Reply> SessionImpl::refusal(const Transaction& tx, const rules::Judgement& judgement) {
  bool reveal = policy_.verdict.reveal;
  if (!tx.evaluation.decision) co_return score_reply(tx.evaluation, judgement, tx.id, reveal);
  std::string text = co_await list_text(tx.facts, *tx.evaluation.decision);
  co_return decision_reply(*tx.evaluation.decision, text, tx.id, reveal);
}

Task<Reply> SessionImpl::deliver(Transaction& tx, const rules::Judgement& judgement, const message::Header& header) {
  Stamp stamp;
  stamp.hostname = policy_.hostname;
  stamp.id = tx.id;
  stamp.facts = &tx.facts;
  stamp.esmtp = esmtp_;
  stamp.smtputf8 = tx.mail.smtputf8;
  stamp.tls = tls_;
  stamp.wall_ms = services_.clock.wall_ms();
  stamp.evaluation = &tx.evaluation;
  stamp.judgement = judgement;
  stamp.tag_limit = tx.thresholds.value_or(policy_.verdict.thresholds).tag;
  stamp.filtered = tx.filtered;
  stamp.rules_version = snapshot_.host->rules().version();
  if (judgement.verdict == Verdict::Tag) stamp.subject_prefix = policy_.verdict.subject_prefix;
  std::string beginning = stamped_header(stamp, header, tx.facts.message);
  bool quarantine = judgement.verdict == Verdict::Quarantine;
  if (quarantine || embedded(tx))
    co_return co_await write_maildir(tx, quarantine, std::move(beginning), header.header_size);
  StampedContent content(*tx.store, std::move(beginning), header.header_size);
  co_return co_await forward(tx, content);
}

}  // namespace postern::session
