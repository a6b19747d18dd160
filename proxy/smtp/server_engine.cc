// The pump of the server's side: what is handed out when, and what an answer changes. The commands themselves are in
// server_commands.cc.
//
//   state_       Fresh --HELO/EHLO--> Greeted --MAIL--> Transaction --message answered, RSET, HELO/EHLO--> Greeted
//                any --STARTTLS, secured()--> Fresh;  Fresh --greeting refused--> Refused
//   expect_      Nothing --greeting answered--> Commands --354--> Content --final dot--> MessageEnd --asked--> Commands
//                Commands --STARTTLS--> Tls --secured()--> Commands
//   question_    None --Ask*--> that one --answer()--> None; nothing is read meanwhile
//
// A transition happens only when the reply that announces it is positive (354 for DATA).
#include "proxy/smtp/server_engine.h"

#include <algorithm>
#include <utility>

#include "filters/base/result.h"

namespace postern::smtp {

ServerEngine::ServerEngine(const ServerOptions& options, bool secured) : options_(&options), secured_(secured) {}

void ServerEngine::feed(std::string_view bytes) {
  if (closing_ || closed_ || peer_closed_ || bytes.empty()) return;
  // RFC 3207, 5: what comes in the clear behind STARTTLS must never be taken for something said under TLS.
  if (queue_tls_ || expect_ == Input::Tls) return;
  if (expect_ == Input::Nothing) early_ = true;
  if (taken_ > 0) {
    input_.erase(0, taken_);
    taken_ = 0;
  }
  input_ += bytes;
}

void ServerEngine::peer_closed() {
  peer_closed_ = true;
}

std::optional<Action> ServerEngine::next() {
  for (;;) {
    if (auto action = queued()) return action;
    if (closed_ || waiting()) return std::nullopt;
    std::optional<Action> action;
    Step step = advance(action);
    if (action) return action;
    if (step == Step::Starved) return std::nullopt;
  }
}

/// What was decided already, in the order in which it takes effect.
std::optional<Action> ServerEngine::queued() {
  if (closed_) return std::nullopt;
  if (std::exchange(queue_reset_, false)) return TransactionReset{};
  if (!output_.empty()) return Send{std::exchange(output_, {})};
  if (std::exchange(queue_errors_, false)) return refuse(AskRefusal::What::TooManyErrors);
  if (std::exchange(queue_tls_, false)) {
    expect_ = Input::Tls;
    return StartTls{};
  }
  if (!closing_) return std::nullopt;
  closed_ = true;
  drop_input();
  body_.reset();
  return Close{std::exchange(close_why_, {})};
}

/// One step into the input. Starved: nothing can happen before more of it arrives.
ServerEngine::Step ServerEngine::advance(std::optional<Action>& action) {
  Step step = Step::Starved;
  switch (expect_) {
    case Input::Nothing: action = ask(Question::Greeting, AskGreeting{}); return Step::Done;
    case Input::Commands: step = advance_commands(action); break;
    case Input::Content: step = advance_content(action); break;
    case Input::MessageEnd:
      expect_ = Input::Commands;
      action = ask(Question::Message, AskMessage{body_->size(), body_->fault(), body_->bare_newlines()});
      return Step::Done;
    case Input::Tls: break;
  }
  if (step == Step::Done || !peer_closed_) return step;
  end(in_data() ? "client closed the connection within a message" : "client closed the connection");
  return Step::Done;
}

ServerEngine::Step ServerEngine::advance_commands(std::optional<Action>& action) {
  std::string_view input = unread();
  LineReader::Result result = lines_.read(input);
  took(unread().size() - input.size());
  if (result == LineReader::Result::NeedMore) return Step::Starved;
  // A copy: what a command does may empty the reader.
  std::string line = lines_.line();
  lines_.clear();
  if (result == LineReader::Result::TooLong) {
    bad({500, "5.5.6", "line too long"});
  } else {
    action = run(line);
  }
  return Step::Done;
}

ServerEngine::Step ServerEngine::advance_content(std::optional<Action>& action) {
  std::string_view input = unread();
  if (input.empty()) return Step::Starved;
  Body body;
  body.bytes.reserve(input.size());
  bool whole = body_->read(input, body.bytes);
  took(unread().size() - input.size());
  if (whole) expect_ = Input::MessageEnd;
  if (!body.bytes.empty()) action = std::move(body);
  return Step::Done;
}

void ServerEngine::answer(Reply reply) {
  if (closing_ || closed_) return;
  POSTERN_CHECK(waiting());
  Question question = std::exchange(question_, Question::None);
  // RFC 5321, 4.3.2: the codes that each command may get. What else comes is a confusion behind us, and must be neither
  // a success nor a refusal for good.
  bool success = question == Question::Data ? reply.code == 354 : reply.positive();
  if (!success && !reply.temporary() && !reply.permanent()) reply = {451, "4.3.0", "internal error"};
  if (question == Question::Message && body_->fault() != BodyFault::None && reply.positive()) {
    reply = body_fault_reply(body_->fault());
  }
  reply.complete();
  bool hang_up = reply.code == 421 && question != Question::Refusal;
  std::string why = hang_up ? reply.to_string() : std::string();
  answered(question, std::move(reply));
  if (hang_up) end(std::move(why));
}

void ServerEngine::answered(Question question, Reply reply) {
  bool yes = reply.positive();
  switch (question) {
    case Question::None: return;
    case Question::Greeting: return greeting_answered(reply);
    case Question::Helo: return helo_answered(std::move(reply), false);
    case Question::Ehlo: return helo_answered(std::move(reply), true);
    case Question::Mail:
      if (yes) state_ = State::Transaction;
      mail_refused_ = !yes;
      break;
    case Question::Rcpt:
      if (yes) ++recipients_;
      if (!yes) refused_rcpt_ = true;
      break;
    case Question::Data:
      if (reply.intermediate()) {
        expect_ = Input::Content;
        body_.emplace(options_->bare_newline, message_limit());
      }
      break;
    case Question::Refusal: return refusal_answered(reply);
    case Question::Message:
      body_.reset();
      end_transaction();
      break;
  }
  send(reply);
}

void ServerEngine::greeting_answered(const Reply& reply) {
  expect_ = Input::Commands;
  if (!reply.positive()) state_ = State::Refused;
  // RFC 2034, 4: neither the greeting nor EHLO's answer has an enhanced code.
  Reply greeting = reply;
  if (reply.positive()) greeting.enhanced.clear();
  send(greeting);
}

// RFC 5321, 4.1.4: an accepted HELO or EHLO does what RSET does; a refused one changes nothing.
void ServerEngine::helo_answered(Reply reply, bool esmtp) {
  if (!reply.positive()) return send(reply);
  if (state_ == State::Transaction) queue_reset_ = true;
  end_transaction();
  offered_ = esmtp ? extensions_ : Extensions();
  offered_.starttls = offered_.starttls && options_->tls_available && !secured_;
  if (esmtp) {
    reply.enhanced.clear();
    reply.lines.resize(1);
    auto line = [&](bool offered, std::string text) {
      if (offered) reply.lines.push_back(std::move(text));
    };
    line(offered_.pipelining, "PIPELINING");
    line(offered_.size, offered_.max_size > 0 ? "SIZE " + std::to_string(offered_.max_size) : "SIZE");
    line(offered_.eightbitmime, "8BITMIME");
    line(offered_.smtputf8, "SMTPUTF8");
    line(offered_.starttls, "STARTTLS");
    line(offered_.enhancedstatuscodes, "ENHANCEDSTATUSCODES");
    line(offered_.dsn, "DSN");
  }
  send(reply);
}

/// All that belongs to one message, wherever it ended.
void ServerEngine::end_transaction() {
  state_ = State::Greeted;
  recipients_ = 0;
  utf8_ = refused_rcpt_ = mail_refused_ = false;
}

void ServerEngine::secured() {
  if (closing_ || closed_) return;
  POSTERN_CHECK(expect_ == Input::Tls);
  drop_input();
  end_transaction();
  state_ = State::Fresh;
  offered_ = {};
  expect_ = Input::Commands;
  secured_ = true;
}

void ServerEngine::close(const Reply& reply, std::string why) {
  if (closing_ || closed_) return;
  question_ = Question::None;
  queue_errors_ = false;
  // The client waits for TLS now and would take a reply in the clear for a broken handshake.
  if (!queue_tls_ && expect_ != Input::Tls) send(reply);
  queue_tls_ = false;
  end(std::move(why));
}

void ServerEngine::end(std::string why) {
  closing_ = true;
  close_why_ = std::move(why);
  drop_input();
}

void ServerEngine::send(const Reply& reply) {
  output_ += reply.encode();
}

/// A reply to a command that should not have been sent.
void ServerEngine::bad(const Reply& reply) {
  if (++errors_ <= options_->max_errors) return send(reply);
  queue_errors_ = true;
}

Reply ServerEngine::refusal_reply(AskRefusal::What what) const {
  switch (what) {
    case AskRefusal::What::TooBig:
      return {552, "5.3.4", "message too big, limit is " + std::to_string(message_limit()) + " octets"};
    case AskRefusal::What::TooManyRecipients: return {452, "4.5.3", "too many recipients"};
    case AskRefusal::What::NoRecipients: return {554, "5.5.1", "no valid recipients"};
    case AskRefusal::What::TooManyErrors: break;
  }
  return {421, "4.7.0", "too many errors"};
}

Action ServerEngine::refuse(AskRefusal::What what, std::string address, uint64_t size) {
  question_ = Question::Refusal;
  refusal_ = what;
  return AskRefusal{what, std::move(address), size, refusal_reply(what)};
}

/// The owner has the last word on the text, not on the matter.
void ServerEngine::refusal_answered(const Reply& reply) {
  Reply ours = refusal_reply(refusal_);
  send(reply.code == ours.code ? reply : ours);
  if (refusal_ == AskRefusal::What::TooManyErrors) end("too many errors");
}

/// `octets` of input_ are done with. An empty buffer gives its memory back: most sessions are idle most of the time.
void ServerEngine::took(size_t octets) {
  taken_ += octets;
  if (taken_ < input_.size()) return;
  input_ = {};
  taken_ = 0;
}

void ServerEngine::drop_input() {
  input_ = {};
  taken_ = 0;
  lines_.clear();
}

/// Octets of the largest message: ours, or the backend's where that is less.
uint64_t ServerEngine::message_limit() const {
  bool stated = offered_.size && offered_.max_size > 0;
  return stated ? std::min(options_->max_message, offered_.max_size) : options_->max_message;
}

bool ServerEngine::wants_input() const {
  if (closing_ || closed_ || peer_closed_) return false;
  return unread().size() < kMaxBuffered;
}
bool ServerEngine::waiting() const {
  return question_ != Question::None;
}
bool ServerEngine::in_data() const {
  return expect_ == Input::Content;
}
bool ServerEngine::early_talker() const {
  return early_;
}
bool ServerEngine::has_buffered_input() const {
  return !unread().empty();
}

}  // namespace postern::smtp
