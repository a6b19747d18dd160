// DMARC policy records (RFC 9989, 4.7 and 4.8). Pure, any thread; linear in the length of the text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "filters/dmarc/dmarc.h"

namespace postern::dmarc {

/// What one record says, defaults filled in.
struct Record {
  enum class Psd { Unsaid, Yes, No };

  Policy p = Policy::None;
  std::optional<Policy> sp;
  std::optional<Policy> np;
  bool strict_dkim = false;
  bool strict_spf = false;
  Psd psd = Psd::Unsaid;
  bool testing = false;
  bool usable = true;  // false: a policy is missing or wrong, and no "rua" makes up for it: no DMARC for this message
};

/// RFC 9989, 4.7, "v": whether a TXT record is a DMARC policy record at all, well-formed or not.
[[nodiscard]] bool is_record(std::string_view text);

/// A text for which is_record() holds. Never fails: syntax errors behind the version are ignored (RFC 9989, 4.8).
[[nodiscard]] Record parse_record(std::string_view text);

/// RFC 9989, 4.10, steps 2 and 6: the one record among all TXT records of a name; nullopt when there is none, or more
/// than one.
[[nodiscard]] std::optional<Record> select_record(const std::vector<std::string>& texts);

/// The policy for a domain. `below`: it is not the one where the record was found; `exists`: it is in the DNS.
[[nodiscard]] Policy policy_of(const Record& record, bool below, bool exists);

}  // namespace postern::dmarc
