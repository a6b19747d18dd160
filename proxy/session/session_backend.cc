// The connection behind us: opened at the first MAIL, kept for the session, replaced when it breaks before the final
// dot.
#include <algorithm>

#include "filters/base/bytes.h"
#include "proxy/session/maildir.h"
#include "proxy/session/reply_text.h"
#include "proxy/session/session_impl.h"

namespace postern::session {

using smtp::Reply;

bool SessionImpl::embedded(const Transaction& tx) {
  return tx.route != nullptr && tx.route->front().kind == BackendAddress::Kind::Maildir;
}

Backend::Options SessionImpl::backend_options(const Transaction& tx) const {
  Backend::Options options;
  options.addresses = *tx.route;
  options.client_info = policy_.backend.client_info;
  options.tls = policy_.backend.tls;
  options.hostname = policy_.hostname;
  options.client = {peer_.ip, peer_.port, facts_.client.name, facts_.helo, esmtp_};
  options.local_ip = peer_.local_ip;
  options.local_port = peer_.local_port;
  options.connect_timeout = policy_.backend.connect_timeout;
  options.command_timeout = policy_.backend.command_timeout;
  options.content_timeout = policy_.backend.content_timeout;
  return options;
}

Task<Result<void>> SessionImpl::fresh_backend(const Transaction& tx) {
  if (backend_) backend_->quit();
  backend_dirty_ = false;
  // XCLIENT tells the name too (Postfix, XCLIENT_README).
  if (policy_.backend.client_info == BackendPolicy::ClientInfo::Xclient) {
    Patience patience(*this);
    co_await know_client_name();
  }
  backend_ = std::make_unique<Backend>(services_.timers, services_.clock, services_.connector, services_.observer,
                                       services_.backends, backend_options(tx));
  backend_route_ = tx.route;
  auto opened = co_await backend_->open();
  if (!opened) services_.observer.note("warning", "backend: " + opened.error().message);
  co_return opened;
}

/// "127.0.0.1:10025: 250 2.0.0 Ok: queued as 4F00D", and how long that took.
void SessionImpl::mark_backend(TimePoint begin, const Result<Reply>& said) {
  mark(Moment::What::Backend, begin, backend_->name() + ": " + (said ? said->to_string() : said.error().message));
}

/// For another session, when nothing is left in it of ours.
void SessionImpl::release_backend() {
  if (!backend_) return;
  bool in_transaction = transaction_ && transaction_->mail_sent;
  if (backend_dirty_ || in_transaction) {
    backend_->quit();
    backend_.reset();
  } else {
    services_.pool.put(std::move(backend_));
  }
  backend_dirty_ = false;
}

/// Brings a backend to where this transaction stands: connected, MAIL and every accepted RCPT said. What the backend
/// refuses is returned; nothing means it stands. A connection left over from an earlier message may have died
/// meanwhile; then each address gets one attempt.
Task<std::optional<Reply>> SessionImpl::establish(Transaction& tx) {
  TimePoint begin = services_.clock.now();
  Attempt attempt;
  if (co_await reuse_backend(tx)) attempt = co_await say_mail(tx, begin);
  for (size_t left = tx.route->size(); left > 0 && !attempt.reached; --left) {
    begin = services_.clock.now();
    auto opened = co_await fresh_backend(tx);
    if (!opened) {
      tx.backend_reply = opened.error().message;
      mark(Moment::What::Backend, begin, tx.backend_reply);
      attempt = {false, true, Cause::None, unavailable(opened.error())};
      break;
    }
    attempt = co_await say_mail(tx, begin);
    if (!attempt.reached) backend_->blame(attempt.refusal->to_string());
  }
  // An answer to the final dot is told with its message.
  if (tx.final_dot != TimePoint{}) {
    tx.cause = attempt.cause;
    if (attempt.ours) attempt.refusal = with_id(std::move(*attempt.refusal), tx.id);
  } else if (attempt.cause != Cause::None) {
    attempt.refusal = refuse_here(attempt.cause, std::move(*attempt.refusal));
  } else if (attempt.ours) {
    attempt.refusal = refuse_unreached(tx, std::move(*attempt.refusal));
  }
  co_return attempt.refusal;
}

/// Not reached: broken, silent or shutting down, so another backend may do better.
Task<SessionImpl::Attempt> SessionImpl::say_mail(Transaction& tx, TimePoint begin) {
  // RFC 6531, 3.5: an internationalised message goes only where it is understood.
  if (tx.mail.smtputf8 && !backend_->capabilities().extensions.smtputf8) {
    co_return Attempt{true, true, Cause::Smtputf8,
                      Reply(550, "5.6.7", "the mail system behind does not support SMTPUTF8")};
  }
  auto answer = co_await backend_->mail(tx.mail);
  mark_backend(begin, answer);
  if (!answer) co_return Attempt{false, true, Cause::None, unavailable(answer.error())};
  bool leaving = answer->code == 421;
  last_positive_ = pass_on(std::move(*answer), "2.1.0");
  if (!last_positive_.positive()) co_return Attempt{!leaving, false, Cause::None, last_positive_};
  tx.mail_sent = true;
  auto deferral = co_await replay_recipients(tx);
  bool ours = deferral.has_value();
  co_return Attempt{true, ours, Cause::None, std::move(deferral)};
}

/// The connection at hand, or one that waits for the next session. False: a fresh one is needed.
Task<bool> SessionImpl::reuse_backend(const Transaction& tx) {
  if (backend_ && backend_->is_open() && backend_route_ == tx.route) {
    if (!backend_dirty_) co_return true;
    auto reset = co_await backend_->reset();
    backend_dirty_ = !(reset && reset->positive());
    co_return !backend_dirty_;
  }
  auto waiting = services_.pool.take(backend_options(tx));
  if (!waiting) co_return false;
  if (backend_) backend_->quit();
  backend_dirty_ = false;
  backend_ = std::move(waiting);
  backend_route_ = tx.route;
  co_return true;
}

/// On a new connection: the recipients that the old one accepted, whom we have told so.
Task<std::optional<Reply>> SessionImpl::replay_recipients(const Transaction& tx) {
  for (const auto& recipient : tx.recipients) {
    auto accepted = co_await backend_->rcpt(recipient);
    if (!accepted) co_return unavailable(accepted.error());
    if (!accepted->positive()) co_return Reply(451, "4.4.1", "the mail system changed its mind, try again later");
  }
  co_return std::nullopt;
}

/// The backend's answer to a recipient, or ours where it cannot be asked.
Task<Reply> SessionImpl::offer_recipient(Transaction& tx, const smtp::RcptCommand& command) {
  tx.facts.rcpts.push_back(command.to.address);  // whom a report is about
  std::optional<Reply> reply;
  if (!tx.mail_sent || !backend_->is_open()) reply = co_await establish(tx);
  if (!reply) {
    auto answer = co_await backend_->rcpt(command);
    reply = answer ? pass_on(std::move(*answer), "2.1.5") : refuse_unreached(tx, unavailable(answer.error()));
  }
  tx.facts.rcpts.pop_back();
  co_return std::move(*reply);
}

Task<Reply> SessionImpl::forward(Transaction& tx, Content& content) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!backend_ || !backend_->is_open() || !tx.mail_sent) {
      tx.mail_sent = false;
      auto refused = co_await establish(tx);
      if (refused) co_return *refused;
    }
    content.rewind();
    TimePoint begin = services_.clock.now();
    auto answer = co_await backend_->deliver(content, [&tx] { tx.committed = true; });
    // RFC 5321, 4.3.2: to the final dot only 250 means that the message was taken.
    if (answer && answer->positive() && answer->code != 250) {
      answer = fail(Code::Unavailable, "answered the message with " + answer->to_string());
    }
    mark_backend(begin, answer);
    if (answer) {
      backend_dirty_ = !answer->positive();
      tx.mail_sent = false;
      tx.backend_reply = answer->to_string();
      co_return pass_on(std::move(*answer), "2.0.0");
    }
    tx.backend_reply = answer.error().message;
    if (answer.error().code != Code::Unavailable) {
      services_.observer.note("error", tx.id + ": " + answer.error().message);
      co_return Reply(452, "4.3.1", "cannot read the stored message, try again later" + id_tag(tx.id));
    }
    services_.observer.note("warning", tx.id + ": backend " + answer.error().message);
    // After the final dot the backend may have taken it: only the sender may try again (RFC 1047).
    if (tx.committed) break;
    tx.mail_sent = false;
  }
  co_return Reply(451, "4.4.1", "mail system broke off, try again later" + id_tag(tx.id));
}

/// An address of the envelope in a header field; UTF-8 only in an internationalised message (RFC 6532, 3.2).
std::string SessionImpl::address_text(const Transaction& tx, const std::string& address) {
  bool keep = tx.facts.smtputf8 && is_utf8(address) && address.size() <= 1000 &&
              std::none_of(address.begin(), address.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
  return keep ? address : printable_ascii(address, 320);
}

/// The Maildir is written and synced off the loop. The work owns all it needs: it ends even when the client vanishes.
Task<Reply> SessionImpl::write_maildir(Transaction& tx, bool quarantine, std::string beginning, size_t rest_at) {
  std::string directory = quarantine ? policy_.quarantine_maildir : tx.route->front().path;
  tx.committed = true;
  std::string envelope = "Return-Path: <" + address_text(tx, tx.facts.from) + ">\r\n";
  for (const auto& rcpt : tx.facts.rcpts) envelope += "Delivered-To: " + address_text(tx, rcpt) + "\r\n";
  auto work = [store = tx.store, policy = snapshot_.policy, directory, rest_at, beginning = envelope + beginning] {
    auto produce = [&](const std::function<Result<void>(std::string_view)>& write) -> Result<void> {
      if (auto written = write(beginning); !written) return written;
      for (uint64_t at = rest_at; at < store->size();) {
        auto piece = store->read(at, 64U << 10U);
        if (!piece) return tl::unexpected(piece.error());
        at += piece->size();
        if (auto written = write(*piece); !written) return written;
      }
      return {};
    };
    return deliver_to_maildir(directory, policy->hostname, produce);
  };
  TimePoint begin = services_.clock.now();
  Result<std::string> stored = co_await Await<Result<std::string>>(
      [this, &work](auto done) { return services_.offload.run(std::move(work), std::move(done)); });
  if (!quarantine) {
    services_.observer.backend_replied(tx.route->front().text, stored ? 250 : 452, services_.clock.now() - begin);
  }
  mark(Moment::What::Backend, begin, directory + ": " + (stored ? "stored as " + *stored : stored.error().message));
  if (!stored) {
    tx.backend_reply = stored.error().message;
    services_.observer.note("error", tx.id + ": " + stored.error().message);
    co_return Reply(452, "4.3.1", "cannot store the message, try again later" + id_tag(tx.id));
  }
  tx.backend_reply = "stored as " + *stored;
  co_return with_id(Reply(250, "2.0.0", "stored"), tx.id);
}

}  // namespace postern::session
