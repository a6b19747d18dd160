// A DNS list (RFC 5782) as rules declare it: where it is asked, about what, and what its answers mean.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/ip.h"
#include "filters/base/result.h"
#include "filters/dns/dns.h"

namespace postern::lists {

/// What a list is asked about.
enum class Subject {
  Client,    // the client's address
  Rdns,      // its forward-confirmed name
  Helo,      // the name in HELO
  From,      // the domain of the envelope sender
  Author,    // the domains of the From field
  ReplyTo,   // the domains of the Reply-To field
  Dkim,      // the domains of DKIM signatures that pass
  Url,       // hosts of URLs and their registered domains; hosts that are addresses
  Hash,      // a digest of each address: envelope sender, From, Reply-To, Sender, in the text
  Received,  // addresses of earlier hops, from Received fields
};
inline constexpr size_t kSubjects = 10;
/// As rules write it: "client", "rdns", "helo", "from", "author", "reply_to", "dkim", "url", "hash", "received".
[[nodiscard]] std::string_view to_string(Subject subject);
[[nodiscard]] std::optional<Subject> parse_subject(std::string_view name);
/// All of them, in the order of the enumeration; for messages.
[[nodiscard]] const std::vector<std::string>& subject_names();

/// Answers that mean one thing. A value.
class Match {
 public:
  /// "127.0.0.2"; "127.0.0.4-7" and "127.0.0.4-127.0.0.7" (both ends included); a bit mask "&4" or "&0x04" (any of its
  /// bits in the last three octets); "127.0.1.0/255.255.255.4" and "127.0.1.0/24" (equal where the mask has bits).
  /// Several with commas are several. Fails, in words that fit behind "answers: ", on what is no such thing, on what
  /// lies outside 127.0.0.0/8 and on what lies wholly in 127.255.255.0/24 (no list says so of a subject).
  static Result<Match> parse(std::string_view text);
  [[nodiscard]] bool matches(const IpAddress& answer) const;
  /// An answer that it matches: the first of its range, the lowest bit of its mask.
  [[nodiscard]] IpAddress example() const;

 private:
  struct Range {
    uint32_t first = 0;
    uint32_t last = 0;
    uint32_t mask = 0;  // 0: none; else (answer & mask) == value, or with `any` != 0
    uint32_t value = 0;
    bool any = false;
  };
  std::vector<Range> ranges_;
};

/// One entry of `answers`; the rule LIST_NAME.
struct Answer {
  std::string text;  // as written: "127.0.0.4-7"
  Match match;
  std::string name;  // "SBL"
};

struct List {
  enum class Digest { Sha1, Sha256 };
  enum class Encoding { Hex, Base32 };  // RFC 4648, 6, lower case, no padding

  std::string name;   // "ZEN"
  std::string zone;   // lower-case A-labels, no final dot
  std::string title;  // how senders know it, for refusals; empty: the name alone
  Subject of = Subject::Client;
  std::vector<Answer> answers;
  std::vector<Match> errors;  // answers by which this list says that it refuses us, beside 127.255.255.0/24
  bool allow = false;         // a list of good senders
  bool txt = false;           // refusals quote the list's TXT record
  bool enabled = true;        // false: not asked
  Digest digest = Digest::Sha1;
  Encoding encoding = Encoding::Hex;
  /// Test points (RFC 5782, 5) other than the usual ones: subjects as in `of`.
  std::optional<std::string> listed;
  std::optional<std::string> unlisted;
  bool probe = true;  // false: it has no test points; taken on trust
};
using Lists = std::vector<List>;
using ListsPtr = std::shared_ptr<const Lists>;

/// What one answer of the DNS says about one subject.
struct Reading {
  enum class Kind {
    Unlisted,  // NXDOMAIN, or no A record
    Listed,    // at least one declared answer
    Other,     // listed, but with no answer that is declared: counts as not listed
    Refused,   // 127.255.255.0/24 or one of `errors`: the list does not answer us (quota, public resolver)
    Wrong,     // an answer outside 127.0.0.0/8: no list (RFC 5782, 2.1), a rewriting resolver, a parked domain
    NoAnswer,  // time-out, SERVFAIL: dns::Answer::reason
  } kind = Kind::NoAnswer;
  std::vector<IpAddress> answers;  // Listed: the declared ones, each once, in order; Other, Refused, Wrong: all
  std::vector<size_t> matched;     // Listed: indices in List::answers, rising, each once
};
[[nodiscard]] std::string_view to_string(Reading::Kind kind);  // "unlisted", "listed", "other", "refused", ...
/// An answer with anything Wrong or Refused in it is that as a whole.
[[nodiscard]] Reading read_answer(const List& list, const dns::Answer& answer);
/// What an admin should do about an answer that is Refused or Wrong, for logs: "127.255.255.254: the list refuses
/// queries that come through a public resolver; resolve from the root ([dns] servers = []) or ..."
[[nodiscard]] std::string explain(const List& list, const Reading& reading);

/// What is known of one list for one message.
struct Outcome {
  enum class State {
    Unasked,    // nothing to ask about, or the list is not enabled, or limit reached
    Unlisted,   // asked, and nothing declared came back
    Listed,     // `listings` is not empty
    Failed,     // no answer, or a wrong one, and nothing listed; `reason`
    Suspended,  // the list was not up when the message was judged: whatever it said is not counted
  } state = State::Unasked;
  struct Listing {
    std::string subject;  // "192.0.2.1", "example.org", "user@example.org"
    std::string name;     // that was asked: "1.2.0.192.zen.example"
    std::vector<IpAddress> answers;
    std::vector<size_t> matched;  // indices in List::answers
  };
  std::vector<Listing> listings;  // at most kMaxListings, in the order of the subjects
  /// What went wrong, also of a list that is Listed or Unlisted: a question without an answer, or one too many to be
  /// asked. Empty: nothing did.
  std::string reason;
  static constexpr size_t kMaxListings = 20;

  /// Whether an answer of the list, by its place in List::answers, came for any subject.
  [[nodiscard]] bool has(size_t answer) const;
};

}  // namespace postern::lists
