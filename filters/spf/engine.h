// The only door to libspf2: it runs the control flow of canonical records (include, redirect, a, mx, exists, CIDR).
// Nothing from the network goes through it: every name is a token of ours, every record is written by us.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/ip.h"
#include "filters/spf/spf.h"

namespace postern::spf::engine {

/// A name as libspf2 sees it: "t7.x" is the term number 7, "h3.x" the mail exchanger number 3.
struct Token {
  enum class Kind { Term, Host };
  Kind kind = Kind::Term;
  size_t number = 0;

  [[nodiscard]] std::string text() const { return (kind == Kind::Term ? 't' : 'h') + std::to_string(number) + ".x"; }
};

/// What a question of libspf2 is answered with. Pointers stay valid until the next call of the same Source.
struct Reply {
  enum class Got { Found, Nothing, Stop };
  Got got = Got::Nothing;                             // Stop ends the whole evaluation; its result is then meaningless
  const std::string* policy = nullptr;                // Found: for policy()
  const std::vector<IpAddress>* addresses = nullptr;  // Found: for addresses()
  size_t first_host = 0;                              // Found: for exchangers(): hosts first_host ... + hosts - 1
  size_t hosts = 0;
};

/// Answers libspf2's questions, at once and from memory. Must not throw: C frames are in between.
class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  /// The canonical record of an include or redirect. Nothing: there is none.
  [[nodiscard]] virtual Reply policy(size_t term) noexcept = 0;
  /// Addresses of the client's family; for "exists" any one will do.
  [[nodiscard]] virtual Reply addresses(Token token) noexcept = 0;
  [[nodiscard]] virtual Reply exchangers(size_t term) noexcept = 0;
};

struct Verdict {
  Result result = Result::TempError;
  bool too_many_exchangers = false;  // why it is a PermError: more than 10 MX names (RFC 7208, 4.6.4)
  std::string reason;                // why else it is an error, in libspf2's words
};

/// Evaluates a canonical record for a client. Uses one SPF_server_t for each thread, made at first use; not re-entrant.
[[nodiscard]] Verdict run(const std::string& record, const IpAddress& client, Source& source);

}  // namespace postern::spf::engine
