#include "proxy/net/arrivals.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <sys/socket.h>

#include "filters/base/bytes.h"
#include "proxy/smtp/proxy_header.h"

namespace postern::net {
namespace {

bool in_any(const std::vector<IpNetwork>& networks, const IpAddress& ip) {
  return std::any_of(networks.begin(), networks.end(), [&](const auto& network) { return network.contains(ip); });
}

/// A client of a UNIX socket is one of this machine. nullopt: it has gone already.
std::optional<session::Peer> peer_on(int fd) {
  session::Peer peer;
  peer.ip = IpAddress::v4({127, 0, 0, 1});
  peer.local_ip = peer.ip;
  auto local = local_of(fd);
  if (!local) return peer;
  auto remote = peer_of(fd);
  if (!remote) return std::nullopt;
  return session::Peer{remote->ip, remote->port, local->ip, local->port};
}

}  // namespace

/// One connection that is not ready yet: first its PROXY header is read (on the bare socket, so that not one byte more
/// than the header is taken), then TLS is negotiated on a link.
class Arrivals::Arrival final : public session::LinkEvents {
 public:
  Arrival(Arrivals& owner, const session::ListenerPolicy& listener, const session::Peer& peer,
          ConnectionCounter::Ticket ticket)
      : owner_(owner), listener_(listener), peer_(peer), ticket_(std::move(ticket)) {
    deadline_ = owner_.timers_.after(kDeadline, [this] {
      if (header_) owner_.complain(peer_, "no PROXY header in time");
      owner_.remove(*this);
    });
  }
  ~Arrival() override {
    if (header_) event_del(&readable_);
  }

  std::list<std::unique_ptr<Arrival>>::iterator place;  // in waiting_

  void read_header(Fd fd) {
    fd_ = std::move(fd);
    header_ = std::make_unique<smtp::ProxyHeaderReader>();
    event_assign(&readable_, owner_.loop_.base(), fd_.get(), EV_READ | EV_PERSIST, on_readable, this);
    POSTERN_CHECK(event_add(&readable_, nullptr) == 0);
  }
  void negotiate(std::unique_ptr<BufferLink> link) {
    link_ = std::move(link);
    link_->attach(*this);
    link_->start_tls();
  }

  void received(std::string_view) override {}
  void secured(const session::TlsInfo&) override {
    Arrived arrived{std::move(link_), peer_, true, std::move(ticket_)};
    Arrivals& owner = owner_;
    const auto& listener = listener_;
    owner.remove(*this);
    owner.ready_(std::move(arrived), listener);
  }
  void end_of_input() override { owner_.remove(*this); }
  void failed(const std::string&) override { owner_.remove(*this); }

 private:
  static void on_readable(int, short, void* self) noexcept {
    auto* arrival = static_cast<Arrival*>(self);
    Arrivals& owner = arrival->owner_;
    try {
      arrival->read_some();
    } catch (const std::exception& error) {
      // Thrown before or after the arrival was removed; the connection is gone or falls to its deadline.
      owner.observer_.note("error", std::string("connection dropped: ") + error.what());
    }
  }

  void read_some() {
    std::array<char, 1024> bytes;
    ssize_t got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
      // Load balancers look whether the port is open: nothing to report.
      owner_.remove(*this);
      return;
    }
    std::string_view input(bytes.data(), static_cast<size_t>(got));
    auto state = header_->read(input);
    size_t used = static_cast<size_t>(got) - input.size();
    if (used > 0 && ::recv(fd_.get(), bytes.data(), used, 0) != static_cast<ssize_t>(used)) {
      owner_.remove(*this);
      return;
    }
    if (state == smtp::ProxyHeaderReader::State::Broken) {
      owner_.complain(peer_, "broken PROXY header: " + header_->error());
      owner_.remove(*this);
    } else if (state == smtp::ProxyHeaderReader::State::Ready) {
      header_done();
    }
  }

  void header_done() {
    const auto& told = header_->addresses();
    session::Peer peer = peer_;
    if (!told.local) peer = {told.source, told.source_port, told.destination, told.destination_port};
    event_del(&readable_);
    header_.reset();
    Arrivals& owner = owner_;
    const auto& listener = listener_;
    Fd fd = std::move(fd_);
    auto ticket = std::move(ticket_);
    owner.remove(*this);
    owner.identified(std::move(fd), peer, listener, std::move(ticket));
  }

  Arrivals& owner_;
  const session::ListenerPolicy& listener_;
  session::Peer peer_;
  ConnectionCounter::Ticket ticket_;
  Fd fd_;
  std::unique_ptr<smtp::ProxyHeaderReader> header_;
  event readable_{};
  std::unique_ptr<BufferLink> link_;
  Pending deadline_;
};

Arrivals::Arrivals(Loop& loop, LinkPool& links, session::Timers& timers, const Clock& clock,
                   session::Observer& observer, ConnectionCounter& counter, Ready ready)
    : loop_(loop),
      links_(links),
      timers_(timers),
      clock_(clock),
      observer_(observer),
      counter_(counter),
      ready_(std::move(ready)) {}
Arrivals::~Arrivals() = default;

void Arrivals::take(Fd fd, const session::ListenerPolicy& listener) {
  auto ticket = counter_.enter(limits_.connections);
  if (!ticket) {
    refuse(fd, listener);
    return;
  }
  auto peer = peer_on(fd.get());
  if (!peer) return;
  if (!in_any(listener.proxy_protocol, peer->ip)) {
    identified(std::move(fd), *peer, listener, std::move(ticket));
    return;
  }
  wait(listener, *peer, std::move(ticket)).read_header(std::move(fd));
}

void Arrivals::identified(Fd fd, const session::Peer& peer, const session::ListenerPolicy& listener,
                          ConnectionCounter::Ticket ticket) {
  if (!ticket.identify(peer.ip, limits_.connections_per_ip)) {
    refuse(fd, listener);
    return;
  }
  auto link = links_.accepted(std::move(fd));
  if (listener.tls != session::ListenerPolicy::Tls::Implicit) {
    ready_({std::move(link), peer, false, std::move(ticket)}, listener);
    return;
  }
  wait(listener, peer, std::move(ticket)).negotiate(std::move(link));
}

Arrivals::Arrival& Arrivals::wait(const session::ListenerPolicy& listener, const session::Peer& peer,
                                  ConnectionCounter::Ticket ticket) {
  waiting_.push_back(std::make_unique<Arrival>(*this, listener, peer, std::move(ticket)));
  waiting_.back()->place = std::prev(waiting_.end());
  return *waiting_.back();
}

void Arrivals::refuse(const Fd& fd, const session::ListenerPolicy& listener) {
  if (listener.tls == session::ListenerPolicy::Tls::Implicit) return;  // it could not be read
  // RFC 5321, 3.1 and 3.8 (421 closes); RFC 3463, 3.4 (X.3.2: system not accepting network messages). An empty socket
  // takes this much at once; nothing is kept for a client that we have no place for.
  constexpr std::string_view kReply = "421 4.3.2 too many connections\r\n";
  if (::send(fd.get(), kReply.data(), kReply.size(), MSG_NOSIGNAL) > 0) {
    ::shutdown(fd.get(), SHUT_WR);
    observer_.replied(421);
  }
}

void Arrivals::complain(const session::Peer& peer, const std::string& why) {
  auto text = limiter_.allow(peer.ip.to_string() + ": " + escape_for_log(why), clock_.now());
  if (text) observer_.note("warning", *text);
}

void Arrivals::remove(Arrival& arrival) {
  waiting_.erase(arrival.place);
}

void Arrivals::clear() {
  waiting_.clear();
}

}  // namespace postern::net
