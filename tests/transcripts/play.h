// Plays a dialogue to a ServerEngine and writes down what it did.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/transcripts/script.h"

namespace postern::transcripts {

/// One line an event; "C" marks where a block of the client's octets was fed.
using Log = std::vector<std::string>;

/// Where to cut the octets at `at` of the dialogue's input: true = a piece ends before it.
using Cut = std::function<bool(size_t at)>;

/// The dialogue as it is written: block by block, every block cut where `cut` says.
[[nodiscard]] Log play(const Dialogue& dialogue, const Cut& cut);
/// All of the client's octets at once, before the greeting; without "C" marks.
[[nodiscard]] Log play_at_once(const Dialogue& dialogue);
/// False where what the client sends depends on what it was told (TLS, late answers).
[[nodiscard]] bool may_play_at_once(const Dialogue& dialogue);
/// Octets that the client sends in all.
[[nodiscard]] size_t input_size(const Dialogue& dialogue);

/// What the dialogue says must happen. Lines that begin with "~" are patterns.
[[nodiscard]] Log expected(const Dialogue& dialogue, bool with_marks);
/// "" when they agree, otherwise where they part.
[[nodiscard]] std::string difference(const Log& expected, const Log& actual);

}  // namespace postern::transcripts
