#include "proxy/net/bulk_stream_store.h"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "filters/base/bytes.h"

namespace postern::net {
namespace {

constexpr size_t kMaxHost = 255;
constexpr unsigned kMaxDatabase = 1'000'000;

template <class T>
std::optional<T> to_number(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    uint8_t octet = 0;
    const char* digits = text.data() + at + 1;
    if (text.size() - at < 3 || std::from_chars(digits, digits + 2, octet, 16).ptr != digits + 2) return std::nullopt;
    out += static_cast<char>(octet);
    at += 2;
  }
  return out;
}

Result<void> take_login(RedisStore& store, std::string_view login) {
  size_t colon = login.find(':');
  if (colon == std::string_view::npos) return fail(Code::BadInput, "there is a user but no password: USER:PASSWORD@");
  auto user = percent_decoded(login.substr(0, colon));
  auto password = percent_decoded(login.substr(colon + 1));
  if (!user || !password) return fail(Code::BadInput, "a % in user or password is not followed by two hex digits");
  if (password->empty()) return fail(Code::BadInput, "the password is empty");
  store.user = std::move(*user);
  store.password = std::move(*password);
  return {};
}

Result<void> take_place(RedisStore& store, std::string_view place) {
  size_t slash = place.find('/');
  if (slash != std::string_view::npos) {
    auto database = to_number<unsigned>(place.substr(slash + 1));
    if (!database || *database > kMaxDatabase) return fail(Code::BadInput, "the database after / is not a number");
    store.database = *database;
    place = place.substr(0, slash);
  }
  size_t colon = place.rfind(':');
  std::string_view host = place.substr(0, colon);
  bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto port = to_number<uint16_t>(colon == std::string_view::npos ? "" : place.substr(colon + 1));
  if (!port || *port == 0) return fail(Code::BadInput, "HOST:PORT is missing");
  if (host.empty() || host.size() > kMaxHost || (!bracketed && host.find(':') != std::string_view::npos)) {
    return fail(Code::BadInput, "HOST is no name and no address (IPv6 goes in brackets)");
  }
  for (char c : host) {
    if (!ascii_alnum(c) && std::string_view("-._:%").find(c) == std::string_view::npos) {
      return fail(Code::BadInput, "HOST is no name and no address");
    }
  }
  store.host = host;
  store.port = *port;
  return {};
}

}  // namespace

std::string RedisStore::shown() const {
  bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}/{}", v6 ? "[" : "", host, v6 ? "]" : "", port, database);
}

Result<RedisStore> parse_redis_store(std::string_view text) {
  constexpr std::string_view kScheme = "redis://";
  if (text.substr(0, kScheme.size()) != kScheme) return fail(Code::BadInput, "does not begin with redis://");
  text.remove_prefix(kScheme.size());
  RedisStore store;
  // The last one: a password with an @ in it is understood too.
  if (size_t at = text.rfind('@'); at != std::string_view::npos) {
    if (auto done = take_login(store, text.substr(0, at)); !done) return tl::unexpected(std::move(done.error()));
    text.remove_prefix(at + 1);
  }
  if (auto done = take_place(store, text); !done) return tl::unexpected(std::move(done.error()));
  return store;
}

}  // namespace postern::net
