#include "tests/transcripts/play.h"

#include <algorithm>
#include <regex>

namespace postern::transcripts {

namespace {

using Kind = Step::Kind;

std::string show(const std::vector<smtp::Parameter>& parameters) {
  std::string out;
  for (const auto& parameter : parameters) {
    out += " " + parameter.keyword + (parameter.has_value ? "=" + escape(parameter.value) : "");
  }
  return out;
}

std::string show(smtp::BodyFault fault) {
  switch (fault) {
    case smtp::BodyFault::None: break;
    case smtp::BodyFault::TooBig: return " too-big";
    case smtp::BodyFault::BareNewline: return " bare-newline";
  }
  return "";
}

std::string show(smtp::AskRefusal::What what) {
  using What = smtp::AskRefusal::What;
  switch (what) {
    case What::TooBig: return "too-big";
    case What::TooManyRecipients: return "too-many-recipients";
    case What::NoRecipients: return "no-recipients";
    case What::TooManyErrors: return "too-many-errors";
  }
  return "";
}

smtp::Reply to_reply(const std::string& text) {
  smtp::ReplyReader reader;
  std::string wire = text.ends_with('\n') ? text : text + "\r\n";
  std::string_view input = wire;
  if (reader.read(input) == smtp::ReplyReader::State::Ready) return reader.take();
  return {};
}

/// Drives one engine. One overload of on() an action; true when it was a question.
class Player {
 public:
  explicit Player(const Dialogue& dialogue) : dialogue_(dialogue), engine_(dialogue_.options, dialogue_.secured) {
    engine_.offer(dialogue_.offer);
    for (const auto& step : dialogue_.steps) {
      if (step.is_question()) answers_.push_back(step.answer);
    }
    drain();
  }

  void feed(std::string_view octets) {
    engine_.feed(octets);
    drain();
  }
  void input(const Step& step) {
    if (step.kind == Kind::Eof) engine_.peer_closed();
    if (step.kind == Kind::Secured) engine_.secured();
    if (step.kind == Kind::Answer) engine_.answer(to_reply(step.text));
    if (step.kind == Kind::Shutdown) engine_.close(to_reply(step.text), "shutdown");
    drain();
  }
  void mark() { log_.emplace_back("C"); }
  [[nodiscard]] Log take() {
    flush();
    return std::move(log_);
  }
  void flush() {
    if (!body_.empty()) log_.push_back("B: " + escape(body_));
    body_.clear();
  }

 private:
  void drain() {
    while (auto action = engine_.next()) {
      if (!std::holds_alternative<smtp::Body>(*action)) flush();
      if (std::visit([this](const auto& a) { return on(a); }, *action)) answer();
    }
    if (engine_.early_talker() && !early_) log_.emplace_back("early talker");
    early_ = engine_.early_talker();
  }
  void answer() {
    if (asked_ >= answers_.size()) return;
    const std::string& reply = answers_[asked_++];
    if (reply != "...") engine_.answer(to_reply(reply));
  }
  bool question(const std::string& text) {
    log_.push_back("ask " + text);
    return true;
  }
  bool event(const std::string& text) {
    log_.push_back(text);
    return false;
  }

  bool on(const smtp::AskGreeting& /*ask*/) { return question("greeting"); }
  bool on(const smtp::AskHelo& ask) { return question((ask.esmtp ? "ehlo " : "helo ") + ask.name); }
  bool on(const smtp::AskMail& ask) {
    return question("mail <" + escape(ask.command.from.address) + ">" + show(ask.command.parameters));
  }
  bool on(const smtp::AskRcpt& ask) {
    return question("rcpt <" + escape(ask.command.to.address) + ">" + show(ask.command.parameters));
  }
  bool on(const smtp::AskData& /*ask*/) { return question("data"); }
  bool on(const smtp::AskMessage& ask) { return question("message " + std::to_string(ask.size) + show(ask.fault)); }
  bool on(const smtp::AskRefusal& ask) {
    std::string address = ask.address.empty() ? "" : " <" + escape(ask.address) + '>';
    return question("refusal " + show(ask.what) + address + ": " + ask.reply.to_string());
  }
  bool on(const smtp::Send& send) {
    std::string_view rest = send.bytes;
    for (size_t end = 0; (end = rest.find("\r\n")) != std::string_view::npos; rest.remove_prefix(end + 2)) {
      event("S: " + escape(rest.substr(0, end)));
    }
    if (!rest.empty()) event("S without line end: " + escape(rest));
    return false;
  }
  bool on(const smtp::Body& body) {
    body_ += body.bytes;
    return false;
  }
  bool on(const smtp::TransactionReset& /*reset*/) { return event("reset"); }
  bool on(const smtp::StartTls& /*tls*/) { return event("starttls"); }
  bool on(const smtp::Close& close) { return event("close " + close.why); }

  const Dialogue& dialogue_;
  smtp::ServerEngine engine_;
  std::vector<std::string> answers_;
  size_t asked_ = 0;
  std::string body_;  // not yet in the log: how it is cut does not count
  bool early_ = false;
  Log log_;
};

}  // namespace

Log play(const Dialogue& dialogue, const Cut& cut) {
  Player player(dialogue);
  size_t at = 0;
  const Step* previous = nullptr;
  std::string piece;
  auto feed_piece = [&] {
    if (!piece.empty()) player.feed(piece);
    piece.clear();
  };
  for (const auto& step : dialogue.steps) {
    if (step.kind != Kind::Client) feed_piece();
    if (step.kind == Kind::Client) {
      if (previous == nullptr || previous->kind != Kind::Client) {
        player.flush();
        player.mark();
      }
      for (char octet : step.text) {
        if (cut(at++)) feed_piece();
        piece += octet;
      }
    } else if (step.is_input()) {
      player.input(step);
    }
    previous = &step;
  }
  feed_piece();
  return player.take();
}

Log play_at_once(const Dialogue& dialogue) {
  Player player(dialogue);
  std::string all;
  for (const auto& step : dialogue.steps) {
    if (step.kind == Kind::Client) all += step.text;
  }
  player.feed(all);
  for (const auto& step : dialogue.steps) {
    if (step.kind == Kind::Eof) player.input(step);
  }
  return player.take();
}

bool may_play_at_once(const Dialogue& dialogue) {
  return std::all_of(dialogue.steps.begin(), dialogue.steps.end(), [](const Step& step) {
    if (step.is_input()) return step.kind == Kind::Client || step.kind == Kind::Eof;
    return step.answer != "..." && step.text != "starttls" && step.text != "early talker";
  });
}

size_t input_size(const Dialogue& dialogue) {
  size_t size = 0;
  for (const auto& step : dialogue.steps) size += step.kind == Kind::Client ? step.text.size() : 0;
  return size;
}

Log expected(const Dialogue& dialogue, bool with_marks) {
  Log log;
  const Step* previous = nullptr;
  bool body = false;  // the last line of the log is a body that goes on
  for (const auto& step : dialogue.steps) {
    bool more_client = step.kind == Kind::Client && previous != nullptr && previous->kind == Kind::Client;
    previous = &step;
    if (step.kind == Kind::Client && with_marks && !more_client) {
      log.emplace_back("C");
      body = false;
    }
    if (step.kind == Kind::Match) log.push_back("~" + step.text);
    if (step.kind != Kind::Expect) continue;
    bool is_body = step.text.starts_with("B: ");
    if (is_body && body) {
      log.back() += step.text.substr(3);
    } else {
      log.push_back(step.text);
    }
    body = is_body;
  }
  return log;
}

std::string difference(const Log& expected, const Log& actual) {
  for (size_t i = 0; i < std::max(expected.size(), actual.size()); ++i) {
    std::string want = i < expected.size() ? expected[i] : "(nothing more)";
    std::string got = i < actual.size() ? actual[i] : "(nothing more)";
    bool pattern = want.starts_with('~');
    if (pattern ? std::regex_match(got, std::regex(want.substr(1))) : got == want) continue;
    std::string report = "event " + std::to_string(i + 1);
    report += "\n  expected: " + want;
    report += "\n  happened: " + got;
    return report;
  }
  return "";
}

}  // namespace postern::transcripts
