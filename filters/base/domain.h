// Domain names as the DNS knows them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern {

/// Lower case, without final dot, U-labels turned into A-labels (RFC 5891; IDNA2008 with UTS 46 mapping). nullopt when
/// the name has octets or labels that cannot be converted. Plain ASCII names are only lowered, not judged.
[[nodiscard]] std::optional<std::string> to_ascii_domain(std::string_view name);

/// Whether `name` is `domain` or stands below it, whatever the case. Without final dots.
[[nodiscard]] bool is_at_or_below(std::string_view name, std::string_view domain);

}  // namespace postern
