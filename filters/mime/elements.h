// What the reader of HTML has to know of each element.
#pragma once

#include <cstdint>
#include <string_view>

#include "filters/base/bytes.h"

namespace postern::mime {

/// FNV-1a over the lower-case name: elements are told apart by it, also those nobody has heard of.
[[nodiscard]] constexpr uint64_t element_id(std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325U;
  for (char c : name) {
    hash ^= static_cast<unsigned char>(ascii_lower(c));
    hash *= 0x100000001b3U;
  }
  return hash;
}

/// Named after the HTML standard's own classes (13.2.4.2, 13.2.4.3) where it has them.
struct Element {
  enum Flags : uint32_t {
    kVoid = 1U << 0U,        // has no content and no end tag
    kBlock = 1U << 1U,       // on lines of its own
    kSpecial = 1U << 2U,     // an end tag of another, ordinary element does not reach over it
    kFormatting = 1U << 3U,  // goes on behind the end of the element it was opened in
    kScope = 1U << 4U,       // nothing outside is closed from inside
    kMarker = 1U << 5U,      // formatting elements of its inside end with it
    kEndsParagraph = 1U << 6U,
    kRaw = 1U << 7U,         // its content is text up to its own end tag
    kReferences = 1U << 8U,  // with kRaw: character references count
    kDropped = 1U << 9U,     // its content is shown to nobody and hidden from nobody
    kUnshown = 1U << 10U,    // display: none by default
    kTable = 1U << 11U,      // a part of a table that is no cell: text in it is shown before the table
    kCell = 1U << 12U,
    kHeading = 1U << 13U,
    kItem = 1U << 14U,       // li, dd, dt
    kOutermost = 1U << 15U,  // html, head, body: their end tags say nothing
  };
  uint64_t id = 0;
  uint32_t flags = 0;

  [[nodiscard]] constexpr bool is(std::string_view name) const { return id == element_id(name); }
  [[nodiscard]] constexpr bool has(uint32_t any) const { return (flags & any) != 0; }
};

/// `name` in any case.
[[nodiscard]] Element find_element(std::string_view name);

}  // namespace postern::mime
