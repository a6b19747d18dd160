#include "tests/bench/campaign/mutate.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "filters/base/bytes.h"

namespace postern::campaign {
namespace {

using Sentence = std::vector<std::string>;
using Paragraph = std::vector<Sentence>;

size_t below(Random& random, size_t limit) {
  return static_cast<size_t>(random() % limit);
}
bool chance(Random& random, double share) {
  return static_cast<double>(random() >> 11U) * 0x1.0p-53 < share;
}
const std::string& any_of(const std::vector<std::string>& words, Random& random) {
  return words[below(random, words.size())];
}

bool is_letter_word(std::string_view word) {
  return std::any_of(word.begin(), word.end(),
                     [](char c) { return ascii_alpha(c) || static_cast<unsigned char>(c) >= 0x80; });
}
bool ends_sentence(std::string_view word) {
  return !word.empty() && (word.back() == '.' || word.back() == '!' || word.back() == '?' || word.back() == ':');
}

// The letters of `word` change, what stands around them stays.
std::string replaced(const std::string& word, const std::string& by) {
  auto is_inner = [](char c) { return ascii_alnum(c) || static_cast<unsigned char>(c) >= 0x80; };
  auto begin = std::find_if(word.begin(), word.end(), is_inner);
  auto end = std::find_if(word.rbegin(), word.rend(), is_inner).base();
  if (begin >= end) return word;
  return fmt::format("{}{}{}", std::string(word.begin(), begin), by, std::string(end, word.end()));
}

Sentence noise(const std::vector<std::string>& vocabulary, Random& random) {
  Sentence sentence;
  const size_t length = 5 + below(random, 8);
  for (size_t word = 0; word < length; ++word) sentence.push_back(any_of(vocabulary, random));
  sentence.back() += '.';
  return sentence;
}

void change_words(Sentence& sentence, const Mutation& mutation, const std::vector<std::string>& vocabulary,
                  Random& random) {
  Sentence changed;
  for (std::string& word : sentence) {
    const bool replace = is_letter_word(word) && chance(random, mutation.replaced);
    changed.push_back(replace ? replaced(word, any_of(vocabulary, random)) : std::move(word));
    if (chance(random, mutation.inserted)) changed.push_back(any_of(vocabulary, random));
  }
  sentence = std::move(changed);
}

void change_order(std::vector<Paragraph>& paragraphs, const Mutation& mutation,
                  const std::vector<std::string>& vocabulary, Random& random) {
  size_t sentences = 0;
  for (Paragraph& paragraph : paragraphs) {
    sentences += paragraph.size();
    if (mutation.shuffle_sentences) std::shuffle(paragraph.begin(), paragraph.end(), random);
  }
  if (mutation.shuffle_paragraphs) std::shuffle(paragraphs.begin(), paragraphs.end(), random);
  if (!mutation.noise_sentences || paragraphs.empty()) return;
  for (size_t count = (sentences + 9) / 10; count > 0; --count) {
    Paragraph& paragraph = paragraphs[below(random, paragraphs.size())];
    const auto place = static_cast<std::ptrdiff_t>(below(random, paragraph.size() + 1));
    paragraph.insert(paragraph.begin() + place, noise(vocabulary, random));
  }
}

struct LookAlike {
  char letter;
  std::string_view other;
};
constexpr std::array<LookAlike, 16> kLookAlikes{{{'a', "\u0430"},
                                                 {'c', "\u0441"},
                                                 {'e', "\u0435"},
                                                 {'i', "\u0456"},
                                                 {'o', "\u043e"},
                                                 {'p', "\u0440"},
                                                 {'s', "\u0455"},
                                                 {'x', "\u0445"},
                                                 {'y', "\u0443"},
                                                 {'A', "\u0391"},
                                                 {'E', "\u0395"},
                                                 {'H', "\u041d"},
                                                 {'K', "\u039a"},
                                                 {'M', "\u041c"},
                                                 {'T', "\u0422"},
                                                 {'O', "\u039f"}}};
constexpr std::array<std::string_view, 4> kZeroWidth{"\u200b", "\u200c", "\u2060", "\u00ad"};

std::string disguised(const std::string& word, const Mutation& mutation, Random& random) {
  std::string out;
  for (size_t at = 0; at < word.size(); ++at) {
    const char c = word[at];
    const auto* found =
        std::find_if(kLookAlikes.begin(), kLookAlikes.end(), [&](const LookAlike& like) { return like.letter == c; });
    if (found != kLookAlikes.end() && chance(random, mutation.homoglyphs)) {
      out += found->other;
    } else {
      out += c;
    }
    if (ascii_alpha(c) && at + 1 < word.size() && ascii_alpha(word[at + 1]) && chance(random, mutation.zero_width)) {
      out += kZeroWidth[below(random, kZeroWidth.size())];
    }
  }
  return out;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '&': out += "&amp;"; break;
      default: out += c;
    }
  }
  return out;
}

// A word with a comment or an empty element in it.
std::string torn(const std::string& word, const std::vector<std::string>& vocabulary, Random& random) {
  if (word.size() < 4 || !is_ascii(word) || !chance(random, 0.3)) return escaped(word);
  const size_t cut = 1 + below(random, word.size() - 2);
  const std::string middle = chance(random, 0.5) ? fmt::format("<!-- {} -->", any_of(vocabulary, random))
                                                 : fmt::format("<span id=\"{:x}\"></span>", random() & 0xffffffU);
  return fmt::format("{}{}{}", escaped(std::string_view(word).substr(0, cut)), middle,
                     escaped(std::string_view(word).substr(cut)));
}

std::string unseen(const std::vector<std::string>& vocabulary, Random& random) {
  static constexpr std::array<std::string_view, 3> kStyles{"display:none", "font-size:0", "color:#ffffff"};
  std::string words;
  for (const std::string& word : noise(vocabulary, random)) words.append(escaped(word)).push_back(' ');
  return fmt::format("<div style=\"{}\">{}</div>\r\n", kStyles[below(random, kStyles.size())], words);
}

std::string link(const Mutation& mutation, size_t campaign, Random& random) {
  const uint64_t site = mutation.other_sites ? random() & 0xffffffffU : campaign;
  return fmt::format("http://{:x}.offer-{}.example/{:x}?u={:x}", random() & 0xffffffU, site, random() & 0xffffffffU,
                     random());
}

std::string greeting(const std::vector<std::string>& vocabulary, Random& random) {
  static constexpr std::array<std::string_view, 5> kForms{"Dear {} {},", "Hi {} {}!", "Hello {} {}",
                                                          "Good morning {} {},", "{} {},"};
  return fmt::format(fmt::runtime(kForms[below(random, kForms.size())]), any_of(vocabulary, random),
                     any_of(vocabulary, random));
}

std::string body_text(const std::vector<Paragraph>& paragraphs, const Mutation& mutation, Random& random) {
  std::string body;
  for (const Paragraph& paragraph : paragraphs) {
    size_t column = 0;
    for (const Sentence& sentence : paragraph) {
      for (const std::string& word : sentence) {
        const std::string shown = disguised(word, mutation, random);
        if (column + shown.size() > 74) {
          body += "\r\n";
          column = 0;
        } else if (column > 0) {
          body += ' ';
          ++column;
        }
        body += shown;
        column += shown.size();
      }
    }
    body += "\r\n\r\n";
  }
  return body;
}

std::string body_html(const std::vector<Paragraph>& paragraphs, const Mutation& mutation,
                      const std::vector<std::string>& vocabulary, Random& random) {
  std::string body;
  for (const Paragraph& paragraph : paragraphs) {
    body += "<p>";
    for (const Sentence& sentence : paragraph) {
      for (const std::string& word : sentence) {
        body.append(torn(disguised(word, mutation, random), vocabulary, random)).append("\r\n");
      }
    }
    body += "</p>\r\n";
    if (chance(random, 0.5)) body += unseen(vocabulary, random);
  }
  return body;
}

bool is_line(std::string_view text) {
  return text.find_first_not_of(" \t\r") != std::string_view::npos;
}

}  // namespace

const std::vector<Mutation>& mutations() {
  static const std::vector<Mutation> all{
      {.name = "personalised only"},
      {.name = "10 % replaced", .replaced = 0.1},
      {.name = "20 % replaced", .replaced = 0.2},
      {.name = "30 % replaced", .replaced = 0.3},
      {.name = "40 % replaced", .replaced = 0.4},
      {.name = "10 % inserted", .inserted = 0.1},
      {.name = "homoglyphs", .homoglyphs = 0.4},
      {.name = "zero width", .zero_width = 0.2},
      {.name = "HTML noise", .html = true},
      {.name = "20 %, another site in each", .replaced = 0.2, .other_sites = true},
      {.name = "20 %, sentences shuffled", .replaced = 0.2, .shuffle_sentences = true},
      {.name = "20 %, paragraphs shuffled", .replaced = 0.2, .shuffle_paragraphs = true},
      {.name = "20 %, noise sentences", .replaced = 0.2, .noise_sentences = true},
      {.name = "20 %, HTML noise", .replaced = 0.2, .html = true},
      {.name = "20 %, homoglyphs and zero width", .replaced = 0.2, .homoglyphs = 0.4, .zero_width = 0.2},
      {.name = "20 %, all of it",
       .replaced = 0.2,
       .shuffle_sentences = true,
       .shuffle_paragraphs = true,
       .noise_sentences = true,
       .html = true,
       .homoglyphs = 0.4,
       .zero_width = 0.2},
      {.name = "30 %, sentences shuffled", .replaced = 0.3, .shuffle_sentences = true},
      {.name = "30 %, noise sentences", .replaced = 0.3, .noise_sentences = true},
      {.name = "30 %, all of it",
       .replaced = 0.3,
       .shuffle_sentences = true,
       .shuffle_paragraphs = true,
       .noise_sentences = true,
       .html = true,
       .homoglyphs = 0.4,
       .zero_width = 0.2},
  };
  return all;
}

Original original_of(const Mail& mail) {
  Original original;
  original.source = mail.name;
  Paragraph paragraph;
  Sentence sentence;
  auto end_sentence = [&] {
    if (!sentence.empty()) paragraph.push_back(std::move(sentence));
    sentence.clear();
  };
  auto end_paragraph = [&] {
    end_sentence();
    if (!paragraph.empty()) original.paragraphs.push_back(std::move(paragraph));
    paragraph.clear();
  };
  std::string_view text = mail.text;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (!is_line(line)) end_paragraph();
    for (size_t from = 0; (from = line.find_first_not_of(" \t\r", from)) != std::string_view::npos;) {
      const size_t to = std::min(line.find_first_of(" \t\r", from), line.size());
      sentence.emplace_back(line.substr(from, to - from));
      from = to;
      original.words += is_letter_word(sentence.back()) ? 1 : 0;
      if (ends_sentence(sentence.back())) end_sentence();
    }
  }
  end_paragraph();
  return original;
}

std::vector<std::string> vocabulary_of(const std::vector<Mail>& mails) {
  constexpr size_t kMost = 500'000;
  std::vector<std::string> words;
  for (const Mail& mail : mails) {
    size_t taken = 0;  // none of them may have the word of its own
    for (std::string& word : words_of(mail.text)) {
      if (!std::all_of(word.begin(), word.end(), ascii_alpha) || word.size() > 20) continue;
      words.push_back(std::move(word));
      if (++taken == 300) break;
    }
    if (words.size() >= kMost) break;
  }
  return words;
}

std::string copy_of(const Original& original, const Mutation& mutation, size_t campaign,
                    const std::vector<std::string>& vocabulary, Random& random) {
  auto paragraphs = original.paragraphs;
  change_order(paragraphs, mutation, vocabulary, random);
  for (Paragraph& paragraph : paragraphs) {
    for (Sentence& sentence : paragraph) change_words(sentence, mutation, vocabulary, random);
  }
  const std::string hello = greeting(vocabulary, random);
  const std::string url = link(mutation, campaign, random);
  const std::string name = any_of(vocabulary, random);
  std::string head = fmt::format(
      "From: {0} <{0}@{1:x}.example.com>\r\nTo: <{2}@rcpt.example.org>\r\nSubject: {3} {4:x}\r\n"
      "Date: Mon, 2 Mar 2026 10:00:00 +0000\r\nMessage-ID: <{5:x}@example.com>\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/{6}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n",
      name, random() & 0xffffU, any_of(vocabulary, random), any_of(vocabulary, random), random() & 0xffffU, random(),
      mutation.html ? "html" : "plain");
  if (!mutation.html) {
    return fmt::format("{}{}\r\n\r\n{}{}\r\n", head, hello, body_text(paragraphs, mutation, random), url);
  }
  return fmt::format("{}<html><body><p>{}</p>\r\n{}<p><a href=\"{}\">here</a></p></body></html>\r\n", head,
                     escaped(hello), body_html(paragraphs, mutation, vocabulary, random), url);
}

}  // namespace postern::campaign
