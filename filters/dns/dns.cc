#include "filters/dns/dns.h"

#include <algorithm>

namespace postern::dns {

std::string_view to_string(Type type) {
  switch (type) {
    case Type::A: return "A";
    case Type::NS: return "NS";
    case Type::CNAME: return "CNAME";
    case Type::SOA: return "SOA";
    case Type::PTR: return "PTR";
    case Type::MX: return "MX";
    case Type::TXT: return "TXT";
    case Type::AAAA: return "AAAA";
  }
  return "?";
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::Found: return "found";
    case Status::NoName: return "no_name";
    case Status::NoRecord: return "no_record";
    case Status::TempFail: return "temp_fail";
  }
  return "?";
}

// RFC 1035, 2.3.4: labels 63 octets or less, names 255 or less on the wire, which is 253 as text.
bool is_valid_name(std::string_view name) {
  if (name.empty() || name.size() > 253) return false;
  while (true) {
    size_t dot = name.find('.');
    size_t length = std::min(dot, name.size());
    if (length == 0 || length > 63) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

Pending Watched::lookup(const Question& question, Duration timeout, Callback callback) {
  if (!witness_) return client_.lookup(question, timeout, std::move(callback));
  auto heard = [this, question, asked = clock_.now(), callback = std::move(callback)](const Answer& answer) {
    if (witness_) witness_(question, answer, asked);
    callback(answer);  // may end the look-up, and whatever is captured here with it
  };
  return client_.lookup(question, timeout, std::move(heard));
}

Budget::Budget(Client& client, const Clock& clock, const Limits& limits)
    : client_(client, clock), clock_(clock), limits_(limits), left_(0) {
  restart();
}

void Budget::restart() {
  restart_time();
  left_ = limits_.lookups;
}

void Budget::restart_time(Duration total) {
  deadline_ = clock_.now() + total;
}

Pending Budget::lookup(const Question& question, Duration timeout, Callback callback) {
  Duration left = std::min(timeout, deadline_ - clock_.now());
  if (left_ <= 0) left = Duration::zero();
  --left_;
  return client_.lookup(question, left, std::move(callback));
}

Ask::Ask(Client& client, std::vector<Question> questions, Duration timeout)
    : client_(client),
      questions_(std::move(questions)),
      timeout_(timeout),
      missing_(questions_.size()),
      answers_(questions_.size()) {}

void Ask::await_suspend(std::coroutine_handle<> caller) {
  pending_.reserve(questions_.size());
  for (size_t i = 0; i < questions_.size(); ++i) {
    pending_.push_back(client_.lookup(questions_[i], timeout_, [this, i, caller](const Answer& answer) {
      answers_[i] = answer;
      if (--missing_ == 0) caller.resume();
    }));
  }
}

}  // namespace postern::dns
