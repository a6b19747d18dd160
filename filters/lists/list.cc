#include "filters/lists/list.h"

#include <algorithm>

#include <fmt/format.h>

#include "filters/lists/answers.h"

namespace postern::lists {
namespace {

/// Whether the list says with it that it does not answer us.
bool refuses(const List& list, const IpAddress& answer) {
  auto number = v4_number(answer);
  if (number && is_refusal(*number)) return true;
  return std::any_of(list.errors.begin(), list.errors.end(), [&](const Match& one) { return one.matches(answer); });
}

bool is_wrong(const IpAddress& answer) {
  auto number = v4_number(answer);
  return !number || !is_list_answer(*number);
}

void add_once(std::vector<IpAddress>& addresses, const IpAddress& address) {
  if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) addresses.push_back(address);
}

/// The declared answers among `addresses`, into `reading`.
void read_declared(const List& list, const std::vector<IpAddress>& addresses, Reading& reading) {
  std::vector<bool> matched(list.answers.size());
  for (const IpAddress& address : addresses) {
    bool declared = false;
    for (size_t i = 0; i < list.answers.size(); ++i) {
      if (!list.answers[i].match.matches(address)) continue;
      declared = true;
      matched[i] = true;
    }
    if (declared) add_once(reading.answers, address);
  }
  for (size_t i = 0; i < matched.size(); ++i) {
    if (matched[i]) reading.matched.push_back(i);
  }
}

/// By the list's name, not its zone: that may hold the key of a subscription.
std::string explain_refusal(const List& list, const IpAddress& answer) {
  // What Spamhaus publishes of 127.255.255.0/24, which others have taken over.
  static constexpr uint32_t kTypingError = 0x7ffffffc;
  static constexpr uint32_t kPublicResolver = 0x7ffffffe;
  static constexpr uint32_t kTooMany = 0x7fffffff;
  std::string who = fmt::format("{}: {}", answer.to_string(), list.name);
  switch (v4_number(answer).value_or(0)) {
    case kTypingError: return who + " is not how the list's zone is spelt; correct `zone`";
    case kPublicResolver:
      return who +
             " refuses queries that come through a public resolver; resolve from the root ([dns] servers = []), or ask "
             "the list's operator for a zone with a key of your own";
    case kTooMany:
      return who +
             " refuses our queries because there are too many of them; ask its operator for a zone with a key of your "
             "own, or disable the list";
    default:
      return who +
             " refuses our queries; its home page says why (mostly a public resolver, too many queries, or a missing "
             "registration)";
  }
}

}  // namespace

const std::vector<std::string>& subject_names() {
  static const std::vector<std::string> names = {"client",   "rdns", "helo", "from", "author",
                                                 "reply_to", "dkim", "url",  "hash", "received"};
  return names;
}

std::string_view to_string(Subject subject) {
  return subject_names().at(static_cast<size_t>(subject));
}

std::optional<Subject> parse_subject(std::string_view name) {
  const auto& names = subject_names();
  auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::nullopt;
  return static_cast<Subject>(found - names.begin());
}

std::string_view to_string(Reading::Kind kind) {
  switch (kind) {
    case Reading::Kind::Unlisted: return "unlisted";
    case Reading::Kind::Listed: return "listed";
    case Reading::Kind::Other: return "other";
    case Reading::Kind::Refused: return "refused";
    case Reading::Kind::Wrong: return "wrong";
    case Reading::Kind::NoAnswer: return "noanswer";
  }
  return "";
}

Reading read_answer(const List& list, const dns::Answer& answer) {
  Reading reading;
  if (answer.status == dns::Status::TempFail) return reading;
  reading.kind = Reading::Kind::Unlisted;
  if (answer.status != dns::Status::Found || answer.addresses.empty()) return reading;

  const auto& addresses = answer.addresses;
  // RFC 5782, 2.1: what answers outside of 127.0.0.0/8 is no list, so nothing else that it says counts either.
  if (std::any_of(addresses.begin(), addresses.end(), is_wrong)) {
    reading.kind = Reading::Kind::Wrong;
  } else if (std::any_of(addresses.begin(), addresses.end(), [&](const auto& one) { return refuses(list, one); })) {
    reading.kind = Reading::Kind::Refused;
  } else {
    read_declared(list, addresses, reading);
    reading.kind = reading.matched.empty() ? Reading::Kind::Other : Reading::Kind::Listed;
  }
  if (reading.kind != Reading::Kind::Listed) {
    for (const IpAddress& address : addresses) add_once(reading.answers, address);
  }
  return reading;
}

std::string explain(const List& list, const Reading& reading) {
  const auto& answers = reading.answers;
  if (reading.kind == Reading::Kind::Wrong) {
    auto wrong = std::find_if(answers.begin(), answers.end(), is_wrong);
    if (wrong == answers.end()) return "an answer that no list gives";
    return fmt::format(
        "{}: no list answers outside of 127.0.0.0/8 (RFC 5782, 2.1); either {} is no list any more (a parked domain), "
        "or the resolver makes up answers for names that do not exist",
        wrong->to_string(), list.name);
  }
  if (reading.kind == Reading::Kind::Refused) {
    auto refusal = std::find_if(answers.begin(), answers.end(), [&](const auto& one) { return refuses(list, one); });
    if (refusal == answers.end()) return "the list refuses our queries";
    return explain_refusal(list, *refusal);
  }
  return std::string(to_string(reading.kind));
}

bool Outcome::has(size_t answer) const {
  return std::any_of(listings.begin(), listings.end(), [answer](const Listing& one) {
    return std::binary_search(one.matched.begin(), one.matched.end(), answer);
  });
}

}  // namespace postern::lists
