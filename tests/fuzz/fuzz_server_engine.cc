// Whatever a client sends, and however it is cut: replies are well-formed, nothing follows Close, the body is clean,
// and whole and cut input give the same session.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/base/result.h"
#include "proxy/smtp/server_engine.h"

namespace {

using namespace postern;

/// Plays the owner: yes to most questions, as the input says.
class Owner {
 public:
  Owner(const smtp::ServerOptions& options, uint8_t answers) : engine_(options, false), answers_(answers) {
    smtp::Extensions offer{true, true, true, true, true, true, true, options.max_message};
    engine_.offer(offer);
    drain();
  }

  void feed(std::string_view bytes) {
    engine_.feed(bytes);
    drain();
    POSTERN_CHECK(!engine_.has_buffered_input());
  }
  void end() {
    engine_.peer_closed();
    drain();
    POSTERN_CHECK(closed_);
  }
  [[nodiscard]] const std::string& log() const { return log_; }
  [[nodiscard]] bool had_tls() const { return tls_; }

 private:
  void drain() {
    while (auto action = engine_.next()) {
      POSTERN_CHECK(!closed_);
      std::visit([this](auto& a) { on(a); }, *action);
    }
    POSTERN_CHECK(!engine_.waiting());
  }

  /// No to every n-th question, with a reply of another kind each time.
  void answer(int yes) {
    static const std::array<int, 4> kNo = {550, 451, 250, 0};
    ++asked_;
    bool no = answers_ != 0 && asked_ % answers_ == 0;
    engine_.answer({no ? kNo.at(asked_ % kNo.size()) : yes, "", "because\r\n"});
  }

  void on(const smtp::AskGreeting& /*ask*/) { answer(220); }
  void on(const smtp::AskHelo& ask) {
    POSTERN_CHECK(!ask.name.empty() && ask.name.find_first_of(" \r\n") == std::string::npos);
    answer(250);
  }
  void on(const smtp::AskMail& ask) {
    check(ask.command.from, ask.command.smtputf8);
    answer(250);
  }
  void on(const smtp::AskRcpt& ask) {
    check(ask.command.to, true);
    POSTERN_CHECK(!ask.command.to.address.empty());
    answer(250);
  }
  void on(const smtp::AskData& /*ask*/) { answer(354); }
  void on(const smtp::AskRefusal& ask) {
    POSTERN_CHECK(ask.reply.temporary() || ask.reply.permanent());
    answer(ask.reply.code);
  }
  void on(const smtp::AskMessage& ask) {
    POSTERN_CHECK(ask.size == body_);
    body_ = 0;
    log_ += "message\n";
    answer(250);
  }
  void on(const smtp::Send& send) {
    std::string_view rest = send.bytes;
    POSTERN_CHECK(rest.ends_with("\r\n"));
    while (!rest.empty()) {
      size_t end = rest.find("\r\n");
      std::string_view line = rest.substr(0, end);
      POSTERN_CHECK(end <= 510 && line.size() >= 4 && is_ascii(line) &&
                    line.find_first_of("\r\n") == std::string::npos);
      POSTERN_CHECK(line[0] >= '2' && line[0] <= '5' && ascii_digit(line[1]) && ascii_digit(line[2]));
      rest.remove_prefix(end + 2);
    }
    log_ += send.bytes;
  }
  void on(const smtp::Body& body) {
    body_ += body.bytes.size();
    log_ += body.bytes;
  }
  void on(const smtp::TransactionReset& /*reset*/) { log_ += "reset\n"; }
  void on(const smtp::StartTls& /*tls*/) {
    tls_ = true;
    engine_.secured();
  }
  void on(const smtp::Close& /*close*/) { closed_ = true; }

  static void check(const smtp::Path& path, bool utf8_allowed) {
    POSTERN_CHECK(path.address.size() <= 254 && path.local.size() <= 64 && path.domain.size() <= 255);
    POSTERN_CHECK(path.utf8 ? utf8_allowed && is_utf8(path.address) : is_ascii(path.address));
    POSTERN_CHECK(std::none_of(path.address.begin(), path.address.end(),
                               [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }));
  }

  smtp::ServerEngine engine_;
  size_t answers_;
  size_t asked_ = 0;
  uint64_t body_ = 0;
  std::string log_;
  bool tls_ = false;
  bool closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 3, size - 3);
  smtp::ServerOptions options;
  options.hostname = "mx.example.org";
  options.bare_newline = (data[0] & 1U) != 0 ? smtp::BareNewline::Reject : smtp::BareNewline::Normalize;
  options.tls_available = (data[0] & 2U) != 0;
  options.max_message = (data[0] & 4U) != 0 ? 16 : 1U << 20U;
  options.max_recipients = 4;
  size_t step = size_t{data[2]} + 1;

  Owner whole(options, data[1]);
  whole.feed(input);
  Owner split(options, data[1]);
  for (std::string_view rest = input; !rest.empty(); rest.remove_prefix(std::min(step, rest.size()))) {
    split.feed(rest.substr(0, step));
  }
  whole.end();
  split.end();
  // Behind STARTTLS it matters what arrived together with it: that is the point.
  if (!whole.had_tls()) POSTERN_CHECK(whole.log() == split.log());
  return 0;
}
