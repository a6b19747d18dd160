// Colours of HTML attributes and of style sheets.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::mime {

struct Colour {
  uint8_t red = 0;
  uint8_t green = 0;
  uint8_t blue = 0;
  float alpha = 1;  // 0: transparent
};

/// A CSS colour in lower case (CSS Color 4): names, #rgb, #rrggbb, rgb(), hsl(), with or without alpha.
[[nodiscard]] std::optional<Colour> css_colour(std::string_view value);
/// The value of bgcolor, color, text, link (HTML, 2.3.6): anything at all is some colour there.
[[nodiscard]] std::optional<Colour> attribute_colour(std::string_view value);
/// As it looks in front of another.
[[nodiscard]] Colour over(const Colour& front, const Colour& back);
/// Nobody can read the one on the other.
[[nodiscard]] bool look_alike(const Colour& a, const Colour& b);

}  // namespace postern::mime
