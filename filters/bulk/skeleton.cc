#include "filters/bulk/skeleton.h"

#include <array>
#include <string_view>

#include "filters/bulk/skeleton_rows.h"

namespace postern::bulk {
namespace {

constexpr uint8_t kAlphabet = 3;  // of kFullWeight
constexpr uint8_t kAbjad = 4;     // and Indic scripts
constexpr uint8_t kSyllable = 6;

constexpr Character kBreak{Sort::Break, 0, 0};
constexpr Character kNothing{Sort::Nothing, 0, 0};

constexpr Character letter(char32_t code_point, uint8_t weight = kAlphabet) {
  return {Sort::Letter, weight, code_point == U'i' ? U'l' : code_point};
}
constexpr Character digit(char32_t value) {
  return {Sort::Digit, 0, U'0' + value % 10};
}
constexpr Character dense(char32_t code_point) {
  return {Sort::Dense, kSyllable, code_point};
}
constexpr bool in(char32_t code_point, char32_t first, char32_t last) {
  return first <= code_point && code_point <= last;
}

/// `first`: the code point of the row's first. Behind its end everything is itself.
constexpr Character from_row(std::string_view row, char32_t first, char32_t code_point) {
  char found = code_point - first < row.size() ? row[code_point - first] : '?';
  switch (found) {
    case '.': return kBreak;
    case '-': return kNothing;
    case '?': return letter(code_point);
    default: return letter(static_cast<char32_t>(found));
  }
}

// ---------------------------------------------------------------- Greek, Cyrillic, Armenian

struct LookAlike {
  char32_t letter;
  char32_t looks;
};
constexpr LookAlike kLookAlikes[] = {
    // Greek. Where capital and small letter look like different ones, each is taken for what it looks like.
    {U'\u03b1', U'a'},
    {U'\u03b2', U'b'},
    {U'\u03b3', U'y'},
    {U'\u03b5', U'e'},
    {U'\u03b6', U'z'},
    {U'\u03b7', U'n'},
    {U'\u03b9', U'l'},
    {U'\u03ba', U'k'},
    {U'\u03bc', U'u'},
    {U'\u03bd', U'v'},
    {U'\u03bf', U'o'},
    {U'\u03c1', U'p'},
    {U'\u03c3', U'o'},
    {U'\u03c4', U't'},
    {U'\u03c5', U'u'},
    {U'\u03c7', U'x'},
    {U'\u03c9', U'w'},
    {U'\u03f2', U'c'},
    {U'\u03f3', U'j'},
    // Cyrillic; a capital and its small letter are one.
    {U'\u0430', U'a'},
    {U'\u0432', U'b'},
    {U'\u0433', U'r'},
    {U'\u0435', U'e'},
    {U'\u043a', U'k'},
    {U'\u043c', U'm'},
    {U'\u043d', U'h'},
    {U'\u043e', U'o'},
    {U'\u043f', U'n'},
    {U'\u0440', U'p'},
    {U'\u0441', U'c'},
    {U'\u0442', U't'},
    {U'\u0443', U'y'},
    {U'\u0445', U'x'},
    {U'\u044c', U'b'},
    {U'\u0450', U'e'},
    {U'\u0451', U'e'},
    {U'\u0455', U's'},
    {U'\u0456', U'l'},
    {U'\u0457', U'l'},
    {U'\u0458', U'j'},
    {U'\u0461', U'w'},
    {U'\u0475', U'v'},
    {U'\u0491', U'r'},
    {U'\u04af', U'y'},
    {U'\u04bb', U'h'},
    {U'\u04bd', U'e'},
    {U'\u04cf', U'l'},
    {U'\u0501', U'd'},
    {U'\u050d', U'g'},
    {U'\u051b', U'q'},
    {U'\u051d', U'w'},
    // Armenian.
    {U'\u0566', U'q'},
    {U'\u0570', U'h'},
    {U'\u0578', U'n'},
    {U'\u057d', U'u'},
    {U'\u0581', U'g'},
    {U'\u0585', U'o'},
};

/// Small letters without accents; of what is no capital and has none, itself.
constexpr char32_t greek_base(char32_t c) {
  switch (c) {
    case 0x386:
    case 0x3ac: return 0x3b1;
    case 0x388:
    case 0x3ad: return 0x3b5;
    case 0x389:
    case 0x3ae: return 0x3b7;
    case 0x38a:
    case 0x390:
    case 0x3aa:
    case 0x3af:
    case 0x3ca: return 0x3b9;
    case 0x38c:
    case 0x3cc: return 0x3bf;
    case 0x38e:
    case 0x3ab:
    case 0x3b0:
    case 0x3cb:
    case 0x3cd: return 0x3c5;
    case 0x38f:
    case 0x3ce: return 0x3c9;
    case 0x3c2: return 0x3c3;
    case 0x3f9: return 0x3f2;
    default: return in(c, 0x391, 0x3a9) && c != 0x3a2 ? c + 0x20 : c;
  }
}

constexpr char32_t cyrillic_base(char32_t c) {
  if (c < 0x410) return c + 0x50;
  if (c < 0x430) return c + 0x20;
  if (c == 0x4c0) return 0x4cf;
  if (in(c, 0x4c1, 0x4ce)) return c % 2 == 1 ? c + 1 : c;
  bool has_case = in(c, 0x460, 0x481) || in(c, 0x48a, 0x4bf) || c >= 0x4d0;
  return has_case && c % 2 == 0 ? c + 1 : c;
}

/// U+02B0 to U+036F: raised letters, marks that stand alone, and those on the letter before.
constexpr Character modifier(char32_t c) {
  constexpr std::string_view raised = "hhjrrrrwy";
  if (c < 0x2b9) return from_row(raised, 0x2b0, c);
  if (in(c, 0x2e0, 0x2e3)) return from_row("ylsx", 0x2e0, c);
  return kNothing;
}

constexpr Character hebrew(char32_t c) {
  if (c == 0x5be || c == 0x5c0 || c == 0x5c3 || c == 0x5c6) return kBreak;
  if (c < 0x5d0) return kNothing;  // points and cantillation
  return c < 0x5f3 ? letter(c, kAbjad) : kBreak;
}

/// U+0080 to U+00BF.
constexpr Character latin_1(char32_t c) {
  switch (c) {
    case 0xaa: return letter(U'a');
    case 0xba: return letter(U'o');
    case 0xb5: return letter(U'u');
    case 0xb2:
    case 0xb3: return digit(c - 0xb0);
    case 0xb9: return digit(1);
    case 0xad:                   // soft hyphen
    case 0xb4: return kNothing;  // written for an apostrophe
    default: return kBreak;
  }
}

/// U+0000 to U+05FF but for look-alikes.
constexpr Character plain_low(char32_t c) {
  if (in(c, U'a', U'z')) return letter(c);
  if (in(c, U'A', U'Z')) return letter(c + 0x20);
  if (in(c, U'0', U'9')) return digit(c - U'0');
  if (c == U'\'' || c == U'`') return kNothing;
  if (c < 0x80) return kBreak;
  if (c < 0xc0) return latin_1(c);
  if (c < 0x250) return from_row(kLatin, 0xc0, c);
  if (c < 0x2b0) return from_row(kPhonetic, 0x250, c);
  if (c < 0x370) return modifier(c);
  if (c < 0x400) return c == 0x37e || c == 0x387 ? kBreak : letter(greek_base(c));
  if (in(c, 0x482, 0x489)) return kNothing;
  if (c < 0x530) return letter(cyrillic_base(c));
  if (c < 0x560) return in(c, 0x531, 0x556) ? letter(c + 0x30) : kBreak;
  if (c < 0x589) return letter(c);
  return c < 0x591 ? kBreak : hebrew(c);
}

constexpr char32_t kLow = 0x600;

constexpr std::array<Character, kLow> low_table() {
  std::array<Character, kLow> out{};
  for (char32_t c = 0; c < kLow; ++c) out[c] = plain_low(c);
  // Look-alikes are named by their small letter: what was made one above, marks and capitals, goes with it.
  std::array<char32_t, kLow> looks{};
  for (const LookAlike& one : kLookAlikes) looks[one.letter] = one.looks;
  for (char32_t c = 0x370; c < kLow; ++c) {
    char32_t base = out[c].letter;
    if (base < kLow && looks[base] != 0) out[c].letter = looks[base];
  }
  // Capitals of Greek that look like another letter than the small ones do.
  out[0x397].letter = out[0x389].letter = U'h';
  out[0x39c].letter = U'm';
  out[0x39d].letter = U'n';
  out[0x3a5].letter = out[0x38e].letter = out[0x3ab].letter = U'y';
  return out;
}
constexpr std::array<Character, kLow> kLowTable = low_table();

// ---------------------------------------------------------------- from U+0600 on

constexpr Character arabic(char32_t c) {
  if (in(c, 0x660, 0x669)) return digit(c - 0x660);
  if (in(c, 0x6f0, 0x6f9)) return digit(c - 0x6f0);
  if (c == 0x640 || in(c, 0x610, 0x61a) || c == 0x61c || in(c, 0x64b, 0x65f) || c == 0x670) return kNothing;
  if (in(c, 0x6d6, 0x6ed) && c != 0x6dd && c != 0x6de && c != 0x6e9) return kNothing;
  if (c < 0x620 || in(c, 0x66a, 0x66d) || c == 0x6d4) return kBreak;
  switch (c) {
    case 0x622:
    case 0x623:
    case 0x625:
    case 0x671: return letter(0x627, kAbjad);  // alef
    case 0x649:
    case 0x6cc: return letter(0x64a, kAbjad);  // yeh
    case 0x6a9: return letter(0x643, kAbjad);  // kaf
    case 0x629: return letter(0x647, kAbjad);  // teh marbuta, often written as heh
    default: return letter(c, kAbjad);
  }
}

/// U+0900 to U+0DFF: nine scripts of India, a block of 128 each, with their digits at one place.
constexpr Character indic(char32_t c) {
  if (in(c % 0x80, 0x66, 0x6f)) return digit(c % 0x80 - 0x66);
  return c == 0x964 || c == 0x965 || c == 0x970 ? kBreak : letter(c, kAbjad);
}

/// Of scripts without blanks. `digits`: the code point of 0; `signs`: the range of what is punctuation.
constexpr Character unspaced(char32_t c, char32_t digits, char32_t first_sign, char32_t last_sign) {
  if (in(c, digits, digits + 9)) return digit(c - digits);
  return in(c, first_sign, last_sign) ? kBreak : dense(c);
}

/// U+0E00 to U+17FF.
constexpr Character south_east(char32_t c) {
  if (c < 0xe80) return c == 0xe3f || c == 0xe4f ? kBreak : unspaced(c, 0xe50, 0xe5a, 0xe5b);  // Thai
  if (c < 0xf00) return unspaced(c, 0xed0, 0xeda, 0xedb);                                      // Lao
  if (c < 0x1000) return in(c, 0xf01, 0xf17) ? kBreak : letter(c, kAbjad);                     // Tibetan
  if (c < 0x10a0) return unspaced(c, 0x1040, 0x104a, 0x104f);                                  // Burmese
  if (in(c, 0x10a0, 0x10c5)) return letter(c + 0x1c60);  // capitals of old Georgian
  if (in(c, 0x115f, 0x1160)) return kNothing;            // fillers of Hangul: blank, and taken for a letter
  if (in(c, 0x13a0, 0x13ff)) return from_row(kCherokee, 0x13a0, c);
  if (c >= 0x1780) return unspaced(c, 0x17e0, 0x17d4, 0x17db);  // Khmer
  if (c == 0x1680 || c == 0x166d || c == 0x166e || in(c, 0x16eb, 0x16ed) || in(c, 0x1360, 0x1368)) return kBreak;
  return letter(c, c < 0x1100 ? kAlphabet : kAbjad);
}

/// U+1800 to U+1FFF.
constexpr Character extended(char32_t c) {
  if (c < 0x1d00) {
    if (in(c, 0x180b, 0x180f) || in(c, 0x1ab0, 0x1aff)) return kNothing;
    if (in(c, 0x1800, 0x180a)) return kBreak;
    if (in(c, 0x1c90, 0x1cbf)) return letter(c - 0x1c90 + 0x10d0);  // capitals of Georgian
    return letter(c, kAbjad);
  }
  if (c < 0x1d2c) return from_row(kSmallCapitals, 0x1d00, c);
  if (c < 0x1d80) return from_row(kRaised, 0x1d2c, c);
  if (c < 0x1dc0) return letter(c);
  if (c < 0x1e00) return kNothing;
  if (c < 0x1f00) return from_row(kMoreLatin, 0x1e00, c);
  // Greek with two and three marks: by rows of sixteen, but for the last of some.
  constexpr std::string_view by_row = "aeniouwaanwaniuw";  // as the letters look, see kLookAlikes
  constexpr std::string_view at_1f70 = "aaeenniioouuww";
  if (in(c, 0x1f70, 0x1f7d)) return from_row(at_1f70, 0x1f70, c);
  if (c == 0x1fe4 || c == 0x1fe5 || c == 0x1fec) return letter(U'p');
  if (c == 0x1ff8 || c == 0x1ff9) return letter(U'o');
  size_t row = (c - 0x1f00) / 16;
  return letter(static_cast<char32_t>(by_row[row]));
}

/// U+2000 to U+20FF.
constexpr Character punctuation(char32_t c) {
  if (in(c, 0x200b, 0x200f) || in(c, 0x202a, 0x202e) || in(c, 0x2060, 0x206f)) return kNothing;
  if (c == 0x2018 || c == 0x2019 || c == 0x201b || c == 0x2032) return kNothing;  // apostrophes
  if (c == 0x2071) return letter(U'i');
  if (c == 0x207f) return letter(U'n');
  if (c == 0x2070 || in(c, 0x2074, 0x2079)) return digit(c - 0x2070);
  if (in(c, 0x2080, 0x2089)) return digit(c - 0x2080);
  if (in(c, 0x2090, 0x209c)) return from_row("aeox?hklmnpst", 0x2090, c);
  return in(c, 0x20d0, 0x20ff) ? kNothing : kBreak;
}

/// U+2100 to U+2DFF.
constexpr Character symbols(char32_t c) {
  if (c < 0x2150) return from_row(kLetterLike, 0x2100, c);
  constexpr std::string_view roman = "i???v????x??lcdm";
  if (in(c, 0x2160, 0x217f)) {
    char32_t small = c < 0x2170 ? c + 0x10 : c;
    return from_row(roman, 0x2170, small);
  }
  if (in(c, 0x2460, 0x249b) || in(c, 0x24ea, 0x24ff) || in(c, 0x2776, 0x2793)) return digit(1);
  if (in(c, 0x249c, 0x24b5)) return letter(c - 0x249c + U'a');
  if (in(c, 0x24b6, 0x24cf)) return letter(c - 0x24b6 + U'a');
  if (in(c, 0x24d0, 0x24e9)) return letter(c - 0x24d0 + U'a');
  if (c < 0x2c00) return c == 0x2800 ? kNothing : kBreak;
  if (in(c, 0x2c60, 0x2c7f)) return from_row(kLatinC, 0x2c60, c);
  return in(c, 0x2de0, 0x2dff) ? kNothing : letter(c);
}

/// U+2E00 to U+A4CF and U+F900 to U+FAFF, where they are not said to be something else.
constexpr Character east(char32_t c) {
  if (c < 0x2e80 || in(c, 0x3200, 0x33ff)) return kBreak;
  if (in(c, 0x3000, 0x303f)) return in(c, 0x3005, 0x3007) ? dense(c) : kBreak;
  if (c == 0x3164) return kNothing;  // filler of Hangul
  if (in(c, 0x3130, 0x318f)) return letter(c, kSyllable);
  return dense(c);
}

/// U+FB00 to U+FFFF.
constexpr Character forms(char32_t c) {
  if (c < 0xfb07) return letter(c < 0xfb05 ? U'f' : U's');  // ligatures; words.cc spells them out
  if (in(c, 0xfe00, 0xfe0f) || in(c, 0xfe20, 0xfe2f) || c == 0xfeff) return kNothing;
  if (in(c, 0xfe10, 0xfe6f)) return kBreak;
  if (c < 0xff00) return letter(c, kAbjad);
  if (in(c, 0xff01, 0xff5e)) return kLowTable[c - 0xff01 + U'!'];
  if (c == 0xffa0 || in(c, 0xfff0, 0xfffb)) return kNothing;
  if (in(c, 0xff66, 0xff9f)) return dense(c);
  return in(c, 0xffa1, 0xffdc) ? letter(c, kSyllable) : kBreak;
}

/// U+1D400 to U+1D7FF: the alphabet in thirteen styles, Greek in five, digits in five.
constexpr Character mathematical(char32_t c) {
  if (c < 0x1d6a4) return letter((c - 0x1d400) % 26 + U'a');
  if (c < 0x1d6a8) return letter(c == 0x1d6a5 ? U'j' : U'i');
  if (c >= 0x1d7ce) return digit((c - 0x1d7ce) % 10);
  char32_t place = (c - 0x1d6a8) % 58;
  if (place < 25) return kLowTable[0x391 + place];
  return in(place, 26, 50) ? kLowTable[0x3b1 + place - 26] : letter(c);
}

/// From U+10000 on.
constexpr Character beyond(char32_t c) {
  if (c < 0x1d000) return letter(c, kAbjad);
  if (in(c, 0x1d400, 0x1d7ff)) return mathematical(c);
  if (c < 0x1e000) return in(c, 0x1d173, 0x1d17a) ? kNothing : kBreak;
  if (c < 0x1f000) return letter(c, kAbjad);
  if (c < 0x1f10b) return c < 0x1f100 ? kBreak : digit(c - 0x1f100);
  // Letters in circles and squares, and the pairs of them that are shown as flags.
  if (in(c, 0x1f110, 0x1f129)) return letter(c - 0x1f110 + U'a');
  if (in(c, 0x1f130, 0x1f149)) return letter(c - 0x1f130 + U'a');
  if (in(c, 0x1f150, 0x1f169)) return letter(c - 0x1f150 + U'a');
  if (in(c, 0x1f170, 0x1f189)) return letter(c - 0x1f170 + U'a');
  if (in(c, 0x1f1e6, 0x1f1ff)) return letter(c - 0x1f1e6 + U'a');
  if (c < 0x20000) return in(c, 0x1fbf0, 0x1fbf9) ? digit(c - 0x1fbf0) : kBreak;
  if (c < 0x40000) return dense(c);
  return in(c, 0xe0000, 0xe0fff) ? kNothing : kBreak;
}

}  // namespace

Character skeleton(char32_t code_point) {
  char32_t c = code_point;
  if (c < kLow) return kLowTable[c];
  if (c < 0x700) return arabic(c);
  if (c < 0x900) return letter(c, kAbjad);
  if (c < 0xe00) return indic(c);
  if (c < 0x1800) return south_east(c);
  if (c < 0x2000) return extended(c);
  if (c < 0x2100) return punctuation(c);
  if (c < 0x2e00) return symbols(c);
  if (c < 0xa4d0) return east(c);
  if (c < 0xa500) return c > 0xa4f7 ? kBreak : from_row(kLisu, 0xa4d0, c);
  if (in(c, 0xa722, 0xa78f)) return from_row(kLatinD, 0xa722, c);
  if (in(c, 0xab70, 0xabbf)) return from_row(kCherokee, 0xab70, c);
  if (c < 0xac00) return letter(c, kAbjad);
  if (c < 0xd800) return letter(c, kSyllable);
  if (c < 0xf900) return kBreak;
  if (c < 0xfb00) return east(c);
  return c < 0x10000 ? forms(c) : beyond(c);
}

}  // namespace postern::bulk
