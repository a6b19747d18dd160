#include "lua/map_tables.h"

#include <algorithm>
#include <iterator>
#include <random>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "filters/base/bytes.h"
#include "lua/regex_cache.h"

namespace postern::rules {

namespace {

// A list that others feed must not be able to make all its entries collide.
uint64_t hash_of(std::string_view text) {
  static const uint64_t seed = (uint64_t{std::random_device()()} << 32U) | std::random_device()();
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

// RE2 builds its automaton while it searches, and a new state costs what all instructions of a set cost. A hostile text
// may ask for a new state with each octet, so what is searched at once must be small; the sums bound the memory.
constexpr size_t kGroupExpressions = 200;
constexpr size_t kGroupInstructions = 3000;
constexpr size_t kMaxInstructions = 1'000'000;
constexpr int64_t kMemory = 128 << 20;  // octets of all automata of a map, unless that leaves too little for each
constexpr int64_t kMinGroupMemory = 512 << 10;
constexpr int64_t kMaxGroupMemory = 8 << 20;

RE2::Options options(int64_t memory) {
  RE2::Options made;
  made.set_log_errors(false);
  made.set_max_mem(memory);
  return made;
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

// "a*" is found everywhere, which nobody means who writes it into a list.
bool matches_everything(const RE2& regex) {
  constexpr std::array<std::string_view, 6> kProbes = {"", "a", "1", " ", "-.@", "\xc3\xa9"};
  return std::all_of(kProbes.begin(), kProbes.end(),
                     [&](std::string_view probe) { return RE2::PartialMatch(piece(probe), regex); });
}

template <class Ranges>
void sort_and_join(Ranges& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  size_t kept = 0;
  for (size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[kept].last < ranges[i].first) {
      ranges[++kept] = ranges[i];
    } else {
      ranges[kept].last = std::max(ranges[kept].last, ranges[i].last);
    }
  }
  if (!ranges.empty()) ranges.resize(kept + 1);
  ranges.shrink_to_fit();
}

template <class Ranges, class Number>
bool in_ranges(const Ranges& ranges, const Number& number) {
  auto after = std::upper_bound(ranges.begin(), ranges.end(), number,
                                [](const Number& wanted, const auto& range) { return wanted < range.first; });
  return after != ranges.begin() && !(std::prev(after)->last < number);
}

// The octets of a network with all host bits `bit`.
std::array<uint8_t, 16> end_of(const IpNetwork& network, bool bit) {
  std::array<uint8_t, 16> octets{};
  std::string_view from = network.address().octets();
  for (size_t i = 0; i < from.size(); ++i) {
    int kept = std::clamp(network.prefix() - static_cast<int>(i) * 8, 0, 8);
    unsigned host = 0xFFU >> static_cast<unsigned>(kept);
    unsigned octet = static_cast<uint8_t>(from[i]) & ~host;
    octets[i] = static_cast<uint8_t>(bit ? octet | host : octet);
  }
  return octets;
}

uint32_t short_number(const std::array<uint8_t, 16>& octets) {
  return (uint32_t{octets[0]} << 24U) | (uint32_t{octets[1]} << 16U) | (uint32_t{octets[2]} << 8U) | octets[3];
}

}  // namespace

IpNetwork clear_host_bits(const IpNetwork& network) {
  auto octets = end_of(network, false);
  if (!network.address().is_v4()) return {IpAddress::v6(octets), network.prefix()};
  return {IpAddress::v4({octets[0], octets[1], octets[2], octets[3]}), network.prefix()};
}

// ---------------------------------------------------------------- texts

void TextSet::add(std::string_view text) {
  texts_.append(text);
  ends_.push_back(static_cast<uint32_t>(texts_.size()));
}

std::string_view TextSet::at(size_t index) const {
  size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(texts_).substr(begin, ends_[index] - begin);
}

size_t TextSet::place_of(std::string_view text) const {
  size_t place = hash_of(text) & (table_.size() - 1);
  while (table_[place] != 0 && at(table_[place] - 1) != text) place = (place + 1) & (table_.size() - 1);
  return place;
}

void TextSet::build() {
  if (ends_.empty()) return;
  texts_.shrink_to_fit();
  ends_.shrink_to_fit();
  size_t size = 4;
  while (size < ends_.size() + ends_.size() / 2) size *= 2;
  table_.assign(size, 0);
  for (size_t index = 0; index < ends_.size(); ++index) {
    uint32_t& place = table_[place_of(at(index))];
    if (place == 0) place = static_cast<uint32_t>(index + 1);
  }
}

bool TextSet::has(std::string_view text) const {
  return !table_.empty() && table_[place_of(text)] != 0;
}

// ---------------------------------------------------------------- networks

void NetworkSet::add(const IpNetwork& network) {
  auto first = end_of(network, false);
  auto last = end_of(network, true);
  if (network.address().is_v4()) {
    v4_.push_back({short_number(first), short_number(last)});
  } else {
    v6_.push_back({first, last});
  }
}

void NetworkSet::build() {
  sort_and_join(v4_);
  sort_and_join(v6_);
}

bool NetworkSet::has(const IpAddress& address) const {
  Long octets = end_of(IpNetwork(address, address.bits()), false);
  return address.is_v4() ? in_ranges(v4_, short_number(octets)) : in_ranges(v6_, octets);
}

// ---------------------------------------------------------------- expressions

Result<void> ExpressionSet::add(std::string_view expression, bool any_case) {
  std::string source = any_case ? "(?i)" : "";
  source += expression;
  RE2 regex(piece(source), options(RegexCache::kMaxMemory));
  if (!regex.ok()) return fail(Code::BadInput, "is wrong: " + escape_for_log(regex.error(), 120));
  if (matches_everything(regex)) return fail(Code::BadInput, "matches every text");
  auto size = static_cast<size_t>(regex.ProgramSize());
  if (size > kGroupInstructions) return fail(Code::Limit, "is too large: repeat less than {400} times, for example");
  if (instructions_ + size > kMaxInstructions) return fail(Code::Limit, "and those before it are together too large");
  bool fits = sources_.size() - (starts_.empty() ? 0 : starts_.back()) < kGroupExpressions &&
              group_instructions_ + size <= kGroupInstructions;
  if (starts_.empty() || !fits) {
    starts_.push_back(sources_.size());
    group_instructions_ = 0;
  }
  group_instructions_ += size;
  instructions_ += size;
  sources_.push_back(std::move(source));
  return {};
}

void ExpressionSet::build() {
  sources_.shrink_to_fit();
  auto groups = static_cast<int64_t>(std::max<size_t>(starts_.size(), 1));
  int64_t memory = std::clamp(kMemory / groups, kMinGroupMemory, kMaxGroupMemory);
  for (size_t i = 0; i < starts_.size(); ++i) {
    size_t end = i + 1 < starts_.size() ? starts_[i + 1] : sources_.size();
    build_group(starts_[i], end - starts_[i], memory);
  }
}

void ExpressionSet::build_group(size_t first, size_t count, int64_t memory) {
  if (count > 1) {
    auto set = std::make_unique<RE2::Set>(options(memory), RE2::UNANCHORED);
    bool good = true;
    for (size_t i = first; i < first + count; ++i) good = set->Add(piece(sources_[i]), nullptr) >= 0 && good;
    if (good && set->Compile()) {
      groups_.push_back({first, count, std::move(set), nullptr});
      return;
    }
  }
  for (size_t i = first; i < first + count; ++i) {
    auto one = std::make_unique<const RE2>(piece(sources_[i]), options(RegexCache::kMaxMemory));
    groups_.push_back({i, 1, nullptr, std::move(one)});
  }
}

bool ExpressionSet::matches(std::string_view text, const std::function<void()>& poll) const {
  for (const Group& group : groups_) {
    if (poll) poll();
    if (group.one != nullptr) {
      if (RE2::PartialMatch(piece(text), *group.one)) return true;
      continue;
    }
    RE2::Set::ErrorInfo info{RE2::Set::kNoError};
    if (group.set->Match(piece(text), nullptr, &info)) return true;
    if (info.kind != RE2::Set::kNoError && matches_one_by_one(group, text, poll)) return true;
  }
  return false;
}

bool ExpressionSet::matches_one_by_one(const Group& group, std::string_view text,
                                       const std::function<void()>& poll) const {
  for (size_t i = group.first; i < group.first + group.count; ++i) {
    if (poll) poll();
    // Compiled anew: RE2 tried the set when it was compiled, so this is too rare to keep them all.
    RE2 regex(piece(sources_[i]), options(RegexCache::kMaxMemory));
    if (regex.ok() && RE2::PartialMatch(piece(text), regex)) return true;
  }
  return false;
}

}  // namespace postern::rules
