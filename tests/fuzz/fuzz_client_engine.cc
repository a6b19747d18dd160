// Whatever a backend says, and however it is cut: actions stay well-formed, nothing follows Broken, memory stays
// bounded.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proxy/smtp/client_engine.h"

namespace {

using namespace postern;

/// Plays the owner: asks for one thing after the other as answers come.
class Owner {
 public:
  explicit Owner(uint8_t flags) : engine_(options(flags)) {}

  void feed(std::string_view bytes) {
    engine_.feed(bytes);
    drain();
  }
  void close() {
    engine_.peer_closed();
    drain();
  }

 private:
  static smtp::ClientOptions options(uint8_t flags) {
    smtp::ClientOptions options;
    options.hostname = "gate.example.org";
    options.tls = static_cast<smtp::ClientOptions::Tls>((flags & 3U) % 3U);
    if ((flags & 4U) != 0) options.xclient = smtp::OriginalClient{};
    options.xclient_required = (flags & 8U) != 0;
    return options;
  }

  void drain() {
    while (auto action = engine_.next()) {
      POSTERN_CHECK(!broken_);
      if (auto* send = std::get_if<smtp::client::Send>(&*action)) {
        POSTERN_CHECK(send->bytes.find("\r\n") == send->bytes.size() - 2);
      } else if (std::get_if<smtp::client::StartTls>(&*action) != nullptr) {
        engine_.secured();
      } else if (std::get_if<smtp::client::Broken>(&*action) != nullptr) {
        broken_ = true;
      } else {
        ask();
      }
    }
  }

  void ask() {
    if (engine_.sending_content()) return engine_.content_sent();
    switch (step_++ % 4) {
      case 0: return engine_.mail({});
      case 1: return engine_.rcpt({});
      case 2: return engine_.data();
      default: return engine_.reset();
    }
  }

  smtp::ClientEngine engine_;
  unsigned step_ = 0;
  bool broken_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  size_t step = data[1] == 0 ? rest.size() : data[1];
  Owner owner(data[0]);
  while (!rest.empty()) {
    owner.feed(rest.substr(0, step));
    rest.remove_prefix(rest.size() < step ? rest.size() : step);
  }
  owner.close();
  return 0;
}
