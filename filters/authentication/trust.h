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
/// stranger in between ends it, and so does a trusted one that did not record arc=pass. A sealer's word is its own
/// dmarc=pass for this author domain (RFC 8617, 7.2.1), with no other dmarc result beside it; or where it recorded
/// none, an spf or dkim pass that the author domain's policy takes for aligned. Whether the chain holds is not asked.
[[nodiscard]] std::string trusted_word(const arc::Outcome& chain, const dmarc::Outcome& dmarc,
                                       const std::vector<std::string>& trusted);

/// What a chain is worth to a message that failed: `dmarc.override_by` is set when the chain holds and a trusted sealer
/// says that it passed. When the DNS does not tell whether it holds, nobody knows whether the failure stands: the
/// result becomes TempError. Other results than Fail are left alone.
void weigh_chain(const arc::Outcome& chain, const std::vector<std::string>& trusted, dmarc::Outcome& dmarc);

}  // namespace postern::authentication
