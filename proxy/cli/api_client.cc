#include "proxy/cli/api_client.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "filters/base/bytes.h"
#include "filters/base/fd.h"
#include "proxy/net/address.h"

namespace postern::cli {
namespace {

/// Where the gateway listens, as a client reaches it.
Result<net::SocketAddress> target(const std::string& text) {
  auto address = net::parse_listen_address(text);
  if (!address) return tl::unexpected(address.error());
  if (address->kind == net::ListenAddress::Kind::Unix) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (address->name.size() >= sizeof un.sun_path) return fail(Code::BadInput, "the path is too long for a socket");
    address->name.copy(un.sun_path, sizeof un.sun_path - 1);
    net::SocketAddress result;
    std::memcpy(&result.storage, &un, sizeof un);
    result.length = sizeof un;
    return result;
  }
  if (address->kind != net::ListenAddress::Kind::Tcp) return fail(Code::BadInput, "no address that can be asked");
  if (address->endpoint.port == 0) return fail(Code::BadInput, "port 0 is another one at each start");
  IpAddress ip = address->endpoint.ip;
  if (ip == *IpAddress::parse("0.0.0.0")) ip = *IpAddress::parse("127.0.0.1");
  if (ip == *IpAddress::parse("::")) ip = *IpAddress::parse("::1");
  return net::to_socket_address(ip, address->endpoint.port);
}

/// One connection with one deadline for everything.
class Connection {
 public:
  explicit Connection(Duration timeout) : deadline_(std::chrono::steady_clock::now() + timeout) {}

  Result<void> open(const net::SocketAddress& address) {
    fd_ = Fd(::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd_.get() < 0) return failed("socket", errno);
    if (::connect(fd_.get(), address.get(), address.length) == 0) return {};
    if (errno != EINPROGRESS) return failed("connect", errno);
    if (auto ready = wait(POLLOUT); !ready) return ready;
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return failed("connect", error);
    return {};
  }

  Result<void> send(std::string_view bytes) {
    while (!bytes.empty()) {
      ssize_t sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent >= 0) {
        bytes.remove_prefix(static_cast<size_t>(sent));
      } else if (errno == EAGAIN) {
        if (auto ready = wait(POLLOUT); !ready) return ready;
      } else if (errno != EINTR) {
        return failed("send", errno);
      }
    }
    return {};
  }

  /// Until the other side closes.
  Result<std::string> receive(size_t limit) {
    std::string all;
    std::array<char, 16384> buffer{};
    while (true) {
      ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got == 0) return all;
      if (got > 0) {
        all.append(buffer.data(), static_cast<size_t>(got));
        if (all.size() > limit) return fail(Code::Limit, "the answer is too large");
      } else if (errno == EAGAIN) {
        if (auto ready = wait(POLLIN); !ready) return tl::unexpected(ready.error());
      } else if (errno != EINTR) {
        return failed("receive", errno);
      }
    }
  }

 private:
  static tl::unexpected<Error> failed(const char* what, int error) {
    return fail(Code::Io, net::system_error(what, error));
  }
  Result<void> wait(short events) {
    while (true) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now()).count();
      pollfd waiting{fd_.get(), events, 0};
      int ready = left <= 0 ? 0 : ::poll(&waiting, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
      if (ready > 0) return {};
      if (left <= 0) return fail(Code::Unavailable, "it does not answer in time");
      if (ready < 0 && errno != EINTR) return failed("poll", errno);
    }
  }

  std::chrono::steady_clock::time_point deadline_;
  Fd fd_;
};

struct Answer {
  int status = 0;
  std::string_view body;
};

std::optional<size_t> number(std::string_view text) {
  size_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// RFC 9112, 4 and 6.2: the status line, and as many octets of content as the length says.
std::optional<Answer> parse(std::string_view text) {
  size_t header_end = text.find("\r\n\r\n");
  if (header_end == std::string_view::npos || !text.starts_with("HTTP/1.") || text.size() < 12) return std::nullopt;
  Answer answer;
  auto status = number(text.substr(9, 3));
  if (!status) return std::nullopt;
  answer.status = static_cast<int>(*status);
  answer.body = text.substr(header_end + 4);
  std::string_view header = text.substr(0, header_end);
  for (size_t line = header.find("\r\n"); line != std::string_view::npos; line = header.find("\r\n", line + 2)) {
    std::string_view field = header.substr(line + 2, header.find("\r\n", line + 2) - line - 2);
    static constexpr std::string_view kLength = "Content-Length:";
    if (!starts_nocase(field, kLength)) continue;
    auto length = number(trim(field.substr(kLength.size())));
    if (!length || *length > answer.body.size()) return std::nullopt;
    answer.body = answer.body.substr(0, *length);
  }
  return answer;
}

/// What the gateway says of a request that it did not serve; nothing where somebody else seems to speak.
std::optional<std::string> error_in(std::string_view body) {
  auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object() || !json.contains("error") || !json["error"].is_string()) return std::nullopt;
  return escape_for_log(json["error"].get<std::string>());
}

std::string reason_in(std::string_view body) {
  return error_in(body).value_or(escape_for_log(body.substr(0, body.find('\n'))));
}

}  // namespace

ApiOptions api_of(const ops::Config& config) {
  ApiOptions options;
  options.address = config.http_address;
  options.token = config.http_token;
  return options;
}

Result<std::string> api_request(const ApiOptions& options, const std::string& method, const std::string& path) {
  std::string where = fmt::format("[http] address {}", options.address);
  if (options.address.empty()) return fail(Code::BadInput, "[http] address is empty: the gateway cannot be asked");
  auto address = target(options.address);
  if (!address) return tl::unexpected(std::move(address.error()).in(where));
  Connection connection(options.timeout);
  if (auto opened = connection.open(*address); !opened) {
    return fail(opened.error().code,
                fmt::format("{}: {}; does the gateway run, with this configuration?", where, opened.error().message));
  }
  // HTTP/1.0: the other side closes behind its answer, and sends it in one piece (RFC 9112, 9.3 and 6.1).
  std::string request = fmt::format("{} {} HTTP/1.0\r\nHost: postern\r\nContent-Length: 0\r\n", method, path);
  if (!options.token.empty()) request += fmt::format("Authorization: Bearer {}\r\n", options.token);
  request += "\r\n";
  if (auto sent = connection.send(request); !sent) return tl::unexpected(std::move(sent.error()).in(where));
  auto received = connection.receive(kMaxApiAnswer);
  if (!received) return tl::unexpected(std::move(received.error()).in(where));
  auto answer = parse(*received);
  if (!answer) return fail(Code::BadInput, fmt::format("{}: who answers there is not the gateway", where));
  if (answer->status == 401) {
    return fail(Code::BadInput, fmt::format("{}: the gateway wants another [http] token (was it reloaded?)", where));
  }
  if (answer->status == 404) {
    // A path that the server knows, and something below it that does not exist: the gateway's own words say what.
    auto missing = error_in(answer->body);
    if (missing && *missing != "no such resource") return fail(Code::NotFound, std::move(*missing));
    return fail(Code::BadInput,
                fmt::format("{}: who answers does not know {}: another version, or not the gateway", where, path));
  }
  if (answer->status / 100 != 2) {
    return fail(Code::BadInput, fmt::format("{}: status {}: {}", where, answer->status, reason_in(answer->body)));
  }
  return std::string(answer->body);
}

}  // namespace postern::cli
