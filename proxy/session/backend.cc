#include "proxy/session/backend.h"

#include <utility>

#include "proxy/smtp/body_writer.h"
#include "proxy/smtp/proxy_header.h"

namespace postern::session {
namespace {

/// Content is written in pieces of about this size; the link never holds many of them.
constexpr size_t kWrite = 64U << 10U;
constexpr size_t kMostQueued = 256U << 10U;

}  // namespace

Backend::Backend(Timers& timers, const Clock& clock, Connector& connector, Observer& observer,
                 BackendRegistry& registry, Options options)
    : timers_(timers),
      clock_(clock),
      connector_(connector),
      observer_(observer),
      registry_(registry),
      options_(std::move(options)) {}

// ---------------------------------------------------------------- opening

Task<Result<void>> Backend::open() {
  std::string reasons;
  for (const auto& address : registry_.order(options_.addresses)) {
    auto opened = co_await open_one(address);
    if (opened) {
      if (registry_.report_up(address.text, capabilities())) observer_.backend_state(address.text, true);
      bool untold = options_.client_info == BackendPolicy::ClientInfo::Xclient && !engine_->told_client();
      if (untold && registry_.first_complaint(address.text)) {
        observer_.note("warning", "backend " + address.text +
                                      " offers no XCLIENT: it takes every client for us ([backend] client_info, and "
                                      "smtpd_authorized_xclient_hosts in Postfix)");
      }
      co_return Result<void>{};
    }
    if (registry_.report_down(address.text, opened.error().message)) observer_.backend_state(address.text, false);
    reasons += (reasons.empty() ? "" : "; ") + address.text + ": " + opened.error().message;
  }
  co_return fail(Code::Unavailable, reasons.empty() ? "no backend configured" : reasons);
}

Task<Result<void>> Backend::open_one(const BackendAddress& address) {
  smtp::ClientOptions client;
  client.hostname = options_.hostname;
  client.tls = options_.tls;
  if (options_.client_info == BackendPolicy::ClientInfo::Xclient) client.xclient = options_.client;
  engine_.emplace(std::move(client));
  replies_.clear();
  last_words_.reset();
  name_ = address.text;
  ready_ = broken_ = false;
  arm(options_.connect_timeout, "no answer within the connect time-out");
  link_ = connector_.connect(address, *this);
  while (!ready_ && !broken_) co_await changed_;
  timeout_.reset();
  if (ready_ && !broken_) co_return Result<void>{};
  std::string why = last_words_ ? why_ + " (" + last_words_->to_string() + ")" : why_;
  link_.reset();
  co_return fail(Code::Unavailable, why);
}

void Backend::connected() {
  if (options_.client_info == BackendPolicy::ClientInfo::Proxy) {
    smtp::ProxyAddresses proxy;
    proxy.source = options_.client.ip;
    proxy.source_port = options_.client.port;
    proxy.destination = options_.local_ip;
    proxy.destination_port = options_.local_port;
    link_->write(smtp::encode_proxy_v1(proxy));
  }
}

// ---------------------------------------------------------------- requests

Task<Result<smtp::Reply>> Backend::reply(Duration timeout) {
  TimePoint begin = clock_.now();
  owes_reply_ = true;
  arm(timeout, "no reply in time");
  while (replies_.empty() && !broken_) co_await changed_;
  timeout_.reset();
  if (replies_.empty()) {
    if (last_words_ && last_words_->temporary() && last_words_->code != 421) {
      co_return std::move(*std::exchange(last_words_, std::nullopt));
    }
    co_return fail(Code::Unavailable, name_ + ": " + why_);
  }
  owes_reply_ = false;
  smtp::Reply reply = std::move(replies_.front());
  replies_.pop_front();
  observer_.backend_replied(name_, reply.code, clock_.now() - begin);
  co_return reply;
}

Task<Result<smtp::Reply>> Backend::mail(const smtp::MailCommand& command) {
  if (broken_) co_return fail(Code::Unavailable, name_ + ": " + why_);
  engine_->mail(command);
  pump();
  co_return co_await reply(options_.command_timeout);
}

Task<Result<smtp::Reply>> Backend::rcpt(const smtp::RcptCommand& command) {
  if (broken_) co_return fail(Code::Unavailable, name_ + ": " + why_);
  engine_->rcpt(command);
  pump();
  co_return co_await reply(options_.command_timeout);
}

Task<Result<smtp::Reply>> Backend::reset() {
  if (broken_) co_return fail(Code::Unavailable, name_ + ": " + why_);
  engine_->reset();
  pump();
  co_return co_await reply(options_.command_timeout);
}

Task<Result<smtp::Reply>> Backend::deliver(Content& content, std::function<void()> committed) {
  if (broken_) co_return fail(Code::Unavailable, name_ + ": " + why_);
  engine_->data();
  pump();
  auto go_ahead = co_await reply(options_.command_timeout);
  if (!go_ahead || !go_ahead->intermediate()) co_return go_ahead;
  auto sent = co_await send_content(content);
  if (!sent) {
    // Without its final dot the message does not exist for the backend (RFC 5321, 4.1.1.4).
    fail_with("message broken off");
    link_.reset();
    co_return tl::unexpected(sent.error());
  }
  committed();
  link_->write(std::exchange(last_write_, {}));
  engine_->content_sent();
  pump();
  co_return co_await reply(options_.content_timeout);
}

/// Pieces are gathered, so that a message of ordinary size is one write and its dot goes with it.
Task<Result<void>> Backend::send_content(Content& content) {
  smtp::BodyWriter writer;
  std::string encoded;
  while (true) {
    auto piece = content.next();
    if (!piece) co_return tl::unexpected(piece.error());
    bool last = piece->empty();
    last ? writer.finish(encoded) : writer.write(*piece, encoded);
    if (!last && encoded.size() < kWrite) continue;
    if (broken_) co_return fail(Code::Unavailable, name_ + ": " + why_);
    if (last) break;
    link_->write(encoded);
    encoded.clear();
    while (link_->queued() > kMostQueued && !broken_) {
      arm(options_.command_timeout, "does not take the message");
      co_await changed_;
      if (broken_) co_return fail(Code::Unavailable, name_ + ": " + why_);
    }
  }
  timeout_.reset();
  last_write_ = std::move(encoded);
  co_return Result<void>{};
}

void Backend::blame(const std::string& why) {
  if (registry_.report_down(name_, why)) observer_.backend_state(name_, false);
}

void Backend::quit() {
  if (!link_) return;
  if (is_open() && !engine_->sending_content()) {
    engine_->quit();
    pump();
  }
  if (link_) link_->close_after_flush();
  link_.reset();
  broken_ = true;
  why_ = "closed";
}

// ---------------------------------------------------------------- events

void Backend::received(std::string_view bytes) {
  engine_->feed(bytes);
  pump();
  changed_.notify();
}

void Backend::writable() {
  changed_.notify();
}

void Backend::secured(const TlsInfo& /*info*/) {
  engine_->secured();
  pump();
  changed_.notify();
}

void Backend::end_of_input() {
  engine_->peer_closed();
  pump();
  fail_with("connection closed by the backend");
  changed_.notify();
}

void Backend::failed(const std::string& why) {
  fail_with(why);
  changed_.notify();
}

void Backend::pump() {
  while (link_) {
    auto action = engine_->next();
    if (!action) return;
    take(std::move(*action));
  }
}

void Backend::take(smtp::client::Action action) {
  namespace client = smtp::client;
  if (auto* send = std::get_if<client::Send>(&action)) {
    link_->write(send->bytes);
  } else if (std::holds_alternative<client::StartTls>(action)) {
    link_->start_tls();
  } else if (std::holds_alternative<client::Ready>(action)) {
    ready_ = true;
  } else if (auto* replied = std::get_if<client::Replied>(&action)) {
    if (replied->request != smtp::Request::Quit) replies_.push_back(std::move(replied->reply));
  } else if (auto* broken = std::get_if<client::Broken>(&action)) {
    last_words_ = std::move(broken->reply);
    fail_with(broken->why);
  }
}

void Backend::fail_with(const std::string& why) {
  if (broken_) return;
  broken_ = true;
  why_ = why;
}

void Backend::arm(Duration timeout, const char* what) {
  timeout_ = timers_.after(timeout, [this, what] {
    fail_with(what);
    changed_.notify();
  });
}

}  // namespace postern::session
