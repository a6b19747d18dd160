#include "proxy/net/dns_unbound.h"

#include <charconv>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

#include <unbound-event.h>
#include <unbound.h>

#include "filters/dns/packet.h"
#include "proxy/net/answer_cache.h"
#include "proxy/net/lookup.h"

namespace postern::net {
namespace {

// "127.0.0.1", "127.0.0.1@5353", "2001:db8::1@53": ub_ctx_set_fwd checks too, but says nothing of use.
Result<void> check_server(const std::string& server) {
  size_t at = server.find('@');
  bool good = IpAddress::parse(std::string_view(server).substr(0, at)).has_value();
  if (at != std::string::npos) {
    uint16_t port = 0;
    const char* end = server.data() + server.size();
    auto [rest, error] = std::from_chars(server.data() + at + 1, end, port);
    good = good && error == std::errc() && rest == end && port != 0;
  }
  if (!good) return fail(Code::BadInput, "dns.servers: '" + server + "': expected ADDRESS or ADDRESS@PORT");
  return {};
}

struct Setting {
  const char* name;
  const char* value;
};

constexpr Setting kSettings[] = {
    {"module-config:", "iterator"},     // validation is the resolver's business; see README.md
    {"do-not-query-localhost:", "no"},  // a resolver on this machine is the usual one
    {"minimal-responses:", "yes"},
    {"msg-cache-slabs:", "1"},  // one thread uses the context: slabs would only split the cache
    {"rrset-cache-slabs:", "1"},
    {"infra-cache-slabs:", "1"},
    {"key-cache-slabs:", "1"},
    {"num-queries-per-thread:", "4096"},
    {"outgoing-range:", "1024"},  // sockets; the clients need file descriptors too
    {"outgoing-num-tcp:", "64"},  // long TXT records come over TCP
    // A server that did not answer for a while is asked again soon, or it would be shunned for fifteen minutes.
    {"infra-host-ttl:", "10"},
    {"infra-keep-probing:", "yes"},
};

// Zones that libunbound answers itself, without asking anyone (RFC 6303, RFC 6761). With servers configured these are
// the ones to know. unblock-lan-zones covers the private and documentation ranges.
constexpr const char* kBuiltInZones[] = {
    "localhost.",
    "127.in-addr.arpa.",
    "test.",
    "invalid.",
    "onion.",
    "home.arpa.",
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
};

Result<void> set(ub_ctx* context, const std::string& name, const std::string& value) {
  int error = ub_ctx_set_option(context, name.c_str(), value.c_str());
  if (error == 0) return {};
  return fail(Code::Internal, "libunbound: " + name + " " + value + ": " + ub_strerror(error));
}

Result<void> configure(ub_ctx* context, const DnsOptions& options) {
  ub_ctx_debugout(context, nullptr);  // it would write to our standard error
  for (const auto& setting : kSettings) {
    if (auto done = set(context, setting.name, setting.value); !done) return done;
  }
  if (auto done = set(context, "msg-cache-size:", std::to_string(options.message_cache)); !done) return done;
  if (auto done = set(context, "rrset-cache-size:", std::to_string(options.record_cache)); !done) return done;
  if (options.servers.empty()) return {};
  if (auto done = set(context, "unblock-lan-zones:", "yes"); !done) return done;
  // A resolver answers at once what it knows and later what it has to ask for: from the first libunbound would learn to
  // ask again after some 50 ms, and it does not hear an answer to a question that it has asked again. Nor is a resolver
  // that says SERVFAIL asked five times over.
  constexpr Setting kPatience[] = {
      {"infra-cache-min-rtt:", "2000"}, {"unknown-server-time-limit:", "2000"}, {"outbound-msg-retry:", "2"}};
  for (const auto& setting : kPatience) {
    if (auto done = set(context, setting.name, setting.value); !done) return done;
  }
  for (const auto& server : options.servers) {
    if (auto good = check_server(server); !good) return good;
    if (int error = ub_ctx_set_fwd(context, server.c_str()); error != 0) {
      return fail(Code::BadInput, "dns.servers: '" + server + "': " + ub_strerror(error));
    }
  }
  // Last: this ends the configuration. ("local-zone: test. nodefault" as an option has no effect.)
  for (const char* zone : kBuiltInZones) {
    if (int error = ub_ctx_zone_remove(context, zone); error != 0) {
      return fail(Code::Internal, std::string("libunbound: local zone ") + zone + ": " + ub_strerror(error));
    }
  }
  return {};
}

}  // namespace

class UnboundClient::Impl {
 public:
  Impl(Loop& loop, const Clock& clock, DnsOptions options, ub_ctx* context);
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl();

  Pending lookup(const dns::Question& question, Duration timeout, Callback callback);
  [[nodiscard]] size_t outstanding() const { return queries_.size(); }

 private:
  struct Waiter;
  struct Query;
  using Queries = std::unordered_map<dns::Question, std::unique_ptr<Query>, QuestionHash, QuestionEqual>;

  static void on_answer(void* query, int rcode, void* packet, int size, int security, char* why_bogus,
                        int was_ratelimited) noexcept;
  static void on_deadline(int fd, short what, void* waiter) noexcept;

  void wait_for_answer(Waiter& waiter, const dns::Question& question, Duration timeout);
  void start(Query& query);
  void answered(Query& query, int rcode, std::string_view packet);
  void make_ready(Waiter& waiter, AnswerPtr answer);
  void observe(const Waiter& waiter) const;
  void forget_if_unwanted(Query& query);

  event_base* base_;
  const Clock& clock_;
  DnsOptions options_;
  ub_ctx* context_;
  AnswerCache cache_;
  Queries queries_;
  ReadyLookups ready_;
};

/// One question under way in libunbound.
struct UnboundClient::Impl::Query {
  Query(Impl& owner, const dns::Question& asked) : impl(owner), question(asked) {}
  Impl& impl;
  dns::Question question;
  int id = 0;             // libunbound's; 0 while it has none
  bool starting = false;  // inside ub_resolve_event: must not be destroyed
  bool done = false;
  RingNode waiters;
};

struct UnboundClient::Impl::Waiter final : Lookup {
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter() override {
    leave();
    if (query != nullptr) query->impl.forget_if_unwanted(*query);
  }

  Query* query = nullptr;  // while it waits for one
  dns::Type type = dns::Type::A;
  TimePoint asked;
  bool counted = false;
};

UnboundClient::Impl::Impl(Loop& loop, const Clock& clock, DnsOptions options, ub_ctx* context)
    : base_(loop.base()),
      clock_(clock),
      options_(std::move(options)),
      context_(context),
      cache_(options_.answers, options_.answer_bytes),
      ready_(base_, [this](Lookup& waiter) { observe(static_cast<Waiter&>(waiter)); }) {}

UnboundClient::Impl::~Impl() {
  for (auto& [question, query] : queries_) {
    if (query->id != 0) ub_cancel(context_, query->id);
    while (!query->waiters.alone()) {
      auto& waiter = static_cast<Waiter&>(*query->waiters.next);
      waiter.disarm();
      waiter.leave();
      waiter.query = nullptr;
    }
  }
  ub_ctx_delete(context_);
}

Pending UnboundClient::Impl::lookup(const dns::Question& question, Duration timeout, Callback callback) {
  auto waiter = std::make_unique<Waiter>();
  waiter->callback = std::move(callback);
  waiter->type = question.type;
  waiter->asked = clock_.now();
  if (timeout <= Duration::zero()) {
    make_ready(*waiter, plain_answer(dns::Status::TempFail, "timeout"));
  } else if (!dns::is_valid_name(question.name)) {
    make_ready(*waiter, plain_answer(dns::Status::NoName));
  } else if (AnswerPtr known = cache_.find(question, waiter->asked)) {
    make_ready(*waiter, std::move(known));
  } else {
    wait_for_answer(*waiter, question, timeout);
  }
  return Pending(std::move(waiter));
}

void UnboundClient::Impl::wait_for_answer(Waiter& waiter, const dns::Question& question, Duration timeout) {
  waiter.counted = true;
  auto place = queries_.find(question);
  bool fresh = place == queries_.end();
  if (fresh && queries_.size() >= kMaxOutstanding) {
    make_ready(waiter, plain_answer(dns::Status::TempFail, "too many look-ups"));
    return;
  }
  if (fresh) place = queries_.emplace(question, std::make_unique<Query>(*this, question)).first;
  Query& query = *place->second;
  waiter.query = &query;
  waiter.join(query.waiters);
  waiter.arm(base_, timeout, on_deadline);
  // Only now that the waiter stands in the ring: libunbound may answer inside the call.
  if (fresh) start(query);
}

void UnboundClient::Impl::start(Query& query) {
  std::string name = dns::to_presentation(query.question.name);
  constexpr int kClassIn = 1;
  query.starting = true;
  int error = ub_resolve_event(context_, name.c_str(), static_cast<int>(query.question.type), kClassIn, &query,
                               on_answer, &query.id);
  if (error != 0 && !query.done) answered(query, -1, {});
  query.starting = false;
  if (query.done) queries_.erase(queries_.find(query.question));
}

void UnboundClient::Impl::on_answer(void* query, int rcode, void* packet, int size, int, char*, int) noexcept {
  auto& asked = *static_cast<Query*>(query);
  // With an RCODE of its own (SERVFAIL) libunbound leaves packet and size undefined.
  std::string_view bytes;
  if (rcode == 0 && packet != nullptr && size > 0) {
    bytes = {static_cast<const char*>(packet), static_cast<size_t>(size)};
  }
  asked.impl.answered(asked, rcode, bytes);
}

void UnboundClient::Impl::answered(Query& query, int rcode, std::string_view packet) {
  AnswerPtr answer;
  if (rcode == 0 && !packet.empty()) {
    auto heard = std::make_shared<dns::Answer>(dns::parse_packet(packet, query.question));
    heard->got = clock_.now();
    answer = std::move(heard);
    cache_.store(query.question, answer, clock_.now());
  } else {
    constexpr int kServfail = 2;
    answer = plain_answer(dns::Status::TempFail, rcode == kServfail ? "SERVFAIL" : "resolver error");
  }
  query.done = true;
  while (!query.waiters.alone()) make_ready(static_cast<Waiter&>(*query.waiters.next), answer);
  if (!query.starting) queries_.erase(queries_.find(query.question));
}

void UnboundClient::Impl::on_deadline(int, short, void* lookup) noexcept {
  auto& late = static_cast<Waiter&>(*static_cast<Lookup*>(lookup));
  late.fired();
  Query& query = *late.query;
  query.impl.make_ready(late, plain_answer(dns::Status::TempFail, "timeout"));
  query.impl.forget_if_unwanted(query);
}

void UnboundClient::Impl::forget_if_unwanted(Query& query) {
  if (!query.waiters.alone() || query.done) return;
  if (query.id != 0) ub_cancel(context_, query.id);
  queries_.erase(queries_.find(query.question));
}

void UnboundClient::Impl::make_ready(Waiter& waiter, AnswerPtr answer) {
  waiter.query = nullptr;
  ready_.add(waiter, std::move(answer));
}

void UnboundClient::Impl::observe(const Waiter& waiter) const {
  if (waiter.counted && options_.observer) {
    options_.observer(waiter.type, waiter.answer->status, clock_.now() - waiter.asked);
  }
}

UnboundClient::UnboundClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
UnboundClient::~UnboundClient() = default;

Result<std::unique_ptr<UnboundClient>> UnboundClient::create(Loop& loop, const Clock& clock, DnsOptions options) {
  // The first context makes the lock of libunbound's log; two threads with the first two at once would each make it,
  // and one of them while the other holds it.
  static std::mutex one_at_a_time;
  std::lock_guard lock(one_at_a_time);
  ub_ctx* context = ub_ctx_create_event(loop.base());
  if (context == nullptr) return fail(Code::Limit, "libunbound: no memory or no random numbers");
  if (auto done = configure(context, options); !done) {
    ub_ctx_delete(context);
    return tl::unexpected(done.error());
  }
  return std::unique_ptr<UnboundClient>(
      new UnboundClient(std::make_unique<Impl>(loop, clock, std::move(options), context)));
}

Pending UnboundClient::lookup(const dns::Question& question, Duration timeout, Callback callback) {
  return impl_->lookup(question, timeout, std::move(callback));
}

size_t UnboundClient::outstanding() const {
  return impl_->outstanding();
}

}  // namespace postern::net
