#include "proxy/smtp/client_engine.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "filters/base/bytes.h"
#include "proxy/smtp/xclient.h"

// The transition table. "4.." and "5.." are replies; every reply that is not named is Broken, and so is a 421 anywhere.
//
//   state      asked with        good reply     then
//   Greeting   (connection)      220            EHLO -> Ehlo
//   Ehlo       EHLO              250            STARTTLS -> StartTls, XCLIENT -> Xclient, or Ready -> Open
//                                5..            HELO -> Helo
//   Helo       HELO              250            Ready -> Open
//   StartTls   STARTTLS          220            StartTls -> Securing
//                                4.. 5..        when opportunistic: as if it had not been offered
//   Securing   (TLS handshake)   secured()      EHLO -> Ehlo
//   Xclient    XCLIENT           220            the next XCLIENT, or EHLO -> Ehlo
//   Open       requests          see allowed()  Replied
//   Over       -                 -              the end: Broken was put out, or QUIT was answered
namespace postern::smtp {
namespace {

/// What stands in a log or an error of a peer's reply.
std::string shown(const Reply& reply) {
  return escape_for_log(reply.to_string(), 200);
}

struct Keyword {
  std::string_view name;
  bool Extensions::*member;
};

constexpr std::array<Keyword, 7> kKeywords = {{
    {"PIPELINING", &Extensions::pipelining},                    // RFC 2920
    {"SIZE", &Extensions::size},                                // RFC 1870
    {"8BITMIME", &Extensions::eightbitmime},                    // RFC 6152
    {"SMTPUTF8", &Extensions::smtputf8},                        // RFC 6531
    {"STARTTLS", &Extensions::starttls},                        // RFC 3207
    {"ENHANCEDSTATUSCODES", &Extensions::enhancedstatuscodes},  // RFC 2034
    {"DSN", &Extensions::dsn},                                  // RFC 3461
}};

/// Which extension a parameter of MAIL or RCPT belongs to.
constexpr std::array<Keyword, 7> kParameters = {{
    {"SIZE", &Extensions::size},
    {"BODY", &Extensions::eightbitmime},
    {"SMTPUTF8", &Extensions::smtputf8},
    {"RET", &Extensions::dsn},
    {"ENVID", &Extensions::dsn},
    {"NOTIFY", &Extensions::dsn},
    {"ORCPT", &Extensions::dsn},
}};

std::string_view take_word(std::string_view& text) {
  text = trim(text);
  std::string_view word = text.substr(0, text.find_first_of(" \t"));
  text.remove_prefix(word.size());
  return word;
}

/// RFC 5321, 4.1.1.1: the first line is the peer's name, each further one a keyword with its parameters, in any case.
Capabilities read_keywords(const Reply& reply) {
  Capabilities found;
  for (size_t i = 1; i < reply.lines.size(); ++i) {
    std::string_view rest = reply.lines[i];
    std::string_view word = take_word(rest);
    for (const Keyword& known : kKeywords) {
      if (equal_nocase(word, known.name)) found.extensions.*known.member = true;
    }
    if (equal_nocase(word, "SIZE")) {
      // RFC 1870, 4: no number, or 0, means no fixed limit; one that we cannot read or hold is none for us either.
      std::string_view number = take_word(rest);
      uint64_t limit = 0;
      auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), limit);
      found.extensions.max_size = error == std::errc() && end == number.data() + number.size() ? limit : 0;
    } else if (equal_nocase(word, "XCLIENT")) {
      while (!(word = take_word(rest)).empty()) found.xclient_attributes.insert(to_upper(word));
    }
  }
  return found;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

/// A last line of defence: whoever parsed the address, nothing that ends the path or the line leaves us. Spaces and
/// angle brackets may stand in a quoted local part only (RFC 5321, 4.1.2).
bool safe_path(std::string_view address) {
  bool quoted = false;
  for (size_t i = 0; i < address.size(); ++i) {
    char c = address[i];
    if (is_control(c)) return false;
    if (c == '"') {
      quoted = !quoted;
    } else if (quoted && c == '\\') {
      if (++i == address.size() || is_control(address[i])) return false;
    } else if (!quoted && (c == ' ' || c == '<' || c == '>')) {
      return false;
    }
  }
  return !quoted;
}

bool safe_value(std::string_view value) {
  for (char c : value) {
    if (is_control(c) || c == ' ') return false;
  }
  return true;
}

/// False when one of them could not stand in a command line.
bool append_parameters(const std::vector<Parameter>& parameters, const Extensions& offered, std::string& line) {
  for (const Parameter& parameter : parameters) {
    for (const Keyword& known : kParameters) {
      if (parameter.keyword != known.name || !(offered.*known.member)) continue;
      if (!safe_value(parameter.value)) return false;
      line.append(" ").append(parameter.keyword);
      if (parameter.has_value) line.append("=").append(parameter.value);
    }
  }
  return true;
}

/// RFC 5321, 4.3.2: which replies a request may get. A 2xx to DATA would let the peer claim a message that it never
/// saw.
bool allowed(Request request, const Reply& reply) {
  if (reply.temporary() || reply.permanent()) return true;
  return request == Request::Data ? reply.code == 354 : reply.positive();
}

std::string_view to_string(Request request) {
  switch (request) {
    case Request::Mail: return "MAIL";
    case Request::Rcpt: return "RCPT";
    case Request::Data: return "DATA";
    case Request::Content: return "the content";
    case Request::Reset: return "RSET";
    case Request::Quit: return "QUIT";
  }
  return "?";
}

/// A HELO name that can be said again as it is.
bool is_plain_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

ClientEngine::ClientEngine(ClientOptions options) : options_(std::move(options)) {}

void ClientEngine::feed(std::string_view bytes) {
  // RFC 3207, 4.2 and 6: what arrives between the 220 to STARTTLS and the handshake was not protected: anybody could
  // have put it there. It is dropped, here and by the link.
  while (!bytes.empty() && state_ != State::Over && state_ != State::Securing) {
    switch (reader_.read(bytes)) {
      case ReplyReader::State::NeedMore: return;
      case ReplyReader::State::Broken: return broken("the reply cannot be understood: " + reader_.error());
      case ReplyReader::State::Ready: handle(reader_.take());
    }
  }
}

void ClientEngine::peer_closed() {
  broken("the connection was closed by the peer");
}

std::optional<client::Action> ClientEngine::next() {
  if (actions_.empty()) return std::nullopt;
  client::Action action = std::move(actions_.front());
  actions_.pop_front();
  return action;
}

void ClientEngine::secured() {
  if (state_ == State::Over) return;
  POSTERN_CHECK(state_ == State::Securing);
  secured_ = true;
  reader_ = ReplyReader();
  greet(State::Ehlo, "EHLO");
}

void ClientEngine::handle(Reply reply) {
  if (state_ == State::Open) return answered(std::move(reply));
  // RFC 5321, 3.8: a server that must close says 421 at any time.
  if (reply.code == 421) return broken("the peer closes: " + shown(reply), reply);
  handshake(reply);
}

void ClientEngine::handshake(const Reply& reply) {
  bool refused = reply.temporary() || reply.permanent();
  if (state_ == State::Greeting && reply.code == 220) return greet(State::Ehlo, "EHLO");
  if (state_ == State::Ehlo && reply.code == 250) return introduced(reply);
  // RFC 5321, 3.2: a server that does not know EHLO says so, and the client tries HELO.
  if (state_ == State::Ehlo && reply.permanent()) return greet(State::Helo, "HELO");
  if (state_ == State::Helo && reply.code == 250) return introduced(Reply());
  if (state_ == State::StartTls && reply.code == 220) {
    state_ = State::Securing;
    actions_.emplace_back(client::StartTls{});
    return;
  }
  if (state_ == State::StartTls && refused && options_.tls == ClientOptions::Tls::Opportunistic) return after_tls();
  if (state_ == State::Xclient && reply.code == 220) return xclient_step();
  static constexpr std::array<std::string_view, 6> asked = {"the connection", "EHLO",        "HELO",
                                                            "STARTTLS",       "(handshake)", "XCLIENT"};
  std::string why = "unexpected answer to " + std::string(asked.at(static_cast<size_t>(state_))) + ": " + shown(reply);
  broken(std::move(why), refused ? std::optional<Reply>(reply) : std::nullopt);
}

void ClientEngine::greet(State state, std::string_view verb) {
  state_ = state;
  capabilities_ = {};
  // XCLIENT_README: after XCLIENT we stand for the client, and this EHLO is what the backend logs as the client's.
  bool as_client = xclient_sent_ && xclient_lines_.empty() && is_plain_name(options_.xclient->helo);
  send(std::string(verb) + " " + (as_client ? options_.xclient->helo : options_.hostname) + "\r\n");
}

void ClientEngine::introduced(const Reply& reply) {
  capabilities_ = read_keywords(reply);
  if (!secured_ && options_.tls != ClientOptions::Tls::Off && !xclient_sent_) {
    if (capabilities_.extensions.starttls) {
      state_ = State::StartTls;
      return send("STARTTLS\r\n");
    }
    if (options_.tls == ClientOptions::Tls::Required) return broken("TLS is required and STARTTLS not offered");
  }
  after_tls();
}

void ClientEngine::after_tls() {
  if (options_.xclient && !xclient_sent_) {
    xclient_lines_ = xclient_commands(*options_.xclient, capabilities_.xclient_attributes);
    xclient_sent_ = !xclient_lines_.empty();
    if (xclient_sent_) return xclient_step();
    if (options_.xclient_required) return broken("XCLIENT is required and not offered");
  }
  state_ = State::Open;
  actions_.emplace_back(client::Ready{capabilities_});
}

/// XCLIENT_README: the reply to XCLIENT is a new greeting, and the server has forgotten our EHLO.
void ClientEngine::xclient_step() {
  if (xclient_lines_.empty()) return greet(State::Ehlo, "EHLO");
  state_ = State::Xclient;
  send(std::move(xclient_lines_.front()));
  xclient_lines_.pop_front();
}

void ClientEngine::answered(Reply reply) {
  bool closing = reply.code == 421;
  if (outstanding_.empty()) {
    if (closing) return broken("the peer closes: " + shown(reply), reply);
    return broken("a reply to nothing: " + shown(reply));
  }
  Request request = outstanding_.front();
  if (!allowed(request, reply)) {
    return broken("unexpected answer to " + std::string(to_string(request)) + ": " + shown(reply));
  }
  outstanding_.pop_front();
  sending_content_ = request == Request::Data && reply.code == 354;
  actions_.emplace_back(client::Replied{request, reply});
  if (closing) return broken("the peer closes: " + shown(reply), reply);
  if (request == Request::Quit) state_ = State::Over;
}

void ClientEngine::mail(const MailCommand& command) {
  std::string line = "MAIL FROM:<" + command.from.address + ">";
  bool safe = safe_path(command.from.address);
  if (!append_parameters(command.parameters, capabilities_.extensions, line) || !safe) {
    return broken("MAIL with octets that cannot stand in a command");
  }
  request(Request::Mail, std::move(line));
}

void ClientEngine::rcpt(const RcptCommand& command) {
  std::string line = "RCPT TO:<" + command.to.address + ">";
  bool safe = safe_path(command.to.address);
  if (!append_parameters(command.parameters, capabilities_.extensions, line) || !safe) {
    return broken("RCPT with octets that cannot stand in a command");
  }
  request(Request::Rcpt, std::move(line));
}

void ClientEngine::data() {
  request(Request::Data, "DATA");
}
void ClientEngine::reset() {
  request(Request::Reset, "RSET");
}
void ClientEngine::quit() {
  request(Request::Quit, "QUIT");
}

void ClientEngine::content_sent() {
  if (state_ == State::Over) return;
  POSTERN_CHECK(sending_content_);
  sending_content_ = false;
  outstanding_.push_back(Request::Content);
}

bool ClientEngine::sending_content() const {
  return sending_content_ && state_ == State::Open;
}

bool ClientEngine::awaiting_content_reply() const {
  return !outstanding_.empty() && outstanding_.front() == Request::Content;
}

void ClientEngine::request(Request kind, std::string line) {
  if (state_ == State::Over) return;
  POSTERN_CHECK(state_ == State::Open);
  // RFC 2920, 3.1: DATA and QUIT end a group of pipelined commands; behind DATA a command would become content.
  bool last = !outstanding_.empty() && (outstanding_.back() == Request::Data || outstanding_.back() == Request::Quit);
  if (sending_content_ || last) return broken(std::string(to_string(kind)) + " asked for inside the content");
  outstanding_.push_back(kind);
  send(std::move(line) + "\r\n");
}

void ClientEngine::send(std::string bytes) {
  actions_.emplace_back(client::Send{std::move(bytes)});
}

void ClientEngine::broken(std::string why, std::optional<Reply> reply) {
  if (state_ == State::Over) return;
  state_ = State::Over;
  actions_.emplace_back(client::Broken{std::move(why), std::move(reply)});
}

}  // namespace postern::smtp
