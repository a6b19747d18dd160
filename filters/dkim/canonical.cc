#include "filters/dkim/canonical.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "filters/base/bytes.h"

namespace postern::dkim {
namespace {

constexpr std::string_view kCrlf = "\r\n";

bool is_wsp(char c) {
  return c == ' ' || c == '\t';
}

/// How many octets at its beginning relaxed canonicalisation leaves as they are for certain.
size_t plain_length(std::string_view text) {
  return std::min(text.find_first_of(" \t\r"), text.size());
}

// RFC 6376, 3.4.2: unfolded, each run of white space one space, none at the ends.
void append_relaxed_value(std::string_view value, std::string& out) {
  bool space = false;
  bool any = false;
  while (!value.empty()) {
    size_t skip = 0;
    if (is_wsp(value[0])) {
      space = true;
      skip = 1;
    } else if (value.starts_with(kCrlf) && (value.size() == 2 || is_wsp(value[2]))) {
      skip = 2;
    }
    if (skip == 0) {
      if (space && any) out += ' ';
      space = false;
      any = true;
      // The first octet is content even when it is a lone CR.
      skip = 1 + plain_length(value.substr(1));
      out += value.substr(0, skip);
    }
    value.remove_prefix(skip);
  }
}

using Block = unsigned char __attribute__((vector_size(16)));

Block load(const char* at) {
  Block block;
  std::memcpy(&block, at, sizeof block);
  return block;
}

/// Whether relaxed canonicalisation must look at this octet: all but content and a single space before content. Where
/// the next octet is not known yet (`at + 1 == end`), a space is.
bool is_odd(const char* at, const char* end) {
  if (*at == '\t' || *at == '\r') return true;
  return *at == ' ' && (at + 1 == end || is_wsp(at[1]) || at[1] == '\r');
}

/// The first such octet. Most text has one in a line, so it pays to look at sixteen octets at once.
const char* next_odd(const char* at, const char* end) {
  while (end - at > 16) {
    Block here = load(at);
    Block next = load(at + 1);
    auto odd = (here == '\t') | (here == '\r') | ((here == ' ') & ((next == ' ') | (next == '\t') | (next == '\r')));
    std::array<uint64_t, 2> words;
    static_assert(sizeof words == sizeof odd);
    std::memcpy(words.data(), &odd, sizeof odd);
    if ((words[0] | words[1]) == 0) {
      at += 16;
      continue;
    }
    if constexpr (std::endian::native == std::endian::little) {
      return words[0] != 0 ? at + std::countr_zero(words[0]) / 8 : at + 8 + std::countr_zero(words[1]) / 8;
    } else {
      return words[0] != 0 ? at + std::countl_zero(words[0]) / 8 : at + 8 + std::countl_zero(words[1]) / 8;
    }
  }
  while (at < end && !is_odd(at, end)) ++at;
  return at;
}

const char* next_cr(const char* at, const char* end) {
  if (at == end) return end;
  const void* hit = std::memchr(at, '\r', static_cast<size_t>(end - at));
  return hit == nullptr ? end : static_cast<const char*>(hit);
}

}  // namespace

void append_canonical_field(Canon canon, std::string_view raw, std::string& out) {
  if (raw.ends_with(kCrlf)) raw.remove_suffix(kCrlf.size());
  size_t colon = raw.find(':');
  if (canon == Canon::Simple || colon == std::string_view::npos) {
    out += raw;
  } else {
    size_t before = out.size();
    append_relaxed_value(raw.substr(0, colon), out);
    std::transform(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(),
                   out.begin() + static_cast<std::ptrdiff_t>(before), ascii_lower);
    out += ':';
    append_relaxed_value(raw.substr(colon + 1), out);
  }
  out += kCrlf;
}

void BodyCanonicalizer::feed(std::string_view bytes) {
  const char* at = bytes.data();
  const char* end = at + bytes.size();
  if (cr_ && at != end) {
    cr_ = false;
    if (*at == '\n') {
      line_end();
      ++at;
    } else {
      content("\r");
    }
  }
  while (at != end) {
    if (*at == '\r' && at + 1 == end) {
      cr_ = true;
      return;
    }
    if (*at == '\r' && at[1] == '\n') {
      line_end();
      at += 2;
    } else if (canon_ == Canon::Relaxed && is_wsp(*at)) {
      space_ = true;
      ++at;
    } else {
      const char* stop = end_of_run(at, end);
      content({at, static_cast<size_t>(stop - at)});
      at = stop;
    }
  }
}

/// How far the text that begins at `at` with content comes out as it is, through as many lines as that holds. What ends
/// there is white space or line ends whose meaning depends on what follows.
const char* BodyCanonicalizer::end_of_run(const char* at, const char* end) const {
  ++at;
  while (true) {
    at = canon_ == Canon::Relaxed ? next_odd(at, end) : next_cr(at, end);
    if (end - at < 2 || *at != '\r') return at;
    if (at[1] != '\n') {
      ++at;  // a lone CR
    } else if (end - at > 2 && at[2] != '\r' && (canon_ == Canon::Simple || !is_wsp(at[2]))) {
      at += 3;
    } else {
      return at;
    }
  }
}

// RFC 6376, 3.4.3 and 3.4.4: line ends count only where a line that is not empty follows; 3.4.4: white space before
// them does not count at all.
void BodyCanonicalizer::line_end() {
  space_ = false;
  ++line_ends_;
}

void BodyCanonicalizer::content(std::string_view run) {
  empty_ = false;
  for (; line_ends_ > 0; --line_ends_) emit(kCrlf);
  if (space_) emit(" ");
  space_ = false;
  emit(run);
}

void BodyCanonicalizer::finish() {
  if (cr_) content("\r");
  cr_ = false;
  // RFC 6376, 3.4.3: the simple form always ends with CRLF, that of an empty body is CRLF; 3.4.4: the relaxed form of
  // an empty body is empty.
  if (!empty_ || canon_ == Canon::Simple) emit(kCrlf);
  line_ends_ = 0;
  flush();
}

void BodyCanonicalizer::emit(std::string_view bytes) {
  if (bytes.size() > block_.size() - filled_) {
    flush();
    if (bytes.size() > block_.size()) {
      sink_(bytes);
      return;
    }
  }
  std::memcpy(block_.data() + filled_, bytes.data(), bytes.size());
  filled_ += bytes.size();
}

void BodyCanonicalizer::flush() {
  if (filled_ > 0) sink_({block_.data(), filled_});
  filled_ = 0;
}

}  // namespace postern::dkim
