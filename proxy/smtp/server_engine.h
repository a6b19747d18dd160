// The server's side of an SMTP session, without I/O: bytes in, actions out.
//
// Theory of operation. The owner feeds whatever arrived and drains next() until it returns nothing. The engine asks the
// owner one question at a time (Ask*); until answer() is called it consumes no further command, so PIPELINING (RFC
// 2920) works by construction: replies leave in order, and what the client sent meanwhile waits in a bounded buffer.
// The same bytes give the same actions however they are split.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "proxy/smtp/body_reader.h"
#include "proxy/smtp/envelope.h"
#include "proxy/smtp/line_reader.h"
#include "proxy/smtp/reply.h"

namespace postern::smtp {

/// ESMTP extensions, as bits. What is offered in EHLO is the owner's decision (ours, intersected with the backend's).
struct Extensions {
  bool pipelining = false;
  bool size = false;
  bool eightbitmime = false;
  bool smtputf8 = false;
  bool starttls = false;
  bool enhancedstatuscodes = false;
  bool dsn = false;
  uint64_t max_size = 0;  // octets, 0 = no fixed limit
};

/// Immutable while an engine uses it; shared by all sessions of a configuration.
struct ServerOptions {
  std::string hostname;
  uint64_t max_message = 50U << 20U;  // octets as stored (decoded, CRLF counted)
  size_t max_recipients = 1000;
  size_t max_errors = 20;  // bad commands before 421
  BareNewline bare_newline = BareNewline::Normalize;
  bool tls_available = false;  // STARTTLS is understood
};

// Questions: the owner answers each with answer(Reply) exactly once; the engine sends the reply and changes its state
// when the reply is positive (or 354).
struct AskGreeting {};  // a connection: 220, or 4xx/5xx to refuse it
struct AskHelo {
  std::string name;
  bool esmtp = false;
};  // answer 250; for EHLO the engine adds the extension lines
struct AskMail {
  MailCommand command;
};
struct AskRcpt {
  RcptCommand command;
};
struct AskData {};  // 354 to go on
/// What was understood and is refused by the engine itself: `reply` goes out, and the owner may put words behind its
/// text (an id to find it by). An answer with another code is not taken.
struct AskRefusal {
  enum class What : uint8_t { TooBig, TooManyRecipients, NoRecipients, TooManyErrors } what = What::TooBig;
  std::string address;  // the sender for TooBig, the recipient for TooManyRecipients
  uint64_t size = 0;    // for TooBig: what MAIL said
  Reply reply = {};
};
struct AskMessage {                   // the final dot: all of the body was handed out before
  uint64_t size = 0;                  // octets stored
  BodyFault fault = BodyFault::None;  // the owner must refuse (the engine has a ready text: body_fault_reply)
  uint64_t bare_newlines = 0;         // lone CR and LF that were met (BodyReader)
};
// What happens, without an answer.
struct Send {
  std::string bytes;
};  // to the client, in order
struct Body {
  std::string bytes;
};                           // decoded: dots unstuffed, line ends CRLF
struct TransactionReset {};  // RSET, EHLO, HELO, STARTTLS after an accepted MAIL: forget sender and recipients
struct StartTls {};          // the 220 was sent: flush it, switch, then call secured()
struct Close {
  std::string why;
};  // send what is queued, then close; the last action

using Action = std::variant<AskGreeting, AskHelo, AskMail, AskRcpt, AskData, AskRefusal, AskMessage, Send, Body,
                            TransactionReset, StartTls, Close>;

/// One session's engine. Not thread-safe. Never throws but bad_alloc; never calls back.
class ServerEngine {
 public:
  /// Bytes kept while the engine waits for an answer; more is not taken (see wants_input).
  static constexpr size_t kMaxBuffered = 64U << 10U;
  /// Octets of a command line with its end: RFC 5321's 512 and what MAIL's and RCPT's extensions add (RFC 3461, 6531).
  static constexpr size_t kMaxCommandLine = 2048;

  /// `options` outlives the engine. `secured`: implicit TLS, the connection is encrypted from the start.
  ServerEngine(const ServerOptions& options, bool secured);

  /// What is more than kMaxBuffered is kept too (one read's worth), but stops wants_input(). After Close, and between
  /// StartTls and secured(), it is dropped.
  void feed(std::string_view bytes);
  /// End of file from the client. Pending questions may still be answered; the replies are still produced.
  void peer_closed();
  [[nodiscard]] std::optional<Action> next();
  /// Answers the outstanding question. A 421 closes the session after it (RFC 5321, 3.8). Without effect after close().
  void answer(Reply reply);
  /// For EHLO: what to offer (valid until changed). Set before answering AskHelo.
  void offer(const Extensions& extensions) { extensions_ = extensions; }
  /// The link is encrypted now: everything known and buffered is forgotten (RFC 3207, 4.2).
  void secured();
  /// The owner ends the session (time-out, shutdown): the reply is sent after those before it, then Close. A question
  /// that is outstanding is dropped. No reply is sent while TLS is being negotiated.
  void close(const Reply& reply, std::string why);

  /// False while more input should not be read (question outstanding and buffer full).
  [[nodiscard]] bool wants_input() const;
  /// A question is outstanding.
  [[nodiscard]] bool waiting() const;
  /// Between the 354 and the final dot (another deadline applies).
  [[nodiscard]] bool in_data() const;
  /// The client sent something before it was greeted.
  [[nodiscard]] bool early_talker() const;
  /// Commands the client pipelined wait in the buffer.
  [[nodiscard]] bool has_buffered_input() const;

 private:
  // What the client may say now. Bits, for the command table's "allowed when".
  enum class State : uint8_t {
    Refused = 1,      // the greeting was negative: QUIT only (RFC 5321, 3.1)
    Fresh = 2,        // no HELO or EHLO yet, or forgotten by STARTTLS
    Greeted = 4,      // HELO or EHLO accepted
    Transaction = 8,  // MAIL accepted
  };
  // What the next octets from the client are.
  enum class Input : uint8_t { Nothing, Commands, Content, MessageEnd, Tls };
  enum class Question : uint8_t { None, Greeting, Helo, Ehlo, Mail, Rcpt, Data, Refusal, Message };
  enum class Step : uint8_t { Starved, Done };

  // The outside of a step: server_engine.cc.
  std::optional<Action> queued();
  Step advance(std::optional<Action>& action);
  Step advance_commands(std::optional<Action>& action);
  Step advance_content(std::optional<Action>& action);
  void answered(Question question, Reply reply);
  void greeting_answered(const Reply& reply);
  void helo_answered(Reply reply, bool esmtp);
  void end_transaction();
  void send(const Reply& reply);
  void bad(const Reply& reply);
  [[nodiscard]] Reply refusal_reply(AskRefusal::What what) const;
  [[nodiscard]] Action refuse(AskRefusal::What what, std::string address = {}, uint64_t size = 0);
  void refusal_answered(const Reply& reply);
  void end(std::string why);
  [[nodiscard]] std::string_view unread() const { return std::string_view(input_).substr(taken_); }
  void took(size_t octets);
  void drop_input();
  [[nodiscard]] uint64_t message_limit() const;

  // The commands: server_commands.cc. A handler returns the question to ask, or has replied.
  using Handler = std::optional<Action> (ServerEngine::*)(std::string_view arguments);
  struct Row;
  struct Table;
  std::optional<Action> run(std::string_view line);
  std::optional<Action> ask(Question question, Action action);
  void out_of_sequence();
  void unknown(std::string_view line);
  std::optional<Action> ask_helo(std::string_view name, bool esmtp);
  std::optional<Action> helo(std::string_view arguments);
  std::optional<Action> ehlo(std::string_view arguments);
  std::optional<Action> mail(std::string_view arguments);
  std::optional<Action> rcpt(std::string_view arguments);
  std::optional<Action> data(std::string_view arguments);
  std::optional<Action> rset(std::string_view arguments);
  std::optional<Action> noop(std::string_view arguments);
  std::optional<Action> quit(std::string_view arguments);
  std::optional<Action> vrfy(std::string_view arguments);
  std::optional<Action> help(std::string_view arguments);
  std::optional<Action> starttls(std::string_view arguments);
  std::optional<Action> not_implemented(std::string_view arguments);

  const ServerOptions* options_;
  Extensions extensions_;  // to be offered
  Extensions offered_;     // in the last EHLO; nothing after HELO
  std::string input_;      // not yet consumed, from taken_ on
  size_t taken_ = 0;
  LineReader lines_{kMaxCommandLine};
  std::optional<BodyReader> body_;  // from the 354 until the message is answered
  std::string output_;              // replies that next() has not handed out
  std::string close_why_;
  size_t errors_ = 0;
  size_t recipients_ = 0;  // accepted
  State state_ = State::Fresh;
  Input expect_ = Input::Nothing;
  Question question_ = Question::None;
  bool secured_;
  bool utf8_ = false;          // this transaction's MAIL had SMTPUTF8
  bool refused_rcpt_ = false;  // this transaction had a recipient that was not accepted
  bool mail_refused_ = false;  // the last MAIL was; what was pipelined behind it is no error of its own
  bool early_ = false;
  bool peer_closed_ = false;
  AskRefusal::What refusal_ = AskRefusal::What::TooBig;  // the last one that was asked about
  bool queue_reset_ = false;  // queued, in this order: reset, output, the word that ends it, TLS, close
  bool queue_errors_ = false;
  bool queue_tls_ = false;
  bool closing_ = false;
  bool closed_ = false;
};

}  // namespace postern::smtp
