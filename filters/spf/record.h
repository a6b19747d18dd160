// SPF records (RFC 7208, 4.5, 4.6 and 12): a strict parser. Pure, any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "filters/base/result.h"
#include "filters/spf/macro.h"
#include "filters/spf/spf.h"

namespace postern::spf {

/// Bounds of ours; records beyond them are a PermError. The largest honest records are some 4 KB.
inline constexpr size_t kMaxRecord = 16384;  // octets
inline constexpr size_t kMaxTerms = 1000;

enum class Mechanism : uint8_t { All, Include, A, Mx, Ptr, Ip4, Ip6, Exists };
[[nodiscard]] std::string_view to_string(Mechanism mechanism);

/// A checked domain-spec, macros not yet expanded. A view into the record's text.
struct DomainSpec {
  std::string_view text;
  MacroUse use;
};

struct Directive {
  Mechanism mechanism = Mechanism::All;
  Result qualifier = Result::Pass;    // what a match means: Pass, Fail, SoftFail or Neutral
  std::optional<DomainSpec> target;   // Include, Exists: always; A, Mx, Ptr: absent = the current domain
  int prefix4 = 32;                   // A, Mx, Ip4
  int prefix6 = 128;                  // A, Mx, Ip6
  std::array<uint8_t, 16> network{};  // Ip4 (the first four octets), Ip6; as written, never un-mapped
};

/// Views into the text that was parsed: the owner keeps it.
struct Record {
  std::vector<Directive> directives;  // in order, also those behind "all"
  std::optional<DomainSpec> redirect;
  std::optional<DomainSpec> explanation;
};

/// RFC 7208, 4.5: whether a TXT record is an SPF record at all, well-formed or not.
[[nodiscard]] bool is_record(std::string_view text);

/// Parses a text for which is_record() holds. BadInput: a syntax error anywhere in it (RFC 7208, 4.6: found before
/// anything is evaluated); Limit: beyond our bounds. Both are PermErrors; the message is fit for logs.
[[nodiscard]] postern::Result<Record> parse_record(std::string_view text);

/// Whether an Ip4 or Ip6 directive names this client. An IPv4-mapped client is IPv4 and matches no ip6 (RFC 7208, 5).
[[nodiscard]] bool matches(const Directive& directive, const IpAddress& client);

}  // namespace postern::spf
