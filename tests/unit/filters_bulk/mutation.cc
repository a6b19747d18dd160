#include "tests/unit/filters_bulk/mutation.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace postern::bulk::test {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool by_chance(double share, Random& random) {
  return static_cast<double>(random() % 10'000) < share * 10'000;
}

std::string join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> out;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find_first_of(" \n", at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::string random_word(Random& random, size_t length) {
  std::string out(length > 0 ? length : 4 + random() % 8, ' ');
  for (char& c : out) c = static_cast<char>('a' + random() % 26);
  return out;
}

std::string replace_words(std::string_view text, double share, Random& random) {
  std::vector<std::string> words = split_words(text);
  for (std::string& word : words) {
    if (by_chance(share, random)) word = random_word(random, word.size());
  }
  return join(words);
}

std::string shuffle_sentences(std::string_view text, Random& random) {
  std::vector<std::string> sentences(1);
  for (const std::string& word : split_words(text)) {
    sentences.back() += word + ' ';
    if (word.ends_with('.')) sentences.emplace_back();
  }
  for (size_t i = sentences.size(); i > 1; --i) std::swap(sentences[i - 1], sentences[random() % i]);
  return join(sentences);
}

std::string insert_noise(std::string_view text, size_t words, Random& random) {
  std::vector<std::string> out = split_words(text);
  for (size_t i = 0; i < words; ++i) {
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(random() % out.size()), random_word(random));
  }
  return join(out);
}

std::string homoglyphs(std::string_view text) {
  constexpr std::array<std::pair<char, std::string_view>, 12> looks = {{{'a', "\u0430"},
                                                                        {'e', "\u0435"},
                                                                        {'o', "\u03bf"},
                                                                        {'c', "\u0441"},
                                                                        {'p', "\u0440"},
                                                                        {'i', "\u0456"},
                                                                        {'s', "\u0455"},
                                                                        {'t', "\U0001d42d"},
                                                                        {'n', "\uff4e"},
                                                                        {'y', "\u0443"},
                                                                        {'u', "\u00fc"},
                                                                        {'r', "\u24e1"}}};
  std::string out;
  size_t seen = 0;
  for (char c : text) {
    const auto* look = std::find_if(looks.begin(), looks.end(), [c](const auto& one) { return one.first == c; });
    if (look != looks.end() && ++seen % 3 == 0) {
      out += look->second;
    } else {
      out += c;
    }
  }
  return out;
}

std::string invisible_characters(std::string_view text) {
  constexpr std::array<std::string_view, 6> nothing = {"\u200b", "\u00ad", "\u2060", "\ufeff", "\u0336", "\ufe0f"};
  std::string out;
  size_t letters = 0;
  for (char c : text) {
    out += c;
    if (is_letter(c) && ++letters % 2 == 0) out += nothing[letters / 2 % nothing.size()];
  }
  return out;
}

std::string html_noise(std::string_view text, Random& random) {
  std::string out = "<html><head><title>" + random_word(random) + "</title></head><body><p>";
  for (const std::string& word : split_words(text)) {
    size_t half = word.size() / 2;
    while (half < word.size() && (static_cast<unsigned char>(word[half]) & 0xc0U) == 0x80U) ++half;
    std::string_view first = std::string_view(word).substr(0, half);
    std::string_view second = std::string_view(word).substr(half);
    switch (random() % 5) {
      case 0: out += fmt::format("{}<b></b>{} ", first, second); break;
      case 1: out += fmt::format("{}<!-- {} -->{} ", first, random_word(random), second); break;
      case 2:
        out +=
            fmt::format("{} <span style=\"display:none\">{} {}</span>", word, random_word(random), random_word(random));
        break;
      case 3: out += fmt::format("<font color=#{:06x}>{}</font> ", random() % 0x600000, word); break;
      default: out += fmt::format("{} <i style=\"font-size:0\">{}</i>", word, random_word(random)); break;
    }
  }
  return out + "</p></body></html>";
}

}  // namespace postern::bulk::test
