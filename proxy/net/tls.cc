#include "proxy/net/tls.h"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "filters/base/ip.h"

namespace postern::net {
namespace {

template <auto Function>
struct Free {
  template <class T>
  void operator()(T* object) const {
    Function(object);
  }
};
void free_chain(STACK_OF(X509) * chain) {
  sk_X509_pop_free(chain, X509_free);
}

using CtxPtr = std::unique_ptr<SSL_CTX, Free<SSL_CTX_free>>;
using BioPtr = std::unique_ptr<BIO, Free<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Free<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using ChainPtr = std::unique_ptr<STACK_OF(X509), Free<free_chain>>;

struct Pair {
  X509Ptr leaf;
  ChainPtr chain;
  KeyPtr key;
  [[nodiscard]] int type() const { return EVP_PKEY_get_base_id(key.get()); }
  [[nodiscard]] bool covers(const char* name) const { return X509_check_host(leaf.get(), name, 0, 0, nullptr) == 1; }
};

// No terminal to ask: a key with a pass phrase is an error.
int no_pass_phrase(char*, int, int, void*) {
  return -1;
}

Result<BioPtr> open_file(const std::string& label, const std::string& path) {
  if (path.empty()) return fail(Code::BadInput, label + ": no file is named");
  errno = 0;
  BioPtr file(BIO_new_file(path.c_str(), "r"));
  if (file) return file;
  int error = errno;
  ERR_clear_error();
  return fail(Code::Io, label + ": " + path + ": " + std::generic_category().message(error));
}

Result<void> load_certificate(const std::string& label, const std::string& path, Pair& pair) {
  auto file = open_file(label, path);
  if (!file) return tl::unexpected(file.error());
  pair.leaf.reset(PEM_read_bio_X509_AUX(file->get(), nullptr, no_pass_phrase, nullptr));
  if (!pair.leaf) return fail(Code::BadInput, label + ": " + path + ": " + take_tls_error("no certificate in it"));
  pair.chain.reset(sk_X509_new_null());
  constexpr int kMaxChain = 32;
  for (int i = 0; i < kMaxChain; ++i) {
    X509Ptr next(PEM_read_bio_X509(file->get(), nullptr, no_pass_phrase, nullptr));
    if (!next) break;
    if (sk_X509_push(pair.chain.get(), next.get()) == 0) return fail(Code::Limit, label + ": out of memory");
    [[maybe_unused]] X509* owned_by_chain = next.release();
  }
  ERR_clear_error();  // the end of the file is one
  return {};
}

Result<Pair> load_pair(const std::string& section, const CertificateFiles& files) {
  Pair pair;
  if (auto done = load_certificate(section + ".certificate", files.certificate, pair); !done) {
    return tl::unexpected(done.error());
  }
  std::string label = section + ".key";
  auto file = open_file(label, files.key);
  if (!file) return tl::unexpected(file.error());
  pair.key.reset(PEM_read_bio_PrivateKey(file->get(), nullptr, no_pass_phrase, nullptr));
  if (!pair.key) {
    return fail(Code::BadInput, label + ": " + files.key + ": " + take_tls_error("no private key in it"));
  }
  if (X509_check_private_key(pair.leaf.get(), pair.key.get()) != 1) {
    ERR_clear_error();
    return fail(Code::BadInput, label + ": " + files.key + ": does not match certificate " + files.certificate);
  }
  return pair;
}

// What mail servers of the last fifteen years can speak; forward secrecy first.
constexpr const char* kCiphers =
    "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES:DHE+AESGCM:DHE+AES:AESGCM:AES:!aNULL:!eNULL:!PSK:!SRP:!DSS:!kDH:!kECDH";

Result<CtxPtr> new_context(const SSL_METHOD* method) {
  CtxPtr context(SSL_CTX_new(method));
  if (!context) return fail(Code::Internal, "OpenSSL: " + take_tls_error("no context"));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (SSL_CTX_set_cipher_list(context.get(), kCiphers) != 1) {
    return fail(Code::Internal, "OpenSSL: " + take_tls_error("ciphers"));
  }
  // An end of file without close_notify is an end of file: SMTP says by itself where a message ends.
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // An idle connection costs 15 kB with this, 24 kB without.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

Result<void> use(SSL_CTX* context, const Pair& pair) {
  if (SSL_CTX_use_cert_and_key(context, pair.leaf.get(), pair.key.get(), pair.chain.get(), 1) == 1) return {};
  return fail(Code::BadInput, "tls.certificate: " + take_tls_error("refused by OpenSSL"));
}

// Whether both speak for the same host: the same subject, or a DNS name in common.
bool share_a_name(const Pair& pair, const Pair& other) {
  if (X509_NAME_cmp(X509_get_subject_name(pair.leaf.get()), X509_get_subject_name(other.leaf.get())) == 0) return true;
  auto* names = static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(pair.leaf.get(), NID_subject_alt_name, nullptr, nullptr));
  bool shared = false;
  for (int i = 0; i < sk_GENERAL_NAME_num(names) && !shared; ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names, i);
    if (name->type != GEN_DNS) continue;
    std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                     static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    if (text.substr(0, 2) == "*.") text.replace(0, 1, "x");
    shared = other.covers(text.c_str());
  }
  GENERAL_NAMES_free(names);
  return shared;
}

}  // namespace

class TlsContext::Impl {
 public:
  struct Choice {
    const Pair* pair;
    CtxPtr context;
  };

  static int choose(SSL* ssl, int*, void* self) noexcept {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (name == nullptr) return SSL_TLSEXT_ERR_OK;
    for (const auto& choice : static_cast<Impl*>(self)->choices) {
      if (!choice.pair->covers(name)) continue;
      SSL_set_SSL_CTX(ssl, choice.context.get());
      break;
    }
    // RFC 6066, 3: a name we do not have is no reason to refuse; mail prefers any certificate to none.
    return SSL_TLSEXT_ERR_OK;
  }

  bool is_server = false;
  std::vector<Pair> pairs;
  std::vector<Choice> choices;  // one for each pair, the default first
  CtxPtr client_context;
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const std::vector<CertificateFiles>& pairs) {
  if (pairs.empty()) return fail(Code::BadInput, "tls: no certificate is configured");
  auto impl = std::make_unique<Impl>();
  impl->is_server = true;
  for (size_t i = 0; i < pairs.size(); ++i) {
    auto pair = load_pair(i == 0 ? "tls" : "tls.pair[" + std::to_string(i) + "]", pairs[i]);
    if (!pair) return tl::unexpected(std::move(pair.error()));
    impl->pairs.push_back(std::move(*pair));
  }
  for (const auto& pair : impl->pairs) {
    auto context = new_context(TLS_server_method());
    if (!context) return tl::unexpected(std::move(context.error()));
    SSL_CTX* raw = context->get();
    // OpenSSL keeps one certificate for each type of key, the last one given; so our own pair comes last.
    for (auto other = impl->pairs.rbegin(); other != impl->pairs.rend(); ++other) {
      if (&*other == &pair || other->type() == pair.type() || !share_a_name(pair, *other)) continue;
      if (auto done = use(raw, *other); !done) return tl::unexpected(done.error());
    }
    if (auto done = use(raw, pair); !done) return tl::unexpected(done.error());
    SSL_CTX_set_dh_auto(raw, 1);
    // Tickets carry the session, so the workers need no shared, locked cache; one ticket is what a mail client uses.
    SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(raw, 1);
    SSL_CTX_set_tlsext_servername_callback(raw, Impl::choose);
    SSL_CTX_set_tlsext_servername_arg(raw, impl.get());
    impl->choices.push_back({&pair, std::move(*context)});
  }
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(impl)));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::client() {
  auto impl = std::make_unique<Impl>();
  auto context = new_context(TLS_client_method());
  if (!context) return tl::unexpected(std::move(context.error()));
  SSL_CTX_set_verify(context->get(), SSL_VERIFY_NONE, nullptr);
  impl->client_context = std::move(*context);
  return std::shared_ptr<const TlsContext>(new TlsContext(std::move(impl)));
}

TlsContext::SslPtr TlsContext::new_ssl(const std::string& host) const {
  if (impl_->is_server) return SslPtr(SSL_new(impl_->choices.front().context.get()));
  SslPtr ssl(SSL_new(impl_->client_context.get()));
  if (ssl && !host.empty() && !IpAddress::parse(host)) SSL_set_tlsext_host_name(ssl.get(), host.c_str());
  return ssl;
}

void TlsContext::FreeSsl::operator()(SSL* ssl) const {
  SSL_free(ssl);
}

std::string take_tls_error(const std::string& otherwise) {
  const char* reason = ERR_reason_error_string(ERR_peek_error());
  std::string text = reason == nullptr ? otherwise : reason;
  ERR_clear_error();
  return text;
}

}  // namespace postern::net
