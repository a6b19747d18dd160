// What a session reports for metrics and the log. proxy/ops implements it; the session computes nothing for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/facts.h"
#include "lua/verdict.h"
#include "proxy/session/cause.h"
#include "proxy/session/timeline.h"

namespace postern::rules {
enum class Stage;
}

namespace postern::session {

/// Everything said of one message once it is decided. Texts are untrusted. Valid during the call.
struct MessageRecord {
  std::string id;
  const Facts* facts = nullptr;
  const rules::Evaluation* evaluation = nullptr;
  rules::Judgement judgement;
  std::string verdict;  // as in postern_messages_total{verdict}: the judgement's, "error" when we could not deliver
  std::string_view rules_version;
  std::string backend;        // address as configured; empty when none was asked
  std::string backend_reply;  // first line of its last reply
  std::string reply;          // first line of what the client was told
  bool client_gone = false;   // the client was not there to read the reply
  bool duplicate = false;     // a retry that was answered without a second delivery
  Duration total{};           // from MAIL to the reply
  Duration final_dot{};       // from the final dot to the reply
  Duration dns{};             // spent waiting for DNS answers
  Duration rules_time{};      // spent in rules
  uint64_t bare_newlines = 0;
  Cause cause = Cause::None;     // neither a rule nor the score nor the backend: this
  rules::Thresholds thresholds;  // that judged it
  int64_t wall_ms = 0;           // when the reply was known, milliseconds since 1970
  TimePoint at;                  // the same moment
  const Timeline* timeline = nullptr;
};

/// A client, a sender or a recipient (the last of facts->rcpts) was refused before there was a message: by a rule's
/// action; without a decision in `evaluation` for another `cause`, or, with none, since no backend could be asked.
/// Texts are untrusted. Valid during the call.
struct RefusalRecord {
  std::string id;  // as the reply names it, but where a rule's own words are the answer at connect or HELO
  const Facts* facts = nullptr;
  rules::Stage stage{};
  const rules::Evaluation* evaluation = nullptr;
  Cause cause = Cause::None;
  /// How often; more than 1: those that followed one that was told under the same id. facts->rcpts are the first of
  /// them.
  uint64_t times = 1;
  bool repeated = false;  // of those that followed
  /// They are of so many transactions of the connection, beyond those that had an id of their own; 0: of the one of
  /// this id.
  uint64_t transactions = 0;
  uint64_t rcpts_left_out = 0;  // refused so, and not in facts->rcpts
  std::string reply;            // what the client was told, its first line; the last of several
  std::string_view rules_version;
  int64_t wall_ms = 0;
  TimePoint at;
  const Timeline* timeline = nullptr;
};

/// Any worker calls, at the same time as others: implementations are thread-safe and do not block.
class Observer {
 public:
  Observer() = default;
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  virtual ~Observer() = default;

  virtual void connection_opened(const std::string& listener) = 0;
  virtual void connection_closed(const std::string& listener) = 0;
  virtual void replied(int code) = 0;
  /// result: "accepted", "refused_relay", "refused_backend", "refused_rule", "deferred", "refused_syntax".
  virtual void recipient(std::string_view result) = 0;
  virtual void message(const MessageRecord& record) = 0;
  virtual void filter(std::string_view filter, std::string_view result, Duration time) = 0;
  virtual void backend_replied(const std::string& backend, int code, Duration time) = 0;
  virtual void backend_state(const std::string& backend, bool up) = 0;
  virtual void refused(const RefusalRecord& record) = 0;
  /// Something an admin should see that belongs to no message. level: "info", "warning", "error".
  virtual void note(std::string_view level, const std::string& text) = 0;
};

}  // namespace postern::session
