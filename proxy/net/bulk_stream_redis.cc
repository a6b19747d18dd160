#include "proxy/net/bulk_stream_redis.h"

#include <string>
#include <utility>

#include <hiredis/adapters/libevent.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>

#include "filters/base/result.h"

namespace postern::net {

struct RedisConnection::Call {
  Reply reply;
};

/// What hiredis calls. A connection that is gone has left a null pointer behind.
struct RedisConnection::Trampolines {
  static RedisConnection* self(const redisAsyncContext* context) {
    return static_cast<RedisConnection*>(context->data);
  }

  static void connected(const redisAsyncContext* context, int status) noexcept {
    if (status != REDIS_OK) ended(context);
  }
  static void disconnected(const redisAsyncContext* context, int) noexcept { ended(context); }
  static void ended(const redisAsyncContext* context) {
    RedisConnection* connection = self(context);
    if (connection == nullptr) return;
    connection->context_ = nullptr;  // hiredis frees it after this call
    std::string_view why = context->errstr == nullptr ? "" : context->errstr;
    connection->break_off(why.empty() ? "closed" : std::string(why));
  }

  static void replied(redisAsyncContext* context, void* reply, void* call) noexcept {
    std::unique_ptr<Call> owned(static_cast<Call*>(call));
    RedisConnection* connection = self(context);
    // Null: the connection ends, and says so itself.
    if (connection == nullptr || reply == nullptr) return;
    --connection->asked_;
    connection->items_ = 0;
    if (!connection->ending_) owned->reply(*static_cast<redisReply*>(reply));
  }

  /// Called after each read from the socket, before what was read is looked at.
  static void read_on(void* events) noexcept {
    redisAsyncContext* context = static_cast<redisLibeventEvents*>(events)->context;
    RedisConnection* connection = self(context);
    if (connection != nullptr && context->c.reader->len > kMaxOctets) {
      connection->overfull_ = true;
      connection->break_off("a reply is too large");
      return;  // so nothing more is read
    }
    redisLibeventAddRead(events);
  }

  // hiredis makes replies of any size and number, and stops the process (assert) when one comes that nobody asked for.
  // A null pointer from these ends the connection instead.
  static const redisReplyObjectFunctions* maker(const redisReadTask* task, size_t elements = 0) {
    auto* connection = static_cast<RedisConnection*>(task->privdata);
    if (connection == nullptr || !connection->charge(elements, task->parent == nullptr)) return nullptr;
    return connection->plain_;
  }
  static void* make_string(const redisReadTask* task, char* text, size_t length) noexcept {
    const auto* plain = maker(task);
    return plain == nullptr ? nullptr : plain->createString(task, text, length);
  }
  static void* make_array(const redisReadTask* task, int elements) noexcept {
    const auto* plain = elements < 0 ? nullptr : maker(task, static_cast<size_t>(elements));
    return plain == nullptr ? nullptr : plain->createArray(task, elements);
  }
  static void* make_integer(const redisReadTask* task, long long value) noexcept {
    const auto* plain = maker(task);
    return plain == nullptr ? nullptr : plain->createInteger(task, value);
  }
  static void* make_nil(const redisReadTask* task) noexcept {
    const auto* plain = maker(task);
    return plain == nullptr ? nullptr : plain->createNil(task);
  }
  /// hiredis wants a pointer that it may write to, and never does.
  static redisReplyObjectFunctions* functions() {
    static redisReplyObjectFunctions bounded{make_string, make_array, make_integer, make_nil, freeReplyObject};
    return &bounded;
  }
};

RedisConnection::RedisConnection(Loop& loop, session::Timers& timers, const RedisStore& store,
                                 std::function<void(const std::string& why)> lost)
    : timers_(timers), lost_(std::move(lost)) {
  open(loop, store);
  if (context_ != nullptr) log_in(store);
}

RedisConnection::~RedisConnection() {
  if (context_ == nullptr) return;
  context_->data = nullptr;
  redisAsyncFree(context_);
}

void RedisConnection::open(Loop& loop, const RedisStore& store) {
  redisAsyncContext* context = redisAsyncConnect(store.host.c_str(), store.port);
  if (context == nullptr || context->err != 0) {
    std::string_view why = context == nullptr || context->errstr == nullptr ? "no memory" : context->errstr;
    break_off(std::string(why));
    if (context != nullptr) redisAsyncFree(context);
    return;
  }
  context->data = this;
  plain_ = context->c.reader->fn;
  context->c.reader->fn = Trampolines::functions();
  context->c.reader->privdata = this;
  POSTERN_CHECK(redisLibeventAttach(context, loop.base()) == REDIS_OK);
  context->ev.addRead = Trampolines::read_on;
  redisAsyncSetConnectCallback(context, Trampolines::connected);
  redisAsyncSetDisconnectCallback(context, Trampolines::disconnected);
  context_ = context;
}

void RedisConnection::log_in(const RedisStore& store) {
  // Redis may repeat the words of a command that it does not know, so what it says to AUTH is not for the log.
  auto let_in = [this](const redisReply& reply) { expect_ok(reply, "the password is refused"); };
  if (!store.password.empty() && store.user.empty()) ask({"AUTH", store.password}, let_in);
  if (!store.password.empty() && !store.user.empty()) ask({"AUTH", store.user, store.password}, let_in);
  if (store.database == 0) return;
  ask({"SELECT", std::to_string(store.database)},
      [this](const redisReply& reply) { expect_ok(reply, "the database is refused"); });
}

void RedisConnection::expect_ok(const redisReply& reply, const std::string& otherwise) {
  if (reply.type != REDIS_REPLY_STATUS) break_off(otherwise);
}

void RedisConnection::ask(const std::vector<std::string_view>& words, Reply reply) {
  if (context_ == nullptr || ending_) return;
  std::vector<const char*> texts;
  std::vector<size_t> lengths;
  texts.reserve(words.size());
  lengths.reserve(words.size());
  for (std::string_view word : words) {
    texts.push_back(word.data());
    lengths.push_back(word.size());
  }
  auto call = std::make_unique<Call>(Call{std::move(reply)});
  if (redisAsyncCommandArgv(context_, Trampolines::replied, call.get(), static_cast<int>(words.size()), texts.data(),
                            lengths.data()) != REDIS_OK) {
    break_off("closing");
    return;
  }
  static_cast<void>(call.release());  // comes back in replied()
  ++asked_;
}

bool RedisConnection::charge(size_t elements, bool top) {
  if (top && asked_ == 0) {
    break_off("a reply that nobody asked for");
    return false;
  }
  items_ += 1 + elements;
  if (items_ <= kMaxItems) return true;
  overfull_ = true;
  break_off("a reply is too large");
  return false;
}

void RedisConnection::break_off(const std::string& why) {
  if (ending_) return;
  ending_ = timers_.after(Duration::zero(), [this, why] {
    auto lost = std::move(lost_);
    lost(why);
  });
}

}  // namespace postern::net
