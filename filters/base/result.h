// Result<T>: what an operation that can fail returns. Answers of the domain (spf::Result, dns::Status) are enums
// instead.
#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace postern {

/// Why an operation failed. A short closed list: callers switch on it, people read the message.
enum class Code {
  BadInput,     // the text or bytes given are wrong; the message says where
  NotFound,     // the thing named does not exist
  Limit,        // a bound of ours was reached (size, count, memory)
  Io,           // the operating system refused
  Unavailable,  // a peer did not answer; trying again later may help
  Internal,     // our own fault
};

struct Error {
  Code code = Code::Internal;
  std::string message;

  /// The same error seen from one level up: "open /etc/x: permission denied".
  [[nodiscard]] Error in(const std::string& context) && { return {code, context + ": " + message}; }
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::unexpected<Error>(Error{code, std::move(message)});
}

/// A bug, not an error: says where and aborts. The service manager restarts us and clients try again.
[[noreturn]] void check_failed(const char* file, int line, const char* what);

}  // namespace postern

#define POSTERN_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::postern::check_failed(__FILE__, __LINE__, #condition))
