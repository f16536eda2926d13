#include "tls/tls_identity.hpp"

#include "text/set_up_file.hpp"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <new>
#include <string_view>

namespace troupe::transport {

namespace {

struct free_bio {
  void operator()(BIO* bio) const noexcept { BIO_free(bio); }
};
using bio_ptr = std::unique_ptr<BIO, free_bio>;

/// Of a stack that does not own what is in it.
struct free_stack {
  void operator()(STACK_OF(X509) * stack) const noexcept { sk_X509_free(stack); }
};

bio_ptr reader_of(std::string_view text) {
  bio_ptr bio{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  if (!bio)
    throw std::bad_alloc{};
  return bio;
}

/// What OpenSSL says of the call that has failed. (Its other errors follow from the first.)
std::string reason() {
  auto* text = ERR_reason_error_string(ERR_peek_error());
  return text ? text : "unknown reason";
}

// -- certificates ---------------------------------------------------------------------------------

tls_file_error certificates_error(const std::string& file, const std::string& why) {
  return {false, file, "certificates in PEM (" + why + ")"};
}

/// The certificates of a file in its order; keys between them are passed over.
std::vector<certificate_ptr> read_certificates(const std::string& file) {
  auto text = read_set_up_file(file, tls_identity::max_file_bytes);
  if (!text)
    throw certificates_error(file, text.error().why);
  auto in = reader_of(*text);
  ERR_clear_error();
  std::vector<certificate_ptr> found;
  while (auto* next = PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr))
    found.emplace_back(next);
  OPENSSL_cleanse(text->data(), text->size()); // the key may be in this file, too
  if (found.empty() || ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
    throw certificates_error(file, reason());
  return found;
}

actors::wall_time time_of(const std::string& file, const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1)
    throw certificates_error(file, "malformed time");
  return actors::wall_time{std::chrono::seconds{::timegm(&parts)}};
}

/// Refuses a certificate that clients would refuse now; returns until when they do not. `number`:
/// its place in the file, from 1.
actors::wall_time checked_until(const std::string& file, const X509& certificate,
                                std::size_t number, actors::wall_time now) {
  auto refuse = [&](const char* what, actors::wall_time when) {
    throw tls_file_error{false, file,
                         "certificates that are valid now (number " + std::to_string(number) + what
                           + protocol::iso_8601(when) + ")"};
  };
  auto from = time_of(file, X509_get0_notBefore(&certificate));
  auto until = time_of(file, X509_get0_notAfter(&certificate));
  if (until < now)
    refuse(" expired at ", until);
  if (now < from)
    refuse(" is not valid before ", from);
  return until;
}

/// Until when all certificates of a chain are valid. Leaves out roots, which prove nothing.
actors::wall_time checked_until(const std::string& file, const std::vector<certificate_ptr>& chain,
                                actors::wall_time now) {
  auto until = checked_until(file, *chain.front(), 1, now);
  for (std::size_t i = 1; i < chain.size(); ++i)
    if (X509_self_signed(chain[i].get(), 0) != 1)
      until = std::min(until, checked_until(file, *chain[i], i + 1, now));
  return until;
}

// -- the key --------------------------------------------------------------------------------------

/// A server has nobody to ask: OpenSSL would read the password from the terminal, and wait.
int no_password(char*, int, int, void* was_asked) {
  *static_cast<bool*>(was_asked) = true;
  return -1;
}

tls_file_error key_error(const std::string& file, const std::string& why) {
  return {true, file, "the certificate's private key in PEM (" + why + ")"};
}

private_key_ptr read_key(const std::string& file) {
  auto text = read_set_up_file(file, tls_identity::max_file_bytes);
  if (!text)
    throw key_error(file, text.error().why);
  auto in = reader_of(*text);
  bool was_asked = false;
  private_key_ptr key{PEM_read_bio_PrivateKey(in.get(), nullptr, no_password, &was_asked)};
  OPENSSL_cleanse(text->data(), text->size());
  if (!key)
    throw key_error(file, was_asked ? "it is under a password" : "it holds none");
  return key;
}

// -- a handshake ----------------------------------------------------------------------------------

struct free_tls {
  void operator()(SSL_CTX* context) const noexcept { SSL_CTX_free(context); }
  void operator()(SSL* end) const noexcept { SSL_free(end); }
};

/// One end of a handshake in memory.
std::unique_ptr<SSL, free_tls> end_of(SSL_CTX& context, bio_ptr line) {
  std::unique_ptr<SSL, free_tls> end{SSL_new(&context)};
  if (!end)
    throw std::bad_alloc{};
  auto* both_ways = line.release();
  SSL_set_bio(end.get(), both_ways, both_ways);
  return end;
}

/// Whether a client of that version that trusts everybody can shake hands, tried in memory.
bool can_serve(SSL_CTX& server, int version) {
  constexpr int most_flights = 8;
  std::unique_ptr<SSL_CTX, free_tls> trusting{SSL_CTX_new(TLS_client_method())};
  BIO* lines[2] = {};
  if (!trusting || BIO_new_bio_pair(&lines[0], 0, &lines[1], 0) != 1)
    throw std::bad_alloc{};
  bio_ptr of_client{lines[0]}, of_server{lines[1]};
  SSL_CTX_set_min_proto_version(trusting.get(), version);
  SSL_CTX_set_max_proto_version(trusting.get(), version);
  auto client = end_of(*trusting, std::move(of_client));
  auto tried = end_of(server, std::move(of_server));
  SSL_set_connect_state(client.get());
  SSL_set_accept_state(tried.get());
  for (int flight = 0; flight < most_flights; ++flight) {
    SSL_do_handshake(client.get());
    SSL_do_handshake(tried.get());
  }
  ERR_clear_error();
  return SSL_is_init_finished(client.get()) == 1 && SSL_is_init_finished(tried.get()) == 1;
}

} // namespace

tls_identity::tls_identity(const std::string& certificates, const std::string& key,
                           actors::wall_time now)
  : file_(certificates) {
  chain_ = read_certificates(certificates);
  valid_until_ = checked_until(certificates, chain_, now);
  key_ = read_key(key);
  if (X509_check_private_key(chain_.front().get(), key_.get()) != 1)
    throw tls_file_error{true, key, "the private key of " + certificates};
}

void tls_identity::serve_from(SSL_CTX& context) const {
  ERR_clear_error();
  std::unique_ptr<STACK_OF(X509), free_stack> issuers{sk_X509_new_null()};
  if (!issuers)
    throw std::bad_alloc{};
  for (std::size_t i = 1; i < chain_.size(); ++i)
    if (sk_X509_push(issuers.get(), chain_[i].get()) <= 0)
      throw std::bad_alloc{};
  if (SSL_CTX_use_cert_and_key(&context, chain_.front().get(), key_.get(), issuers.get(), 1) != 1)
    throw certificates_error(file_, reason());
  if (!can_serve(context, TLS1_3_VERSION) && !can_serve(context, TLS1_2_VERSION))
    throw tls_file_error{false, file_,
                         "a certificate with which a client can shake hands (RSA, or a "
                         "curve that TLS 1.3 has)"};
}

} // namespace troupe::transport
