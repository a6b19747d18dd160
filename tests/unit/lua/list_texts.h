// Texts that declare a DNS list, "L".
#pragma once

#include <string>

#include <fmt/format.h>

namespace postern::rules {

/// A list of one answer, "L_A".
inline std::string list_with(const std::string& fields, const std::string& of = "client") {
  return fmt::format("list 'L' {{ zone = 'l.example.org', of = '{}', {} }}", of, fields);
}
inline std::string answer_with(const std::string& answer, const std::string& more = "",
                               const std::string& of = "client") {
  return list_with("answers = { ['127.0.0.2'] = { " + answer + " } }, " + more, of);
}

}  // namespace postern::rules
