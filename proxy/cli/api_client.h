// Speaks with the running gateway: one request to the JSON API of [http].
#pragma once

#include <chrono>
#include <string>

#include "filters/base/clock.h"
#include "filters/base/result.h"
#include "proxy/ops/config.h"

namespace postern::cli {

/// Whom to ask.
struct ApiOptions {
  std::string address;                          // as in [http] address; "0.0.0.0" and "[::]" are this machine
  std::string token;                            // empty: none
  Duration timeout = std::chrono::seconds(10);  // for all of it
};
[[nodiscard]] ApiOptions api_of(const ops::Config& config);

/// The body of a 2xx answer, at most kMaxApiAnswer octets. Any other answer is an error that says what to do about it,
/// and so is a gateway that does not run; NotFound is a thing that the gateway does not have, in its words. Blocks.
[[nodiscard]] Result<std::string> api_request(const ApiOptions& options, const std::string& method,
                                              const std::string& path);
inline constexpr size_t kMaxApiAnswer = 64U << 20U;

}  // namespace postern::cli
