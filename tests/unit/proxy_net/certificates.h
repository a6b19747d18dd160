// Makes self-signed certificates in files for one test.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "proxy/net/tls.h"

namespace postern::net {

/// A directory that goes when the test ends.
class Certificates {
 public:
  Certificates() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-tls-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  Certificates(const Certificates&) = delete;
  Certificates& operator=(const Certificates&) = delete;
  ~Certificates() { std::filesystem::remove_all(directory_); }

  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

  CertificateFiles make(const std::string& host, bool rsa = false) {
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"),
                                                            EVP_PKEY_free);
    std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), X509_free);
    X509_set_version(cert.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert.get()), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
    X509_set_pubkey(cert.get(), key.get());
    X509_NAME* name = X509_get_subject_name(cert.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1,
                               0);
    X509_set_issuer_name(cert.get(), name);
    std::string names = "DNS:" + host;
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str());
    X509_add_ext(cert.get(), extension, -1);
    X509_EXTENSION_free(extension);
    X509_sign(cert.get(), key.get(), EVP_sha256());
    std::string base = path(host + (rsa ? "-rsa" : "-ec"));
    CertificateFiles files{base + ".pem", base + ".key"};
    write(files.certificate, [&](FILE* file) { PEM_write_X509(file, cert.get()); });
    write(files.key, [&](FILE* file) { PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
    return files;
  }

 private:
  template <class Function>
  static void write(const std::string& to, Function function) {
    FILE* file = std::fopen(to.c_str(), "we");
    function(file);
    std::fclose(file);
  }
  std::string directory_;
};

}  // namespace postern::net
