// The client's side of an SMTP session (towards the backend), without I/O: bytes in, actions out.
//
// Theory of operation. After construction the engine waits for the greeting, says EHLO (HELO where EHLO is refused with
// 5xx), STARTTLS and EHLO again where asked, XCLIENT and EHLO again where asked and offered, and then reports Ready.
// From then on each request is written at once and its reply reported in order, so requests may be pipelined by the
// owner when the peer offers PIPELINING. A reply that is not of the class the request allows is Broken: nothing a peer
// says can be taken for an answer to something else.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>

#include "filters/base/ip.h"
#include "proxy/smtp/envelope.h"
#include "proxy/smtp/reply.h"
#include "proxy/smtp/server_engine.h"

namespace postern::smtp {

/// Who the real client is, for XCLIENT (Postfix XCLIENT_README).
struct OriginalClient {
  IpAddress ip;
  uint16_t port = 0;
  std::string name;  // empty: [UNAVAILABLE]
  std::string helo;  // empty: not sent
  bool esmtp = true;
};

struct ClientOptions {
  std::string hostname;  // for EHLO
  enum class Tls { Off, Opportunistic, Required } tls = Tls::Off;
  std::optional<OriginalClient> xclient;  // send XCLIENT when the peer offers it
  bool xclient_required = false;          // Broken when it does not
};

/// What the peer's EHLO offered.
struct Capabilities {
  Extensions extensions;
  std::set<std::string> xclient_attributes;  // upper case; empty: XCLIENT not offered
};

enum class Request { Mail, Rcpt, Data, Content, Reset, Quit };

namespace client {
struct Send {
  std::string bytes;
};
struct StartTls {};  // flush, switch, then call secured()
struct Ready {
  Capabilities capabilities;
};
struct Replied {
  Request request;
  Reply reply;
};  // in the order of the requests
/// No further use: connection is to be closed. `reply` is what the peer said (a 421, a 554 greeting), if it was that.
struct Broken {
  std::string why;
  std::optional<Reply> reply;
};
using Action = std::variant<Send, StartTls, Ready, Replied, Broken>;
}  // namespace client

/// Not thread-safe, never calls back. Memory: one reply (see ReplyReader) for each request not yet drained with next().
/// After Broken nothing more comes out, and calls do nothing.
class ClientEngine {
 public:
  explicit ClientEngine(ClientOptions options);

  void feed(std::string_view bytes);
  void peer_closed();
  [[nodiscard]] std::optional<client::Action> next();
  void secured();

  // Requests: only after Ready; none between data() and its answer, and none inside the content (that is Broken: the
  // peer would take it for content). An address or parameter that could not stand in a command line is Broken too.
  // MAIL's parameters are passed on as sent where the peer offers their extension (SIZE, BODY, SMTPUTF8, RET, ENVID),
  // otherwise left out; the owner has checked what must not be left out.
  void mail(const MailCommand& command);
  void rcpt(const RcptCommand& command);
  void data();
  /// The content and the final dot were written by the owner (through BodyWriter) after DATA's 354.
  void content_sent();
  void reset();
  void quit();
  /// DATA was answered 354 and content_sent() not yet called.
  [[nodiscard]] bool sending_content() const;
  /// Final dot written, its reply not yet here: the point of no return. Stays true after Broken when the reply never
  /// came: whether the peer took the message is then unknown.
  [[nodiscard]] bool awaiting_content_reply() const;
  /// XCLIENT was said: the peer knows who the real client is.
  [[nodiscard]] bool told_client() const { return xclient_sent_; }
  [[nodiscard]] const Capabilities& capabilities() const { return capabilities_; }

 private:
  enum class State : uint8_t { Greeting, Ehlo, Helo, StartTls, Securing, Xclient, Open, Over };

  void handle(Reply reply);
  void handshake(const Reply& reply);
  void answered(Reply reply);
  void greet(State state, std::string_view verb);
  void introduced(const Reply& reply);
  void after_tls();
  void xclient_step();
  void request(Request kind, std::string line);
  void send(std::string bytes);
  void broken(std::string why, std::optional<Reply> reply = std::nullopt);

  ClientOptions options_;
  State state_ = State::Greeting;
  bool secured_ = false;
  bool xclient_sent_ = false;
  bool sending_content_ = false;
  ReplyReader reader_;
  std::deque<std::string> xclient_lines_;  // still to be sent
  std::deque<Request> outstanding_;        // written, not yet answered
  std::deque<client::Action> actions_;
  Capabilities capabilities_;
};

}  // namespace postern::smtp
