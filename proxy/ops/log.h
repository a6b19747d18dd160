// The log: one line per message decision, and notes. To stderr, where the service manager takes it.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "lua/rules.h"
#include "proxy/ops/config.h"
#include "proxy/session/observer.h"

namespace spdlog {
class logger;
namespace sinks {
class sink;
}
}  // namespace spdlog

namespace postern::ops {

/// What a shadow rule would have made of a message.
struct ShadowChange {
  std::string rule;
  rules::Verdict from = rules::Verdict::Accept;
  rules::Verdict to = rules::Verdict::Accept;
};

/// Any thread. Writing is one mutex and one write(2) a line, and waits if the reader of stderr does not read.
class Log {
 public:
  /// `sink`: instead of stderr, for tests.
  Log(const Clock& clock, Config::LogFormat format, const std::string& level,
      std::shared_ptr<spdlog::sinks::sink> sink = nullptr);
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  ~Log();

  /// After a reload. `level` is one of the configuration's.
  void configure(Config::LogFormat format, const std::string& level);

  /// design.md, 8. `changes`: what shadow rules would have changed. `list_errors`: names of DNS lists that failed.
  void message(const session::MessageRecord& record, const std::vector<ShadowChange>& changes,
               const std::vector<std::string>& list_errors);
  /// A client, a sender or a recipient was refused before there was a message; see session::RefusalRecord.
  void refused(const session::RefusalRecord& record);
  /// level: "debug", "info", "warning", "error". `text` is escaped and cut to 2,000 octets.
  void note(std::string_view level, std::string_view text);

 private:
  const Clock& clock_;
  std::atomic<Config::LogFormat> format_;
  std::unique_ptr<spdlog::logger> logger_;
};

/// The line of a message decision, without line end: "TIME info message id=... client=...". Every untrusted text passes
/// escape_for_log, in JSON too: a value shown by a tool does no harm to a terminal, and is the same in both formats.
[[nodiscard]] std::string format_message(const session::MessageRecord& record, const std::vector<ShadowChange>& changes,
                                         const std::vector<std::string>& list_errors, Config::LogFormat format,
                                         int64_t wall_ms);
/// The line of a refusal before a message: "TIME info refused id=... stage=connect client=...", without id where there
/// is none. Escaped like the above. Of several recipients it names the last: the refused one.
[[nodiscard]] std::string format_refusal(const session::RefusalRecord& record, Config::LogFormat format,
                                         int64_t wall_ms);
/// The line of a note: "TIME warning note text="..."".
[[nodiscard]] std::string format_note(std::string_view level, std::string_view text, Config::LogFormat format,
                                      int64_t wall_ms);

}  // namespace postern::ops
