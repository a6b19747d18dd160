#include "filters/mime/elements.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace postern::mime {
namespace {

struct Row {
  std::string_view name;
  uint32_t flags;
};

constexpr uint32_t kVoid = Element::kVoid;
constexpr uint32_t kBlock = Element::kBlock;
constexpr uint32_t kSpecial = Element::kSpecial;
constexpr uint32_t kFormatting = Element::kFormatting;
constexpr uint32_t kScope = Element::kScope;
constexpr uint32_t kMarker = Element::kMarker;
constexpr uint32_t kEndsParagraph = Element::kEndsParagraph;
constexpr uint32_t kRaw = Element::kRaw;
constexpr uint32_t kReferences = Element::kReferences;
constexpr uint32_t kDropped = Element::kDropped;
constexpr uint32_t kUnshown = Element::kUnshown;
constexpr uint32_t kTable = Element::kTable;
constexpr uint32_t kCell = Element::kCell;
constexpr uint32_t kHeading = Element::kHeading;
constexpr uint32_t kItem = Element::kItem;
constexpr uint32_t kOutermost = Element::kOutermost;

// Sorted. What is not here is an inline element that nothing is known of.
constexpr Row kRows[] = {
    {"a", kFormatting},
    {"address", kBlock | kSpecial | kEndsParagraph},
    {"applet", kSpecial | kScope | kMarker},
    {"area", kVoid | kSpecial},
    {"article", kBlock | kSpecial | kEndsParagraph},
    {"aside", kBlock | kSpecial | kEndsParagraph},
    {"b", kFormatting},
    {"base", kVoid | kSpecial},
    {"basefont", kVoid | kSpecial},
    {"bgsound", kVoid | kSpecial},
    {"big", kFormatting},
    {"blockquote", kBlock | kSpecial | kEndsParagraph},
    {"body", kBlock | kSpecial | kOutermost},
    {"br", kVoid | kSpecial},
    {"button", kSpecial},
    {"caption", kBlock | kSpecial | kScope | kMarker},
    {"center", kBlock | kSpecial | kEndsParagraph},
    {"code", kFormatting},
    {"col", kVoid | kSpecial},
    {"colgroup", kSpecial | kTable},
    {"datalist", kUnshown},
    {"dd", kBlock | kSpecial | kEndsParagraph | kItem},
    {"details", kBlock | kSpecial | kEndsParagraph},
    {"dialog", kBlock | kEndsParagraph},
    {"dir", kBlock | kSpecial | kEndsParagraph},
    {"div", kBlock | kSpecial | kEndsParagraph},
    {"dl", kBlock | kSpecial | kEndsParagraph},
    {"dt", kBlock | kSpecial | kEndsParagraph | kItem},
    {"em", kFormatting},
    {"embed", kVoid | kSpecial},
    {"fieldset", kBlock | kSpecial | kEndsParagraph},
    {"figcaption", kBlock | kSpecial | kEndsParagraph},
    {"figure", kBlock | kSpecial | kEndsParagraph},
    {"font", kFormatting},
    {"footer", kBlock | kSpecial | kEndsParagraph},
    {"form", kBlock | kSpecial | kEndsParagraph},
    {"frame", kVoid | kSpecial},
    {"frameset", kBlock | kSpecial},
    {"h1", kBlock | kSpecial | kEndsParagraph | kHeading},
    {"h2", kBlock | kSpecial | kEndsParagraph | kHeading},
    {"h3", kBlock | kSpecial | kEndsParagraph | kHeading},
    {"h4", kBlock | kSpecial | kEndsParagraph | kHeading},
    {"h5", kBlock | kSpecial | kEndsParagraph | kHeading},
    {"h6", kBlock | kSpecial | kEndsParagraph | kHeading},
    {"head", kSpecial | kOutermost},
    {"header", kBlock | kSpecial | kEndsParagraph},
    {"hgroup", kBlock | kSpecial | kEndsParagraph},
    {"hr", kVoid | kSpecial | kBlock | kEndsParagraph},
    {"html", kBlock | kSpecial | kScope | kOutermost},
    {"i", kFormatting},
    {"iframe", kBlock | kSpecial | kRaw | kDropped},
    {"image", kVoid},
    {"img", kVoid | kSpecial},
    {"input", kVoid | kSpecial},
    {"keygen", kVoid | kSpecial},
    {"legend", kBlock},
    {"li", kBlock | kSpecial | kEndsParagraph | kItem},
    {"link", kVoid | kSpecial},
    {"listing", kBlock | kSpecial | kEndsParagraph},
    {"main", kBlock | kSpecial | kEndsParagraph},
    {"marquee", kBlock | kSpecial | kScope | kMarker},
    {"menu", kBlock | kSpecial | kEndsParagraph},
    {"meta", kVoid | kSpecial},
    {"nav", kBlock | kSpecial | kEndsParagraph},
    {"nobr", kFormatting},
    {"noembed", kSpecial | kRaw | kDropped},
    {"noframes", kSpecial | kRaw | kDropped},
    {"noscript", kSpecial | kDropped},
    {"object", kSpecial | kScope | kMarker},
    {"ol", kBlock | kSpecial | kEndsParagraph},
    {"optgroup", kBlock},
    {"option", kBlock},
    {"p", kBlock | kSpecial | kEndsParagraph},
    {"param", kVoid | kSpecial},
    {"plaintext", kBlock | kSpecial | kEndsParagraph | kRaw},
    {"pre", kBlock | kSpecial | kEndsParagraph},
    {"s", kFormatting},
    {"script", kSpecial | kRaw | kDropped},
    {"search", kBlock | kSpecial | kEndsParagraph},
    {"section", kBlock | kSpecial | kEndsParagraph},
    {"select", kSpecial | kScope},
    {"small", kFormatting},
    {"source", kVoid | kSpecial},
    {"strike", kFormatting},
    {"strong", kFormatting},
    {"style", kSpecial | kRaw | kDropped},
    {"summary", kBlock | kSpecial | kEndsParagraph},
    {"table", kBlock | kSpecial | kScope | kEndsParagraph | kTable},
    {"tbody", kBlock | kSpecial | kTable},
    {"td", kSpecial | kScope | kMarker | kCell},
    {"template", kSpecial | kScope | kMarker | kDropped},
    {"textarea", kSpecial | kRaw | kReferences},
    {"tfoot", kBlock | kSpecial | kTable},
    {"th", kSpecial | kScope | kMarker | kCell},
    {"thead", kBlock | kSpecial | kTable},
    {"title", kSpecial | kRaw | kReferences | kDropped},
    {"tr", kBlock | kSpecial | kTable},
    {"track", kVoid | kSpecial},
    {"tt", kFormatting},
    {"u", kFormatting},
    {"ul", kBlock | kSpecial | kEndsParagraph},
    {"wbr", kVoid | kSpecial},
    {"xmp", kBlock | kSpecial | kEndsParagraph | kRaw},
};

constexpr size_t kLongest = 10;

}  // namespace

Element find_element(std::string_view name) {
  Element element{element_id(name), 0};
  if (name.size() > kLongest) return element;
  std::array<char, kLongest> lower{};
  std::transform(name.begin(), name.end(), lower.begin(), ascii_lower);
  std::string_view wanted(lower.data(), name.size());
  const auto* row = std::lower_bound(std::begin(kRows), std::end(kRows), wanted,
                                     [](const Row& one, std::string_view key) { return one.name < key; });
  if (row != std::end(kRows) && row->name == wanted) element.flags = row->flags;
  return element;
}

}  // namespace postern::mime
