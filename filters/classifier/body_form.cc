#include "filters/classifier/body_form.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "filters/base/bytes.h"
#include "filters/classifier/words.h"
#include "filters/mime/tld.h"

namespace postern::classifier {
namespace {

constexpr size_t kMaxSites = 100;    // links that are looked at
constexpr size_t kMaxText = 20'000;  // octets in which the recipient is looked for
constexpr size_t kMaxLines = 4000;   // octets whose lines are looked at

[[nodiscard]] std::string site_of_id(std::string_view id) {
  size_t at = id.rfind('@');
  if (at == std::string_view::npos) return {};
  return std::string(mime::registered_part(to_lower(id.substr(at + 1, id.find('>', at) - at - 1))));
}

/// In letters of any case.
[[nodiscard]] bool names_address(std::string_view text, const Mailbox& mailbox) {
  constexpr size_t kMostTries = 200;
  text = text.substr(0, kMaxText);
  size_t at = text.find('@');
  for (size_t tries = 0; at != std::string_view::npos && tries < kMostTries; ++tries) {
    if (at >= mailbox.local.size() && equal_nocase(text.substr(at + 1, mailbox.domain.size()), mailbox.domain) &&
        equal_nocase(text.substr(at - mailbox.local.size(), mailbox.local.size()), mailbox.local)) {
      return true;
    }
    at = text.find('@', at + 1);
  }
  return false;
}

/// Whether who it is for is named: those who send to everybody do not know.
void read_recipient(const AuthorFields& fields, std::string_view text, Sink& sink) {
  constexpr size_t kLeastLocal = 3;
  constexpr size_t kGreeting = 300;  // octets
  Mailbox to = read_mailbox(fields.value(Name::To));
  if (to.local.empty() || to.domain.empty()) return;
  if (names_address(text, to)) sink.add(Kind::Form, "text has address");
  if (names_address(fields.value(Name::From), to)) sink.add(Kind::Form, "to the sender");
  if (to.local.size() < kLeastLocal) return;
  auto has_name = [&](std::string_view where) { return to_lower(where).find(to.local) != std::string::npos; };
  if (has_name(text.substr(0, kGreeting))) sink.add(Kind::Form, "text begins with name");
  if (has_name(fields.value(Name::Subject))) sink.add(Kind::Form, "subject has name");
}

/// Whose the links are: of who wrote it, of one other, of many.
void read_sites(const AuthorFields& fields, const std::vector<mime::Url>& urls, Sink& sink) {
  constexpr size_t kShares = 4;
  constexpr size_t kManySites = 8;
  std::string from(mime::registered_part(read_mailbox(fields.value(Name::From)).domain));
  std::string id = site_of_id(trim(fields.value(Name::MessageId)));
  std::map<std::string_view, size_t> sites;
  size_t all = 0;
  for (const mime::Url& url : urls) {
    std::string_view site = mime::registered_part(url.host);
    if (url.scheme == "mailto") {
      sink.add(Kind::Form, site == from ? "mailto the sender" : "mailto another");
    } else if (all < kMaxSites) {
      ++all;
      ++sites[site];
    }
  }
  auto own = sites.find(from);
  size_t same = own == sites.end() ? 0 : own->second;
  size_t signs = static_cast<size_t>(id == from) + 2 * static_cast<size_t>(same > 0) +
                 4 * static_cast<size_t>(fields.has(Name::ReplyTo)) + 8 * static_cast<size_t>(all > 0);
  sink.number(Kind::Form, "of the sender", signs);
  if (all == 0) return;
  size_t most = 0;
  for (const auto& [site, count] : sites) most = std::max(most, count);
  sink.add(Kind::Form, same > 0 ? "a link to the sender" : "no link to the sender");
  sink.number(Kind::Form, "links to the sender", same * kShares / all);
  sink.number(Kind::Form, "links to one", most * kShares / all);
  sink.number(Kind::Form, "sites", std::min(sites.size(), kManySites));
  if (sites.count(id) > 0) sink.add(Kind::Form, "a link to the program");
}

/// Long lines, empty ones, digits; quotes and signatures.
void read_lines(std::string_view text, Sink& sink) {
  constexpr size_t kLong = 78;  // RFC 5322, 2.1.1: lines should be no longer
  size_t lines = 0;
  size_t long_lines = 0;
  size_t empty = 0;
  size_t letters = 0;
  size_t digits = 0;
  size_t quoted = 0;
  size_t begin = 0;
  text = text.substr(0, kMaxLines);
  for (size_t i = 0; i < text.size(); ++i) {
    letters += static_cast<size_t>(ascii_alpha(text[i]));
    digits += static_cast<size_t>(ascii_digit(text[i]));
    if (text[i] != '\n') continue;
    ++lines;
    long_lines += static_cast<size_t>(i - begin > kLong);
    empty += static_cast<size_t>(i - begin <= 1);
    quoted += static_cast<size_t>(text[begin] == '>');
    begin = i + 1;
  }
  sink.number(Kind::Form, "long lines", lines == 0 ? 9 : long_lines * 6 / lines);
  sink.number(Kind::Form, "empty lines", lines == 0 ? 9 : empty * 6 / lines);
  sink.number(Kind::Form, "digits", letters == 0 ? 99 : std::min<size_t>(20, digits * 20 / letters));
  sink.number(Kind::Form, "quoted", static_cast<size_t>(std::bit_width(quoted)));
  for (std::string_view sign : {"\n-- ", " wrote:", "-----BEGIN PGP"}) {
    if (text.find(sign) != std::string_view::npos) sink.add(Kind::Form, "sign", sign);
  }
}

}  // namespace

void read_body_form(const AuthorFields& fields, mime::Content& content, Sink& sink) {
  const std::string& text = content.shown();
  read_recipient(fields, text, sink);
  read_sites(fields, content.urls(), sink);
  read_lines(text, sink);
}

}  // namespace postern::classifier
