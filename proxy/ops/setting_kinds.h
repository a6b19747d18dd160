// Kinds of settings that several tables of the configuration share.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/base/ip.h"
#include "proxy/ops/settings.h"
#include "proxy/session/ports.h"

namespace postern::ops {

/// nullopt: nothing is wrong.
using Fault = std::optional<std::string>;

// Each takes what it fills by reference: it outlives the reading.

template <class T>
spec::Whole whole(T& target, T min, T max) {
  return {min, max, [&target](uint64_t value) { target = static_cast<T>(value); }};
}

/// `words` name the enumerators 0, 1, 2... of E.
template <class E>
spec::Word word(E& target, std::vector<std::string> words) {
  return {std::move(words), [&target](size_t index) {
            target = static_cast<E>(index);
            return Fault();
          }};
}

[[nodiscard]] spec::List networks(std::vector<IpNetwork>& target);
/// ".example.org" stands for all names below it.
[[nodiscard]] spec::List domains(std::vector<std::string>& target);
[[nodiscard]] spec::List backends(const Reader& reader, std::vector<session::BackendAddress>& target);
/// A path that need not exist yet.
[[nodiscard]] spec::Text path(const Reader& reader, std::string& target);
/// The same, or "": none.
[[nodiscard]] spec::Text optional_path(const Reader& reader, std::string& target);
/// A path that must be there and readable, so that a mistake shows at start and not with the first client.
[[nodiscard]] spec::Text existing(const Reader& reader, std::string& target, bool directory);

/// Reports those of `keys` that `table` lacks, at the table's own place.
void require(Reader& reader, const Value& table, std::string_view where, std::initializer_list<const char*> keys);

}  // namespace postern::ops
