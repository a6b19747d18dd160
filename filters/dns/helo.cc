#include "filters/dns/helo.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "filters/base/bytes.h"

namespace postern::dns {
namespace {

constexpr std::string_view kV6Tag = "IPv6:";

// RFC 5321, 4.1.3: "[192.0.2.1]", "[IPv6:2001:db8::1]". Real clients also write the latter without its tag, and
// addresses without brackets, which RFC 5321, 4.1.1.1 does not know at all.
std::optional<IpAddress> literal_address(std::string_view helo) {
  if (helo.size() >= 2 && helo.front() == '[' && helo.back() == ']') helo = helo.substr(1, helo.size() - 2);
  if (starts_nocase(helo, kV6Tag)) helo.remove_prefix(kV6Tag.size());
  return IpAddress::parse(helo);
}

std::string_view without_final_dot(std::string_view name) {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  return name;
}

// RFC 5321, 4.1.2: sub-domain = Let-dig [Ldh-str].
bool is_host_label(std::string_view label) {
  if (label.empty() || !ascii_alnum(label.front()) || !ascii_alnum(label.back())) return false;
  return std::all_of(label.begin(), label.end(), [](char c) { return ascii_alnum(c) || c == '-'; });
}

// RFC 5321, 2.3.5: a fully-qualified domain name. A last label of digits alone is a broken address (RFC 1123, 2.1).
bool is_qualified(std::string_view name) {
  if (!is_valid_name(name)) return false;
  size_t dots = 0;
  std::string_view label = name;
  for (size_t dot = label.find('.'); dot != std::string_view::npos; dot = label.find('.')) {
    if (!is_host_label(label.substr(0, dot))) return false;
    label.remove_prefix(dot + 1);
    ++dots;
  }
  return dots > 0 && is_host_label(label) && !std::all_of(label.begin(), label.end(), ascii_digit);
}

bool is_unspecified(const IpAddress& address) {
  auto octets = address.octets();
  return std::all_of(octets.begin(), octets.end(), [](char octet) { return octet == '\0'; });
}

/// Of A, AAAA and MX: a record is a record, whatever became of the other questions; but only three denials are one.
std::optional<bool> any_found(const std::vector<Answer>& answers) {
  auto has = [&](Status status) {
    return std::any_of(answers.begin(), answers.end(), [&](const Answer& answer) { return answer.status == status; });
  };
  if (has(Status::Found)) return true;
  if (has(Status::TempFail)) return std::nullopt;
  return false;
}

std::optional<bool> leads_to(const IpAddress& client, const Answer& answer) {
  if (answer.status == Status::TempFail) return std::nullopt;
  return std::find(answer.addresses.begin(), answer.addresses.end(), client) != answer.addresses.end();
}

}  // namespace

HeloName look_at_helo(std::string_view helo, const IpAddress& client, std::string_view our_name,
                      const IpAddress& our_address) {
  HeloName result;
  if (auto address = literal_address(helo)) {
    result.literal = true;
    result.matches = *address == client;
    // A listener on all addresses does not say which one is ours.
    result.own = *address == our_address && !is_unspecified(our_address);
    return result;
  }
  std::string_view name = without_final_dot(helo);
  result.qualified = is_qualified(name);
  result.own = !name.empty() && equal_nocase(name, without_final_dot(our_name));
  return result;
}

Task<HeloName> check_helo_name(Client& dns, std::string helo, IpAddress client, std::string our_name,
                               IpAddress our_address, Duration timeout) {
  HeloName result = look_at_helo(helo, client, our_name, our_address);
  if (!result.qualified) co_return result;
  std::string name = to_lower(without_final_dot(helo));
  std::vector<Question> questions;
  questions.reserve(3);
  for (Type type : {Type::A, Type::AAAA, Type::MX}) questions.push_back({name, type});
  std::vector<Answer> answers = co_await ask(dns, std::move(questions), timeout);
  result.resolves = any_found(answers);
  result.matches = leads_to(client, answers[client.is_v4() ? 0 : 1]);
  co_return result;
}

}  // namespace postern::dns
