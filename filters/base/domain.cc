#include "filters/base/domain.h"

#include <memory>

#include <idn2.h>

#include "filters/base/bytes.h"

namespace postern {

std::optional<std::string> to_ascii_domain(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  if (is_ascii(name)) return to_lower(name);
  // libidn2 reads a terminated string: a NUL would cut the name short.
  if (name.size() > 1000 || name.find('\0') != std::string_view::npos || !is_utf8(name)) return std::nullopt;
  char* converted = nullptr;
  std::string text(name);
  int status = idn2_to_ascii_8z(text.c_str(), &converted, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
  std::unique_ptr<char, decltype(&idn2_free)> owned(converted, &idn2_free);
  if (status != IDN2_OK) return std::nullopt;
  return to_lower(owned.get());
}

bool is_at_or_below(std::string_view name, std::string_view domain) {
  if (name.size() < domain.size() || !equal_nocase(name.substr(name.size() - domain.size()), domain)) return false;
  return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

}  // namespace postern
