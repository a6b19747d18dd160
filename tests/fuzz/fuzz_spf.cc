// SPF fed with octets from the network: the record and macro parsers alone, and whole checks in which every DNS answer
// is made of the input. Nothing may crash, overflow, hang, or ask without bound.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "filters/spf/macro.h"
#include "filters/spf/record.h"
#include "filters/spf/spf.h"

namespace {

using namespace postern;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Takes the input apart, piece by piece; empty pieces when it is used up.
class Input {
 public:
  explicit Input(std::string_view rest) : rest_(rest) {}
  uint8_t octet() {
    if (rest_.empty()) return 0;
    auto out = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return out;
  }
  /// Up to the next newline.
  std::string line() {
    size_t end = std::min(rest_.find('\n'), rest_.size());
    std::string out(rest_.substr(0, end));
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return out;
  }
  [[nodiscard]] bool empty() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

/// Answers with what the input says; delivered by run().
class FuzzDns final : public dns::Client {
 public:
  explicit FuzzDns(Input& input) : input_(input) {}

  Pending lookup(const dns::Question& question, Duration, Callback callback) override {
    require(dns::is_valid_name(question.name));
    require(++asked_ <= 250);
    queue_.emplace_back(answer(question.type), std::move(callback));
    return {};
  }
  void run() {
    for (size_t i = 0; i < queue_.size(); ++i) {
      auto [answer, callback] = std::move(queue_[i]);
      callback(answer);
    }
  }

 private:
  dns::Answer answer(dns::Type type) {
    dns::Answer out;
    uint8_t kind = input_.octet();
    if (kind % 8 < 3 || input_.empty()) {
      out.status = static_cast<dns::Status>(1 + kind % 3);
      return out;
    }
    out.status = dns::Status::Found;
    for (int i = 0; i < 1 + kind / 64; ++i) {
      std::string text = input_.line();
      // Whole records are rare in random input: help it along.
      if (type == dns::Type::TXT) out.texts.push_back(kind % 2 == 0 ? "v=spf1 " + text : text);
      if (type == dns::Type::PTR) out.names.push_back(text);
      if (type == dns::Type::MX) out.exchanges.push_back({1, text});
      if (type == dns::Type::A) out.addresses.push_back(IpAddress::v4({192, 0, 2, input_.octet()}));
      if (type == dns::Type::AAAA) {
        out.addresses.push_back(IpAddress::v6({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, input_.octet()}));
      }
    }
    return out;
  }

  Input& input_;
  size_t asked_ = 0;
  std::vector<std::pair<dns::Answer, Callback>> queue_;
};

void fuzz_parsers(std::string_view text) {
  if (spf::is_record(text)) static_cast<void>(spf::parse_record(text));
  static_cast<void>(spf::parse_record("v=spf1 " + std::string(text)));
  spf::MacroValues values;
  values.local = text;
  values.domain = "example.org";
  values.helo = text;
  for (auto place : {spf::MacroPlace::Domain, spf::MacroPlace::Modifier, spf::MacroPlace::Explanation}) {
    if (text.size() <= spf::kMaxRecord && spf::scan_macros(text, place)) {
      static_cast<void>(spf::expand_macros(text, values, place));
    }
  }
}

void fuzz_check(Input input) {
  static const IpAddress clients[] = {IpAddress::v4({192, 0, 2, 3}), IpAddress::v4({127, 0, 0, 1}),
                                      IpAddress::parse("2001:db8::3").value_or(IpAddress())};
  spf::Query query;
  uint8_t kind = input.octet();
  query.client = clients[kind % 3];
  query.helo = input.line();
  query.mail_from = kind % 2 == 0 ? "x@example.org" : input.line();
  FuzzDns dns(input);
  auto task = spf::check_mail_from(dns, query, {});
  bool finished = false;
  task.start([&] { finished = true; });
  dns.run();
  require(finished && task.done());
  spf::Outcome outcome = task.take();
  for (char c : outcome.explanation) require(c >= ' ' && c <= '~');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz_parsers(text);
  fuzz_check(Input(text));
  return 0;
}
