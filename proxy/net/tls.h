// TLS contexts: certificates for our listeners, and the client side towards backends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "filters/base/result.h"

using SSL = struct ssl_st;
using SSL_CTX = struct ssl_ctx_st;

namespace postern::net {

/// PEM files; the certificate file holds the chain, our own certificate first.
struct CertificateFiles {
  std::string certificate;
  std::string key;
};

/// Immutable once made; any thread. A link keeps the context that it began with, so a reload swaps a shared pointer.
class TlsContext {
 public:
  /// Several pairs: the first is the default; a client that names a host (SNI) gets the pair whose certificate has that
  /// name, and beside each RSA pair stands the ECDSA pair of the same names (and the other way round). Fails when a
  /// file cannot be read, holds something else, or when key and certificate do not belong together: "tls.key: FILE:
  /// why".
  static Result<std::shared_ptr<const TlsContext>> server(const std::vector<CertificateFiles>& pairs);
  /// Towards backends. Certificates are not verified: the backend's address is configured, its name usually is not.
  static Result<std::shared_ptr<const TlsContext>> client();
  TlsContext(const TlsContext&) = delete;
  TlsContext& operator=(const TlsContext&) = delete;
  ~TlsContext();

  struct FreeSsl {
    void operator()(SSL* ssl) const;
  };
  using SslPtr = std::unique_ptr<SSL, FreeSsl>;
  /// For one connection; null when memory is short. The context must outlive its handshake. `host`: sent as SNI by the
  /// client side unless it is empty or an address.
  [[nodiscard]] SslPtr new_ssl(const std::string& host = "") const;

 private:
  class Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Takes what OpenSSL has to say of the last failure on this thread: "wrong version number"; `otherwise` when nothing.
[[nodiscard]] std::string take_tls_error(const std::string& otherwise);

}  // namespace postern::net
