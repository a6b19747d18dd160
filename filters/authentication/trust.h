// Whose word counts when DMARC fails: sealers of the ARC chain that the configuration trusts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "filters/arc/arc.h"
#include "filters/dmarc/dmarc.h"

namespace postern::authentication {

/// Whether `trusted` names `domain`: exactly, or written ".example.org", everything below.
[[nodiscard]] bool is_trusted(std::string_view domain, const std::vector<std::string>& trusted);

/// The trusted sealer that says this message passed when it got there; empty when nobody does. Seals are looked at from
/// the last one down, as far as each is trusted: whoever sealed later could have changed what came before, so one
/// stranger in between ends it. A sealer's word is its own dmarc=pass for this author domain (RFC 8617, 7.2.1), or
/// where it recorded no dmarc result, an spf or dkim pass of the author's organizational domain.
[[nodiscard]] std::string speaks_for(const arc::Outcome& chain, const dmarc::Outcome& dmarc,
                                     const std::vector<std::string>& trusted);

}  // namespace postern::authentication
