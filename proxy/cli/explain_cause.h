// Why something was refused that no rule decided, and what an admin may change.
#pragma once

#include <string>
#include <string_view>

#include "proxy/ops/journal_entry.h"

namespace postern::cli {

/// Of explain's report where entry.cause is one: the head line, where the verdict does not say it; else empty.
[[nodiscard]] std::string_view cause_headline(const ops::JournalEntry& entry);
/// One or two sentences, without a full stop: what happened, and which setting would change it.
[[nodiscard]] std::string cause_reason(const ops::JournalEntry& entry);
/// Goes on from the reason, without a full stop: how often it was answered, of an entry that stands for those that
/// followed; else empty.
[[nodiscard]] std::string times_text(const ops::JournalEntry& entry);

}  // namespace postern::cli
