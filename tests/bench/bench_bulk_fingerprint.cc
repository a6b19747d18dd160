// What a fingerprint costs: the text alone, and of a message as the gateway asks for it, behind the rules' own reading.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "filters/bulk/fingerprint.h"
#include "filters/bulk/minhash.h"
#include "filters/bulk/reader.h"
#include "filters/bulk/words.h"

namespace {

using namespace postern;

/// Lengths of words, and how often one comes again, about as in English.
class Writer {
 public:
  explicit Writer(std::string_view letters = "etaoinshrdlucmfwypvbgk") : letters_(letters) {
    vocabulary_.reserve(kWords);
    for (size_t i = 0; i < kWords; ++i) vocabulary_.push_back(word(2 + i % 9));
  }
  std::string text(size_t size) {
    std::string out;
    for (size_t words = 1; out.size() < size; ++words) {
      // The smaller of three: Zipf enough.
      size_t rank = std::min({next() % kWords, next() % kWords, next() % kWords});
      out += vocabulary_[rank];
      out += words % 90 == 0 ? ".\n\n" : (words % 11 == 0 ? "\n" : (words % 17 == 0 ? ", " : " "));
    }
    out.resize(size);
    return out;
  }

 private:
  static constexpr size_t kWords = 4000;
  uint64_t next() {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;
    return state_ >> 33U;
  }
  std::string word(size_t length) {
    std::string out;
    for (size_t i = 0; i < length; ++i) out += letters_[next() % letters_.size()];
    return out;
  }
  std::string_view letters_;
  uint64_t state_ = 1;
  std::vector<std::string> vocabulary_;
};

std::string html_of(std::string_view text) {
  std::string out = "<html><body>";
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find("\n\n", at), text.size());
    out += fmt::format("<p style=\"color:#333;margin:0 0 1em\">{}</p>\r\n", text.substr(at, end - at));
    at = std::min(end + 2, text.size());
  }
  return out + "</body></html>\r\n";
}

void bytes(benchmark::State& state, size_t size) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * static_cast<int64_t>(size));
}

void read_and_sketch(benchmark::State& state, const std::string& text) {
  for (auto _ : state) {
    std::vector<bulk::Word> words;
    for (std::string_view piece : bulk::counted_text(text, false)) bulk::read_words(piece, words);
    benchmark::DoNotOptimize(bulk::sketch(words));
  }
  bytes(state, text.size());
}

void BM_Text(benchmark::State& state) {
  read_and_sketch(state, Writer().text(static_cast<size_t>(state.range(0))));
}
BENCHMARK(BM_Text)->Arg(2 << 10)->Arg(20 << 10)->Arg(64 << 10);

/// Cyrillic: two octets a letter, and each of them looked up.
void BM_TextNotAscii(benchmark::State& state) {
  std::string text;
  for (char c : Writer("abcdefghijklmnop").text(static_cast<size_t>(state.range(0)) / 2)) {
    if (c >= 'a' && c <= 'p') {
      text += '\xd0';
      text += static_cast<char>(0xb0 + (c - 'a'));
    } else {
      text += c;
    }
  }
  read_and_sketch(state, text);
}
BENCHMARK(BM_TextNotAscii)->Arg(20 << 10);

void BM_WordsOnly(benchmark::State& state) {
  std::string text = Writer().text(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    std::vector<bulk::Word> words;
    bulk::read_words(text, words);
    benchmark::DoNotOptimize(words.data());
  }
  bytes(state, text.size());
}
BENCHMARK(BM_WordsOnly)->Arg(20 << 10);

/// The whole message: its parts and texts are read before, as rules do it.
void message(benchmark::State& state, std::string_view type, const std::string& body) {
  std::string text = fmt::format("From: a@a.example\r\nContent-Type: {}; charset=utf-8\r\n\r\n{}", type, body);
  message::Header header = message::parse_header(text);
  mime::Content content(text, true);
  (void)content.urls();
  for (auto _ : state) benchmark::DoNotOptimize(bulk::fingerprint(content, header, false));
  bytes(state, text.size());
}
void BM_PlainMessage(benchmark::State& state) {
  message(state, "text/plain", Writer().text(static_cast<size_t>(state.range(0))));
}
BENCHMARK(BM_PlainMessage)->Arg(2 << 10)->Arg(20 << 10);

void BM_HtmlMessage(benchmark::State& state) {
  message(state, "text/html", html_of(Writer().text(static_cast<size_t>(state.range(0)))));
}
BENCHMARK(BM_HtmlMessage)->Arg(2 << 10)->Arg(20 << 10);

/// The same where nobody has read the message before.
void BM_HtmlMessageFromItsOctets(benchmark::State& state) {
  std::string body = html_of(Writer().text(static_cast<size_t>(state.range(0))));
  std::string text = "From: a@a.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body;
  for (auto _ : state) {
    mime::Content content(text, true);
    benchmark::DoNotOptimize(bulk::fingerprint(content, message::parse_header(text), false));
  }
  bytes(state, text.size());
}
BENCHMARK(BM_HtmlMessageFromItsOctets)->Arg(20 << 10);

}  // namespace
