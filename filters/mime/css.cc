#include "filters/mime/css.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>

#include "filters/base/bytes.h"

namespace postern::mime {
namespace {

constexpr size_t kMaxStyle = 8192;
constexpr std::string_view kSpace = "\t\n\f\r ";

/// In px where they are absolute. Those of the window are rough: nobody knows it.
struct Unit {
  std::string_view name;
  float factor;
  bool font;  // relative to the font size
};
constexpr Unit kUnits[] = {{"px", 1, false},     {"pt", 4.0F / 3, false}, {"pc", 16, false},    {"in", 96, false},
                           {"cm", 37.8F, false}, {"mm", 3.78F, false},    {"q", 0.945F, false}, {"em", 1, true},
                           {"rem", 1, true},     {"ex", 0.5F, true},      {"ch", 0.5F, true},   {"%", 0.01F, true},
                           {"vw", 10, false},    {"vh", 8, false},        {"vmin", 8, false},   {"vmax", 10, false}};
constexpr float kFontPx = 16;

std::string_view strip(std::string_view text) {
  size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

/// A number and its unit; the number alone counts as px, as in quirks mode, which mail without a doctype is shown in.
std::optional<Style::Size> read_size(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  float number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return std::nullopt;
  if (error != std::errc() || !std::isfinite(number)) return std::nullopt;
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  if (unit.empty()) return Style::Size{number, false};
  for (const Unit& one : kUnits) {
    if (one.name == unit) return Style::Size{number * one.factor, one.font};
  }
  return std::nullopt;
}

/// A length in px. Percentages but 0 depend on what is around, and are not known.
std::optional<float> read_px(std::string_view text) {
  auto size = read_size(text);
  if (!size) return std::nullopt;
  if (text.ends_with('%') && size->value != 0) return std::nullopt;
  return size->relative ? size->value * kFontPx : size->value;
}

/// Blank-separated words of a value; those in brackets are one.
template <class Visit>
void each_word(std::string_view value, const Visit& visit) {
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= value.size(); ++i) {
    char c = i < value.size() ? value[i] : ' ';
    if (c == '(') ++depth;
    if (c == ')' && depth > 0) --depth;
    bool ends = i == value.size() || (depth == 0 && kSpace.find(c) != std::string_view::npos);
    if (!ends) continue;
    if (i > begin) visit(value.substr(begin, i - begin));
    begin = i + 1;
  }
}

void set_display(std::string_view value, Style& style) {
  static constexpr std::string_view kBoxes[] = {"block",      "inline-block", "flex",      "inline-flex",
                                                "grid",       "inline-grid",  "table",     "inline-table",
                                                "table-cell", "table-row",    "list-item", "flow-root"};
  if (value == "none") {
    style.display = Style::Display::None;
  } else if (value == "inline" || value == "contents" || value == "initial" || value == "unset") {
    style.display = Style::Display::Inline;
  } else if (std::find(std::begin(kBoxes), std::end(kBoxes), value) != std::end(kBoxes)) {
    style.display = Style::Display::Box;
  }
}

void set_visibility(std::string_view value, Style& style) {
  if (value == "hidden" || value == "collapse") style.visibility = Style::Visibility::Hidden;
  if (value == "visible" || value == "initial") style.visibility = Style::Visibility::Visible;
}

void set_opacity(std::string_view value, Style& style) {
  if (auto size = read_size(value)) style.opacity = size->value;
}

void set_font_size(std::string_view value, Style& style) {
  static constexpr std::string_view kWords[] = {"xx-small", "x-small",  "small",     "medium", "large",
                                                "x-large",  "xx-large", "xxx-large", "initial"};
  if (value == "smaller" || value == "larger") {
    style.font_size = Style::Size{value == "smaller" ? 0.83F : 1.2F, true};
  } else if (std::find(std::begin(kWords), std::end(kWords), value) != std::end(kWords)) {
    style.font_size = Style::Size{kFontPx, false};
  } else if (auto size = read_size(value); size && size->value >= 0) {
    // rem is relative to the root, whose size mail hardly ever sets.
    if (value.ends_with("rem")) size = Style::Size{size->value * kFontPx, false};
    style.font_size = size;
  }
}

/// "font: italic 700 0/0 a": the first word with a unit, a slash, or a zero is the size.
void set_font(std::string_view value, Style& style) {
  bool found = false;
  each_word(value, [&](std::string_view word) {
    if (found || word.empty() || (!ascii_digit(word[0]) && word[0] != '.')) return;
    std::string_view size = word.substr(0, word.find('/'));
    bool weight = size == word && std::all_of(size.begin(), size.end(), ascii_digit) && size != "0";
    if (weight) return;
    found = true;
    set_font_size(size, style);
  });
}

void set_colour(std::string_view value, Style& style) {
  if (auto colour = css_colour(value)) style.colour = colour;
  if (value == "initial") style.colour = Colour{};
}

bool is_image(std::string_view value) {
  return value.find("url(") != std::string_view::npos || value.find("gradient(") != std::string_view::npos;
}

void set_background_colour(std::string_view value, Style& style) {
  if (auto colour = css_colour(value)) style.background = colour;
}

void set_background_image(std::string_view value, Style& style) {
  style.background_image = is_image(value);
}

void set_background(std::string_view value, Style& style) {
  style.background_image = is_image(value);
  style.background = Colour{0, 0, 0, 0};
  each_word(value, [&](std::string_view word) { set_background_colour(word, style); });
}

void set_shadow(std::string_view value, Style& style) {
  style.shadow = value != "none" && value != "initial";
}

void set_overflow(std::string_view value, Style& style) {
  style.clips = value.find("visible") == std::string_view::npos;
}

void set_position(std::string_view value, Style& style) {
  style.absolute = value == "absolute" || value == "fixed";
  style.relative = value == "relative";
}

void set_float(std::string_view value, Style& style) {
  style.floating = value == "left" || value == "right";
}

/// One or four lengths: top, right, bottom, left (CSS Box, 4.2).
void set_margin(std::string_view value, Style& style) {
  size_t count = 0;
  each_word(value, [&](std::string_view word) {
    float px = read_px(word).value_or(0);
    if (count == 0) style.margin_top = px;
    if (count < 2 || count == 3) style.margin_left = px;
    ++count;
  });
}

template <float Style::*Member>
void set_plain(std::string_view value, Style& style) {
  if (auto px = read_px(value)) style.*Member = *px;
}

template <std::optional<float> Style::*Member>
void set_length(std::string_view value, Style& style) {
  auto px = read_px(value);
  if (px || value == "auto" || value == "none" || value.ends_with('%')) style.*Member = px;
}

/// rect(0,0,0,0), rect(1px,1px,1px,1px).
void set_clip(std::string_view value, Style& style) {
  style.rect_empty = value.starts_with("rect(") && value.find("auto") == std::string_view::npos;
  // A digit other than 0 and 1, or two in a row, make a length of more than a px.
  for (size_t i = 0; i < value.size(); ++i) {
    bool more = value[i] >= '2' && value[i] <= '9';
    bool two = ascii_digit(value[i]) && i > 0 && ascii_digit(value[i - 1]);
    if (more || two) style.rect_empty = false;
  }
}

void set_clip_path(std::string_view value, Style& style) {
  style.clip_empty = false;
  if (!value.starts_with("inset(")) return;
  auto size = read_size(value.substr(6, value.find_first_of(" )", 6) - 6));
  style.clip_empty = size && size->relative && size->value >= 0.5F;
}

void set_transform(std::string_view value, Style& style) {
  style.scale_empty = false;
  for (std::string_view nothing : {"scale(0)", "scale(0,", "scalex(0)", "scaley(0)"}) {
    style.scale_empty = style.scale_empty || value.find(nothing) != std::string_view::npos;
  }
}

void set_white_space(std::string_view value, Style& style) {
  style.keep_space = value.starts_with("pre") || value == "break-spaces";
}

struct Property {
  std::string_view name;
  void (*set)(std::string_view, Style&);
};
constexpr Property kProperties[] = {{"display", set_display},
                                    {"visibility", set_visibility},
                                    {"opacity", set_opacity},
                                    {"font-size", set_font_size},
                                    {"font", set_font},
                                    {"color", set_colour},
                                    {"-webkit-text-fill-color", set_colour},
                                    {"background", set_background},
                                    {"background-color", set_background_colour},
                                    {"background-image", set_background_image},
                                    {"text-shadow", set_shadow},
                                    {"width", set_length<&Style::width>},
                                    {"max-width", set_length<&Style::max_width>},
                                    {"height", set_length<&Style::height>},
                                    {"max-height", set_length<&Style::max_height>},
                                    {"overflow", set_overflow},
                                    {"overflow-x", set_overflow},
                                    {"overflow-y", set_overflow},
                                    {"position", set_position},
                                    {"float", set_float},
                                    {"left", set_plain<&Style::left>},
                                    {"top", set_plain<&Style::top>},
                                    {"right", set_plain<&Style::right>},
                                    {"bottom", set_plain<&Style::bottom>},
                                    {"margin", set_margin},
                                    {"margin-left", set_plain<&Style::margin_left>},
                                    {"margin-top", set_plain<&Style::margin_top>},
                                    {"text-indent", set_length<&Style::indent>},
                                    {"clip", set_clip},
                                    {"clip-path", set_clip_path},
                                    {"transform", set_transform},
                                    {"white-space", set_white_space}};

/// Without comments, escapes decoded (CSS Syntax, 4.3.7; only ASCII ones can spell anything that is looked for here).
std::string unescape(std::string_view text) {
  text = text.substr(0, kMaxStyle);
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (text.substr(i, 2) == "/*") {
      i = std::min(text.find("*/", i + 2), text.size() - 2) + 2;
      out += ' ';
      continue;
    }
    if (text[i] != '\\' || i + 1 >= text.size()) {
      out += text[i++];
      continue;
    }
    unsigned code = 0;
    size_t end = std::min(i + 7, text.size());
    auto [last, error] = std::from_chars(text.data() + i + 1, text.data() + end, code, 16);
    if (error != std::errc()) {
      out += text[i + 1];
      i += 2;
      continue;
    }
    out += code > 0 && code < 0x80 ? static_cast<char>(code) : '?';
    i = static_cast<size_t>(last - text.data());
    if (i < text.size() && kSpace.find(text[i]) != std::string_view::npos) ++i;
  }
  return out;
}

/// The end of the declaration that begins at `at`: a semicolon outside of quotes and brackets.
size_t end_of_declaration(std::string_view text, size_t at) {
  int depth = 0;
  char quote = 0;
  for (; at < text.size(); ++at) {
    char c = text[at];
    if (quote != 0) {
      if (c == quote || c == '\n') quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')') {
      depth = std::max(depth - 1, 0);
    } else if (c == ';' && depth == 0) {
      break;
    }
  }
  return at;
}

using Seen = std::array<bool, std::size(kProperties)>;

void declare(std::string_view declaration, Seen& important, Style& style) {
  size_t colon = declaration.find(':');
  if (colon == std::string_view::npos) return;
  std::string_view name = strip(declaration.substr(0, colon));
  std::string_view value = strip(declaration.substr(colon + 1));
  size_t mark = value.rfind('!');
  bool strong = mark != std::string_view::npos && strip(value.substr(mark + 1)) == "important";
  if (strong) value = strip(value.substr(0, mark));
  for (size_t i = 0; i < std::size(kProperties); ++i) {
    if (kProperties[i].name != name) continue;
    if (strong || !important[i]) kProperties[i].set(value, style);
    important[i] = important[i] || strong;
  }
}

}  // namespace

Style parse_style(std::string_view text) {
  Style style;
  Seen important{};
  std::string clean = to_lower(unescape(text));
  std::string_view rest = clean;
  for (size_t at = 0; at < rest.size();) {
    size_t end = end_of_declaration(rest, at);
    declare(rest.substr(at, end - at), important, style);
    at = end + 1;
  }
  return style;
}

std::vector<std::string> style_urls(std::string_view text, size_t limit) {
  std::vector<std::string> urls;
  std::string clean = unescape(text);
  std::string lower = to_lower(clean);
  for (size_t at = lower.find("url("); at != std::string::npos && urls.size() < limit; at = lower.find("url(", at)) {
    at += 4;
    std::string_view inside = std::string_view(clean).substr(at);
    inside = strip(inside.substr(0, inside.find(')')));
    if (inside.size() >= 2 && (inside[0] == '"' || inside[0] == '\'')) {
      inside = inside.substr(1, inside.find(inside[0], 1) - 1);
    }
    if (!inside.empty()) urls.emplace_back(inside);
  }
  return urls;
}

}  // namespace postern::mime
