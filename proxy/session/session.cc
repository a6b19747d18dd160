#include "proxy/session/session.h"

#include <fmt/format.h>

#include "proxy/session/reply_text.h"
#include "proxy/session/session_impl.h"

namespace postern::session {

using rules::Stage;

Session::Session(const Services& services, Snapshot snapshot, const ListenerPolicy& listener,
                 std::unique_ptr<Link> link, const Peer& peer, bool secured, std::function<void()> ended)
    : impl_(std::make_unique<SessionImpl>(services, std::move(snapshot), listener, std::move(link), peer, secured,
                                          std::move(ended))) {}
Session::~Session() = default;
void Session::begin() {
  impl_->begin();
}
void Session::shut_down() {
  impl_->shut_down();
}
bool Session::busy() const {
  return impl_->busy();
}

SessionImpl::SessionImpl(const Services& services, Snapshot snapshot, const ListenerPolicy& listener,
                         std::unique_ptr<Link> link, const Peer& peer, bool secured, std::function<void()> ended)
    : services_(services),
      snapshot_(std::move(snapshot)),
      policy_(*snapshot_.policy),
      listener_(listener),
      peer_(peer),
      ended_(std::move(ended)),
      engine_(policy_.server, secured),
      link_(std::move(link)),
      dns_(services.dns, services.clock, policy_.dns),
      list_dns_(services.list_dns, services.clock) {
  facts_.client.ip = peer_.ip;
  facts_.client.port = peer_.port;
  facts_.client.tls = secured;
  services_.observer.connection_opened(listener_.name);
}

SessionImpl::~SessionImpl() {
  over_ = true;
  services_.observer.connection_closed(listener_.name);
}

void SessionImpl::begin() {
  link_->attach(*this);
  mark(Moment::What::Connected, peer_.ip.to_string() + " port " + std::to_string(peer_.port));
  watch_dns();
  // Reverse DNS starts now and is waited for where somebody reads it. What it needed is given back as soon as it is
  // known: most connections of a busy hour are idle.
  reverse_ = learn_client_name();
  reverse_.start([this] {
    reverse_ = {};
    name_known_ = true;
    ask_lists_of_name();
    name_changed_.notify();
  });
  ask_lists_of_client();
  pump();
}

// ---------------------------------------------------------------- events of the link

void SessionImpl::received(std::string_view bytes) {
  unread_.reset();  // whoever goes on talking has read our last answer
  engine_.feed(bytes);
  pump();
}

void SessionImpl::secured(const TlsInfo& info) {
  tls_ = info;
  facts_.client.tls = true;
  // RFC 3207, 4.2: whatever was known before encryption is forgotten.
  facts_.helo.clear();
  end_transaction();
  mark(Moment::What::Tls, info.version + ' ' + info.cipher);
  engine_.secured();
  pump();
}

void SessionImpl::end_of_input() {
  input_ended_ = true;
  await_retry();
  // It read our 250, or it would have been reset: leaving without QUIT is rude, not a loss.
  unread_.reset();
  engine_.peer_closed();
  pump();
}

void SessionImpl::failed(const std::string& /*why*/) {
  client_gone_ = true;
  // Past the final dot towards the backend there is no way back: its answer is read and logged.
  if (transaction_ && transaction_->committed) {
    await_retry();
    return;
  }
  end();
}

// ---------------------------------------------------------------- the pump

void SessionImpl::pump() {
  if (pumping_ || over_) return;
  bool moved = false;
  for (bool again = true; again;) {
    pumping_ = true;
    while (!over_ && !blocked()) {
      auto action = engine_.next();
      if (!action) break;
      moved = true;
      take(*action);
    }
    pumping_ = false;
    if (over_) return;
    bool full = blocked();
    // RFC 2920, 3.2: replies to a group of commands go out together, once the rest of the group is answered too.
    if (full || !engine_.waiting() || !engine_.has_buffered_input()) flush();
    // Nobody calls when what was too much was taken at once.
    again = full && !over_ && !blocked();
  }
  bool reading = engine_.wants_input() && !blocked();
  if (reading != reading_ && !client_gone_) link_->read_enabled(reading);
  reading_ = reading;
  keep_deadline(moved);
}

/// A client that sends commands and does not read their replies: nothing more is done for it until it reads.
bool SessionImpl::blocked() const {
  constexpr size_t kMostUnread = 64U << 10U;
  return replies_.size() + (link_ ? link_->queued() : 0) > kMostUnread;
}

void SessionImpl::writable() {
  pump();
}

void SessionImpl::take(smtp::Action& action) {
  if (auto* bytes = std::get_if<smtp::Send>(&action)) {
    send(bytes->bytes);
  } else if (auto* body = std::get_if<smtp::Body>(&action)) {
    if (transaction_) take_content(*transaction_, body->bytes);
  } else if (std::holds_alternative<smtp::AskGreeting>(action)) {
    run(Stage::Connect, on_greeting());
  } else if (auto* helo = std::get_if<smtp::AskHelo>(&action)) {
    run(Stage::Helo, on_helo(std::move(*helo)));
  } else if (auto* mail = std::get_if<smtp::AskMail>(&action)) {
    run(Stage::Mail, on_mail(std::move(mail->command)));
  } else if (auto* rcpt = std::get_if<smtp::AskRcpt>(&action)) {
    run(Stage::Rcpt, on_rcpt(std::move(rcpt->command)));
  } else if (std::holds_alternative<smtp::AskData>(action)) {
    run(Stage::Rcpt, on_data());
  } else if (auto* refusal = std::get_if<smtp::AskRefusal>(&action)) {
    run(transaction_ ? Stage::Rcpt : Stage::Helo, on_refusal(std::move(*refusal)));
  } else if (auto* message = std::get_if<smtp::AskMessage>(&action)) {
    run(Stage::Message, on_message(*message));
  } else if (std::holds_alternative<smtp::TransactionReset>(action)) {
    if (transaction_ && transaction_->mail_sent) backend_dirty_ = true;
    end_transaction();
  } else if (std::holds_alternative<smtp::StartTls>(action)) {
    flush();
    link_->start_tls();
  } else {
    end();
  }
}

void SessionImpl::run(Stage stage, Task<smtp::Reply> task) {
  asked_ = stage;
  task_ = std::move(task);
  task_.start([this] { finish_question(); });
}

void SessionImpl::finish_question() {
  smtp::Reply reply;
  try {
    reply = task_.take();
  } catch (const std::exception& error) {
    reply = answer_fault(error.what());
  }
  task_ = {};
  if (over_) return;
  if (client_gone_) {
    end();
    return;
  }
  engine_.answer(std::move(reply));
  if (shutting_down_ && !busy()) engine_.close({421, "4.3.2", policy_.hostname + " is shutting down"}, "shutdown");
  pump();
}

/// Memory, most likely. Our own trouble is temporary (design: never a 5xx).
smtp::Reply SessionImpl::answer_fault(const std::string& what) {
  smtp::Reply reply(451, "4.3.0", "local error, try again later");
  try {
    if (asked_ == Stage::Message && transaction_) {
      reply = with_id(std::move(reply), transaction_->id);
      transaction_->cause = Cause::Fault;
      report(*transaction_, {}, "error", reply, false);
    } else {
      reply = refuse_here(Cause::Fault, std::move(reply));
    }
    services_.observer.note("error",
                            fmt::format("session of {}: {}: {}", peer_.ip.to_string(), what, reply.to_string()));
  } catch (const std::exception& /*again*/) {
    // Then it cannot be told; the client comes again all the same.
    reply = smtp::Reply(451, "4.3.0", "local error, try again later");
  }
  // The engine knows of no transaction behind a MAIL or a message that was refused.
  if (transaction_ && (asked_ == Stage::Mail || asked_ == Stage::Message)) {
    if (transaction_->mail_sent) backend_dirty_ = true;
    end_transaction();
  }
  return reply;
}

void SessionImpl::send(std::string_view bytes) {
  // The last line of each reply has a space behind its code (RFC 5321, 4.2.1).
  for (size_t at = 0; at + 3 < bytes.size();) {
    if (bytes[at + 3] == ' ') {
      int code = (bytes[at] - '0') * 100 + (bytes[at + 1] - '0') * 10 + (bytes[at + 2] - '0');
      services_.observer.replied(code);
      if (code == 221) unread_.reset();  // an orderly end: the client has read everything before its QUIT
    }
    size_t end_of_line = bytes.find('\n', at);
    if (end_of_line == std::string_view::npos) break;
    at = end_of_line + 1;
  }
  replies_ += bytes;
}

void SessionImpl::flush() {
  if (!replies_.empty() && link_ && !client_gone_) link_->write(replies_);
  replies_ = {};
}

// ---------------------------------------------------------------- deadlines

// RFC 5321, 4.5.3.2.7: the server's time-out. While we think, the client is not to blame. One timer looks at the
// deadline when it fires, so moving the deadline costs nothing.
void SessionImpl::keep_deadline(bool moved) {
  bool data = engine_.in_data();
  if (engine_.waiting()) {
    deadline_ = {};
    data_deadline_ = false;
    return;
  }
  TimePoint now = services_.clock.now();
  // The limit is for a whole command, or a whole message, not for each piece of it.
  bool same = deadline_ != TimePoint{} && data == data_deadline_ && (data || !moved);
  if (!same) deadline_ = now + (data ? policy_.limits.data_timeout : policy_.limits.command_timeout);
  data_deadline_ = data;
  if (!timer_ || timer_at_ > deadline_) set_timer(deadline_);
}

void SessionImpl::set_timer(TimePoint at) {
  timer_at_ = at;
  timer_ = services_.timers.after(at - services_.clock.now(), [this] { check_deadline(); });
}

void SessionImpl::check_deadline() {
  timer_.reset();
  if (over_ || deadline_ == TimePoint{}) return;
  if (deadline_ > services_.clock.now()) {
    set_timer(deadline_);
    return;
  }
  if (blocked()) {
    end();
    return;
  }
  smtp::Reply reply(421, "4.4.2", policy_.hostname + " time-out, closing connection");
  // Idle ones come and go; this one had something to say.
  if (transaction_) reply = refuse_here(Cause::TimeOut, std::move(reply));
  engine_.close(reply, "time-out");
  pump();
}

// ---------------------------------------------------------------- the end

void SessionImpl::shut_down() {
  shutting_down_ = true;
  if (over_ || busy()) return;
  task_ = {};
  if (blocked()) {
    end();
    return;
  }
  engine_.close({421, "4.3.2", policy_.hostname + " is shutting down"}, "shutdown");
  pump();
}

void SessionImpl::end() {
  if (over_) return;
  flush();
  over_ = true;
  // It was gone when our 250 came, or was cut off after it: it will come again (RFC 1047).
  if (unread_ && (input_ended_ || client_gone_)) {
    services_.retries.remember(*unread_, unread_reply_, services_.clock.now());
  }
  timer_.reset();
  task_ = {};
  reverse_ = {};
  helo_check_.reset();
  lists_.reset();
  release_backend();
  if (transaction_ && transaction_->awaits_retry) {
    if (auto key = transaction_->key()) services_.retries.forget(*key);
  }
  end_transaction();
  if (refusals_) {
    for (const Refusals::Rest& rest : refusals_->settle("")) report_rest(rest);
  }
  if (client_gone_) {
    link_.reset();
  } else {
    link_->close_after_flush();
  }
  ended_();
}

}  // namespace postern::session
