// Backend: one session's connection to the server behind us.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "filters/base/signal.h"
#include "filters/base/task.h"
#include "proxy/session/backend_registry.h"
#include "proxy/session/observer.h"
#include "proxy/session/policy.h"
#include "proxy/session/ports.h"
#include "proxy/smtp/client_engine.h"

namespace postern::session {

/// Feeds a message to a writer piece by piece: `piece(n)` is the n-th, empty at the end.
class Content {
 public:
  Content() = default;
  Content(const Content&) = delete;
  Content& operator=(const Content&) = delete;
  virtual ~Content() = default;
  /// The next octets (decoded), "" at the end; valid until the next call.
  virtual Result<std::string_view> next() = 0;
  /// Begins again (another backend is tried).
  virtual void rewind() = 0;
};

/// Speaks SMTP with one of several addresses, tried in order. One thread; one request at a time. Every operation
/// returns what the peer said, or an Error when the connection broke (Code::Unavailable: nothing was accepted; see
/// deliver() for the one step where that cannot be known).
class Backend final : private LinkEvents {
 public:
  struct Options {
    std::vector<BackendAddress> addresses;  // Kind::Smtp only
    BackendPolicy::ClientInfo client_info = BackendPolicy::ClientInfo::None;
    smtp::ClientOptions::Tls tls = smtp::ClientOptions::Tls::Off;
    std::string hostname;
    smtp::OriginalClient client;
    IpAddress local_ip;  // for PROXY: where the client connected to
    uint16_t local_port = 0;
    Duration connect_timeout{};
    Duration command_timeout{};
    Duration content_timeout{};
  };
  /// The references outlive it.
  Backend(Timers& timers, const Clock& clock, Connector& connector, Observer& observer, BackendRegistry& registry,
          Options options);
  ~Backend() override = default;

  /// Connects and says EHLO (and XCLIENT or PROXY); the error names every address and why it failed.
  Task<Result<void>> open();
  [[nodiscard]] bool is_open() const { return ready_ && !broken_; }
  /// It was told who the client is (XCLIENT, PROXY): nobody else may use this connection.
  [[nodiscard]] bool bound_to_client() const {
    return options_.client_info == BackendPolicy::ClientInfo::Proxy || engine_->told_client();
  }
  /// A request was given up before its reply came: nobody else may use this connection.
  [[nodiscard]] bool owes_reply() const { return owes_reply_; }
  [[nodiscard]] const smtp::Capabilities& capabilities() const { return engine_->capabilities(); }
  [[nodiscard]] const Options& options() const { return options_; }
  /// The address in use, as configured.
  [[nodiscard]] const std::string& name() const { return name_; }

  Task<Result<smtp::Reply>> mail(const smtp::MailCommand& command);
  Task<Result<smtp::Reply>> rcpt(const smtp::RcptCommand& command);
  Task<Result<smtp::Reply>> reset();
  /// DATA, the content, the final dot. Stops before the dot when `content` fails (the error is its own). `committed` is
  /// called when the dot goes out: from there on the message may be delivered whatever we hear.
  Task<Result<smtp::Reply>> deliver(Content& content, std::function<void()> committed);
  /// Counts this backend as down until it proves otherwise.
  void blame(const std::string& why);
  /// Says QUIT and lets go.
  void quit();

 private:
  void connected() override;
  void received(std::string_view bytes) override;
  void writable() override;
  void secured(const TlsInfo& info) override;
  void end_of_input() override;
  void failed(const std::string& why) override;

  Task<Result<void>> open_one(const BackendAddress& address);
  Task<Result<smtp::Reply>> reply(Duration timeout);
  Task<Result<void>> send_content(Content& content);
  void pump();
  void take(smtp::client::Action action);
  void fail_with(const std::string& why);
  void arm(Duration timeout, const char* what);

  Timers& timers_;
  const Clock& clock_;
  Connector& connector_;
  Observer& observer_;
  BackendRegistry& registry_;
  Options options_;

  std::string name_;
  std::optional<smtp::ClientEngine> engine_;
  std::deque<smtp::Reply> replies_;
  bool ready_ = false;
  bool broken_ = false;
  bool owes_reply_ = false;
  std::string why_;                        // of broken_
  std::optional<smtp::Reply> last_words_;  // what the peer said when it broke off
  std::string last_write_;                 // the end of the content with its dot, written when the dot may go
  Signal changed_;
  std::unique_ptr<Link> link_;
  Pending timeout_;
};

}  // namespace postern::session
