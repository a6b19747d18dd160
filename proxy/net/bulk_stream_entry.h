// What stands in the Redis stream: entries, who wrote them, and which of them are known already.
//
//   <id by Redis>   from "<gateway, 16 hex digits>-<number>"   event <bulk::encode(), empty: a probe>
//
// A gateway takes a new name whenever it starts and numbers its events from 1 on, in the order of writing. What it
// could not be sure of is written again after a break, so a number that is not higher than the last one is a repetition
// and is passed over. Probes have numbers of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

struct redisReply;

namespace postern::net {

/// "milliseconds-number": the place of an entry in a stream.
struct StreamId {
  uint64_t ms = 0;
  uint64_t number = 0;

  bool operator==(const StreamId&) const = default;
  bool operator<(const StreamId& other) const { return ms != other.ms ? ms < other.ms : number < other.number; }
  [[nodiscard]] std::string text() const;
  /// The one just before: reading after it finds this one.
  [[nodiscard]] StreamId before() const;
  [[nodiscard]] static std::optional<StreamId> parse(std::string_view text);
};

/// Which event of which gateway.
struct Origin {
  uint64_t gateway = 0;
  uint64_t number = 0;

  bool operator==(const Origin&) const = default;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] static std::optional<Origin> parse(std::string_view text);
};

/// Views are of the reply.
struct StreamEntry {
  StreamId id;
  std::optional<Origin> from;  // nullopt: not written by a gateway
  std::string_view event;
};
/// The answer to XREAD of one stream; nullopt when it is anything else. Deleted entries are entries from nobody.
[[nodiscard]] std::optional<std::vector<StreamEntry>> entries_of(const redisReply& reply);
/// Text of a string or status reply; nullopt for others.
[[nodiscard]] std::optional<std::string_view> text_of(const redisReply& reply);

/// The last number of each gateway. One thread. Bounded: the gateway that was silent longest is forgotten.
class HeardGateways {
 public:
  static constexpr size_t kMax = 1024;

  /// False: this event, or a later one of that gateway, was heard before.
  [[nodiscard]] bool is_new(const Origin& origin);
  [[nodiscard]] bool empty() const { return last_.empty(); }

 private:
  struct Last {
    uint64_t number = 0;
    uint64_t when = 0;  // by turns_
  };
  std::unordered_map<uint64_t, Last> last_;
  uint64_t turns_ = 0;
};

/// What a snapshot of the index remembers: everything up to `at` is in it, and what its gateway wrote up to `own`.
struct StreamPosition {
  StreamId at;
  Origin own;

  [[nodiscard]] std::string text() const;
  [[nodiscard]] static std::optional<StreamPosition> parse(std::string_view text);
};

}  // namespace postern::net
