#include "filters/spf/engine.h"

#include <charconv>
#include <cstring>
#include <memory>
#include <new>
#include <optional>

#include <netdb.h>
#include <netinet/in.h>

extern "C" {
#include <spf2/spf.h>
#include <spf2/spf_dns.h>
}

namespace postern::spf::engine {
namespace {

/// What one evaluation needs in libspf2's callback; hangs on the DNS layer's hook while it runs.
struct Run {
  Source& source;
  bool flipped;  // addresses have their first bit turned over, see run()
};

std::optional<Token> parse_token(std::string_view text) {
  if (text.size() < 4 || text.substr(text.size() - 2) != ".x") return std::nullopt;
  Token token{text[0] == 'h' ? Token::Kind::Host : Token::Kind::Term, 0};
  const char* end = text.data() + text.size() - 2;
  if (std::from_chars(text.data() + 1, end, token.number).ptr != end) return std::nullopt;
  return token;
}

/// A libspf2 answer under construction; libspf2 frees it.
class Answer {
 public:
  Answer(SPF_dns_server_t* server, const char* name, ns_type type)
      : rr_(SPF_dns_rr_new_init(server, name, type, 0, NETDB_SUCCESS)) {
    if (rr_ == nullptr) throw std::bad_alloc();
  }
  /// Room for one more record of `size` octets.
  SPF_dns_rr_data_t& add(size_t size) {
    if (SPF_dns_rr_buf_realloc(rr_, rr_->num_rr, size) != SPF_E_SUCCESS) throw std::bad_alloc();
    return *rr_->rr[rr_->num_rr++];
  }
  void add_text(const std::string& text) { std::memcpy(&add(text.size() + 1), text.c_str(), text.size() + 1); }
  SPF_dns_rr_t* end(SPF_dns_stat_t status) {
    rr_->herrno = status;
    return rr_;
  }

 private:
  SPF_dns_rr_t* rr_;
};

void add_address(Answer& answer, const IpAddress& address, ns_type type, bool flipped) {
  if (address.is_v4() != (type == ns_t_a)) return;
  std::string_view octets = address.octets();
  std::array<char, 16> buffer{};
  std::copy(octets.begin(), octets.end(), buffer.begin());
  if (flipped) buffer[0] = static_cast<char>(buffer[0] ^ '\x80');
  std::memcpy(&answer.add(sizeof(SPF_dns_rr_data_t)), buffer.data(), octets.size());
}

void add_records(Answer& answer, const Reply& reply, ns_type type, bool flipped) {
  if (reply.policy != nullptr) answer.add_text(*reply.policy);
  for (size_t i = 0; i < reply.hosts; ++i) answer.add_text(Token{Token::Kind::Host, reply.first_host + i}.text());
  if (reply.addresses == nullptr) return;
  for (const IpAddress& address : *reply.addresses) add_address(answer, address, type, flipped);
}

Reply ask(Source& source, const std::optional<Token>& token, ns_type type) {
  if (!token) return {};
  if (type == ns_t_a || type == ns_t_aaaa) return source.addresses(*token);
  if (token->kind != Token::Kind::Term) return {};
  if (type == ns_t_txt) return source.policy(token->number);
  if (type == ns_t_mx) return source.exchangers(token->number);
  return {};  // type 99 was withdrawn (RFC 7208, 3.1)
}

/// libspf2's DNS callback. It must never return null: libspf2 would abort.
SPF_dns_rr_t* lookup(SPF_dns_server_t* server, const char* name, ns_type type, int /*should_cache*/) noexcept {
  auto& run = *static_cast<Run*>(server->hook);
  Answer answer(server, name, type);
  Reply reply = ask(run.source, parse_token(name), type);
  switch (reply.got) {
    case Reply::Got::Stop: return answer.end(TRY_AGAIN);
    case Reply::Got::Nothing: return answer.end(NO_DATA);
    case Reply::Got::Found: break;
  }
  add_records(answer, reply, type, run.flipped);
  return answer.end(NETDB_SUCCESS);
}

/// libspf2's server with our DNS layer below it.
class Server {
 public:
  Server() {
    dns_.lookup = &lookup;
    dns_.name = "postern";
    server_ = SPF_server_new_dns(&dns_, 0);
    if (server_ == nullptr) throw std::bad_alloc();
    // Terms are counted by us, over includes; libspf2 begins anew in each of them.
    SPF_server_set_max_dns_mech(server_, 1000);
    // The explanation is ours too; the default one would be expanded on every pass.
    SPF_response_t* response = nullptr;
    SPF_server_set_explanation(server_, "-", &response);
    if (response != nullptr) SPF_response_free(response);
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server() { SPF_server_free(server_); }

  [[nodiscard]] SPF_server_t* get() const { return server_; }
  void hook(Run* run) { dns_.hook = run; }

 private:
  SPF_dns_server_t dns_{};
  SPF_server_t* server_ = nullptr;
};

Server& server_of_this_thread() {
  thread_local Server server;
  return server;
}

struct FreeRequest {
  void operator()(SPF_request_t* request) const { SPF_request_free(request); }
};
struct FreeResponse {
  void operator()(SPF_response_t* response) const { SPF_response_free(response); }
};

void set_client(SPF_request_t* request, const IpAddress& client, bool flipped) {
  std::string_view octets = client.octets();
  std::array<char, 16> buffer{};
  std::copy(octets.begin(), octets.end(), buffer.begin());
  if (flipped) buffer[0] = static_cast<char>(buffer[0] ^ '\x80');
  if (client.is_v4()) {
    in_addr address{};
    std::memcpy(&address, buffer.data(), sizeof address);
    SPF_request_set_ipv4(request, address);
  } else {
    in6_addr address{};
    std::memcpy(&address, buffer.data(), sizeof address);
    SPF_request_set_ipv6(request, address);
  }
}

Result translate(SPF_result_t result) {
  switch (result) {
    case SPF_RESULT_NEUTRAL: return Result::Neutral;
    case SPF_RESULT_PASS: return Result::Pass;
    case SPF_RESULT_FAIL: return Result::Fail;
    case SPF_RESULT_SOFTFAIL: return Result::SoftFail;
    case SPF_RESULT_NONE: return Result::None;
    case SPF_RESULT_PERMERROR: return Result::PermError;
    case SPF_RESULT_INVALID:
    case SPF_RESULT_TEMPERROR: break;
  }
  return Result::TempError;
}

}  // namespace

Verdict run(const std::string& record, const IpAddress& client, Source& source) {
  Server& server = server_of_this_thread();
  // libspf2 passes every loopback client unasked, RFC 7208 does not. A prefix matches just as well when one bit of both
  // sides is turned over, and then no loopback address is left to see.
  Run state{source, client.is_loopback()};
  server.hook(&state);
  std::unique_ptr<SPF_request_t, FreeRequest> request(SPF_request_new(server.get()));
  if (!request) throw std::bad_alloc();
  set_client(request.get(), client, state.flipped);
  SPF_request_set_env_from(request.get(), "x@top.x");
  SPF_response_t* raw = nullptr;
  SPF_request_query_fallback(request.get(), &raw, record.c_str());
  std::unique_ptr<SPF_response_t, FreeResponse> response(raw);
  server.hook(nullptr);
  if (!response) throw std::bad_alloc();
  Verdict verdict;
  verdict.result = translate(SPF_response_result(response.get()));
  if (verdict.result == Result::TempError || verdict.result == Result::PermError) {
    SPF_errcode_t code = SPF_response_errcode(response.get());
    verdict.too_many_exchangers = code == SPF_E_BIG_DNS;
    verdict.reason = SPF_strerror(code);
  }
  return verdict;
}

}  // namespace postern::spf::engine
