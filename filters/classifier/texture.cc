#include "filters/classifier/texture.h"

#include <algorithm>

#include "filters/base/bytes.h"

namespace postern::classifier {

std::string runs_of(std::string_view text, size_t limit) {
  std::string out;
  for (char c : text) {
    char run = c;
    if (ascii_digit(c)) {
      run = '0';
    } else if (ascii_alpha(c)) {
      run = ascii_lower(c) == c ? 'a' : 'A';
    }
    if (!out.empty() && out.back() == run) continue;
    if (out.size() >= limit) break;
    out += run;
  }
  return out;
}

std::string masked(std::string_view text, size_t limit) {
  std::string out(text.substr(0, limit));
  std::replace_if(out.begin(), out.end(), ascii_digit, '0');
  return out;
}

void squeeze(std::string_view text, size_t limit, bool lower, std::string& out) {
  size_t end = out.size() + limit;
  size_t begin = out.size();
  bool blank = false;
  for (char c : text) {
    if (static_cast<unsigned char>(c) <= ' ') {
      blank = true;
      continue;
    }
    if (blank && out.size() > begin) out += ' ';
    blank = false;
    if (out.size() >= end) break;
    out += lower ? ascii_lower(c) : c;
  }
  out.resize(std::min(out.size(), end));
}

}  // namespace postern::classifier
