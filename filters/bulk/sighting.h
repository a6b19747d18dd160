// Sighting: one message as the index counts it, and what happens to it later. These events are also what gateways tell
// each other, so they can be written down and read again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "filters/base/result.h"
#include "filters/bulk/facts.h"
#include "filters/bulk/fingerprint.h"
#include "filters/facts.h"

namespace postern::bulk {

/// Who sent a message to whom: hashes, equal on every gateway; 0: not known.
struct Sighting {
  static constexpr size_t kMaxRecipients = 1000;
  static constexpr size_t kMaxTicket = 16;

  Fingerprint print;
  std::string id;        // the message's; names a cluster that begins with it
  std::string from;      // as in Passed
  std::string subject;   // decoded, cut to 96 octets of UTF-8 without control characters: for people
  uint32_t network = 0;  // IPv4 /24 or IPv6 /48 of the client
  uint32_t sender = 0;   // envelope sender; of the null sender too
  uint32_t domain = 0;   // that answers for it, see Outcome::domains
  bool authenticated = false;
  std::vector<uint32_t> recipients;  // at most kMaxRecipients
  int64_t wall_ms = 0;               // when, milliseconds since 1970
  /// The clusters that it was counted in before anybody was told of it, so that they get one name everywhere; at most
  /// kMaxTicket. Empty: it is counted where it is told.
  Ticket counted_in;
  bool told = false;  // before, without counted_in: it does not count again

  bool operator==(const Sighting&) const = default;
};

/// Of a message whose authentication is known. `content` and `header` are facts.message's.
[[nodiscard]] Sighting sighting_of(const Facts& facts, mime::Content& content, const message::Header& header,
                                   std::string id, int64_t wall_ms);

/// A member of `cluster` was let through.
struct Let {
  uint64_t cluster = 0;
  Passed passed;
  bool operator==(const Let&) const = default;
};
/// A member of `cluster`, seen at `wall_ms`, was deferred: it will come again, so it does not count.
struct Withdrawn {
  uint64_t cluster = 0;
  int64_t wall_ms = 0;
  bool operator==(const Withdrawn&) const = default;
};
/// An admin allowed a cluster, or took that back.
struct Allowed {
  uint64_t cluster = 0;
  bool allowed = true;
  bool operator==(const Allowed&) const = default;
};
using Event = std::variant<Sighting, Let, Withdrawn, Allowed>;

/// At most about 6 KiB; the first octet is the version of the form.
[[nodiscard]] std::string encode(const Event& event);
/// What another gateway wrote, or anybody else: every length is checked. Fails with what is wrong.
[[nodiscard]] Result<Event> decode(std::string_view octets);

}  // namespace postern::bulk
