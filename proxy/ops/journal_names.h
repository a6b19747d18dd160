// The words by which the journal keeps enumerations, and back.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "filters/facts.h"
#include "filters/mime/content.h"
#include "lua/verdict.h"
#include "proxy/session/cause.h"

namespace postern::ops {

/// All values of an enumeration, for value_of().
template <class Enum>
inline constexpr std::array<Enum, 0> kAll{};
template <>
inline constexpr std::array kAll<spf::Result>{spf::Result::None,     spf::Result::Neutral,  spf::Result::Pass,
                                              spf::Result::Fail,     spf::Result::SoftFail, spf::Result::TempError,
                                              spf::Result::PermError};
template <>
inline constexpr std::array kAll<dkim::Result>{dkim::Result::Pass,    dkim::Result::Fail,      dkim::Result::Policy,
                                               dkim::Result::Neutral, dkim::Result::TempError, dkim::Result::PermError};
template <>
inline constexpr std::array kAll<dmarc::Result>{dmarc::Result::None, dmarc::Result::Pass, dmarc::Result::Fail,
                                                dmarc::Result::TempError, dmarc::Result::PermError};
template <>
inline constexpr std::array kAll<dmarc::Policy>{dmarc::Policy::None, dmarc::Policy::Quarantine, dmarc::Policy::Reject};
template <>
inline constexpr std::array kAll<dmarc::Identifier::Method>{dmarc::Identifier::Method::Spf,
                                                            dmarc::Identifier::Method::Dkim};
template <>
inline constexpr std::array kAll<arc::Result>{arc::Result::None, arc::Result::Pass, arc::Result::Fail,
                                              arc::Result::TempError};
template <>
inline constexpr std::array kAll<dns::ReverseName::Result>{
    dns::ReverseName::Result::Pass, dns::ReverseName::Result::Fail, dns::ReverseName::Result::TempError,
    dns::ReverseName::Result::PermError};
template <>
inline constexpr std::array kAll<bulk::Evidence>{bulk::Evidence::Enough,    bulk::Evidence::None,
                                                 bulk::Evidence::Little,    bulk::Evidence::Bounce,
                                                 bulk::Evidence::AutoReply, bulk::Evidence::Calendar};
template <>
inline constexpr std::array kAll<bulk::Aspect>{bulk::Aspect::Text, bulk::Aspect::File, bulk::Aspect::Picture,
                                               bulk::Aspect::Urls};
template <>
inline constexpr std::array kAll<rules::Verdict>{rules::Verdict::Accept,     rules::Verdict::Tag,
                                                 rules::Verdict::Quarantine, rules::Verdict::Defer,
                                                 rules::Verdict::Reject,     rules::Verdict::Discard};
template <>
inline constexpr std::array kAll<lists::Outcome::State>{lists::Outcome::State::Unasked, lists::Outcome::State::Unlisted,
                                                        lists::Outcome::State::Listed, lists::Outcome::State::Failed,
                                                        lists::Outcome::State::Suspended};
template <>
inline constexpr std::array kAll<mime::Url::Where>{mime::Url::Where::Text, mime::Url::Where::Html,
                                                   mime::Url::Where::Image, mime::Url::Where::Form,
                                                   mime::Url::Where::Header};

template <>
inline constexpr std::array kAll<session::Cause> = session::kCauses;

template <class Enum>
[[nodiscard]] std::string_view word_of(Enum value) {
  return to_string(value);
}
template <>
[[nodiscard]] inline std::string_view word_of(dmarc::Identifier::Method value) {
  return value == dmarc::Identifier::Method::Spf ? "spf" : "dkim";
}
template <>
[[nodiscard]] inline std::string_view word_of(lists::Outcome::State value) {
  constexpr std::array<std::string_view, 5> kWords{"unasked", "unlisted", "listed", "failed", "suspended"};
  return kWords[static_cast<size_t>(value)];
}
template <>
[[nodiscard]] inline std::string_view word_of(mime::Url::Where value) {
  constexpr std::array<std::string_view, 5> kWords{"text", "html", "image", "form", "header"};
  return kWords[static_cast<size_t>(value)];
}

template <class Enum>
[[nodiscard]] std::optional<Enum> value_of(std::string_view word) {
  static_assert(!kAll<Enum>.empty());
  for (Enum value : kAll<Enum>) {
    if (word_of(value) == word) return value;
  }
  return std::nullopt;
}

}  // namespace postern::ops
