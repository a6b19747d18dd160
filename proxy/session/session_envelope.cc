// From the greeting to DATA: who is it, for whom, and does the backend take it.
#include <algorithm>

#include "filters/base/bytes.h"
#include "filters/base/domain.h"
#include "proxy/session/message_id.h"
#include "proxy/session/reply_text.h"
#include "proxy/session/session_impl.h"

namespace postern::session {

using rules::Stage;
using smtp::Reply;

// ---------------------------------------------------------------- greeting, HELO

Task<Reply> SessionImpl::on_greeting() {
  if (policy_.greet_delay > Duration::zero()) {
    co_await Await<bool>([this](auto done) {
      return services_.timers.after(policy_.greet_delay, [done = std::move(done)] { done(true); });
    });
  }
  if (auto reply = co_await run_connect_rules(true)) co_return *reply;
  co_return Reply(220, "", policy_.hostname + " ESMTP Postern");
}

Task<Reply> SessionImpl::on_helo(smtp::AskHelo ask) {
  // The backend was told the old name with XCLIENT: it must hear the new one.
  if (facts_.helo != ask.name) release_backend();
  facts_.helo = std::move(ask.name);
  mark(Moment::What::Helo, facts_.helo);
  expect_client_name();
  look_at_helo();
  esmtp_ = ask.esmtp;
  if (evaluation_.hits.size() > connect_hits_) {
    evaluation_.hits.resize(connect_hits_);
    evaluation_.score = rules::sum(evaluation_.hits, snapshot_.host->rules().groups());
  }
  if (refused_at_helo_) refused_.reset();
  if (auto reply = co_await run_helo_rules()) co_return *reply;
  if (esmtp_) engine_.offer(offer());
  co_return Reply(250, esmtp_ ? "" : "2.0.0", policy_.hostname);
}

// What the sender may use end to end is what the backend understands (design: "intersected with what the backend
// offers").
smtp::Extensions SessionImpl::offer() const {
  smtp::Extensions ours;
  ours.pipelining = ours.size = ours.enhancedstatuscodes = true;
  ours.starttls = policy_.server.tls_available && listener_.tls == ListenerPolicy::Tls::StartTls;
  ours.max_size = policy_.limits.message_size;
  if (policy_.backend.addresses.front().kind == BackendAddress::Kind::Maildir) {
    ours.eightbitmime = ours.smtputf8 = true;
    return ours;
  }
  auto theirs = services_.backends.offered(policy_.backend.addresses);
  if (!theirs) return ours;
  ours.pipelining = theirs->pipelining;
  ours.size = theirs->size;
  ours.enhancedstatuscodes = theirs->enhancedstatuscodes;
  ours.eightbitmime = theirs->eightbitmime;
  ours.smtputf8 = theirs->smtputf8;
  ours.dsn = theirs->dsn;
  if (theirs->size && theirs->max_size > 0) ours.max_size = std::min(ours.max_size, theirs->max_size);
  return ours;
}

// ---------------------------------------------------------------- MAIL

Task<Reply> SessionImpl::on_mail(smtp::MailCommand command) {
  if (auto reply = co_await take_new_rules()) co_return *reply;
  transaction_ = std::make_unique<Transaction>(services_.memory, policy_.limits.spool);
  Transaction& tx = *transaction_;
  tx.id = make_message_id(services_.clock.wall_ms());
  tx.began = services_.clock.now();
  tx.timeline.begin_with(timeline_);
  tx.timeline.add(Moment::What::Mail, tx.began, command.from.address);
  tx.mail = std::move(command);
  tx.filtered = !unfiltered();
  if (!std::exchange(first_message_, false)) waited_ = Duration::zero();
  dns_.restart();
  dns_.restart_time(patience_left());
  tx.facts = connection_facts();
  tx.facts.from = tx.mail.from.address;
  tx.facts.smtputf8 = tx.mail.smtputf8;
  tx.evaluation = evaluation_;
  tx.evaluation.maps.reset();  // a session may last longer than a version of a map
  refresh_lists();
  if (tx.filtered) start_checks(tx);
  if (auto refused = co_await run_mail_rules(tx)) {
    end_transaction();
    co_return *refused;
  }
  // With routes the backend is known at the first recipient only.
  if (policy_.backend.routes.empty()) {
    tx.route = &policy_.backend.addresses;
    if (!embedded(tx)) {
      auto refused = co_await establish(tx);
      if (refused) {
        end_transaction();
        co_return *refused;
      }
      co_return last_positive_;
    }
  }
  co_return Reply(250, "2.1.0", "sender ok");
}

/// Everything starts as early as its input is known, and nobody waits for it before it is read.
void SessionImpl::start_checks(Transaction& tx) {
  ask_lists_of_sender(tx);
  spf::Query query{peer_.ip, tx.facts.helo, tx.facts.from};
  spf::Options options;
  options.receiver = policy_.hostname;
  options.wall_seconds = services_.clock.wall_ms() / 1000;
  options.lookup_timeout = policy_.dns.lookup;
  tx.helo_spf = std::make_unique<Background<spf::Outcome>>(spf::check_helo(dns_, query, options));
  authentication::Options authentication{policy_.authentication, policy_.dns.lookup, options.wall_seconds};
  tx.spf = std::make_unique<Background<spf::Outcome>>(spf::check_mail_from(dns_, query, std::move(options)));
  tx.authentication = std::make_unique<authentication::Check>(dns_, services_.keys, std::move(authentication),
                                                              authentication::spf_domain(tx.facts.from, tx.facts.helo));
}

/// The client's name in the DNS: for rules that run before the message, for the backend, and for the header.
Task<void> SessionImpl::know_client(Transaction& tx) {
  co_await know_client_name();
  tx.facts.client = facts_.client;
}

Task<void> SessionImpl::know_spf(Transaction& tx) {
  if (!tx.spf) co_return;
  TimePoint begin = services_.clock.now();
  tx.facts.helo_spf = co_await tx.helo_spf->get();
  tx.facts.spf = co_await tx.spf->get();
  tx.dns += services_.clock.now() - begin;
  filter_done("spf", spf::to_string(tx.facts.spf->result), begin);
  filter_done("helo_spf", spf::to_string(tx.facts.helo_spf->result), begin);
  tx.helo_spf.reset();
  tx.spf.reset();
}

Task<void> SessionImpl::learn_client_name() {
  dns::ReverseName reverse = co_await dns::confirm_reverse_name(dns_, peer_.ip, policy_.dns.lookup);
  facts_.client.name = std::move(reverse.name);
  facts_.client.reverse = reverse.result;
}

/// A well-run client says its DNS name in HELO. Asked for by now, the second half of the reverse look-up (the address
/// of the name that PTR gives) is answered by the time the first one is: one round trip instead of two.
void SessionImpl::expect_client_name() {
  auto name = to_ascii_domain(facts_.helo);
  if (name_known_ || !name || name->find('.') == std::string::npos || !dns::is_valid_name(*name)) return;
  if (IpAddress::parse(*name)) return;
  dns::Type type = peer_.ip.is_v4() ? dns::Type::A : dns::Type::AAAA;
  expected_name_ = dns_.lookup({std::move(*name), type}, [](const dns::Answer&) {});
}

Task<void> SessionImpl::know_client_name() {
  while (!name_known_) co_await name_changed_;
}

/// Nobody waits for a silent reverse zone who does not read the name.
Task<void> SessionImpl::know_client_name_for(Stage stage) {
  if (wants_client_name(stage)) co_await know_client_name();
}

bool SessionImpl::wants_client_name(Stage stage) const {
  const auto& needed = snapshot_.host->lists_needed(stage);
  const lists::Lists& all = *snapshot_.lists->lists;
  return snapshot_.host->reads(stage, "client") ||
         std::any_of(needed.begin(), needed.end(), [&](size_t list) { return all[list].of == lists::Subject::Rdns; });
}

bool SessionImpl::wants_spf(Stage stage) const {
  return snapshot_.host->reads(stage, "spf") || snapshot_.host->reads(stage, "helo_spf");
}

// ---------------------------------------------------------------- RCPT, DATA

Task<Reply> SessionImpl::on_rcpt(smtp::RcptCommand command) {
  TimePoint begin = services_.clock.now();
  std::string to = command.to.address;
  Reply reply = co_await take_recipient(std::move(command));
  mark(Moment::What::Rcpt, begin, to + ": " + reply.to_string());
  co_return reply;
}

Task<Reply> SessionImpl::take_recipient(smtp::RcptCommand command) {
  Transaction& tx = *transaction_;
  std::string address = command.to.address;
  if (auto refused = refuse_relay(command.to)) {
    services_.observer.recipient("refused_relay");
    co_return refuse(refused->cause, Stage::Rcpt, std::move(refused->reply), {tx.facts.from, address});
  }
  rules::Thresholds thresholds = policy_.verdict.thresholds_for(address);
  auto conflict = mix_thresholds(tx, thresholds);
  if (!conflict) conflict = choose_route(tx, command.to.domain);
  if (conflict) {
    services_.observer.recipient("deferred");
    co_return refuse(conflict->cause, Stage::Rcpt, std::move(conflict->reply), {tx.facts.from, address});
  }
  if (auto refused = co_await run_rcpt_rules(tx, address)) {
    services_.observer.recipient(refused->temporary() ? "deferred" : "refused_rule");
    co_return *refused;
  }
  Reply reply(250, "2.1.5", "recipient ok");
  if (!embedded(tx)) reply = co_await offer_recipient(tx, command);
  services_.observer.recipient(reply.positive() ? "accepted" : reply.temporary() ? "deferred" : "refused_backend");
  if (reply.positive()) {
    tx.thresholds = thresholds;
    tx.facts.rcpts.push_back(std::move(address));
    tx.recipients.push_back(std::move(command));
  }
  co_return reply;
}

// RFC 5321, 3.6.1 and 7.1: relaying is for those we know. <postmaster> without a domain is ours (RFC 5321, 4.5.1).
std::optional<SessionImpl::Refused> SessionImpl::refuse_relay(const smtp::Path& path) const {
  if (trusted()) return std::nullopt;
  if (path.domain.empty() && equal_nocase(path.local, "postmaster")) return std::nullopt;
  // "user%elsewhere@here", "elsewhere!user@here", "\"user@elsewhere\"@here": a mail server behind us that takes us for
  // one of its own would send these on (the old source routes; Postfix: allow_untrusted_routing).
  if (path.local.find_first_of("%!@") != std::string::npos) {
    return Refused{Cause::RelayRoute, {550, "5.7.1", "relaying denied: a route in the local part"}};
  }
  auto domain = to_ascii_domain(path.domain);
  if (domain && policy_.relay.domains.contains(*domain)) return std::nullopt;
  std::string text = "relaying denied: " + printable_ascii(path.domain, 100) + " is not handled here";
  return Refused{Cause::Relay, {550, "5.7.1", std::move(text)}};
}

// One message, one verdict (design, section 4).
std::optional<SessionImpl::Refused> SessionImpl::mix_thresholds(const Transaction& tx,
                                                                rules::Thresholds& thresholds) const {
  if (!tx.thresholds || *tx.thresholds == thresholds) return std::nullopt;
  if (policy_.verdict.mixed == VerdictPolicy::Mixed::Split) {
    constexpr const char* kText = "this recipient is judged by other limits: send it in a transaction of its own";
    return Refused{Cause::OtherLimits, {452, "4.5.3", kText}};
  }
  thresholds = rules::strictest(*tx.thresholds, thresholds);
  return std::nullopt;
}

std::optional<SessionImpl::Refused> SessionImpl::choose_route(Transaction& tx, const std::string& domain) const {
  const std::vector<BackendAddress>* route = &policy_.backend.addresses;
  if (!policy_.backend.routes.empty()) {
    std::string name = to_ascii_domain(domain).value_or("");
    for (const auto& candidate : policy_.backend.routes) {
      if (candidate.domains.contains(name)) {
        route = &candidate.addresses;
        break;
      }
    }
  }
  if (!tx.facts.rcpts.empty() && tx.route != route) {
    constexpr const char* kText = "this recipient goes another way: send it in a transaction of its own";
    return Refused{Cause::OtherRoute, {452, "4.5.3", kText}};
  }
  // Accepted recipients fix the route; before the first one it may still change.
  if (tx.route != route) {
    tx.route = route;
    tx.mail_sent = false;
  }
  return std::nullopt;
}

Task<Reply> SessionImpl::on_data() {
  mark(Moment::What::Data, "");
  co_return Reply(354, "", "end data with <CR><LF>.<CR><LF>");
}

/// What the engine refuses by itself.
Task<Reply> SessionImpl::on_refusal(smtp::AskRefusal ask) {
  using What = smtp::AskRefusal::What;
  About about;
  if (transaction_) about.from = transaction_->facts.from;
  switch (ask.what) {
    case What::TooBig:
      about.from = ask.address;
      about.size = ask.size;
      co_return refuse(Cause::TooBig, Stage::Mail, ask.reply, about);
    case What::TooManyRecipients: {
      about.rcpt = ask.address;
      Reply reply = refuse(Cause::TooManyRecipients, Stage::Rcpt, ask.reply, about);
      mark(Moment::What::Rcpt, ask.address + ": " + reply.to_string());
      co_return reply;
    }
    case What::NoRecipients:
      mark(Moment::What::Data, "");
      co_return refuse(Cause::NoRecipients, Stage::Rcpt, ask.reply, about);
    case What::TooManyErrors: break;
  }
  co_return refuse_here(Cause::TooManyErrors, ask.reply);
}

}  // namespace postern::session
