// DMARC (RFC 9989): does the domain in From stand behind this message, and what does it ask for when not?
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/task.h"
#include "filters/dns/dns.h"
#include "filters/message/headers.h"

namespace postern::dmarc {

/// RFC 9989, the dmarc results of Authentication-Results.
enum class Result { None, Pass, Fail, TempError, PermError };
[[nodiscard]] std::string_view to_string(Result result);

enum class Policy { None, Quarantine, Reject };
[[nodiscard]] std::string_view to_string(Policy policy);

/// How organizational domains are found: RFC 9989, 4.10, or the Public Suffix List as before it.
enum class Discovery { TreeWalk, Psl };

/// What SPF or DKIM has to say about a domain.
struct Identifier {
  enum class Method { Spf, Dkim } method = Method::Spf;
  enum class State { Pass, TempError } state = State::Pass;
  std::string domain;  // lower case, A-labels
};

struct Outcome {
  Result result = Result::None;
  Policy policy =
      Policy::None;    // what the domain asks for this message, should it fail: p, sp or np, one step less under t=y
  std::string from;    // the author domain, A-labels; empty when From gives none
  std::string domain;  // its organizational domain (the author domain itself when no record says otherwise)
  std::string record_domain;                // where the policy record was found; empty: nowhere
  bool testing = false;                     // t=y
  bool strict_spf = false;                  // aspf=s
  bool strict_dkim = false;                 // adkim=s
  std::vector<Identifier::Method> aligned;  // methods that passed in alignment: at most one entry each, SPF first
  std::string reason;                       // for None, Temp- and PermError: why; printable
  /// A trusted forwarder's word that it passed when it arrived there ([arc] trusted): the forwarder's domain, else
  /// empty. Set by authentication::Check, never here.
  std::string override_by;
};

struct Options {
  Discovery discovery = Discovery::TreeWalk;
  Duration lookup_timeout = std::chrono::seconds(5);
};

/// What the From fields of a message name. RFC 9989, 4.x: one author domain, or none that can be judged. Unseen: the
/// header has more fields than are looked at, and any of them could be a From.
struct Author {
  enum class Kind { One, Missing, Malformed, Many, Unseen } kind = Kind::Missing;
  std::string domain;  // One: lower case, A-labels
};
/// All From fields and all addresses in them are looked at: more than one distinct domain (or more than one From field)
/// is Many, so that no mail reader can show another domain than the one that was judged. What is no list of addresses,
/// or is longer than 64 KiB, is Malformed: nothing in the field is overlooked. Comments, quoted strings, groups,
/// obsolete routes, encoded words (which can never hide an address), NUL and 8-bit octets are input like others.
[[nodiscard]] Author find_author(const message::Header& header);

/// The check of one message: begin() when the header is known, finish() when SPF and DKIM are. One thread; `dns`
/// outlives it; destroying it cancels.
class Check {
 public:
  Check(dns::Client& dns, const Options& options);
  Check(const Check&) = delete;
  Check& operator=(const Check&) = delete;
  ~Check();

  /// Asks at once for all that the author domain will need, and for those of `candidates` (domains that SPF or DKIM may
  /// authenticate) whose relaxed alignment can depend on records of their own. So the wait is one round trip.
  void begin(const Author& author, const std::vector<std::string>& candidates);
  /// Once. Identifiers that were no candidates are judged too, if need be with further look-ups.
  [[nodiscard]] Task<Outcome> finish(std::vector<Identifier> identifiers);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace postern::dmarc
