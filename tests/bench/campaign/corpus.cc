#include "tests/bench/campaign/corpus.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <unordered_set>

#include <nlohmann/json.hpp>
#include <xxhash.h>

#include "filters/base/bytes.h"
#include "filters/message/headers.h"
#include "filters/mime/content.h"

namespace postern::campaign {
namespace {

bool is_word_octet(char c) {
  return ascii_alnum(c) || static_cast<unsigned char>(c) >= 0x80;
}

std::string read_crlf(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string raw{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::string octets;
  octets.reserve(raw.size() + raw.size() / 32);
  for (size_t at = 0; at < raw.size(); ++at) {
    if (raw[at] == '\r' && at + 1 < raw.size() && raw[at + 1] == '\n') continue;
    if (raw[at] == '\n') octets += '\r';
    octets += raw[at];
  }
  return octets;
}

// Files that labels.jsonl beside them calls spam.
std::unordered_set<std::string> spam_in(const std::filesystem::path& folder) {
  std::unordered_set<std::string> names;
  std::ifstream labels(folder / "labels.jsonl");
  for (std::string line; std::getline(labels, line);) {
    auto row = nlohmann::json::parse(line, nullptr, false);
    if (row.is_object() && row.value("label", "") == "spam") names.insert(row.value("file", ""));
  }
  return names;
}

std::string without_quotes(std::string_view text) {
  std::string own;
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (!trim(line).empty() && trim(line).front() == '>') continue;
    any = any || std::any_of(line.begin(), line.end(), is_word_octet);
    own.append(line).push_back('\n');
  }
  return any ? own : std::string(text);
}

Mail read(const std::filesystem::path& path) {
  Mail mail;
  mail.name = path.parent_path().filename().string() + "/" + path.stem().string();
  mail.octets = read_crlf(path);
  const message::Header header = message::parse_header(mail.octets);
  mail.subject = mime::decode_header(header.first("Subject").value_or(""));
  mail.from = mime::decode_header(header.first("From").value_or(""));
  std::string precedence = to_lower(header.first("Precedence").value_or(""));
  mail.list = header.first("List-Id") || header.first("List-Post") || header.first("Mailing-List") ||
              header.first("X-Mailing-List") || precedence == "list";
  mail.bounce = path.parent_path().filename().string().starts_with("bounces");
  mime::Content content(mail.octets, true);
  mail.text = without_quotes(content.text());
  mail.grams = grams_of(words_of(mail.text));
  return mail;
}

}  // namespace

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    if (!is_word_octet(text[at])) {
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && is_word_octet(text[end])) ++end;
    words.push_back(to_lower(text.substr(at, end - at)));
    at = end;
  }
  return words;
}

Grams grams_of(const std::vector<std::string>& words) {
  Grams grams;
  for (size_t at = 0; at + 3 <= words.size(); ++at) {
    uint64_t hash = 0;
    for (size_t word = at; word < at + 3; ++word)
      hash = XXH3_64bits_withSeed(words[word].data(), words[word].size(), hash);
    grams.push_back(hash);
  }
  std::sort(grams.begin(), grams.end());
  grams.erase(std::unique(grams.begin(), grams.end()), grams.end());
  return grams;
}

double jaccard(const Grams& a, const Grams& b) {
  size_t both = 0;
  for (auto x = a.begin(), y = b.begin(); x != a.end() && y != b.end();) {
    if (*x == *y) {
      ++both;
      ++x;
      ++y;
    } else if (*x < *y) {
      ++x;
    } else {
      ++y;
    }
  }
  const size_t all = a.size() + b.size() - both;
  return all == 0 ? 0 : static_cast<double>(both) / static_cast<double>(all);
}

std::vector<Mail> load(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && entry.path().extension() == ".eml") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Mail> mails;
  mails.reserve(paths.size());
  std::filesystem::path last;
  std::unordered_set<std::string> spam;
  for (const auto& path : paths) {
    if (path.parent_path() != last) spam = spam_in(last = path.parent_path());
    mails.push_back(read(path));
    mails.back().spam = spam.contains(path.filename().string());
  }
  return mails;
}

}  // namespace postern::campaign
