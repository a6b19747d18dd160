// A handler that seals, for tests: writes ARC sets as RFC 8617, 5.1 says, with canonicalisation of its own, so that a
// fault of ours does not meet itself.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tests/fakes/dkim_signer.h"

namespace postern::test {

/// How a set is written; what is not said is as it should be.
struct SetPlan {
  size_t instance = 1;
  std::string domain = "example.org";
  std::string selector = "arc";
  const SigningKey* key = &SigningKey::shared_rsa();
  std::string algorithm = "rsa-sha256";
  std::string cv;  // empty: none for instance 1, pass for others
  std::string results = "mx.example.org; spf=pass smtp.mailfrom=a.example";
  std::string signed_fields = "from:to:subject";
  std::string signature_tags;  // further ones of ARC-Message-Signature: "; l=5"
  std::string seal_tags;       // further ones of ARC-Seal
  std::string body_hash;       // base64; empty: the right one
};

/// The message with one more set on top: seal, message signature, results. Its body ends in exactly one CRLF, its
/// ARC fields stand in the order this function wrote them. c=relaxed/simple.
[[nodiscard]] std::string add_set(const std::string& message, const SetPlan& plan);

/// `message` with sets 1 to `count`.
[[nodiscard]] std::string seal(std::string message, size_t count);

/// A message with From, To, Subject and a body of two lines.
[[nodiscard]] std::string plain_message();

/// Text with the first `from` turned into `to`; a test fails where there is none.
[[nodiscard]] std::string replaced(std::string text, std::string_view from, std::string_view to);

}  // namespace postern::test
