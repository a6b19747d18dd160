// Which last labels make a word with dots in it a host name.
#pragma once

#include <string_view>

namespace postern::mime {

/// How sure a top-level domain makes us that "word.tld" in a text is meant as a host name.
enum class Tld {
  None,  // no top-level domain that mail readers know
  File,  // also the ending of a file's name: "script.pl", "README.md", "configure.ac"
  Word,  // also a word or an abbreviation: "end.It", "read.me"
  Certain,
};

/// `label` is the last label, lower case, UTF-8 or A-label. The list is ours and short: all country codes, the first
/// generic names, the new ones with many registrations or much abuse, and those not in ASCII by their form.
[[nodiscard]] Tld find_tld(std::string_view label);

/// A host name written without a scheme, that mail readers make a link of: at least two labels of letters, digits,
/// hyphens (underscores but in the last two), and a known top-level domain. One that is also the ending of a file's
/// name counts only where a path follows, one that is also a word there and behind three labels. "end.It" (a sentence
/// without its blank) is none. At most 253 octets.
[[nodiscard]] bool is_bare_host(std::string_view host, bool path_follows);

/// Where a host ends in text of scripts without blanks: the longest start of `host` that has a known top-level domain
/// and is followed by a character of such a script ("example.com\u8bf7"); all of it where there is none.
[[nodiscard]] std::string_view cut_at_script(std::string_view host);

/// What was registered, approximately: the last two labels, three where the second-level is one of those that
/// registries of countries sell below (co.uk, com.br). An IP address is itself. `host` as in Url::host.
[[nodiscard]] std::string_view registered_part(std::string_view host);

}  // namespace postern::mime
