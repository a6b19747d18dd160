#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <utility>
#include <vector>

#include <iconv.h>

#include "filters/base/bytes.h"
#include "filters/mime/mime.h"
#include "filters/mime/text.h"

namespace postern::mime {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD
// Each octet that cannot be converted costs a call of iconv. After so many, the rest is not worth it.
constexpr size_t kMaxBadOctets = 10'000;

struct Alias {
  std::string_view name;  // lower case, letters and digits only
  const char* converter;  // of iconv; a superset where readers take one (Encoding Standard, 4.2)
};

// A closed list: a stranger's charset name never reaches iconv, which has rare converters with a bad history and reads
// options from the name ("//TRANSLIT").
constexpr char kUtf8[] = "UTF-8";
constexpr char kAscii[] = "ASCII";
constexpr Alias kAliases[] = {
    {"utf8", kUtf8},
    {"utf8mb4", kUtf8},
    {"unicode11utf8", kUtf8},
    {"utf8n", kUtf8},
    {"xutf8", kUtf8},
    {"usascii", kAscii},
    {"ascii", kAscii},
    {"ansix341968", kAscii},
    {"iso646us", kAscii},
    {"us", kAscii},
    {"ansix34", kAscii},
    {"cp367", kAscii},
    {"646", kAscii},
    {"iso88591", "CP1252"},
    {"88591", "CP1252"},
    {"latin1", "CP1252"},
    {"l1", "CP1252"},
    {"cp819", "CP1252"},
    {"windows1252", "CP1252"},
    {"cp1252", "CP1252"},
    {"ansi", "CP1252"},
    {"xcp1252", "CP1252"},
    {"1252", "CP1252"},
    {"iso885911987", "CP1252"},
    {"iso88592", "ISO-8859-2"},
    {"latin2", "ISO-8859-2"},
    {"iso88593", "ISO-8859-3"},
    {"latin3", "ISO-8859-3"},
    {"iso88594", "ISO-8859-4"},
    {"latin4", "ISO-8859-4"},
    {"iso88595", "ISO-8859-5"},
    {"cyrillic", "ISO-8859-5"},
    {"iso88596", "ISO-8859-6"},
    {"iso88596i", "ISO-8859-6"},
    {"iso88596e", "ISO-8859-6"},
    {"arabic", "ISO-8859-6"},
    {"iso88597", "ISO-8859-7"},
    {"greek", "ISO-8859-7"},
    {"iso88598", "ISO-8859-8"},
    {"iso88598i", "ISO-8859-8"},
    {"iso88598e", "ISO-8859-8"},
    {"hebrew", "ISO-8859-8"},
    {"iso88599", "CP1254"},
    {"latin5", "CP1254"},
    {"iso885910", "ISO-8859-10"},
    {"latin6", "ISO-8859-10"},
    {"iso885911", "CP874"},
    {"tis620", "CP874"},
    {"windows874", "CP874"},
    {"cp874", "CP874"},
    {"iso885913", "ISO-8859-13"},
    {"latin7", "ISO-8859-13"},
    {"iso885914", "ISO-8859-14"},
    {"iso885915", "ISO-8859-15"},
    {"latin9", "ISO-8859-15"},
    {"iso885916", "ISO-8859-16"},
    {"windows1250", "CP1250"},
    {"cp1250", "CP1250"},
    {"xcp1250", "CP1250"},
    {"windows1251", "CP1251"},
    {"cp1251", "CP1251"},
    {"win1251", "CP1251"},
    {"xcp1251", "CP1251"},
    {"windows1253", "CP1253"},
    {"cp1253", "CP1253"},
    {"windows1254", "CP1254"},
    {"cp1254", "CP1254"},
    {"windows1255", "CP1255"},
    {"cp1255", "CP1255"},
    {"windows1256", "CP1256"},
    {"cp1256", "CP1256"},
    {"windows1257", "CP1257"},
    {"cp1257", "CP1257"},
    {"windows1258", "CP1258"},
    {"cp1258", "CP1258"},
    {"koi8r", "KOI8-R"},
    {"koi8", "KOI8-R"},
    {"cskoi8r", "KOI8-R"},
    {"koi8u", "KOI8-U"},
    {"koi8ru", "KOI8-U"},
    {"ibm866", "IBM866"},
    {"cp866", "IBM866"},
    {"866", "IBM866"},
    {"ibm437", "IBM437"},
    {"cp437", "IBM437"},
    {"ibm850", "IBM850"},
    {"cp850", "IBM850"},
    {"ibm852", "IBM852"},
    {"cp852", "IBM852"},
    {"ibm855", "IBM855"},
    {"cp855", "IBM855"},
    {"macintosh", "MACINTOSH"},
    {"macroman", "MACINTOSH"},
    {"xmacroman", "MACINTOSH"},
    {"mac", "MACINTOSH"},
    {"xmaccyrillic", "MAC-CYRILLIC"},
    {"maccyrillic", "MAC-CYRILLIC"},
    {"gb2312", "GB18030"},
    {"gbk", "GB18030"},
    {"gb18030", "GB18030"},
    {"xgbk", "GB18030"},
    {"cp936", "GB18030"},
    {"windows936", "GB18030"},
    {"ms936", "GB18030"},
    {"euccn", "GB18030"},
    {"gb231280", "GB18030"},
    {"csgb2312", "GB18030"},
    {"chinese", "GB18030"},
    {"eucgb2312cn", "GB18030"},
    {"xeuccn", "GB18030"},
    {"iso2022cn", "ISO-2022-CN"},
    {"big5", "BIG5-HKSCS"},
    {"big5hkscs", "BIG5-HKSCS"},
    {"csbig5", "BIG5-HKSCS"},
    {"xxbig5", "BIG5-HKSCS"},
    {"xbig5", "BIG5-HKSCS"},
    {"cp950", "CP950"},
    {"windows950", "CP950"},
    {"euctw", "EUC-TW"},
    {"iso2022jp", "ISO-2022-JP-2"},
    {"csiso2022jp", "ISO-2022-JP-2"},
    {"iso2022jp1", "ISO-2022-JP-2"},
    {"iso2022jp2", "ISO-2022-JP-2"},
    {"cp50220", "ISO-2022-JP-2"},
    {"cp50221", "ISO-2022-JP-2"},
    {"shiftjis", "CP932"},
    {"sjis", "CP932"},
    {"xsjis", "CP932"},
    {"mskanji", "CP932"},
    {"csshiftjis", "CP932"},
    {"windows31j", "CP932"},
    {"cswindows31j", "CP932"},
    {"cp932", "CP932"},
    {"ms932", "CP932"},
    {"eucjp", "EUC-JP-MS"},
    {"xeucjp", "EUC-JP-MS"},
    {"xeuc", "EUC-JP-MS"},
    {"eucjpms", "EUC-JP-MS"},
    {"euckr", "CP949"},
    {"ksc56011987", "CP949"},
    {"ksc5601", "CP949"},
    {"ksx1001", "CP949"},
    {"cp949", "CP949"},
    {"uhc", "CP949"},
    {"windows949", "CP949"},
    {"korean", "CP949"},
    {"cseuckr", "CP949"},
    {"ksc56011989", "CP949"},
    {"iso2022kr", "ISO-2022-KR"},
    {"johab", "JOHAB"},
    {"utf7", "UTF-7"},
    {"unicode11utf7", "UTF-7"},
    {"xunicode20utf7", "UTF-7"},
    {"utf16", "UTF-16"},
    {"utf16le", "UTF-16LE"},
    {"utf16be", "UTF-16BE"},
    {"unicode", "UTF-16"},
    {"ucs2", "UTF-16"},
    {"iso10646ucs2", "UTF-16"},
    {"unicodefffe", "UTF-16BE"},
    {"utf32", "UTF-32"},
    {"utf32le", "UTF-32LE"},
    {"utf32be", "UTF-32BE"},
    {"viscii", "VISCII"},
    {"tcvn", "TCVN"},
    {"armscii8", "ARMSCII-8"},
    {"georgianps", "GEORGIAN-PS"},
    {"geostd8", "GEORGIAN-PS"},
    {"pt154", "PT154"},
    {"rk1048", "RK1048"},
};

/// nullptr for a name that nobody uses.
const char* find_converter(std::string_view charset) {
  if (charset.empty()) return nullptr;
  std::string key;
  for (char c : charset.substr(0, 64)) {
    if (ascii_alnum(c)) key += ascii_lower(c);
  }
  const auto* found =
      std::find_if(std::begin(kAliases), std::end(kAliases), [&](const Alias& alias) { return alias.name == key; });
  return found == std::end(kAliases) ? nullptr : found->converter;
}

class Converter {
 public:
  explicit Converter(const char* from) : from_(from), handle_(iconv_open("UTF-8", from)) {}
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;
  ~Converter() {
    if (good()) iconv_close(handle_);
  }

  [[nodiscard]] const char* from() const { return from_; }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): how iconv says no
  [[nodiscard]] bool good() const { return handle_ != reinterpret_cast<iconv_t>(-1); }

  /// False: some octets became U+FFFD.
  bool convert(std::string_view octets, std::string& out) {
    iconv(handle_, nullptr, nullptr, nullptr, nullptr);  // its state may be from a text that was cut
    // iconv does not write to its input, whatever its declaration says.
    char* in = const_cast<char*>(octets.data());
    size_t left = octets.size();
    size_t bad = 0;
    while (left > 0) {
      int error = step(&in, &left, out);
      if (error == 0 || error == E2BIG) continue;
      if (++bad > kMaxBadOctets) {
        replace_rest({in, left}, out);
        return false;
      }
      out += kReplacement;
      // EINVAL: the text ends inside of a character.
      if (error == EINVAL) break;
      ++in;
      --left;
    }
    // Some hold back a character that the next could have combined with.
    step(nullptr, nullptr, out);
    return bad == 0;
  }

 private:
  int step(char** in, size_t* left, std::string& out) {
    char* to = buffer_.data();
    size_t room = buffer_.size();
    size_t status = iconv(handle_, in, left, &to, &room);
    int error = status == static_cast<size_t>(-1) ? errno : 0;
    out.append(buffer_.data(), buffer_.size() - room);
    return error;
  }

  static void replace_rest(std::string_view octets, std::string& out) {
    for (char c : octets) {
      if (static_cast<unsigned char>(c) < 0x80) {
        out += c;
      } else {
        out += kReplacement;
      }
    }
  }

  const char* from_;
  iconv_t handle_;
  std::array<char, 8192> buffer_{};
};

/// Opening one costs a look at the disk, so each thread keeps those that it used: at most as many as the list has.
Converter& converter(const char* from) {
  thread_local std::vector<std::unique_ptr<Converter>> open;
  for (const auto& known : open) {
    if (std::string_view(known->from()) == from) return *known;
  }
  open.push_back(std::make_unique<Converter>(from));
  return *open.back();
}

/// False: some octets became U+FFFD.
bool repair_utf8(std::string_view octets, std::string& out) {
  bool good = true;
  while (true) {
    size_t length = utf8_length(octets);
    out.append(octets.substr(0, length));
    if (length == octets.size()) return good;
    good = false;
    out += kReplacement;
    octets.remove_prefix(length + 1);
  }
}

/// Those in which ASCII stands for itself, in whatever state the converter is.
bool extends_ascii(std::string_view from) {
  return from.starts_with("CP125") || from.starts_with("ISO-8859-") || from.starts_with("KOI8-") || from == "GB18030";
}

std::string convert(std::string_view octets, const char* from, Defects& defects) {
  if (from != kUtf8 && extends_ascii(from) && ascii_length(octets) == octets.size()) return std::string(octets);
  std::string out;
  out.reserve(octets.size() + octets.size() / 4);
  bool good = false;
  if (from == kUtf8) {
    good = repair_utf8(octets, out);
  } else if (Converter& found = converter(from); found.good()) {
    good = found.convert(octets, out);
  } else {
    // Its module is not installed here.
    defects.unknown_charset = true;
    return repair_utf8(octets, out), out;
  }
  if (!good) defects.bad_charset = true;
  return out;
}

}  // namespace

std::string to_utf8(std::string_view octets, std::string_view charset, Defects& defects) {
  const char* from = find_converter(charset);
  if (from == nullptr && !charset.empty()) defects.unknown_charset = true;
  if (from == kAscii) {
    if (ascii_length(octets) < octets.size()) defects.bad_charset = true;
    from = nullptr;
  }
  std::string out;
  if (from == nullptr) {
    out = utf8_length(octets) == octets.size() ? std::string(octets) : convert(octets, "CP1252", defects);
  } else {
    out = convert(octets, from, defects);
  }
  if (out.starts_with("\xEF\xBB\xBF")) out.erase(0, 3);
  if (out.find('\0') != std::string::npos) defects.nul = true;
  return out;
}

}  // namespace postern::mime
