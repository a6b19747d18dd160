#include "proxy/session/timeline.h"

#include <algorithm>

namespace postern::session {
namespace {

using What = Moment::What;

/// Not in the middle of a character.
std::string_view cut(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0U) == 0x80) --most;
  return text.substr(0, most);
}

/// The first few of what was answered.
class Few {
 public:
  void add(std::string_view text) {
    constexpr size_t kShown = 3;
    constexpr size_t kOctets = 60;
    if (++count_ > kShown) return;
    out_ += count_ > 1 ? ", " : "";
    out_ += cut(text, kOctets);
    if (text.size() > kOctets) out_ += "...";
  }
  [[nodiscard]] std::string take(size_t all) {
    if (all > std::min<size_t>(count_, 3))
      out_ += " and " + std::to_string(all - std::min<size_t>(count_, 3)) + " more";
    return std::move(out_);
  }

 private:
  std::string out_;
  size_t count_ = 0;
};

std::string records(const dns::Answer& answer) {
  Few few;
  for (const IpAddress& address : answer.addresses) few.add(address.to_string());
  for (const std::string& text : answer.texts) few.add(text);
  for (const std::string& name : answer.names) few.add(name);
  for (const dns::Mx& exchange : answer.exchanges) few.add(exchange.name);
  return few.take(answer.addresses.size() + answer.texts.size() + answer.names.size() + answer.exchanges.size());
}

}  // namespace

std::string_view to_string(What what) {
  switch (what) {
    case What::Connected: return "connected";
    case What::Tls: return "tls";
    case What::Helo: return "helo";
    case What::Mail: return "mail";
    case What::Rcpt: return "rcpt";
    case What::Data: return "data";
    case What::FinalDot: return "final_dot";
    case What::Dns: return "dns";
    case What::Filter: return "filter";
    case What::Rules: return "rules";
    case What::Backend: return "backend";
    case What::Reply: return "reply";
  }
  return "?";
}

std::string dns_text(const dns::Question& question, const dns::Answer& answer) {
  std::string out(dns::to_string(question.type));
  out += ' ';
  out += cut(question.name, 100);
  out += ": ";
  switch (answer.status) {
    case dns::Status::Found: out += records(answer); break;
    case dns::Status::NoName: out += "no such name"; break;
    case dns::Status::NoRecord: out += "no such record"; break;
    case dns::Status::TempFail: out += answer.reason.empty() ? "failed" : "failed: " + answer.reason; break;
  }
  return out;
}

/// The sum of all is kMost.
size_t Timeline::most_of(What what) const {
  size_t most = 2;
  switch (what) {
    case What::Dns: most = 56; break;
    case What::Rcpt: most = 18; break;
    case What::Filter:
    case What::Rules: most = 10; break;
    case What::Backend: most = 8; break;
    case What::Helo: most = 6; break;
    case What::Connected:
    case What::Tls:
    case What::Mail:
    case What::Data:
    case What::FinalDot:
    case What::Reply: break;
  }
  return of_ == Of::Connection ? most / 2 : most;
}

void Timeline::begin_with(const Timeline& connection) {
  constexpr size_t kUsual = 32;
  moments_.reserve(connection.moments_.size() + kUsual);
  moments_ = connection.moments_;
  counts_ = connection.counts_;
  left_out_ = connection.left_out_;
}

void Timeline::add(What what, TimePoint begin, TimePoint end, std::string_view text) {
  uint8_t& count = counts_[static_cast<size_t>(what)];
  if (count >= most_of(what) || moments_.size() >= kMost) {
    ++left_out_;
    return;
  }
  ++count;
  moments_.push_back({what, begin, end, std::string(cut(text, Moment::kMaxText))});
}

}  // namespace postern::session
