#include "filters/mime/kind.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "filters/base/bytes.h"
#include "filters/mime/archive.h"

namespace postern::mime {
namespace {

using namespace std::string_view_literals;

struct Magic {
  size_t offset;
  std::string_view octets;
  std::string_view kind;
};

// Programs and containers first: what can do harm must not be taken for something else.
constexpr Magic kMagics[] = {
    {0,
     "\x7F"
     "ELF"sv,
     "application/x-executable"},
    {0, "\xFE\xED\xFA\xCE"sv, "application/x-mach-binary"},
    {0, "\xFE\xED\xFA\xCF"sv, "application/x-mach-binary"},
    {0, "\xCE\xFA\xED\xFE"sv, "application/x-mach-binary"},
    {0, "\xCF\xFA\xED\xFE"sv, "application/x-mach-binary"},
    {0, "dex\n03"sv, "application/x-dex"},
    {0, "\0asm"sv, "application/wasm"},
    {0, "PK\x03\x04"sv, "application/zip"},
    {0, "PK\x05\x06"sv, "application/zip"},
    {0, "PK\x07\x08"sv, "application/zip"},
    {0, "Rar!\x1A\x07"sv, "application/vnd.rar"},
    {0, "7z\xBC\xAF\x27\x1C"sv, "application/x-7z-compressed"},
    {0, "\x1F\x8B"sv, "application/gzip"},
    {4, "1AY&SY"sv, "application/x-bzip2"},
    {0,
     "\xFD"
     "7zXZ\0"sv,
     "application/x-xz"},
    {0, "\x28\xB5\x2F\xFD"sv, "application/zstd"},
    {0, "LZIP\x01"sv, "application/x-lzip"},
    {0, "\x1F\x9D"sv, "application/x-compress"},
    {0, "MSCF\0\0\0\0"sv, "application/vnd.ms-cab-compressed"},
    {0, "\x60\xEA"sv, "application/x-arj"},
    {7, "**ACE**"sv, "application/x-ace-compressed"},
    {0, "xar!"sv, "application/x-xar"},
    {0, "MSWIM\0\0\0"sv, "application/x-ms-wim"},
    {0x8001, "CD001"sv, "application/x-iso9660-image"},
    {0x8001, "BEA01"sv, "application/x-iso9660-image"},
    {0, "conectix"sv, "application/x-vhd"},
    {0, "vhdxfile"sv, "application/x-vhdx"},
    {0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "application/vnd.ms-office"},
    {0, "{\\rtf"sv, "application/rtf"},
    {0, "\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3"sv, "application/onenote"},
    {0, "\x4C\0\0\0\x01\x14\x02\0"sv, "application/x-ms-shortcut"},
    {0, "ITSF\x03\0\0\0"sv, "application/vnd.ms-htmlhelp"},
    {0, "\x78\x9F\x3E\x22"sv, "application/ms-tnef"},
    {4, "Standard Jet DB"sv, "application/x-msaccess"},
    {4, "Standard ACE DB"sv, "application/x-msaccess"},
    {0, "SQLite format 3\0"sv, "application/vnd.sqlite3"},
    {0, "!BDN"sv, "application/vnd.ms-outlook"},
    {0, "%!PS"sv, "application/postscript"},
    {0, "\x89PNG\r\n\x1A\n"sv, "image/png"},
    {0, "\xFF\xD8\xFF"sv, "image/jpeg"},
    {0, "GIF87a"sv, "image/gif"},
    {0, "GIF89a"sv, "image/gif"},
    {8, "WEBP"sv, "image/webp"},
    {8, "WAVE"sv, "audio/wav"},
    {8, "AVI "sv, "video/x-msvideo"},
    {0, "II*\0"sv, "image/tiff"},
    {0, "MM\0*"sv, "image/tiff"},
    {0, "\0\0\x01\0"sv, "image/x-icon"},
    {0, "8BPS"sv, "image/vnd.adobe.photoshop"},
    {4, "ftypheic"sv, "image/heic"},
    {4, "ftypavif"sv, "image/avif"},
    {4, "ftyp"sv, "video/mp4"},
    {0, "\x1A\x45\xDF\xA3"sv, "video/webm"},
    {0, "ID3\x02"sv, "audio/mpeg"},
    {0, "ID3\x03"sv, "audio/mpeg"},
    {0, "ID3\x04"sv, "audio/mpeg"},
    {0, "OggS"sv, "audio/ogg"},
    {0, "fLaC"sv, "audio/flac"},
};

// Texts, compared without regard to case behind white space.
constexpr Magic kTexts[] = {
    {0, "#!"sv, "text/x-shellscript"},
    {0, "<!doctype svg"sv, "image/svg+xml"},
    {0, "<svg"sv, "image/svg+xml"},
    {0, "-----begin pgp"sv, "application/pgp"},
    {0, "begin:vcard"sv, "text/vcard"},
    {0, "begin:vcalendar"sv, "text/calendar"},
    {0, "[internetshortcut]"sv, "application/internet-shortcut"},
    {0, "<job"sv, "application/x-windows-script"},
};
// WHATWG MIME Sniffing, 7.1: what makes a text HTML, when a blank or ">" follows.
constexpr std::string_view kHtml[] = {
    "<!doctype html"sv,  "<html"sv, "<head"sv,  "<script"sv, "<iframe"sv, "<h1"sv,    "<div"sv,  "<font"sv,
    "<table"sv,          "<a"sv,    "<style"sv, "<title"sv,  "<b"sv,      "<body"sv,  "<br"sv,   "<p"sv,
    "<form"sv,           "<meta"sv, "<img"sv,   "<center"sv, "<object"sv, "<embed"sv, "<base"sv, "<link"sv,
    "<hta:application"sv};

bool is_html(std::string_view text) {
  return std::any_of(std::begin(kHtml), std::end(kHtml), [&](std::string_view tag) {
    if (!starts_nocase(text, tag)) return false;
    char next = text.size() > tag.size() ? text[tag.size()] : '>';
    return next == '>' || next == ' ' || next == '\t' || next == '\r' || next == '\n' || next == '/';
  });
}

std::string_view skip_white(std::string_view text) {
  size_t begin = text.find_first_not_of(" \t\r\n\f"sv);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

/// The beginning of a text, as far as it matters, in octets of ASCII: UTF-16 has a NUL beside each.
std::string text_start(std::string_view content) {
  constexpr size_t kEnough = 4096;
  content = content.substr(0, kEnough);
  std::string out;
  if (content.starts_with("\xFF\xFE"sv) || content.starts_with("\xFE\xFF"sv)) {
    std::copy_if(content.begin() + 2, content.end(), std::back_inserter(out), [](char c) { return c != '\0'; });
    return out;
  }
  if (content.starts_with("\xEF\xBB\xBF"sv)) content.remove_prefix(3);
  out = content;
  return out;
}

/// What the XML is stands behind its declaration.
std::string_view xml_kind(std::string_view text) {
  std::string_view rest = skip_white(text.substr(std::min(text.find('>'), text.size() - 1) + 1));
  if (starts_nocase(rest, "<html") || starts_nocase(rest, "<!doctype html")) return "text/html";
  return starts_nocase(rest, "<svg") || starts_nocase(rest, "<!doctype svg") ? "image/svg+xml" : "text/xml";
}

std::string_view text_kind(std::string_view content) {
  std::string start = text_start(content);
  std::string_view text = skip_white(start);
  bool comment = text.starts_with("<!--");
  while (text.starts_with("<!--")) {
    size_t end = text.find("-->");
    // Nothing but a browser reads what begins with a comment.
    if (end == std::string_view::npos) return "text/html";
    text = skip_white(text.substr(end + 3));
  }
  if (is_html(text)) return "text/html";
  if (starts_nocase(text, "<?xml")) return xml_kind(text);
  const auto* found = std::find_if(std::begin(kTexts), std::end(kTexts),
                                   [&](const Magic& magic) { return starts_nocase(text, magic.octets); });
  if (found != std::end(kTexts)) return found->kind;
  return comment ? "text/html"sv : std::string_view();
}

bool has_control(std::string_view octets) {
  return std::any_of(octets.begin(), octets.end(), [](char c) {
    auto byte = static_cast<unsigned char>(c);
    return byte < ' ' && (byte < '\t' || byte > '\r');
  });
}

/// 0xCAFEBABE begins Java classes and Mach-O files for several processors: there a small count follows, in the others
/// the version, which was never below 45.
std::string_view cafebabe_kind(std::string_view content) {
  if (content.size() < 8) return {};
  return static_cast<unsigned char>(content[7]) < 45 && content[4] == '\0' ? "application/x-mach-binary"sv
                                                                           : "application/java-vm"sv;
}

}  // namespace

std::string detect_kind(std::string_view content) {
  // Two letters are little: what they begin must not be a text.
  if (content.starts_with("MZ") && has_control(content.substr(0, 64))) return "application/x-dosexec";
  for (const Magic& magic : kMagics) {
    if (magic.offset >= content.size()) continue;
    if (content.substr(magic.offset, magic.octets.size()) == magic.octets) return std::string(magic.kind);
  }
  if (content.starts_with("\xCA\xFE\xBA\xBE"sv)) return std::string(cafebabe_kind(content));
  if (content.size() > 6 && content.substr(2, 3) == "-lh" && content[6] == '-') return "application/x-lzh-compressed";
  // Readers look for it within the first 1024 octets (ISO 32000-1, annex H.3.4.1).
  if (content.substr(0, 1024).find("%PDF-") != std::string_view::npos) return "application/pdf";
  if (is_tar_header(content.substr(0, 512))) return "application/x-tar";
  // "BM" alone begins many a text: its header's size follows at 14.
  if (content.starts_with("BM") && content.size() > 18 && content.substr(15, 3) == "\0\0\0"sv) return "image/bmp";
  return std::string(text_kind(content));
}

}  // namespace postern::mime
