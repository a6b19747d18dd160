// RedisConnection: one connection to Redis that trusts nothing it reads. hiredis' asynchronous side on a Loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "filters/base/pending.h"
#include "proxy/net/bulk_stream_store.h"
#include "proxy/net/loop.h"
#include "proxy/session/ports.h"

struct redisAsyncContext;
struct redisReply;
struct redisReplyObjectFunctions;

namespace postern::net {

/// On the loop's thread. Destroying it closes at once, also inside one of its callbacks; nothing is called then. It has
/// no deadlines of its own: who asks sets them.
class RedisConnection {
 public:
  /// Of one reply: more is no answer to anything we ask, and ends the connection.
  static constexpr size_t kMaxOctets = 2U << 20U;
  static constexpr size_t kMaxItems = 8192;
  /// The reply is valid during the call. Not called when the connection ends first.
  using Reply = std::function<void(const redisReply&)>;

  /// Starts to connect. Looking up a host's name blocks this thread, an address does not. `lost`: why it ended, for
  /// people; once, in a turn of its own.
  RedisConnection(Loop& loop, session::Timers& timers, const RedisStore& store,
                  std::function<void(const std::string& why)> lost);
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;
  ~RedisConnection();

  /// Sends a command, with what else is asked in this turn, and after AUTH and SELECT when `store` wants them.
  void ask(const std::vector<std::string_view>& words, Reply reply);
  /// It ended because a reply was larger than allowed.
  [[nodiscard]] bool overfull() const { return overfull_; }

 private:
  struct Call;
  struct Trampolines;

  void open(Loop& loop, const RedisStore& store);
  void log_in(const RedisStore& store);
  void expect_ok(const redisReply& reply, const std::string& otherwise);
  /// Whether one more item of a reply may be made, with place for `elements` more; `top`: it is a reply itself.
  [[nodiscard]] bool charge(size_t elements, bool top);
  void break_off(const std::string& why);

  session::Timers& timers_;
  std::function<void(const std::string& why)> lost_;
  redisAsyncContext* context_ = nullptr;        // null: there is no connection any more
  redisReplyObjectFunctions* plain_ = nullptr;  // hiredis' own
  size_t asked_ = 0;                            // replies still to come
  size_t items_ = 0;                            // of the reply that is being read, with places for elements
  bool overfull_ = false;
  Pending ending_;
};

}  // namespace postern::net
