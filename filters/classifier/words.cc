#include "filters/classifier/words.h"

#include "filters/base/bytes.h"

namespace postern::classifier {
namespace {

// Words are longer in no language; what is, is noise or a name that nobody writes twice.
constexpr size_t kLongest = 24;

enum class Octet : uint8_t { Break, Letter, Capital, Digit, Joint, Money, Shout, High };

constexpr std::array<Octet, 256> kOctets = [] {
  std::array<Octet, 256> out{};
  for (size_t c = 'a'; c <= 'z'; ++c) out[c] = Octet::Letter;
  for (size_t c = 'A'; c <= 'Z'; ++c) out[c] = Octet::Capital;
  for (size_t c = '0'; c <= '9'; ++c) out[c] = Octet::Digit;
  for (size_t c = 0x80; c <= 0xff; ++c) out[c] = Octet::High;
  for (char c : {'\'', '-', '_', '.'}) out[static_cast<unsigned char>(c)] = Octet::Joint;
  out['$'] = Octet::Money;
  out['!'] = Octet::Shout;
  return out;
}();

/// What a sequence of two octets and more is in a text.
enum class Sort { Letter, Break, Money, Nothing, Whole };

/// By blocks: exact enough to cut words, and without a table of all characters.
Sort sort_of(char32_t c) {
  if (c == 0xa3 || c == 0xa5 || (c >= 0x20a0 && c <= 0x20cf)) return Sort::Money;
  if (c == 0xad || (c >= 0x200b && c <= 0x200f) || c == 0x2060 || c == 0xfeff) return Sort::Nothing;
  if (c < 0xc0) return Sort::Break;                                                // punctuation of Latin-1
  if (c >= 0x2000 && c <= 0x2bff) return c >= 0x2600 ? Sort::Whole : Sort::Break;  // punctuation; signs
  if (c >= 0x3000 && c <= 0x3004) return Sort::Break;
  if (c >= 0x2e80 && c <= 0xabff) return Sort::Whole;   // Chinese, Japanese
  if (c >= 0xac00 && c <= 0xd7af) return Sort::Letter;  // Korean has blanks
  if (c >= 0xf900 && c <= 0xfaff) return Sort::Whole;
  if (c >= 0xff00 && c <= 0xffef) return Sort::Break;
  if (c >= 0xe00 && c <= 0xeff) return Sort::Whole;  // Thai, Lao
  return c >= 0x1f000 ? Sort::Whole : Sort::Letter;
}

char32_t code_point(std::string_view text, size_t at, size_t length) {
  constexpr std::array<unsigned, 5> kFirst = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t out = static_cast<unsigned char>(text[at]) & kFirst[length];
  for (size_t i = 1; i < length; ++i) out = (out << 6U) | (static_cast<unsigned char>(text[at + i]) & 0x3fU);
  return out;
}

class Reader {
 public:
  Reader(std::string_view text, Words& words) : text_(text), words_(words) {}

  void run() {
    while (at_ < text_.size() && words_.size < Words::kRoom) step();
    finish();
  }

 private:
  void step();
  void high();
  void joint();
  void colon_or_break();
  void finish();
  void add(uint64_t hash) {
    if (words_.size < Words::kRoom) words_.hash[words_.size++] = mix(hash);
  }
  void put(char c) { hash_ = (hash_ ^ static_cast<unsigned char>(c)) * kHashPrime; }
  [[nodiscard]] Octet octet(size_t at) const {
    return at < text_.size() ? kOctets[static_cast<unsigned char>(text_[at])] : Octet::Break;
  }
  [[nodiscard]] static bool is_letter(Octet octet) {
    return octet == Octet::Letter || octet == Octet::Capital || octet == Octet::High;
  }

  std::string_view text_;
  Words& words_;
  size_t at_ = 0;
  uint64_t hash_ = kHashBasis;  // of the word that is being read
  size_t letters_ = 0;
  size_t capitals_ = 0;
  size_t digits_ = 0;
  size_t other_ = 0;    // of its letters, those that are not ASCII
  bool greek_ = false;  // one of them Greek or Cyrillic
  bool money_ = false;  // behind the sign of a currency
};

void Reader::step() {
  char c = text_[at_];
  switch (octet(at_)) {
    case Octet::Letter:
      put(c);
      ++letters_;
      break;
    case Octet::Capital:
      put(ascii_lower(c));
      ++letters_;
      ++capitals_;
      break;
    case Octet::Digit:
      if (letters_ > 0) put('0');
      ++digits_;
      break;
    case Octet::High: return high();
    case Octet::Joint: return joint();
    case Octet::Money:
      finish();
      ++words_.money;
      money_ = true;
      break;
    case Octet::Shout:
      finish();
      ++words_.shouts;
      break;
    case Octet::Break: return colon_or_break();
  }
  ++at_;
}

void Reader::high() {
  size_t length = utf8_sequence(text_, at_);
  if (length == 0) {
    finish();
    ++at_;
    return;
  }
  char32_t c = code_point(text_, at_, length);
  switch (sort_of(c)) {
    case Sort::Letter:
      for (size_t i = 0; i < length; ++i) put(text_[at_ + i]);
      ++letters_;
      ++other_;
      greek_ = greek_ || (c >= 0x370 && c <= 0x52f);
      break;
    case Sort::Whole:
      finish();
      add(hash_of(text_.substr(at_, length)));
      break;
    case Sort::Money:
      finish();
      ++words_.money;
      money_ = true;
      break;
    case Sort::Nothing: words_.unseen = words_.unseen || letters_ > 0; break;
    case Sort::Break: finish(); break;
  }
  at_ += length;
}

/// A sign that is of a word where letters or digits are at both its sides.
void Reader::joint() {
  Octet next = octet(at_ + 1);
  bool inside = letters_ + digits_ > 0 && (is_letter(next) || next == Octet::Digit);
  if (!inside) {
    finish();
  } else if (letters_ > 0) {
    put(text_[at_]);
  }
  ++at_;
}

void Reader::colon_or_break() {
  if (text_[at_] == ':' && letters_ > 0 && text_.substr(at_, 3) == "://") {
    hash_ = kHashBasis;
    letters_ = 0;
    while (at_ < text_.size() && static_cast<unsigned char>(text_[at_]) > ' ' && text_[at_] != '>') ++at_;
    finish();
    return;
  }
  finish();
  ++at_;
}

void Reader::finish() {
  if (letters_ > kLongest) {
    add(hash_of("(long)"));
  } else if (letters_ > 0) {
    add(hash_);
    if (letters_ >= 3 && capitals_ == letters_) ++words_.capitals;
    words_.mixed = words_.mixed || (greek_ && other_ < letters_);
  } else if (digits_ > 0) {
    add(hash_of(money_ ? "(money)" : "(number)") + digits_);
  }
  money_ = money_ && letters_ + digits_ == 0 && octet(at_) == Octet::Break;
  hash_ = kHashBasis;
  letters_ = capitals_ = digits_ = other_ = 0;
  greek_ = false;
}

}  // namespace

void read_words(std::string_view text, Words& words) {
  Reader(text, words).run();
}

}  // namespace postern::classifier
