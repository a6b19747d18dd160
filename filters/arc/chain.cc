#include "filters/arc/chain.h"

#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "filters/arc/arc.h"
#include "filters/arc/fields.h"
#include "filters/base/bytes.h"

namespace postern::arc {
namespace {

constexpr std::string_view kResults = "ARC-Authentication-Results";
constexpr std::string_view kSignature = "ARC-Message-Signature";
constexpr std::string_view kSeal = "ARC-Seal";

/// The fields of a header by their kind.
struct Fields {
  std::vector<size_t> results;
  std::vector<size_t> signatures;
  std::vector<size_t> seals;
};

/// What is known of one instance while fields are still being sorted.
struct Slot {
  std::optional<size_t> results;
  std::optional<size_t> signature;
  std::optional<size_t> seal;
  std::string payload;
  postern::Result<dkim::Signature> message_signature;
  dkim::Signature seal_signature;
  ChainStatus status = ChainStatus::None;
};
using Slots = std::array<Slot, Verifier::kMaxSets + 1>;  // by instance; 0 stays empty

tl::unexpected<Error> bad(std::string message) {
  return fail(Code::BadInput, std::move(message));
}

tl::unexpected<Error> bad(size_t instance, const std::string& message) {
  return bad("i=" + std::to_string(instance) + ": " + message);
}

tl::unexpected<Error> bad(std::string_view name, const Error& error) {
  return bad(std::string(name) + ": " + error.message);
}

tl::unexpected<Error> bad(size_t instance, std::string_view name, const Error& error) {
  return bad(instance, std::string(name) + ": " + error.message);
}

/// One of a kind more than a chain may have sets says enough: the rest is not even listed.
Fields collect(const message::Header& header) {
  Fields out;
  auto add = [](std::vector<size_t>& list, size_t field) {
    if (list.size() <= Verifier::kMaxSets) list.push_back(field);
  };
  for (size_t i = 0; i < header.fields.size(); ++i) {
    std::string_view name = header.fields[i].name;
    if (equal_nocase(name, kResults)) add(out.results, i);
    if (equal_nocase(name, kSignature)) add(out.signatures, i);
    if (equal_nocase(name, kSeal)) add(out.seals, i);
  }
  return out;
}

/// RFC 8617, 5.2, 3A: exactly one of each. nullopt: the place was free.
std::optional<tl::unexpected<Error>> take(std::optional<size_t>& place, size_t instance, size_t field,
                                          std::string_view name) {
  if (place) return bad(instance, "more than one " + std::string(name));
  place = field;
  return std::nullopt;
}

postern::Result<void> sort_results(const message::Header& header, const std::vector<size_t>& fields, Slots& slots) {
  for (size_t field : fields) {
    auto results = parse_results(header.fields[field].value);
    if (!results) return bad(kResults, results.error());
    Slot& slot = slots.at(results->instance);
    if (auto error = take(slot.results, results->instance, field, kResults)) return *error;
    slot.payload = message::unfold(results->payload);
  }
  return {};
}

postern::Result<void> sort_signatures(const message::Header& header, const std::vector<size_t>& fields, Slots& slots) {
  for (size_t field : fields) {
    auto tags = parse_tags(header.fields[field].value);
    if (!tags) return bad(kSignature, tags.error());
    auto instance = parse_instance(*tags);
    if (!instance) return bad(kSignature, instance.error());
    Slot& slot = slots.at(*instance);
    if (auto error = take(slot.signature, *instance, field, kSignature)) return *error;
    slot.message_signature = parse_message_signature(*tags);
  }
  return {};
}

postern::Result<void> sort_seals(const message::Header& header, const std::vector<size_t>& fields, Slots& slots) {
  for (size_t field : fields) {
    auto tags = parse_tags(header.fields[field].value);
    if (!tags) return bad(kSeal, tags.error());
    auto instance = parse_instance(*tags);
    if (!instance) return bad(kSeal, instance.error());
    Slot& slot = slots.at(*instance);
    if (auto error = take(slot.seal, *instance, field, kSeal)) return *error;
    auto status = parse_chain_status(*tags);
    if (!status) return bad(*instance, kSeal, status.error());
    slot.status = *status;
    auto seal = parse_seal(*tags);
    if (!seal) return bad(*instance, kSeal, seal.error());
    slot.seal_signature = std::move(*seal);
  }
  return {};
}

/// RFC 8617, 5.2, steps 2 and 3, newest first: what the last handler says of the chain counts before all else.
postern::Result<void> check(const Slots& slots, size_t newest) {
  for (size_t i = newest; i >= 1; --i) {
    const Slot& slot = slots.at(i);
    if (!slot.seal) return bad(i, "no " + std::string(kSeal));
    if (!slot.signature) return bad(i, "no " + std::string(kSignature));
    if (!slot.results) return bad(i, "no " + std::string(kResults));
    // 3C: "For ARC Sets with instance values > 1, the values MUST be "pass". For the ARC Set with instance value = 1,
    // the value MUST be "none"."
    if (slot.status == ChainStatus::Fail) return bad(i, std::string(kSeal) + ": cv=fail");
    if (slot.status != (i == 1 ? ChainStatus::None : ChainStatus::Pass)) {
      return bad(i, std::string(kSeal) + (i == 1 ? ": cv= is not none" : ": cv= is not pass"));
    }
  }
  return {};
}

}  // namespace

postern::Result<std::vector<ChainSet>> read_chain(const message::Header& header) {
  std::vector<ChainSet> chain;
  Fields fields = collect(header);
  if (fields.results.empty() && fields.signatures.empty() && fields.seals.empty()) return chain;
  // RFC 8617, 4.2.1 and 5.2, step 1: at most 50 sets. More fields of a kind are more sets, or one twice.
  for (const std::vector<size_t>& list : {fields.results, fields.signatures, fields.seals}) {
    if (list.size() > Verifier::kMaxSets) return bad("more than 50 sets");
  }
  Slots slots;
  auto sorted = sort_seals(header, fields.seals, slots);
  if (sorted) sorted = sort_signatures(header, fields.signatures, slots);
  if (sorted) sorted = sort_results(header, fields.results, slots);
  if (!sorted) return tl::unexpected(sorted.error());

  size_t newest = Verifier::kMaxSets;
  while (!slots.at(newest).seal && !slots.at(newest).signature && !slots.at(newest).results) --newest;
  auto sound = check(slots, newest);
  if (!sound) return tl::unexpected(sound.error());
  for (size_t i = 1; i <= newest; ++i) {
    Slot& slot = slots.at(i);
    chain.push_back({*slot.results, *slot.signature, *slot.seal, std::move(slot.payload),
                     std::move(slot.message_signature), std::move(slot.seal_signature)});
  }
  return chain;
}

}  // namespace postern::arc
