#include "filters/spf/identity.h"

#include <algorithm>
#include <memory>

#include <idn2.h>

#include "filters/base/bytes.h"
#include "filters/base/ip.h"
#include "filters/dns/dns.h"

namespace postern::spf {
namespace {

struct FreeIdn {
  void operator()(uint8_t* text) const { idn2_free(text); }
};

// RFC 8616, 4: U-labels are converted before SPF sees the domain.
std::optional<std::string> to_a_labels(const std::string& text) {
  if (text.find('\0') != std::string::npos || text.size() > 1024 || !is_utf8(text)) return std::nullopt;
  uint8_t* raw = nullptr;
  int status = idn2_lookup_u8(reinterpret_cast<const uint8_t*>(text.c_str()), &raw,
                              IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL | IDN2_USE_STD3_ASCII_RULES);
  std::unique_ptr<uint8_t, FreeIdn> out(raw);
  if (status != IDN2_OK || !out) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(out.get()));
}

}  // namespace

bool is_judgeable(std::string_view domain) {
  if (!dns::is_valid_name(domain) || domain.find('.') == std::string_view::npos) return false;
  // RFC 7208, 4.3 leaves the octets of a label open; what is no visible ASCII or looks like a literal is refused.
  auto fits = [](char c) {
    return c > ' ' && c <= '~' && std::string_view("[]@:;,\"\\()<>").find(c) == std::string_view::npos;
  };
  return std::all_of(domain.begin(), domain.end(), fits) && !IpAddress::parse(domain);
}

std::optional<std::string> to_domain(std::string_view text) {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  std::optional<std::string> domain(text);
  if (!is_ascii(text)) domain = to_a_labels(*domain);
  if (!domain || !is_judgeable(*domain)) return std::nullopt;
  return domain;
}

// RFC 7208, 2.3: the sender is then postmaster@HELO.
std::optional<Identity> helo_identity(std::string_view helo) {
  auto domain = to_domain(helo);
  if (!domain) return std::nullopt;
  return Identity{"postmaster", *domain, *domain};
}

// RFC 7208, 2.4 and 4.3: postmaster@HELO for the null sender, "postmaster" where there is no local part.
std::optional<Identity> mail_from_identity(std::string_view helo, std::string_view mail_from) {
  if (mail_from.empty()) return helo_identity(helo);
  size_t at = mail_from.rfind('@');
  std::string_view local = at == std::string_view::npos ? std::string_view() : mail_from.substr(0, at);
  auto domain = to_domain(at == std::string_view::npos ? mail_from : mail_from.substr(at + 1));
  if (!domain) return std::nullopt;
  return Identity{local.empty() ? "postmaster" : std::string(local), *domain,
                  to_domain(helo).value_or(std::string(helo))};
}

}  // namespace postern::spf
