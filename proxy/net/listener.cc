#include "proxy/net/listener.h"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <exception>

#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace postern::net {
namespace {

tl::unexpected<Error> io_error(const char* what) {
  return fail(Code::Io, system_error(what, errno));
}

Result<Fd> tcp_socket(const Endpoint& endpoint, bool reuse_port) {
  SocketAddress address = to_socket_address(endpoint.ip, endpoint.port);
  Fd fd(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return io_error("socket");
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (reuse_port && ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) {
    return io_error("SO_REUSEPORT");
  }
  // So that "0.0.0.0:25" and "[::]:25" can stand side by side.
  if (!endpoint.ip.is_v4()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), address.get(), address.length) != 0) return io_error("bind");
  return fd;
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof address.sun_path - 1));
  return address;
}

// A socket file whose process has gone answers nobody and only stands in the way.
void remove_if_dead(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  sockaddr_un address = unix_address(path);
  if (::connect(probe.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 && errno == ECONNREFUSED) {
    ::unlink(path.c_str());
  }
}

}  // namespace

HandedSockets HandedSockets::from_environment() {
  HandedSockets result;
  const char* pid_text = std::getenv("LISTEN_PID");
  const char* count_text = std::getenv("LISTEN_FDS");
  const char* names_text = std::getenv("LISTEN_FDNAMES");
  if (pid_text == nullptr || count_text == nullptr) return result;
  auto number = [](std::string_view text) {
    long value = -1;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  if (number(pid_text) != ::getpid()) return result;
  constexpr int kFirst = 3;  // SD_LISTEN_FDS_START
  constexpr long kMost = 1000;
  std::string_view names = names_text == nullptr ? "" : names_text;
  long count = std::min(number(count_text), kMost);
  for (int i = 0; i < count; ++i) {
    size_t colon = names.find(':');
    result.sockets.push_back({std::string(names.substr(0, colon)), kFirst + i});
    names = colon == std::string_view::npos ? "" : names.substr(colon + 1);
  }
  return result;
}

void ListenSockets::Unlink::operator()(std::string* path) const {
  ::unlink(path->c_str());
  delete path;
}

ListenSockets::~ListenSockets() = default;

Result<ListenSockets> ListenSockets::open(const std::string& address, unsigned workers, const HandedSockets& handed) {
  auto parsed = parse_listen_address(address);
  if (!parsed) return tl::unexpected(std::move(parsed.error()));
  ListenSockets sockets;
  sockets.by_worker_.resize(workers);
  Result<void> done;
  switch (parsed->kind) {
    case ListenAddress::Kind::Tcp: done = sockets.open_tcp(parsed->endpoint, workers); break;
    case ListenAddress::Kind::Unix: done = sockets.open_unix(parsed->name); break;
    case ListenAddress::Kind::Systemd: done = sockets.take_handed(parsed->name, handed); break;
  }
  if (done) done = sockets.share(workers);
  if (!done) return tl::unexpected(std::move(done.error()).in(address));
  return sockets;
}

Result<void> ListenSockets::open_tcp(const Endpoint& endpoint, unsigned workers) {
  Endpoint bound = endpoint;
  if (endpoint.port != 0) {
    // With SO_REUSEPORT alone a second gateway on the same port would silently get half of the connections.
    if (auto probe = tcp_socket(endpoint, false); !probe) return tl::unexpected(std::move(probe.error()));
  }
  for (unsigned worker = 0; worker < workers; ++worker) {
    auto fd = tcp_socket(bound, true);
    if (!fd) return tl::unexpected(std::move(fd.error()));
    if (::listen(fd->get(), kBacklog) != 0) return io_error("listen");
    if (auto local = local_of(fd->get())) bound.port = local->port;
    by_worker_[worker].push_back(std::move(*fd));
  }
  port_ = bound.port;
  return {};
}

Result<void> ListenSockets::open_unix(const std::string& path) {
  remove_if_dead(path);
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return io_error("socket");
  sockaddr_un address = unix_address(path);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return io_error("bind");
  path_.reset(new std::string(path));
  if (::listen(fd.get(), kBacklog) != 0) return io_error("listen");
  shared_.push_back(std::move(fd));
  return {};
}

Result<void> ListenSockets::take_handed(const std::string& name, const HandedSockets& handed) {
  for (const auto& socket : handed.sockets) {
    if (socket.name != name) continue;
    // A copy: what the service manager gave stays open for whoever asks for the name again.
    Fd fd(::fcntl(socket.fd, F_DUPFD_CLOEXEC, 0));
    if (!fd) return io_error("socket from the service manager");
    int flags = ::fcntl(fd.get(), F_GETFL);
    ::fcntl(fd.get(), F_SETFL, static_cast<int>(static_cast<unsigned>(flags) | O_NONBLOCK));
    ::fcntl(socket.fd, F_SETFD, FD_CLOEXEC);
    if (auto local = local_of(fd.get())) port_ = local->port;
    shared_.push_back(std::move(fd));
  }
  if (shared_.empty()) return fail(Code::NotFound, "the service manager handed over no socket of this name");
  return {};
}

Result<void> ListenSockets::share(unsigned workers) {
  for (const auto& fd : shared_) {
    for (unsigned worker = 0; worker < workers; ++worker) {
      Fd copy(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
      if (!copy) return io_error("dup");
      by_worker_[worker].push_back(std::move(copy));
    }
  }
  shared_.clear();
  return {};
}

Acceptor::Acceptor(Loop& loop, const Clock& clock, Fd socket, Accepted accepted, Note note)
    : clock_(clock),
      socket_(std::move(socket)),
      accepted_(std::move(accepted)),
      note_(std::move(note)),
      ready_(event_new(loop.base(), socket_.get(), EV_READ | EV_PERSIST, on_ready, this)),
      resume_(evtimer_new(loop.base(), on_resume, this)) {
  POSTERN_CHECK(ready_ != nullptr && resume_ != nullptr && event_add(ready_, nullptr) == 0);
}

Acceptor::~Acceptor() {
  event_free(ready_);
  event_free(resume_);
}

void Acceptor::on_ready(int, short, void* self) noexcept {
  static_cast<Acceptor*>(self)->accept_some();
}

void Acceptor::on_resume(int, short, void* self) noexcept {
  POSTERN_CHECK(event_add(static_cast<Acceptor*>(self)->ready_, nullptr) == 0);
}

void Acceptor::accept_some() {
  for (int i = 0; i < kPerTurn; ++i) {
    Fd fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      int error = errno;
      // Those that the client gave up meanwhile (accept(2)) cost nothing; the next one may be good.
      if (error == ECONNABORTED || error == EINTR || error == EPROTO) continue;
      if (error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM) pause(error);
      return;
    }
    try {
      accepted_(std::move(fd));
    } catch (const std::exception& error) {
      note_(std::string("connection dropped: ") + error.what());
    }
  }
}

void Acceptor::pause(int error) {
  // The connection waits in the kernel's queue; asking for it again at once would only burn the processor.
  event_del(ready_);
  timeval time = to_timeval(kPause);
  POSTERN_CHECK(event_add(resume_, &time) == 0);
  if (auto text = limiter_.allow(system_error("accept", error), clock_.now())) note_(*text);
}

}  // namespace postern::net
