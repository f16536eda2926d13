#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace troupe::test {

struct openssl_free {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};

/// When a certificate is valid, in seconds from now.
struct validity {
  long from = -60;
  long until = 3600;
};

/// A certificate and its key: self-signed, or signed by another.
class identity {
public:
  enum class kind { ec, rsa, p224 };

  explicit identity(const char* name, kind k = kind::ec, validity valid = {},
                    const identity* issuer = nullptr)
    : key_(k == kind::rsa ? EVP_RSA_gen(2048) : EVP_EC_gen(k == kind::ec ? "P-256" : "P-224")),
      certificate_(X509_new()) {
    auto* c = certificate_.get();
    X509_set_version(c, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
    X509_gmtime_adj(X509_getm_notBefore(c), valid.from);
    X509_gmtime_adj(X509_getm_notAfter(c), valid.until);
    auto* subject = X509_get_subject_name(c);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
    auto& by = issuer ? *issuer : *this;
    X509_set_issuer_name(c, X509_get_subject_name(by.certificate_.get()));
    X509_set_pubkey(c, key_.get());
    X509_sign(c, by.key_.get(), EVP_sha256());
  }

  [[nodiscard]] std::string certificate() const {
    return written([&](BIO* out) { PEM_write_bio_X509(out, certificate_.get()); });
  }
  [[nodiscard]] std::string key() const {
    return written([&](BIO* out) {
      PEM_write_bio_PrivateKey(out, key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  /// The key, encrypted with a password.
  [[nodiscard]] std::string locked_key(const std::string& password) const {
    auto* bytes = reinterpret_cast<const unsigned char*>(password.data());
    auto size = static_cast<int>(password.size());
    return written([&](BIO* out) {
      PEM_write_bio_PrivateKey(out, key_.get(), EVP_aes_128_cbc(), bytes, size, nullptr, nullptr);
    });
  }

  /// Makes a server context use it.
  void serve_from(SSL_CTX* context) const {
    SSL_CTX_use_certificate(context, certificate_.get());
    SSL_CTX_use_PrivateKey(context, key_.get());
  }

private:
  template <class Write>
  static std::string written(Write write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    auto size = BIO_get_mem_data(bio, &data);
    std::string text{data, static_cast<std::size_t>(size)};
    BIO_free(bio);
    return text;
  }

  std::unique_ptr<EVP_PKEY, openssl_free> key_;
  std::unique_ptr<X509, openssl_free> certificate_;
};

} // namespace troupe::test
