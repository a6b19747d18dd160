// What is told of a message or a refusal once it is answered, and the timeline behind it.
#include <algorithm>

#include "proxy/session/message_id.h"
#include "proxy/session/reply_text.h"
#include "proxy/session/session_impl.h"

namespace postern::session {

using rules::Stage;
using smtp::Reply;

/// Every question of this connection, those of DNS lists too.
void SessionImpl::watch_dns() {
  auto witness = [this](const dns::Question& question, const dns::Answer& answer, TimePoint asked) {
    mark(Moment::What::Dns, asked, dns_text(question, answer));
  };
  dns_.set_witness(witness);
  list_dns_.set_witness(witness);
}

/// For the metrics, and for the timeline.
void SessionImpl::filter_done(std::string_view filter, std::string_view result, TimePoint begin) {
  TimePoint now = services_.clock.now();
  services_.observer.filter(filter, result, now - begin);
  std::string text(filter);
  text += ": ";
  text += result;
  timeline().add(Moment::What::Filter, begin, now, text);
}

void SessionImpl::report(Transaction& tx, const rules::Judgement& judgement, std::string verdict, const Reply& reply,
                         bool duplicate) {
  TimePoint now = services_.clock.now();
  MessageRecord record;
  record.id = tx.id;
  record.facts = &tx.facts;
  record.evaluation = &tx.evaluation;
  record.judgement = judgement;
  record.verdict = std::move(verdict);
  record.rules_version = snapshot_.host->rules().version();
  if (judgement.verdict == rules::Verdict::Quarantine) {
    record.backend = "maildir:" + policy_.quarantine_maildir;
  } else if (tx.route != nullptr) {
    record.backend = embedded(tx) || !backend_ ? tx.route->front().text : backend_->name();
  }
  record.backend_reply = tx.backend_reply;
  record.reply = reply.to_string();
  record.client_gone = client_gone_ || input_ended_;
  record.duplicate = duplicate;
  record.total = now - tx.began;
  record.final_dot = now - tx.final_dot;
  record.dns = tx.dns;
  record.rules_time = tx.rules_time;
  record.bare_newlines = tx.bare_newlines;
  record.cause = tx.cause;
  record.thresholds = tx.thresholds.value_or(policy_.verdict.thresholds);
  record.wall_ms = services_.clock.wall_ms();
  record.at = now;
  tx.timeline.add(Moment::What::Reply, now, record.reply);
  record.timeline = &tx.timeline;
  services_.observer.message(record);
}

/// `backend`: its last word, where the timeline does not have it.
void SessionImpl::report_refusal(RefusalRecord record, std::string_view backend) {
  if (record.rules_version.empty()) record.rules_version = snapshot_.host->rules().version();
  record.wall_ms = services_.clock.wall_ms();
  record.at = services_.clock.now();
  Timeline story = timeline();  // the session goes on, and its later messages know nothing of this
  if (!backend.empty()) story.add(Moment::What::Backend, record.at, backend);
  story.add(Moment::What::Reply, record.at, record.reply);
  record.timeline = &story;
  services_.observer.refused(record);
}

/// The id of the answer that comes now, by a rule or for a cause.
Refusals::Answer SessionImpl::next_refusal(Cause cause, std::string_view rule, Stage stage) {
  if (!refusals_) refusals_ = std::make_unique<Refusals>();
  int64_t now = services_.clock.wall_ms();
  bool of_transaction = transaction_ && stage >= Stage::Mail;
  auto answer = refusals_->refuse(cause, rule, of_transaction ? transaction_->id : make_message_id(now), now);
  report_rest(answer.before);
  return answer;
}

void SessionImpl::tell_or_count(Refusals::Answer answer, RefusalRecord record) {
  record.id = std::move(answer.id);
  if (answer.tell) {
    report_refusal(std::move(record));
    return;
  }
  bool unreached = record.cause == Cause::None && !record.evaluation->decision;
  const auto& steps = timeline().moments();
  auto said =
      std::find_if(steps.rbegin(), steps.rend(), [](const Moment& one) { return one.what == Moment::What::Backend; });
  refusals_->count(record, snapshot_.host->rules().version(),
                   unreached && said != steps.rend() ? std::string_view(said->text) : std::string_view());
}

/// What no rule decided, whatever one has said: names the reply, and tells of it or counts it (Refusals).
Reply SessionImpl::refuse_undecided(Cause cause, Stage stage, Reply reply, const Facts& facts) {
  auto answer = next_refusal(cause, {}, stage);
  reply = with_id(std::move(reply), answer.id);
  rules::Evaluation evaluation = transaction_ ? transaction_->evaluation : evaluation_;
  evaluation.decision.reset();
  RefusalRecord record;
  record.facts = &facts;
  record.stage = stage;
  record.evaluation = &evaluation;
  record.cause = cause;
  record.reply = reply.to_string();
  tell_or_count(std::move(answer), std::move(record));
  return reply;
}

Reply SessionImpl::refuse(Cause cause, Stage stage, Reply reply, const About& about) {
  Facts facts = connection_facts();
  facts.from = about.from;
  facts.size = about.size;
  if (!about.rcpt.empty()) facts.rcpts.push_back(about.rcpt);
  return refuse_undecided(cause, stage, std::move(reply), facts);
}

/// No backend can be asked.
Reply SessionImpl::refuse_unreached(const Transaction& tx, Reply reply) {
  return refuse_undecided(Cause::None, tx.facts.rcpts.empty() ? Stage::Mail : Stage::Rcpt, std::move(reply), tx.facts);
}

/// Wherever the session stands.
Reply SessionImpl::refuse_here(Cause cause, Reply reply) {
  if (!transaction_) return refuse(cause, facts_.helo.empty() ? Stage::Connect : Stage::Helo, std::move(reply), {});
  const Facts& facts = transaction_->facts;
  bool first = facts.rcpts.empty();
  return refuse(cause, first ? Stage::Mail : Stage::Rcpt, std::move(reply),
                {facts.from, first ? std::string() : facts.rcpts.back()});
}

void SessionImpl::report_rest(const Refusals::Rest& rest) {
  if (rest.times == 0) return;
  RefusalRecord record;
  record.id = rest.id;
  record.facts = &rest.facts;
  record.stage = rest.stage;
  record.evaluation = &rest.evaluation;
  record.cause = rest.cause;
  record.times = rest.times;
  record.repeated = true;
  record.transactions = rest.transactions;
  record.rcpts_left_out = rest.rcpts_left_out;
  record.reply = rest.reply;
  record.rules_version = rest.rules_version;
  // A timeline of one transaction has it already.
  report_refusal(std::move(record), rest.transactions > 0 ? std::string_view(rest.backend) : std::string_view());
}

/// RSET, EHLO, STARTTLS, the end of the message, or of the session: nothing more is said under its id.
void SessionImpl::end_transaction() {
  if (!transaction_) return;
  if (refusals_) {
    for (const Refusals::Rest& rest : refusals_->settle(transaction_->id)) report_rest(rest);
  }
  transaction_.reset();
}

}  // namespace postern::session
