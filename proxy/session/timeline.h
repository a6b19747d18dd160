// What happened to a message, and when: kept while it is under way, for an admin who asks afterwards (`postern
// explain`).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/clock.h"
#include "filters/dns/dns.h"

namespace postern::session {

struct Moment {
  /// Dns: a question and what came of it. Filter: SPF, DKIM, lists and the like were known. Rules: those of a stage
  /// ran. Backend: what it was told and said.
  enum class What : uint8_t { Connected, Tls, Helo, Mail, Rcpt, Data, FinalDot, Dns, Filter, Rules, Backend, Reply };
  What what = What::Connected;
  TimePoint begin;
  TimePoint end;     // the same as `begin` for what took no time
  std::string text;  // untrusted; at most kMaxText octets
  static constexpr size_t kMaxText = 200;
};
[[nodiscard]] std::string_view to_string(Moment::What what);

/// "TXT sender.example: "v=spf1 -all"", "A b.example: no such name". Untrusted, at most about Moment::kMaxText octets.
[[nodiscard]] std::string dns_text(const dns::Question& question, const dns::Answer& answer);

/// In the order in which things ended. Bounded: of many recipients or questions the first are kept and the rest is
/// counted. Each kind has a bound of its own, so that a thousand recipients leave room for what became of the message.
/// One thread. A copy may be added to: each message's begins with that of its connection.
class Timeline {
 public:
  static constexpr size_t kMost = 120;
  enum class Of : uint8_t { Connection, Message };
  /// `of`: a connection's leaves room for those of its messages.
  explicit Timeline(Of of = Of::Message) : of_(of) {}
  /// What went before, of the connection; for a message.
  void begin_with(const Timeline& connection);
  void add(Moment::What what, TimePoint begin, TimePoint end, std::string_view text);
  void add(Moment::What what, TimePoint at, std::string_view text) { add(what, at, at, text); }
  [[nodiscard]] const std::vector<Moment>& moments() const { return moments_; }
  [[nodiscard]] size_t left_out() const { return left_out_; }

 private:
  static constexpr size_t kKinds = 12;
  [[nodiscard]] size_t most_of(Moment::What what) const;

  std::vector<Moment> moments_;
  std::array<uint8_t, kKinds> counts_{};
  size_t left_out_ = 0;
  Of of_;
};

}  // namespace postern::session
