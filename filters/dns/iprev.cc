#include "filters/dns/iprev.h"

#include <algorithm>

#include "filters/base/bytes.h"

namespace postern::dns {

std::string_view to_string(ReverseName::Result result) {
  switch (result) {
    case ReverseName::Result::Pass: return "pass";
    case ReverseName::Result::Fail: return "fail";
    case ReverseName::Result::TempError: return "temperror";
    case ReverseName::Result::PermError: return "permerror";
  }
  return "permerror";
}

// RFC 8601, 3: PTR of the address, then A or AAAA of each name, until one is the address.
Task<ReverseName> confirm_reverse_name(Client& dns, IpAddress client, Duration timeout) {
  std::vector<Question> reverse;
  reverse.push_back({client.reverse_name(), Type::PTR});
  std::vector<Answer> pointers = co_await ask(dns, std::move(reverse), timeout);
  const Answer& pointer = pointers.front();
  if (pointer.status == Status::TempFail) co_return ReverseName{ReverseName::Result::TempError, ""};
  if (pointer.status != Status::Found) co_return ReverseName{ReverseName::Result::PermError, ""};

  std::vector<Question> forward;
  for (const auto& name : pointer.names) {
    if (forward.size() == kMaxReverseNames) break;
    forward.push_back({to_lower(name), client.is_v4() ? Type::A : Type::AAAA});
  }
  std::vector<std::string> names;
  for (const auto& question : forward) names.push_back(question.name);
  std::vector<Answer> answers = co_await ask(dns, std::move(forward), timeout);
  bool trouble = false;
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto& addresses = answers[i].addresses;
    if (std::find(addresses.begin(), addresses.end(), client) != addresses.end()) {
      co_return ReverseName{ReverseName::Result::Pass, names[i]};
    }
    trouble = trouble || answers[i].status == Status::TempFail;
  }
  co_return ReverseName{trouble ? ReverseName::Result::TempError : ReverseName::Result::Fail, ""};
}

}  // namespace postern::dns
