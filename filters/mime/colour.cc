#include "filters/mime/colour.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <string>

#include "filters/base/bytes.h"

namespace postern::mime {
namespace {

struct Named {
  std::string_view name;
  uint32_t rgb;
};

// CSS Color 4, 6.1. Sorted.
constexpr Named kNamed[] = {{"aliceblue", 0xf0f8ff},
                            {"antiquewhite", 0xfaebd7},
                            {"aqua", 0x00ffff},
                            {"aquamarine", 0x7fffd4},
                            {"azure", 0xf0ffff},
                            {"beige", 0xf5f5dc},
                            {"bisque", 0xffe4c4},
                            {"black", 0x000000},
                            {"blanchedalmond", 0xffebcd},
                            {"blue", 0x0000ff},
                            {"blueviolet", 0x8a2be2},
                            {"brown", 0xa52a2a},
                            {"burlywood", 0xdeb887},
                            {"cadetblue", 0x5f9ea0},
                            {"chartreuse", 0x7fff00},
                            {"chocolate", 0xd2691e},
                            {"coral", 0xff7f50},
                            {"cornflowerblue", 0x6495ed},
                            {"cornsilk", 0xfff8dc},
                            {"crimson", 0xdc143c},
                            {"cyan", 0x00ffff},
                            {"darkblue", 0x00008b},
                            {"darkcyan", 0x008b8b},
                            {"darkgoldenrod", 0xb8860b},
                            {"darkgray", 0xa9a9a9},
                            {"darkgreen", 0x006400},
                            {"darkgrey", 0xa9a9a9},
                            {"darkkhaki", 0xbdb76b},
                            {"darkmagenta", 0x8b008b},
                            {"darkolivegreen", 0x556b2f},
                            {"darkorange", 0xff8c00},
                            {"darkorchid", 0x9932cc},
                            {"darkred", 0x8b0000},
                            {"darksalmon", 0xe9967a},
                            {"darkseagreen", 0x8fbc8f},
                            {"darkslateblue", 0x483d8b},
                            {"darkslategray", 0x2f4f4f},
                            {"darkslategrey", 0x2f4f4f},
                            {"darkturquoise", 0x00ced1},
                            {"darkviolet", 0x9400d3},
                            {"deeppink", 0xff1493},
                            {"deepskyblue", 0x00bfff},
                            {"dimgray", 0x696969},
                            {"dimgrey", 0x696969},
                            {"dodgerblue", 0x1e90ff},
                            {"firebrick", 0xb22222},
                            {"floralwhite", 0xfffaf0},
                            {"forestgreen", 0x228b22},
                            {"fuchsia", 0xff00ff},
                            {"gainsboro", 0xdcdcdc},
                            {"ghostwhite", 0xf8f8ff},
                            {"gold", 0xffd700},
                            {"goldenrod", 0xdaa520},
                            {"gray", 0x808080},
                            {"green", 0x008000},
                            {"greenyellow", 0xadff2f},
                            {"grey", 0x808080},
                            {"honeydew", 0xf0fff0},
                            {"hotpink", 0xff69b4},
                            {"indianred", 0xcd5c5c},
                            {"indigo", 0x4b0082},
                            {"ivory", 0xfffff0},
                            {"khaki", 0xf0e68c},
                            {"lavender", 0xe6e6fa},
                            {"lavenderblush", 0xfff0f5},
                            {"lawngreen", 0x7cfc00},
                            {"lemonchiffon", 0xfffacd},
                            {"lightblue", 0xadd8e6},
                            {"lightcoral", 0xf08080},
                            {"lightcyan", 0xe0ffff},
                            {"lightgoldenrodyellow", 0xfafad2},
                            {"lightgray", 0xd3d3d3},
                            {"lightgreen", 0x90ee90},
                            {"lightgrey", 0xd3d3d3},
                            {"lightpink", 0xffb6c1},
                            {"lightsalmon", 0xffa07a},
                            {"lightseagreen", 0x20b2aa},
                            {"lightskyblue", 0x87cefa},
                            {"lightslategray", 0x778899},
                            {"lightslategrey", 0x778899},
                            {"lightsteelblue", 0xb0c4de},
                            {"lightyellow", 0xffffe0},
                            {"lime", 0x00ff00},
                            {"limegreen", 0x32cd32},
                            {"linen", 0xfaf0e6},
                            {"magenta", 0xff00ff},
                            {"maroon", 0x800000},
                            {"mediumaquamarine", 0x66cdaa},
                            {"mediumblue", 0x0000cd},
                            {"mediumorchid", 0xba55d3},
                            {"mediumpurple", 0x9370db},
                            {"mediumseagreen", 0x3cb371},
                            {"mediumslateblue", 0x7b68ee},
                            {"mediumspringgreen", 0x00fa9a},
                            {"mediumturquoise", 0x48d1cc},
                            {"mediumvioletred", 0xc71585},
                            {"midnightblue", 0x191970},
                            {"mintcream", 0xf5fffa},
                            {"mistyrose", 0xffe4e1},
                            {"moccasin", 0xffe4b5},
                            {"navajowhite", 0xffdead},
                            {"navy", 0x000080},
                            {"oldlace", 0xfdf5e6},
                            {"olive", 0x808000},
                            {"olivedrab", 0x6b8e23},
                            {"orange", 0xffa500},
                            {"orangered", 0xff4500},
                            {"orchid", 0xda70d6},
                            {"palegoldenrod", 0xeee8aa},
                            {"palegreen", 0x98fb98},
                            {"paleturquoise", 0xafeeee},
                            {"palevioletred", 0xdb7093},
                            {"papayawhip", 0xffefd5},
                            {"peachpuff", 0xffdab9},
                            {"peru", 0xcd853f},
                            {"pink", 0xffc0cb},
                            {"plum", 0xdda0dd},
                            {"powderblue", 0xb0e0e6},
                            {"purple", 0x800080},
                            {"rebeccapurple", 0x663399},
                            {"red", 0xff0000},
                            {"rosybrown", 0xbc8f8f},
                            {"royalblue", 0x4169e1},
                            {"saddlebrown", 0x8b4513},
                            {"salmon", 0xfa8072},
                            {"sandybrown", 0xf4a460},
                            {"seagreen", 0x2e8b57},
                            {"seashell", 0xfff5ee},
                            {"sienna", 0xa0522d},
                            {"silver", 0xc0c0c0},
                            {"skyblue", 0x87ceeb},
                            {"slateblue", 0x6a5acd},
                            {"slategray", 0x708090},
                            {"slategrey", 0x708090},
                            {"snow", 0xfffafa},
                            {"springgreen", 0x00ff7f},
                            {"steelblue", 0x4682b4},
                            {"tan", 0xd2b48c},
                            {"teal", 0x008080},
                            {"thistle", 0xd8bfd8},
                            {"tomato", 0xff6347},
                            {"turquoise", 0x40e0d0},
                            {"violet", 0xee82ee},
                            {"wheat", 0xf5deb3},
                            {"white", 0xffffff},
                            {"whitesmoke", 0xf5f5f5},
                            {"yellow", 0xffff00},
                            {"yellowgreen", 0x9acd32}};

constexpr size_t kLongestAttribute = 128;  // HTML, 2.3.6

Colour from_rgb(uint32_t rgb) {
  return {static_cast<uint8_t>(rgb >> 16), static_cast<uint8_t>(rgb >> 8), static_cast<uint8_t>(rgb), 1};
}

std::optional<Colour> named(std::string_view name) {
  const auto* row = std::lower_bound(std::begin(kNamed), std::end(kNamed), name,
                                     [](const Named& one, std::string_view key) { return one.name < key; });
  if (row == std::end(kNamed) || row->name != name) return std::nullopt;
  return from_rgb(row->rgb);
}

bool is_hex(char c) {
  return ascii_digit(c) || (c >= 'a' && c <= 'f');
}

uint8_t hex_value(std::string_view digits) {
  unsigned value = 0;
  for (char c : digits) value = value * 16 + static_cast<unsigned>(ascii_digit(c) ? c - '0' : c - 'a' + 10);
  return static_cast<uint8_t>(std::min(value, 255U));
}

/// What follows "#": 3, 4, 6 or 8 digits.
std::optional<Colour> hex_colour(std::string_view digits) {
  size_t width = digits.size() <= 4 ? 1 : 2;
  size_t count = digits.size() / width;
  if (digits.size() % width != 0 || count < 3 || count > 4) return std::nullopt;
  if (!std::all_of(digits.begin(), digits.end(), is_hex)) return std::nullopt;
  std::array<uint8_t, 4> part{0, 0, 0, 255};
  for (size_t i = 0; i < count; ++i) {
    uint8_t value = hex_value(digits.substr(i * width, width));
    part[i] = static_cast<uint8_t>(width == 1 ? value * 17 : value);
  }
  return Colour{part[0], part[1], part[2], static_cast<float>(part[3]) / 255};
}

struct Argument {
  float value = 0;
  bool percent = false;
};

/// The numbers between the brackets of a function: separated by commas, blanks or a slash; units but "%" are passed
/// over.
size_t read_arguments(std::string_view text, std::array<Argument, 4>& arguments) {
  size_t count = 0;
  for (size_t at = 0; at < text.size() && count < arguments.size();) {
    char c = text[at];
    if (!ascii_digit(c) && c != '.' && c != '-') {
      ++at;
      continue;
    }
    Argument one;
    const char* begin = text.data() + at;
    auto [end, error] = std::from_chars(begin, text.data() + text.size(), one.value);
    if (error != std::errc() || !std::isfinite(one.value)) return 0;
    at += static_cast<size_t>(end - begin);
    one.percent = at < text.size() && text[at] == '%';
    arguments[count++] = one;
  }
  return count;
}

uint8_t octet(float value) {
  return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0F, 255.0F)));
}

// CSS Color 4, 7.1.
float hue_part(float n, float hue, float saturation, float light) {
  float k = std::fmod(n + hue / 30, 12.0F);
  float amount = saturation * std::min(light, 1 - light);
  return 255 * (light - amount * std::max(-1.0F, std::min({k - 3, 9 - k, 1.0F})));
}

std::optional<Colour> function_colour(std::string_view value) {
  bool hsl = value.starts_with("hsl");
  size_t open = value.find('(');
  if ((!hsl && !value.starts_with("rgb")) || open == std::string_view::npos) return std::nullopt;
  std::array<Argument, 4> part;
  size_t count = read_arguments(value.substr(open + 1), part);
  if (count < 3) return std::nullopt;
  float alpha = count < 4 ? 1 : part[3].value / (part[3].percent ? 100.0F : 1.0F);
  alpha = std::clamp(alpha, 0.0F, 1.0F);
  if (hsl) {
    float hue = std::fmod(std::fmod(part[0].value, 360.0F) + 360, 360.0F);
    float saturation = std::clamp(part[1].value / 100, 0.0F, 1.0F);
    float light = std::clamp(part[2].value / 100, 0.0F, 1.0F);
    return Colour{octet(hue_part(0, hue, saturation, light)), octet(hue_part(8, hue, saturation, light)),
                  octet(hue_part(4, hue, saturation, light)), alpha};
  }
  auto channel = [](const Argument& one) { return octet(one.percent ? one.value * 2.55F : one.value); };
  return Colour{channel(part[0]), channel(part[1]), channel(part[2]), alpha};
}

}  // namespace

std::optional<Colour> css_colour(std::string_view value) {
  if (value == "transparent") return Colour{0, 0, 0, 0};
  if (value.starts_with('#')) return hex_colour(value.substr(1));
  if (value.find('(') != std::string_view::npos) return function_colour(value);
  return named(value);
}

// HTML, 2.3.6: rules for parsing a legacy colour value.
std::optional<Colour> attribute_colour(std::string_view value) {
  std::string text = to_lower(trim(value.substr(0, kLongestAttribute)));
  if (text.empty() || text == "transparent") return std::nullopt;
  if (auto known = named(text)) return known;
  if (text.size() == 4 && text[0] == '#') {
    if (auto known = hex_colour(std::string_view(text).substr(1))) return known;
  }
  if (text[0] == '#') text.erase(0, 1);
  for (char& c : text) c = is_hex(c) ? c : '0';
  while (text.empty() || text.size() % 3 != 0) text += '0';
  size_t width = text.size() / 3;
  std::array<std::string_view, 3> part;
  for (size_t i = 0; i < 3; ++i) {
    part[i] = std::string_view(text).substr(i * width, width);
    if (width > 8) part[i].remove_prefix(width - 8);
  }
  while (part[0].size() > 2 && part[0][0] == '0' && part[1][0] == '0' && part[2][0] == '0') {
    for (auto& one : part) one.remove_prefix(1);
  }
  return Colour{hex_value(part[0].substr(0, 2)), hex_value(part[1].substr(0, 2)), hex_value(part[2].substr(0, 2)), 1};
}

Colour over(const Colour& front, const Colour& back) {
  auto mix = [&front](uint8_t a, uint8_t b) {
    return octet(static_cast<float>(a) * front.alpha + static_cast<float>(b) * (1 - front.alpha));
  };
  return {mix(front.red, back.red), mix(front.green, back.green), mix(front.blue, back.blue), 1};
}

bool look_alike(const Colour& a, const Colour& b) {
  // Senders write #fefefe on white to escape a plain comparison; no eye tells a few steps of 255 apart.
  constexpr int kSteps = 8;
  return std::abs(a.red - b.red) <= kSteps && std::abs(a.green - b.green) <= kSteps &&
         std::abs(a.blue - b.blue) <= kSteps;
}

}  // namespace postern::mime
