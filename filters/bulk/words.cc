#include "filters/bulk/words.h"

#include <algorithm>
#include <array>
#include <cstddef>

// Words are short: a call for each would cost more than its hash.
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "filters/base/bytes.h"
#include "filters/bulk/octets.h"
#include "filters/bulk/skeleton.h"
#include "filters/mime/tld.h"

namespace postern::bulk {
namespace {

constexpr size_t kMaxHost = 253;  // RFC 1035, 2.3.4
constexpr size_t kMinSpaced = 4;  // letters that stand apart and are one word; fewer are initials, "a b c"

class Reader {
 public:
  Reader(std::string_view text, std::vector<Word>& words) : text_(text), words_(words), piece_words_(words.size()) {}
  void run();

 private:
  void letters();
  void high();
  void dense(char32_t character, size_t length);
  void dot();
  void at_sign();
  void colon();
  void stand_in();
  void gap(bool ends_piece);
  void begin_piece();
  void replace_piece(Word which);
  void skip_url();
  void finish();
  void finish_with_digits();
  bool spell_digits();
  void single();
  void flush_spaced();
  void word(std::string_view letters);
  void kind(Word which);

  [[nodiscard]] char ahead(size_t octets) const { return at_ + octets < text_.size() ? text_[at_ + octets] : ' '; }
  [[nodiscard]] size_t host_end(size_t from) const;

  std::string_view text_;
  std::vector<Word>& words_;
  size_t at_ = 0;
  Token token_;
  Token spaced_;        // letters that stood alone, one after the other
  size_t gap_ = 2;      // characters since the last word that are not of words
  size_t piece_ = 0;    // where a host or address would have begun that there is around at_
  size_t piece_words_;  // size of words_ there
  size_t no_host_ = 0;  // up to here it is known that there is no host name
  char32_t dense_ = 0;  // the character of such a script just before; 0: none
};

void Reader::run() {
  while (at_ < text_.size()) {
    switch (entry(text_[at_]).octet) {
      case Octet::Letter: letters(); continue;
      case Octet::High: high(); continue;
      case Octet::Dot: dot(); continue;
      case Octet::At: at_sign(); continue;
      case Octet::Colon: colon(); continue;
      case Octet::Stand: stand_in(); continue;
      case Octet::Digit:
        token_.put_digit(text_[at_]);
        dense_ = 0;
        break;
      case Octet::Quiet: break;
      case Octet::Joint: gap(false); break;
      case Octet::Break: gap(true); break;
    }
    ++at_;
  }
  finish();
  flush_spaced();
}

void Reader::letters() {
  // Local copies: octets may alias anything, and this is where the time goes.
  size_t size = token_.size;
  size_t end = at_;
  char* out = token_.octets.data();
  char last = size > 0 ? out[size - 1] : '\0';
  for (; end < text_.size() && size < token_.octets.size(); ++end) {
    Entry one = entry(text_[end]);
    if (one.octet != Octet::Letter) break;
    // As Token::push.
    bool is_m = one.letter == 'n' && last == 'r';
    bool is_w = one.letter == 'v' && last == 'v';
    size -= static_cast<size_t>(is_m || is_w);
    last = is_m ? 'm' : (is_w ? 'w' : one.letter);
    out[size++] = last;
  }
  while (end < text_.size() && entry(text_[end]).octet == Octet::Letter) ++end;
  token_.letters += end - at_;
  token_.weight += (end - at_) * kAsciiWeight;
  token_.size = size;
  dense_ = 0;
  at_ = end;
}

void Reader::high() {
  size_t length = utf8_sequence(text_, at_);
  if (length == 0) {
    gap(true);
    ++at_;
    return;
  }
  char32_t c = code_point(text_, at_, length);
  Character character = skeleton(c);
  switch (character.sort) {
    case Sort::Nothing: break;
    case Sort::Dense: return dense(c, length);
    case Sort::Break: gap(true); break;
    case Sort::Digit:
      token_.put_digit(static_cast<char>(character.letter));
      dense_ = 0;
      break;
    case Sort::Letter:
      dense_ = 0;
      if (std::string_view letters = ligature(c); !letters.empty()) {
        for (char one : letters) token_.put(one);
      } else {
        token_.put(character);
      }
      break;
  }
  at_ += length;
  if (character.sort == Sort::Break) begin_piece();
}

void Reader::dense(char32_t character, size_t length) {
  finish();
  flush_spaced();
  if (dense_ != 0) {
    std::array<char, 8> both{};
    size_t size = put_utf8(dense_, both.data());
    size += put_utf8(character, both.data() + size);
    word({both.data(), size});
  }
  dense_ = character;
  gap_ = 2;
  at_ += length;
  begin_piece();
}

// ---------------------------------------------------------------- hosts, addresses, URLs

/// Where letters, digits, hyphens and dots from `from` on end, of any script with blanks.
size_t Reader::host_end(size_t from) const {
  size_t end = from;
  size_t most = std::min(text_.size(), from + kMaxHost + 1);
  while (end < most && (is_host_octet(text_[end]) || text_[end] == '.')) {
    size_t length = utf8_sequence(text_, end);
    if (length == 0) break;
    Sort sort = length > 1 ? skeleton(code_point(text_, end, length)).sort : Sort::Letter;
    if (sort == Sort::Break || sort == Sort::Dense) break;
    end += length;
  }
  return end;
}

void Reader::dot() {
  if (at_ >= no_host_ && at_ > piece_ && is_host_octet(ahead(1))) {
    size_t begin = piece_;
    while (begin < at_ && !is_host_octet(text_[begin])) ++begin;
    size_t end = host_end(at_ + 1);
    char behind = end < text_.size() ? text_[end] : ' ';
    std::string_view host = text_.substr(begin, end - begin);
    while (host.ends_with('.') || host.ends_with('-')) host.remove_suffix(1);
    bool may_be = behind != '@' && host.size() <= kMaxHost;
    if (may_be && (starts_nocase(host, "www.") || mime::is_bare_host(to_lower(host), behind == '/'))) {
      at_ = begin + host.size();
      replace_piece(kUrl);
      skip_url();
      return;
    }
    no_host_ = end;
  }
  gap(false);
  ++at_;
}

void Reader::at_sign() {
  size_t end = host_end(at_ + 1);
  std::string_view domain = text_.substr(at_ + 1, end - at_ - 1);
  while (domain.ends_with('.')) domain.remove_suffix(1);
  bool is_address = at_ > piece_ && domain.find('.', 1) != std::string_view::npos;
  if (is_address) {
    replace_piece(kAddress);
    at_ += 1 + domain.size();
    begin_piece();
    return;
  }
  stand_in();
}

void Reader::colon() {
  if (token_.letters > 0 && ahead(1) == '/' && ahead(2) == '/') {
    replace_piece(kUrl);
    skip_url();
    return;
  }
  gap(true);
  ++at_;
  begin_piece();
}

/// To the end of the URL that at_ is in.
void Reader::skip_url() {
  while (at_ < text_.size()) {
    char c = text_[at_];
    if (is_space(c) || c == '<' || c == '>' || c == '"') break;
    size_t length = utf8_sequence(text_, at_);
    if (length == 0) break;
    if (length > 1) {
      Sort sort = skeleton(code_point(text_, at_, length)).sort;
      if (sort == Sort::Break || sort == Sort::Dense) break;
    }
    at_ += length;
  }
  begin_piece();
}

/// A sign that stands for a letter where letters are around it.
void Reader::stand_in() {
  if (token_.letters > 0 && entry(ahead(1)).octet == Octet::Letter) {
    token_.put(entry(text_[at_]).letter);
    ++at_;
    return;
  }
  gap(true);
  ++at_;
  begin_piece();
}

void Reader::begin_piece() {
  piece_ = at_;
  piece_words_ = words_.size();
}

/// Instead of what was read of the piece, one word.
void Reader::replace_piece(Word which) {
  token_.clear();
  spaced_.clear();
  words_.resize(std::min(words_.size(), piece_words_));
  kind(which);
  gap_ = 2;
  dense_ = 0;
}

// ---------------------------------------------------------------- the end of a word

void Reader::gap(bool ends_piece) {
  if (!token_.empty()) finish();
  ++gap_;
  dense_ = 0;
  if (ends_piece) {
    piece_ = at_ + 1;
    piece_words_ = words_.size();
  }
}

void Reader::finish() {
  if (token_.empty()) return;
  if (token_.digits > 0) {
    finish_with_digits();
  } else if (token_.letters == 1) {
    single();
  } else {
    flush_spaced();
    if (token_.letters > kMaxLetters) {
      kind(kNoise);
    } else if (token_.weight >= kFullWeight) {
      word(token_.view());
    }
  }
  token_.clear();
  gap_ = 0;
}

void Reader::finish_with_digits() {
  // "V 1 A G R A"
  if (token_.letters == 0 && token_.digits == 1 && spaced_.letters > 0 && gap_ == 1) {
    char letter = letter_of_digit(token_.octets[0]);
    if (letter != '\0') {
      token_.octets[0] = letter;
      return single();
    }
  }
  flush_spaced();
  if (token_.letters > 0 && token_.letters + token_.digits > kMaxLetters) {
    kind(kNoise);
  } else if (token_.letters > 0 && spell_digits() && token_.weight >= kFullWeight) {
    word(token_.view());
  } else {
    kind(kNumber);
  }
}

/// Makes a word of letters of it; false: it is none. Numbers at its ends are what tells copies apart.
bool Reader::spell_digits() {
  std::string_view all = token_.view();
  size_t begin = 0;
  size_t end = all.size();
  while (begin < end && ascii_digit(all[begin])) ++begin;
  while (begin < end && ascii_digit(all[end - 1])) --end;
  size_t inner = 0;
  size_t doubt = 0;  // that it is a word
  for (size_t i = begin; i < end; ++i) {
    if (!ascii_digit(all[i])) continue;
    char letter = letter_of_digit(all[i]);
    if (letter == '\0') return false;
    // 4 and 7 are letters less often than the others.
    doubt += all[i] == '4' || all[i] == '7' ? 2 : 1;
    token_.octets[i] = letter;
    ++inner;
  }
  if (doubt > token_.letters) return false;
  std::copy(token_.octets.begin() + static_cast<std::ptrdiff_t>(begin),
            token_.octets.begin() + static_cast<std::ptrdiff_t>(end), token_.octets.begin());
  token_.size = end - begin;
  token_.weight += inner * kAsciiWeight;
  return true;
}

void Reader::single() {
  if (spaced_.letters > 0 && gap_ != 1) flush_spaced();
  for (char octet : token_.view()) spaced_.push(octet);
  ++spaced_.letters;
}

void Reader::flush_spaced() {
  if (spaced_.letters > kMaxLetters) {
    kind(kNoise);
  } else if (spaced_.letters >= kMinSpaced) {
    word(spaced_.view());
  }
  spaced_.clear();
}

void Reader::word(std::string_view letters) {
  Word hash = XXH3_64bits(letters.data(), letters.size());
  words_.push_back(is_kind(hash) ? hash + kFirstWord : hash);
}

void Reader::kind(Word which) {
  if (words_.empty() || words_.back() != which) words_.push_back(which);
}

}  // namespace

void read_words(std::string_view text, std::vector<Word>& words) {
  // About one for six octets.
  words.reserve(words.size() + text.size() / 5 + 16);
  Reader(text, words).run();
}

}  // namespace postern::bulk
