// The commands of the server's side: one table, and a handler for each row. See server_engine.cc for the states.
#include <algorithm>
#include <array>
#include <utility>

#include "filters/base/bytes.h"
#include "proxy/smtp/command.h"
#include "proxy/smtp/server_engine.h"

namespace postern::smtp {

namespace {

// Browsers and scripts can be made to speak to us; what they send must not be run line by line.
constexpr std::array<std::string_view, 10> kHttpMethods = {"GET",     "POST",  "HEAD",  "PUT", "DELETE",
                                                           "CONNECT", "TRACE", "PATCH", "PRI", "OPTIONS"};

bool is_http(std::string_view line) {
  std::string_view verb = line.substr(0, line.find(' '));
  bool method = std::any_of(kHttpMethods.begin(), kHttpMethods.end(),
                            [&](std::string_view known) { return equal_nocase(known, verb); });
  return method && line.find(" HTTP/") != std::string_view::npos;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
}

// RFC 5321, 4.1.1.1: a domain or an address literal. Names that are neither are a matter for the rules, as long as they
// are one printable word.
bool is_helo_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxDomain &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c <= '~'; });
}

}  // namespace

/// One command. A new one is a row here and a handler.
struct ServerEngine::Row {
  std::string_view verb;
  Handler handler;
  unsigned allowed;  // bits of State; otherwise 503
  bool arguments;    // false: any argument is 501
};

struct ServerEngine::Table {
  static constexpr unsigned kFresh = static_cast<unsigned>(State::Fresh);
  static constexpr unsigned kGreeted = static_cast<unsigned>(State::Greeted);
  static constexpr unsigned kTransaction = static_cast<unsigned>(State::Transaction);
  static constexpr unsigned kRefused = static_cast<unsigned>(State::Refused);
  // RFC 5321, 4.1.4: at any time, even before EHLO.
  static constexpr unsigned kAny = kFresh | kGreeted | kTransaction;

  static constexpr std::array<Row, 21> kRows = {{
      {"HELO", &ServerEngine::helo, kAny, true},
      {"EHLO", &ServerEngine::ehlo, kAny, true},
      {"MAIL", &ServerEngine::mail, kGreeted, true},
      {"RCPT", &ServerEngine::rcpt, kTransaction, true},
      {"DATA", &ServerEngine::data, kTransaction, false},
      {"RSET", &ServerEngine::rset, kAny, false},
      {"NOOP", &ServerEngine::noop, kAny, true},
      {"QUIT", &ServerEngine::quit, kAny | kRefused, false},
      {"VRFY", &ServerEngine::vrfy, kAny, true},
      {"HELP", &ServerEngine::help, kAny, true},
      {"STARTTLS", &ServerEngine::starttls, kAny, false},
      {"EXPN", &ServerEngine::not_implemented, kAny, true},
      {"ETRN", &ServerEngine::not_implemented, kAny, true},
      {"SEND", &ServerEngine::not_implemented, kAny, true},
      {"SOML", &ServerEngine::not_implemented, kAny, true},
      {"SAML", &ServerEngine::not_implemented, kAny, true},
      {"TURN", &ServerEngine::not_implemented, kAny, true},
      {"BDAT", &ServerEngine::not_implemented, kAny, true},
      {"AUTH", &ServerEngine::not_implemented, kAny, true},
      {"XCLIENT", &ServerEngine::not_implemented, kAny, true},
      {"XFORWARD", &ServerEngine::not_implemented, kAny, true},
  }};
};

std::optional<Action> ServerEngine::run(std::string_view line) {
  // RFC 5321, 2.3.8 and 4.1.2: NUL, a lone CR and the other controls have no place in a command.
  if (std::any_of(line.begin(), line.end(), is_control)) {
    bad({500, "5.5.2", "control character in the command"});
    return std::nullopt;
  }
  std::string_view verb = line.substr(0, line.find(' '));
  std::string_view arguments = trim(line.substr(verb.size()));
  const auto* row = std::find_if(Table::kRows.begin(), Table::kRows.end(),
                                 [&](const Row& known) { return equal_nocase(known.verb, verb); });
  if (row == Table::kRows.end()) {
    unknown(line);
  } else if ((row->allowed & static_cast<unsigned>(state_)) == 0) {
    out_of_sequence();
  } else if (!row->arguments && !arguments.empty()) {
    bad({501, "5.5.4", "no arguments allowed"});
  } else {
    return (this->*row->handler)(arguments);
  }
  return std::nullopt;
}

std::optional<Action> ServerEngine::ask(Question question, Action action) {
  question_ = question;
  return action;
}

void ServerEngine::unknown(std::string_view line) {
  if (is_http(line)) {
    send({421, "4.7.0", "this is SMTP, not HTTP"});
    return end("client speaks HTTP");
  }
  if (state_ == State::Refused) return out_of_sequence();
  bad({500, "5.5.2", "command not recognised"});
}

void ServerEngine::out_of_sequence() {
  switch (state_) {
    case State::Refused: return bad({503, "5.5.1", "no service for you here, only QUIT is possible"});
    case State::Fresh: return bad({503, "5.5.1", "send EHLO or HELO first"});
    case State::Greeted: {
      Reply reply(503, "5.5.1", "send MAIL first");
      // RFC 2920, 3.1: what was pipelined behind a refused MAIL was sent in good faith.
      return mail_refused_ ? send(reply) : bad(reply);
    }
    case State::Transaction: return bad({503, "5.5.1", "a sender is already given, send RSET first"});
  }
}

std::optional<Action> ServerEngine::helo(std::string_view arguments) {
  return ask_helo(arguments, false);
}

std::optional<Action> ServerEngine::ehlo(std::string_view arguments) {
  return ask_helo(arguments, true);
}

std::optional<Action> ServerEngine::ask_helo(std::string_view name, bool esmtp) {
  if (is_helo_name(name)) return ask(esmtp ? Question::Ehlo : Question::Helo, AskHelo{std::string(name), esmtp});
  bad({501, "5.5.4", esmtp ? "syntax: EHLO hostname" : "syntax: HELO hostname"});
  return std::nullopt;
}

std::optional<Action> ServerEngine::mail(std::string_view arguments) {
  mail_refused_ = true;  // until it is accepted
  auto command = parse_mail(arguments, offered_.smtputf8);
  if (!command) {
    bad(command.error());
    return std::nullopt;
  }
  // RFC 5321, 4.1.1.11.
  bool known = std::all_of(command->parameters.begin(), command->parameters.end(),
                           [&](const Parameter& p) { return parameter_offered(p, offered_); });
  if (!known) {
    bad({555, "5.5.4", "MAIL parameter not recognised"});
    return std::nullopt;
  }
  // RFC 1870, 6.1: said before a single octet of it was sent.
  if (command->size > message_limit()) {
    return refuse(AskRefusal::What::TooBig, command->from.address, command->size);
  }
  utf8_ = command->smtputf8;
  return ask(Question::Mail, AskMail{std::move(*command)});
}

std::optional<Action> ServerEngine::rcpt(std::string_view arguments) {
  auto command = parse_rcpt(arguments, utf8_, offered_.dsn);
  // RFC 5321, 4.5.3.1.10.
  if (command && recipients_ >= options_->max_recipients) {
    return refuse(AskRefusal::What::TooManyRecipients, command->to.address);
  }
  if (command) return ask(Question::Rcpt, AskRcpt{std::move(*command)});
  refused_rcpt_ = true;
  bad(command.error());
  return std::nullopt;
}

std::optional<Action> ServerEngine::data(std::string_view /*arguments*/) {
  if (recipients_ > 0) return ask(Question::Data, AskData{});
  // RFC 2920, 3.1: DATA may have been pipelined behind recipients that were all refused.
  if (refused_rcpt_) return refuse(AskRefusal::What::NoRecipients);
  bad({503, "5.5.1", "send RCPT first"});
  return std::nullopt;
}

std::optional<Action> ServerEngine::rset(std::string_view /*arguments*/) {
  mail_refused_ = false;
  if (state_ == State::Transaction) {
    queue_reset_ = true;
    end_transaction();
  }
  send({250, "2.0.0", "ok"});
  return std::nullopt;
}

std::optional<Action> ServerEngine::noop(std::string_view /*arguments*/) {
  send({250, "2.0.0", "ok"});
  return std::nullopt;
}

std::optional<Action> ServerEngine::quit(std::string_view /*arguments*/) {
  send({221, "2.0.0", "bye"});
  end("client quit");
  return std::nullopt;
}

// RFC 5321, 3.5.3: whom we know is not for everybody to find out.
std::optional<Action> ServerEngine::vrfy(std::string_view arguments) {
  if (arguments.empty()) {
    bad({501, "5.5.4", "syntax: VRFY address"});
  } else {
    send({252, "2.5.0", "send some mail and I will try"});
  }
  return std::nullopt;
}

std::optional<Action> ServerEngine::help(std::string_view /*arguments*/) {
  send({214, "2.0.0", "see RFC 5321"});
  return std::nullopt;
}

std::optional<Action> ServerEngine::starttls(std::string_view /*arguments*/) {
  if (secured_) {
    bad({503, "5.5.1", "TLS is already active"});
  } else if (!options_->tls_available || (state_ != State::Fresh && !offered_.starttls)) {
    bad({502, "5.5.1", "STARTTLS is not offered"});
  } else if (state_ == State::Fresh) {
    out_of_sequence();
  } else {
    queue_reset_ = state_ == State::Transaction;
    end_transaction();
    send({220, "2.0.0", "ready to start TLS"});
    queue_tls_ = true;
    drop_input();
  }
  return std::nullopt;
}

std::optional<Action> ServerEngine::not_implemented(std::string_view /*arguments*/) {
  bad({502, "5.5.1", "command not implemented"});
  return std::nullopt;
}

}  // namespace postern::smtp
