#include "tests/transcripts/script.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>

#include "filters/base/bytes.h"

namespace postern::transcripts {

namespace {

using Kind = Step::Kind;

template <class Number>
std::optional<Number> number(std::string_view text, int base = 10) {
  Number value = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

/// What follows a backslash; takes it off the front.
Result<std::string> unescape_one(std::string_view& text) {
  if (text.empty()) return fail(Code::BadInput, "backslash at the end");
  char kind = text.front();
  text.remove_prefix(1);
  static constexpr std::string_view kLetters = "rnt0\\";
  static constexpr std::string_view kMeaning("\r\n\t\0\\", 5);
  if (size_t at = kLetters.find(kind); at != std::string_view::npos) return std::string(1, kMeaning[at]);
  if (kind == 'x') {
    auto value = number<unsigned>(text.substr(0, 2), 16);
    if (!value || text.size() < 2) return fail(Code::BadInput, "\\x needs two hexadecimal digits");
    text.remove_prefix(2);
    return std::string(1, static_cast<char>(*value));
  }
  size_t star = text.find('*');
  size_t end = text.find('}');
  if (kind != '{' || star > end || end == std::string_view::npos) return fail(Code::BadInput, "unknown escape");
  auto count = number<size_t>(text.substr(0, star));
  auto unit = unescape(text.substr(star + 1, end - star - 1));
  if (!count || *count > 100'000 || !unit) return fail(Code::BadInput, "bad repetition");
  text.remove_prefix(end + 1);
  std::string out;
  for (size_t i = 0; i < *count; ++i) out += *unit;
  return out;
}

class Parser {
 public:
  explicit Parser(std::string file) : file_(std::move(file)) {}
  Result<std::vector<Dialogue>> parse(std::istream& input);

 private:
  Result<void> line(std::string_view text);
  Result<void> step(std::string_view word, std::string_view rest);
  Result<void> use(std::string_view name);
  Result<void> question(std::string_view text);
  Result<void> option(std::string_view word);
  Result<void> add(Kind kind, std::string_view prefix, std::string_view text, std::string_view suffix);
  Dialogue& current() { return dialogues_.back(); }

  std::string file_;
  int line_ = 0;
  std::vector<Dialogue> dialogues_;
};

Result<std::vector<Dialogue>> Parser::parse(std::istream& input) {
  std::string text;
  while (std::getline(input, text)) {
    ++line_;
    if (auto done = line(text); !done) {
      return fail(Code::BadInput, file_ + ":" + std::to_string(line_) + ": " + done.error().message);
    }
  }
  return std::move(dialogues_);
}

Result<void> Parser::line(std::string_view text) {
  if (text.empty() || text.front() == '#') return {};
  size_t space = text.find(' ');
  std::string_view word = text.substr(0, space);
  std::string_view rest = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  if (word == "==") {
    Dialogue dialogue;
    dialogue.file = file_;
    dialogue.name = std::string(rest);
    dialogue.options.hostname = "mx.example.org";
    dialogue.options.max_message = 10'000;
    dialogue.offer = {true, true, true, true, true, true, true, 10'000};
    dialogues_.push_back(std::move(dialogue));
    return {};
  }
  if (dialogues_.empty()) return fail(Code::BadInput, "a dialogue begins with == NAME");
  return step(word, rest);
}

Result<void> Parser::step(std::string_view word, std::string_view rest) {
  if (word == "C:") return add(Kind::Client, "", rest, "\r\n");
  if (word == "C<") return add(Kind::Client, "", rest, "");
  if (word == "eof") return add(Kind::Eof, "", "", "");
  if (word == "secured") return add(Kind::Secured, "", "", "");
  if (word == "answer") return add(Kind::Answer, "", rest, "\r\n");
  if (word == "shutdown") return add(Kind::Shutdown, "", rest, "\r\n");
  if (word == "S:") return add(Kind::Expect, "S: ", rest, "");
  if (word == "S~") return add(Kind::Match, "S: ", rest, "");
  if (word == "B:") return add(Kind::Expect, "B: ", rest, "\r\n");
  if (word == "B<") return add(Kind::Expect, "B: ", rest, "");
  if (word == "reset" || word == "starttls") return add(Kind::Expect, word, "", "");
  if (word == "close") return add(Kind::Expect, "close ", rest, "");
  if (word == "early") return add(Kind::Expect, "early talker", "", "");
  if (word == "ask") return question(rest);
  if (word == "use") return use(rest);
  if (word != "with") return fail(Code::BadInput, "unknown step: " + std::string(word));
  while (!rest.empty()) {
    std::string_view one = rest.substr(0, rest.find(' '));
    if (auto done = option(one); !done) return done;
    rest = trim(rest.substr(one.size()));
  }
  return {};
}

Result<void> Parser::add(Kind kind, std::string_view prefix, std::string_view text, std::string_view suffix) {
  std::string octets(text);
  if (kind != Kind::Match) {
    auto plain = unescape(text);
    if (!plain) return fail(Code::BadInput, plain.error().message);
    octets = std::move(*plain);
  }
  octets += suffix;
  // In the log, which the expectations are compared with, octets are printable.
  if (kind == Kind::Expect) octets = escape(octets);
  current().steps.push_back({kind, std::string(prefix) + octets, "", line_});
  return {};
}

// "mail <a@b> -> 250 2.1.0 ok"; with "=>" the reply must also go out as it is.
Result<void> Parser::question(std::string_view text) {
  size_t arrow = std::min(text.find(" -> "), text.find(" => "));
  if (arrow == std::string_view::npos) return fail(Code::BadInput, "a question needs an answer: -> or =>");
  if (auto done = add(Kind::Expect, "ask ", text.substr(0, arrow), ""); !done) return done;
  std::string_view reply = text.substr(arrow + 4);
  auto octets = unescape(reply);
  if (!octets) return fail(Code::BadInput, octets.error().message);
  current().steps.back().answer = *octets;
  if (text[arrow + 1] == '-') return {};
  return add(Kind::Expect, "S: ", reply, "");
}

Result<void> Parser::use(std::string_view name) {
  auto found =
      std::find_if(dialogues_.begin(), dialogues_.end() - 1, [&](const Dialogue& d) { return d.name == name; });
  if (found == dialogues_.end() - 1) return fail(Code::BadInput, "no such dialogue above: " + std::string(name));
  auto& steps = current().steps;
  steps.insert(steps.end(), found->steps.begin(), found->steps.end());
  return {};
}

Result<void> Parser::option(std::string_view word) {
  size_t equals = word.find('=');
  std::string_view key = word.substr(0, equals);
  std::string_view value = equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
  Dialogue& d = current();
  if (key == "tls") return d.options.tls_available = true, Result<void>();
  if (key == "secured") return d.options.tls_available = d.secured = true, Result<void>();
  if (key == "bare" && value == "reject") return d.options.bare_newline = smtp::BareNewline::Reject, Result<void>();
  if (key == "without") {
    if (value == "pipelining") return d.offer.pipelining = false, Result<void>();
    if (value == "size") return d.offer.size = false, Result<void>();
    if (value == "8bitmime") return d.offer.eightbitmime = false, Result<void>();
    if (value == "smtputf8") return d.offer.smtputf8 = false, Result<void>();
    if (value == "starttls") return d.offer.starttls = false, Result<void>();
    if (value == "dsn") return d.offer.dsn = false, Result<void>();
  }
  auto amount = number<size_t>(value);
  if (!amount) return fail(Code::BadInput, "unknown option: " + std::string(word));
  if (key == "size") return d.options.max_message = d.offer.max_size = *amount, Result<void>();
  if (key == "offer-size") return d.offer.max_size = *amount, Result<void>();
  if (key == "recipients") return d.options.max_recipients = *amount, Result<void>();
  if (key == "errors") return d.options.max_errors = *amount, Result<void>();
  return fail(Code::BadInput, "unknown option: " + std::string(word));
}

}  // namespace

Result<std::string> unescape(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out += c;
      continue;
    }
    auto one = unescape_one(text);
    if (!one) return one;
    out += *one;
  }
  return out;
}

std::string escape(std::string_view octets) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (char c : octets) {
    auto octet = static_cast<unsigned char>(c);
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\\') {
      out += "\\\\";
    } else if (octet < ' ' || octet > '~') {
      out += {'\\', 'x', kHex[octet >> 4U], kHex[octet & 15U]};
    } else {
      out += c;
    }
  }
  return out;
}

Result<std::vector<Dialogue>> load(const std::string& directory) {
  std::vector<std::filesystem::path> files;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    if (entry.path().extension() == ".smtp") files.push_back(entry.path());
  }
  if (error) return fail(Code::Io, directory + ": " + error.message());
  std::sort(files.begin(), files.end());
  std::vector<Dialogue> all;
  for (const auto& file : files) {
    std::ifstream input(file);
    auto dialogues = Parser(file.stem().string()).parse(input);
    if (!dialogues) return dialogues;
    std::move(dialogues->begin(), dialogues->end(), std::back_inserter(all));
  }
  return all;
}

}  // namespace postern::transcripts
