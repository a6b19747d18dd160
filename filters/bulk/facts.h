// What the stream of messages says of one of them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "filters/bulk/fingerprint.h"

namespace postern::bulk {

/// Of the largest cluster that the message belongs to, the message itself included. Counts and the share are of the
/// sliding window, `first_seen` and `age` of the cluster's whole life. Distinct ones are exact up to 255,
/// then estimates: 19 of 20 are within 15 %. A message that is alone, or that nothing can be compared
/// by, has the numbers of itself: count 1, `first_seen` its own time; its similarity is 0 and its `cluster` empty. As
/// declared here: one of which nothing is known, where nobody counts.
struct Outcome {
  uint64_t count = 1;
  double similarity = 0;   // to the centre of the cluster, 0 to 1
  int64_t first_seen = 0;  // seconds since 1970: when the cluster began; 0: nobody counts
  int64_t age = 0;         // seconds since then
  uint64_t networks = 1;   // distinct client networks: IPv4 /24, IPv6 /48
  uint64_t senders = 1;    // distinct envelope senders
  uint64_t domains = 0;    // distinct domains that answer for the messages: of the author, else of a DKIM signature
  uint64_t recipients = 1;
  double authenticated_share = 0;  // of the messages: DMARC passed, or SPF or a DKIM signature of that very domain
  std::string cluster;             // its name, 13 characters; empty: the message is in none
  Evidence evidence = Evidence::None;
  Aspect aspect = Aspect::Text;  // by what it is alike
  bool allowed = false;          // an admin said so: `postern bulk allow`
};

/// One member of a cluster that was let through, for an admin who wants to pull it.
struct Passed {
  std::string id;     // of the message
  std::string queue;  // what the backend calls it, or its whole answer; cut to 40 octets, printable
  std::string from;   // envelope sender, cut to 64 octets
  uint32_t recipients = 0;
  int64_t wall_ms = 0;

  bool operator==(const Passed&) const = default;
};

/// The clusters that a message was counted in, by number; to tell afterwards what became of it.
using Ticket = std::vector<uint64_t>;

struct Seen {
  Outcome outcome;
  Ticket ticket;
  bool crossed = false;  // with this message its cluster reached the limit
};

/// A cluster's number as people see it: 13 letters and digits (Crockford's base 32, lower case), and back.
[[nodiscard]] std::string cluster_name(uint64_t cluster);
[[nodiscard]] bool parse_cluster_name(std::string_view name, uint64_t& cluster);

}  // namespace postern::bulk
