// What a session needs from the world: ports that proxy/net implements on libevent and tests implement in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "filters/base/clock.h"
#include "filters/base/ip.h"
#include "filters/base/pending.h"
#include "filters/base/result.h"

namespace postern::session {

struct TlsInfo {
  std::string version;  // "TLSv1.3"
  std::string cipher;   // "TLS_AES_256_GCM_SHA384"
  int bits = 0;
};

/// What a link tells its user. Never called inside a call of the user to the link; after closed() nothing more comes.
class LinkEvents {
 public:
  LinkEvents() = default;
  LinkEvents(const LinkEvents&) = delete;
  LinkEvents& operator=(const LinkEvents&) = delete;
  virtual ~LinkEvents() = default;

  /// The connection stands (outgoing links only).
  virtual void connected() {}
  virtual void received(std::string_view bytes) = 0;
  /// Fewer than Link::kLowWater bytes are still to be written (after there were more, or after start_tls's flush).
  virtual void writable() {}
  virtual void secured(const TlsInfo& info) = 0;
  /// The peer will send no more (end of file); it may still read.
  virtual void end_of_input() = 0;
  /// Broken: reset, TLS failure, connect failure, time-out of the kernel. `why` is for people.
  virtual void failed(const std::string& why) = 0;
};

/// One connection, owned by its user. Destroying it closes at once, without events; close_after_flush() lets what was
/// written go out first (bounded by a time of the implementation) and needs the owner no more.
class Link {
 public:
  static constexpr size_t kLowWater = 64U << 10U;

  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  virtual ~Link() = default;

  /// Whom to tell; called once by the owner of an accepted link, before anything is delivered (connect() does it
  /// itself).
  virtual void attach(LinkEvents& events) = 0;
  virtual void write(std::string_view bytes) = 0;
  /// Bytes given to write() that the kernel has not taken yet.
  [[nodiscard]] virtual size_t queued() const = 0;
  /// false: stop reading after what was already delivered; end of file is then seen only after reading again.
  virtual void read_enabled(bool enabled) = 0;
  /// Flushes, drops whatever arrived and was not yet delivered, and negotiates TLS (server side for accepted links,
  /// client side for outgoing ones); then secured() or failed().
  virtual void start_tls() = 0;
  /// Hands the connection over to the loop: sends what is queued, closes. The Link may be destroyed after it.
  virtual void close_after_flush() = 0;
};

/// One timer of one owner. Restarting replaces the deadline; destroying cancels.
class Timers {
 public:
  Timers() = default;
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;
  virtual ~Timers() = default;
  /// Calls back once after `delay` (zero: in the next turn of the loop).
  [[nodiscard]] virtual Pending after(Duration delay, std::function<void()> callback) = 0;
};

/// Where a backend listens, as configured.
struct BackendAddress {
  enum class Kind { Smtp, Maildir } kind = Kind::Smtp;
  std::string text;  // as configured: "127.0.0.1:10025", "maildir:/var/mail"; the metric label
  std::string host;  // Smtp: address or name
  uint16_t port = 25;
  std::string path;  // Maildir: the directory
};

/// Opens links to backends.
class Connector {
 public:
  Connector() = default;
  Connector(const Connector&) = delete;
  Connector& operator=(const Connector&) = delete;
  virtual ~Connector() = default;
  /// Starts connecting; connected() or failed() follows. Never fails inside the call.
  [[nodiscard]] virtual std::unique_ptr<Link> connect(const BackendAddress& address, LinkEvents& events) = 0;
};

/// Runs blocking work (writing and syncing a Maildir file) off the loop and calls back on the owner's thread.
/// Destroying the Pending drops the callback; the work itself is finished (point of no return), its outcome then only
/// logged.
class Offload {
 public:
  Offload() = default;
  Offload(const Offload&) = delete;
  Offload& operator=(const Offload&) = delete;
  virtual ~Offload() = default;
  [[nodiscard]] virtual Pending run(std::function<Result<std::string>()> work,
                                    std::function<void(Result<std::string>)> done) = 0;
};

}  // namespace postern::session
