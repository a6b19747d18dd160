// A backend played by hand: what it says is fed whole or cut into small pieces, what the engine does is read as text.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/smtp/client_engine.h"

namespace postern::smtp {

inline const char* name_of(Request request) {
  switch (request) {
    case Request::Mail: return "MAIL";
    case Request::Rcpt: return "RCPT";
    case Request::Data: return "DATA";
    case Request::Content: return "content";
    case Request::Reset: return "RSET";
    case Request::Quit: return "QUIT";
  }
  return "?";
}

struct Printer {
  std::string operator()(const client::Send& send) const { return "> " + send.bytes; }
  std::string operator()(const client::StartTls&) const { return "tls\n"; }
  std::string operator()(const client::Ready&) const { return "ready\n"; }
  std::string operator()(const client::Replied& replied) const {
    return std::string(name_of(replied.request)) + ": " + replied.reply.to_string() + "\n";
  }
  std::string operator()(const client::Broken& broken) const {
    return "broken" + (broken.reply ? " by " + std::to_string(broken.reply->code) : "") + ": " + broken.why + "\n";
  }
};

inline MailCommand mail_from(const std::string& address, std::vector<Parameter> parameters = {}) {
  MailCommand command;
  command.from.address = address;
  command.parameters = std::move(parameters);
  return command;
}

inline RcptCommand rcpt_to(const std::string& address, std::vector<Parameter> parameters = {}) {
  RcptCommand command;
  command.to.address = address;
  command.parameters = std::move(parameters);
  return command;
}

/// The parameter is how many octets are fed at once; 0 is everything.
class ClientDialogue : public ::testing::TestWithParam<size_t> {
 protected:
  void begin(ClientOptions options = {}) {
    options.hostname = "gate.example.org";
    engine_.emplace(std::move(options));
  }

  /// What the engine does after the peer said `text`; CRLF is shown as a line end.
  std::string hear(std::string_view text) {
    std::string log;
    size_t step = GetParam() == 0 ? text.size() : GetParam();
    for (size_t i = 0; i < text.size(); i += step) {
      engine_->feed(text.substr(i, step));
      log += drain();
    }
    return log;
  }

  std::string drain() {
    std::string log;
    while (auto action = engine_->next()) log += std::visit(Printer(), *action);
    std::string out;
    for (char c : log) {
      if (c != '\r') out += c;
    }
    return out;
  }

  void become_ready(const std::string& ehlo = "250-mx.example.org\r\n250 PIPELINING\r\n") {
    begin();
    hear("220 mx.example.org ESMTP\r\n");
    ASSERT_EQ(hear(ehlo), "ready\n");
  }

  std::string mail(const MailCommand& command) {
    engine_->mail(command);
    return drain();
  }
  std::string rcpt(const RcptCommand& command) {
    engine_->rcpt(command);
    return drain();
  }

  std::optional<ClientEngine> engine_;
};

}  // namespace postern::smtp
