#include "proxy/net/bulk_stream_entry.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include <fmt/format.h>
#include <hiredis/hiredis.h>

namespace postern::net {
namespace {

constexpr size_t kHexDigits = 16;
constexpr size_t kEntryFields = 4;  // from, its value, event, its value

std::optional<uint64_t> to_number(std::string_view text, int base = 10) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// An element of an array that is itself an array; null when it is none.
const redisReply* array_at(const redisReply& reply, size_t at) {
  if (reply.type != REDIS_REPLY_ARRAY || at >= reply.elements) return nullptr;
  const redisReply* element = reply.element[at];
  return element != nullptr && element->type == REDIS_REPLY_ARRAY ? element : nullptr;
}

std::optional<std::string_view> text_at(const redisReply& reply, size_t at) {
  if (reply.type != REDIS_REPLY_ARRAY || at >= reply.elements || reply.element[at] == nullptr) return std::nullopt;
  return text_of(*reply.element[at]);
}

std::optional<StreamEntry> entry_of(const redisReply& reply) {
  auto id = StreamId::parse(text_at(reply, 0).value_or(""));
  if (!id) return std::nullopt;
  StreamEntry entry{*id, std::nullopt, {}};
  const redisReply* fields = array_at(reply, 1);
  if (fields == nullptr || fields->elements != kEntryFields || text_at(*fields, 0) != "from" ||
      text_at(*fields, 2) != "event") {
    return entry;
  }
  auto event = text_at(*fields, 3);
  if (!event) return entry;
  entry.event = *event;
  entry.from = Origin::parse(text_at(*fields, 1).value_or(""));
  return entry;
}

}  // namespace

std::string StreamId::text() const {
  return fmt::format("{}-{}", ms, number);
}

StreamId StreamId::before() const {
  if (number > 0) return {ms, number - 1};
  return ms > 0 ? StreamId{ms - 1, std::numeric_limits<uint64_t>::max()} : StreamId{};
}

std::optional<StreamId> StreamId::parse(std::string_view text) {
  size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto ms = to_number(text.substr(0, dash));
  auto number = to_number(text.substr(dash + 1));
  if (!ms || !number) return std::nullopt;
  return StreamId{*ms, *number};
}

std::string Origin::text() const {
  return fmt::format("{:016x}-{}", gateway, number);
}

std::optional<Origin> Origin::parse(std::string_view text) {
  if (text.size() < kHexDigits + 2 || text[kHexDigits] != '-') return std::nullopt;
  auto gateway = to_number(text.substr(0, kHexDigits), 16);
  auto number = to_number(text.substr(kHexDigits + 1));
  if (!gateway || !number) return std::nullopt;
  return Origin{*gateway, *number};
}

std::optional<std::string_view> text_of(const redisReply& reply) {
  if (reply.type != REDIS_REPLY_STRING && reply.type != REDIS_REPLY_STATUS) return std::nullopt;
  return std::string_view(reply.str, reply.len);
}

std::optional<std::vector<StreamEntry>> entries_of(const redisReply& reply) {
  const redisReply* stream = array_at(reply, 0);
  const redisReply* list = stream == nullptr ? nullptr : array_at(*stream, 1);
  if (list == nullptr || reply.elements != 1) return std::nullopt;
  std::vector<StreamEntry> entries;
  entries.reserve(list->elements);
  for (size_t at = 0; at < list->elements; ++at) {
    const redisReply* element = array_at(*list, at);
    auto entry = element == nullptr ? std::nullopt : entry_of(*element);
    if (!entry) return std::nullopt;
    entries.push_back(*entry);
  }
  return entries;
}

bool HeardGateways::is_new(const Origin& origin) {
  auto found = last_.find(origin.gateway);
  if (found == last_.end()) {
    if (last_.size() >= kMax) {
      last_.erase(std::min_element(last_.begin(), last_.end(),
                                   [](const auto& a, const auto& b) { return a.second.when < b.second.when; }));
    }
    found = last_.emplace(origin.gateway, Last{}).first;
  } else if (origin.number <= found->second.number) {
    return false;
  }
  found->second = {origin.number, ++turns_};
  return true;
}

std::string StreamPosition::text() const {
  return fmt::format("{} {}", at.text(), own.text());
}

std::optional<StreamPosition> StreamPosition::parse(std::string_view text) {
  size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  auto at = StreamId::parse(text.substr(0, space));
  auto own = Origin::parse(text.substr(space + 1));
  if (!at || !own) return std::nullopt;
  return StreamPosition{*at, *own};
}

}  // namespace postern::net
