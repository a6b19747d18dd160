#include "tests/bench/campaign/methods.h"

#include <algorithm>
#include <array>
#include <bit>
#include <deque>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>
#include <fuzzy.h>
#include <xxhash.h>

#include "filters/bulk/index.h"
#include "filters/message/headers.h"
#include "filters/mime/content.h"
#include "tests/bench/campaign/corpus.h"

namespace postern::campaign {
namespace {

class Ours : public Method {
 public:
  explicit Ours(bool text_alone) : text_alone_(text_alone), index_(bulk::Index::Options{}) {}

  [[nodiscard]] Print print(std::string_view message, bool null_sender) const override {
    Print print;
    mime::Content content(message, true);
    const message::Header header = message::parse_header(message);
    print.ours = bulk::fingerprint(content, header, null_sender);
    if (text_alone_) {
      print.ours.files.clear();
      print.ours.pictures.clear();
      print.ours.urls.reset();
    }
    print.evidence = !print.ours.empty();
    return print;
  }

  [[nodiscard]] Place see(const Print& print) override {
    ++seen_;
    bulk::Sighting sighting;
    sighting.print = print.ours;
    sighting.id = fmt::format("m{}", seen_);
    sighting.network = static_cast<uint32_t>(XXH3_64bits(&seen_, sizeof seen_));
    sighting.sender = sighting.network ^ 0x5555U;
    sighting.domain = sighting.network ^ 0x3333U;
    sighting.recipients = {sighting.network ^ 0x7777U};
    sighting.wall_ms = now_ms();
    const bulk::Seen seen = index_.see(sighting);
    uint64_t cluster = 0;
    if (!bulk::parse_cluster_name(seen.outcome.cluster, cluster) && !seen.ticket.empty()) cluster = seen.ticket.front();
    return {.cluster = cluster, .count = seen.outcome.count};
  }

  [[nodiscard]] uint64_t now_called(uint64_t cluster) const override {
    const std::optional<bulk::Report> report = index_.find(cluster, now_ms());
    return report ? report->cluster : cluster;
  }

 private:
  // All within the window.
  [[nodiscard]] int64_t now_ms() const { return 1'772'000'000'000 + static_cast<int64_t>(seen_); }

  bool text_alone_;
  uint64_t seen_ = 0;
  bulk::Index index_;
};

// Clusters by what is near what: messages are numbered, clusters are joined.
class Joining : public Method {
 public:
  [[nodiscard]] Place see(const Print& print) override {
    const auto number = static_cast<uint32_t>(parent_.size());
    parent_.push_back(number);
    size_.push_back(1);
    if (print.evidence) {
      for (uint32_t near : near_and_learn(print, number)) join(near, number);
    }
    const uint32_t root = find(number);
    return {.cluster = root, .count = size_[root]};
  }
  [[nodiscard]] uint64_t now_called(uint64_t cluster) const override { return find(static_cast<uint32_t>(cluster)); }

 protected:
  // Earlier messages that are copies; learns the print as that of `number`.
  virtual std::vector<uint32_t> near_and_learn(const Print& print, uint32_t number) = 0;

 private:
  [[nodiscard]] uint32_t find(uint32_t at) const {
    while (parent_[at] != at) at = parent_[at];
    return at;
  }
  void join(uint32_t a, uint32_t b) {
    a = find(a);
    b = find(b);
    if (a == b) return;
    if (size_[a] < size_[b]) std::swap(a, b);
    parent_[b] = a;
    size_[a] += size_[b];
  }
  std::vector<uint32_t> parent_;
  std::vector<uint64_t> size_;
};

std::vector<std::string> shown_words(std::string_view message) {
  mime::Content content(message, true);
  return words_of(content.text());
}

// rspamd's shingles: 32 keyed hashes of each run of three words, the least of each kept; a message is a copy of one
// that was learned when more than half of its 32 are known, and then of that which most of them are of. Texts of fewer
// words than `min_length`, 64 as shipped, are compared as a whole.
class Shingles : public Joining {
 public:
  static constexpr size_t kCount = 32;
  static constexpr size_t kMinLength = 64;

  [[nodiscard]] Print print(std::string_view message, bool /*null_sender*/) const override {
    Print print;
    const std::vector<std::string> words = shown_words(message);
    print.evidence = words.size() >= 3;
    if (!print.evidence) return print;
    if (words.size() < kMinLength) {
      uint64_t hash = 0;
      for (const std::string& word : words) hash = XXH3_64bits_withSeed(word.data(), word.size(), hash);
      print.hashes = {hash};
      return print;
    }
    print.hashes.assign(kCount, std::numeric_limits<uint64_t>::max());
    std::string run;
    for (size_t at = 0; at + 3 <= words.size(); ++at) {
      run.clear();
      run.append(words[at]).append(words[at + 1]).append(words[at + 2]);
      for (size_t key = 0; key < kCount; ++key) {
        print.hashes[key] = std::min(print.hashes[key], XXH3_64bits_withSeed(run.data(), run.size(), key + 1));
      }
    }
    return print;
  }

 protected:
  std::vector<uint32_t> near_and_learn(const Print& print, uint32_t number) override {
    constexpr size_t kRemembered = 100;  // messages of one hash
    std::unordered_map<uint32_t, size_t> equal;
    for (size_t key = 0; key < print.hashes.size(); ++key) {
      std::deque<uint32_t>& known = learned_[print.hashes[key] ^ (key << 58U)];
      for (uint32_t other : known) ++equal[other];
      known.push_back(number);
      if (known.size() > kRemembered) known.pop_front();
    }
    std::vector<uint32_t> near;
    for (const auto& [other, count] : equal) {
      if (count * 2 > print.hashes.size()) near.push_back(other);
    }
    return near;
  }

 private:
  std::unordered_map<uint64_t, std::deque<uint32_t>> learned_;
};

// Charikar's simhash (2002) of the words, as often as they stand there.
class Simhash : public Joining {
 public:
  explicit Simhash(int most) : most_(most) {}

  [[nodiscard]] Print print(std::string_view message, bool /*null_sender*/) const override {
    std::array<int, 64> sums{};
    const std::vector<std::string> words = shown_words(message);
    for (const std::string& word : words) {
      const uint64_t hash = XXH3_64bits(word.data(), word.size());
      for (size_t bit = 0; bit < sums.size(); ++bit) sums[bit] += ((hash >> bit) & 1U) != 0 ? 1 : -1;
    }
    uint64_t value = 0;
    for (size_t bit = 0; bit < sums.size(); ++bit) value |= static_cast<uint64_t>(sums[bit] > 0) << bit;
    Print print;
    print.evidence = words.size() >= 3;
    print.hashes = {value};
    return print;
  }

 protected:
  std::vector<uint32_t> near_and_learn(const Print& print, uint32_t number) override {
    std::vector<uint32_t> near;
    for (const auto& [value, other] : learned_) {
      if (std::popcount(value ^ print.hashes.front()) <= most_) near.push_back(other);
    }
    learned_.emplace_back(print.hashes.front(), number);
    return near;
  }

 private:
  int most_;
  std::vector<std::pair<uint64_t, uint32_t>> learned_;
};

// ssdeep by libfuzzy. Scores above 0 need seven characters in common, by which the candidates are found.
class Ssdeep : public Joining {
 public:
  explicit Ssdeep(int least) : least_(least) {}

  [[nodiscard]] Print print(std::string_view message, bool /*null_sender*/) const override {
    mime::Content content(message, true);
    const std::string& text = content.text();
    Print print;
    std::array<char, FUZZY_MAX_RESULT> digest{};
    print.evidence = !text.empty() && text.size() <= std::numeric_limits<uint32_t>::max() &&
                     fuzzy_hash_buf(reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<uint32_t>(text.size()), digest.data()) == 0;
    auto end = std::find(digest.begin(), digest.end(), '\0');
    print.digest.assign(digest.begin(), end);
    return print;
  }

 protected:
  std::vector<uint32_t> near_and_learn(const Print& print, uint32_t number) override {
    const std::vector<uint64_t> keys = keys_of(print.digest);
    std::unordered_set<uint32_t> candidates;
    for (uint64_t key : keys) {
      auto found = learned_.find(key);
      if (found != learned_.end()) candidates.insert(found->second.begin(), found->second.end());
    }
    std::vector<uint32_t> near;
    for (uint32_t candidate : candidates) {
      if (fuzzy_compare(digests_[candidate].c_str(), print.digest.c_str()) >= least_) near.push_back(candidate);
    }
    for (uint64_t key : keys) learned_[key].push_back(number);
    digests_[number] = print.digest;
    return near;
  }

 private:
  // BLOCK:SIGNATURE:SIGNATURE OF TWICE THE BLOCK
  static std::vector<uint64_t> keys_of(std::string_view digest) {
    constexpr size_t kRun = 7;
    const size_t first = digest.find(':');
    const size_t second = digest.find(':', first + 1);
    std::vector<uint64_t> keys;
    if (first == std::string_view::npos || second == std::string_view::npos) return keys;
    uint64_t block = 0;
    for (char c : digest.substr(0, first)) block = block * 10 + static_cast<uint64_t>(c - '0');
    auto add = [&](std::string_view signature, uint64_t size) {
      for (size_t at = 0; at + kRun <= signature.size(); ++at) {
        keys.push_back(XXH3_64bits_withSeed(signature.data() + at, kRun, size));
      }
    };
    add(digest.substr(first + 1, second - first - 1), block);
    add(digest.substr(second + 1), block * 2);
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
  }

  int least_;
  std::unordered_map<uint64_t, std::vector<uint32_t>> learned_;
  std::unordered_map<uint32_t, std::string> digests_;
};

}  // namespace

const std::vector<MethodKind>& methods() {
  static const std::vector<MethodKind> kinds{
      {"filters/bulk", [] { return std::make_unique<Ours>(true); }},
      {"rspamd's shingles", [] { return std::make_unique<Shingles>(); }},
      {"simhash, 3 bits", [] { return std::make_unique<Simhash>(3); }},
      {"simhash, 10 bits", [] { return std::make_unique<Simhash>(10); }},
      {"ssdeep, any score", [] { return std::make_unique<Ssdeep>(1); }},
      {"ssdeep, 50", [] { return std::make_unique<Ssdeep>(50); }},
  };
  return kinds;
}

std::unique_ptr<Method> all_aspects() {
  return std::make_unique<Ours>(false);
}

}  // namespace postern::campaign
