// Schemes of URLs that a reader can follow.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::mime {

constexpr size_t kMaxUrl = 4096;  // octets

struct Scheme {
  std::string_view name;
  uint16_t port;   // 0: none of its own
  bool authority;  // "//host" follows
  bool web;        // read as browsers read http: any number of slashes, backslashes too
  bool in_text;    // mail readers make a link of it where they find it in a text
};

/// In any case of letters; nullptr: nobody knows it.
[[nodiscard]] const Scheme* find_scheme(std::string_view name);

}  // namespace postern::mime
