// SPF (RFC 7208): is this client allowed to use this domain in HELO and MAIL FROM?
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "filters/base/clock.h"
#include "filters/base/ip.h"
#include "filters/base/task.h"
#include "filters/dns/dns.h"

namespace postern::spf {

/// RFC 7208, 2.6.
enum class Result { None, Neutral, Pass, Fail, SoftFail, TempError, PermError };
[[nodiscard]] std::string_view to_string(Result result);

struct Outcome {
  Result result = Result::None;
  std::string domain;       // the domain that was judged (A-labels, lower case)
  std::string explanation;  // for Fail: the domain's own words (RFC 7208, 6.2), printable ASCII, or the default
  std::string reason;       // for Temp/PermError: what went wrong, for logs and headers
};

/// What is judged. Texts are from the network: any octets.
struct Query {
  IpAddress client;
  std::string helo;       // as given by the client
  std::string mail_from;  // address of the reverse-path without <>; empty for the null sender
};

struct Options {
  std::string receiver;             // our name, for %{r}
  int64_t wall_seconds = 0;         // seconds since 1970, for %{t}
  std::string default_explanation;  // when the domain gives none; empty = none
  Duration lookup_timeout = std::chrono::seconds(5);
};

/// Both: lazy, on the thread of `dns`, which outlives the task; the query is copied. Never fails otherwise than by its
/// result. Destroying the task cancels its look-ups. At most Known::kMaxLookups (200) of them, in practice 1 to 20.
/// RFC 7208, 2.3: the HELO identity (postmaster@helo).
[[nodiscard]] Task<Outcome> check_helo(dns::Client& dns, const Query& query, Options options);
/// RFC 7208, 2.4: the MAIL FROM identity; postmaster@helo for the null sender.
[[nodiscard]] Task<Outcome> check_mail_from(dns::Client& dns, const Query& query, Options options);

}  // namespace postern::spf
