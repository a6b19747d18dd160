// Answer packets as they come from the wire (RFC 1035, 4), read into dns::Answer.
#pragma once

#include <string_view>

#include "filters/dns/dns.h"

namespace postern::dns {

/// Limits on what is read of one packet: more means that someone plays games (TempFail), but for Answer::kMaxRecords,
/// where the rest is left out.
struct PacketLimits {
  static constexpr size_t kMaxAnswers = 2048;  // records of the answer section looked at, whoever owns them
  static constexpr size_t kMaxAliases = 16;    // CNAMEs followed
  static constexpr size_t kMaxAuthority = 64;  // records looked at to find the SOA of a negative answer
};

/// Reads the answer to `question` from a whole response message. Aliases are followed inside the packet, names compare
/// without regard to ASCII case; a packet that answers something else, or is cut or malformed, is TempFail with a
/// reason. A record that our names cannot express (a '.' inside a label) is left out. Any bytes are safe. Any thread.
[[nodiscard]] Answer parse_packet(std::string_view wire, const Question& question);

/// The name in presentation form (RFC 1035, 5.1): letters, digits, '-' and '_' as they are, all other octets as \DDD.
[[nodiscard]] std::string to_presentation(std::string_view name);

}  // namespace postern::dns
