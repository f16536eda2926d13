#include "tls/ticket_keys.hpp"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <new>
#include <stdexcept>
#include <utility>

namespace troupe::transport {

namespace {

ticket_keys::key random_key() {
  ticket_keys::key fresh;
  for (auto part : {std::span<unsigned char>{fresh.name}, {fresh.cipher}, {fresh.mac}})
    if (RAND_priv_bytes(part.data(), static_cast<int>(part.size())) != 1)
      throw std::runtime_error{"no random bytes for the keys of TLS session tickets"};
  return fresh;
}

void wipe(ticket_keys::key& key) noexcept { OPENSSL_cleanse(&key, sizeof key); }

/// What a context's callback knows.
struct installed {
  std::shared_ptr<ticket_keys> keys;
  const actors::loop_clock& clock;
};

void on_free(void*, void* data, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<installed*>(data);
}

int index_in_context() {
  static const auto index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, on_free);
  return index;
}

bool authenticate(EVP_MAC_CTX* mac, ticket_keys::key& with) {
  char digest[] = "sha256";
  std::array<OSSL_PARAM, 3> parameters{
    OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, with.mac.data(), with.mac.size()),
    OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, parameters.data()) == 1;
}

constexpr int failed = -1, unknown = 0, ready = 1, ready_and_renew = 2;

int issue(ticket_keys::key with, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
          EVP_MAC_CTX* mac) {
  std::copy(with.name.begin(), with.name.end(), name);
  auto* how = EVP_aes_256_cbc();
  auto done = RAND_bytes(iv, EVP_CIPHER_get_iv_length(how)) == 1
           && EVP_EncryptInit_ex(cipher, how, nullptr, with.cipher.data(), iv) == 1
           && authenticate(mac, with);
  wipe(with);
  return done ? ready : failed;
}

/// A ticket of TLS 1.3 should be used once (RFC 8446, C.4), so that each use brings another. One of
/// TLS 1.2 would hold the same secret for the rest of the same two hours, under a later key.
int open(ticket_keys::key with, const unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
         bool is_tls13) {
  auto done = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, with.cipher.data(), iv) == 1
           && authenticate(mac, with);
  wipe(with);
  if (!done)
    return failed;
  return is_tls13 ? ready_and_renew : ready;
}

/// Nothing is thrown through OpenSSL: it ends the handshake.
int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
              EVP_MAC_CTX* mac, int issues) noexcept {
  try {
    auto& its =
      *static_cast<installed*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), index_in_context()));
    auto now = its.clock.now();
    if (issues == 1)
      return issue(its.keys->issuing(now), name, iv, cipher, mac);
    auto found = its.keys->find(std::span<const unsigned char, 16>{name, 16}, now);
    return found ? open(*found, iv, cipher, mac, SSL_version(ssl) == TLS1_3_VERSION) : unknown;
  } catch (...) {
    return failed;
  }
}

} // namespace

ticket_keys::ticket_keys(actors::steady_time now) : current_{random_key(), now} {}

ticket_keys::~ticket_keys() {
  wipe(current_.it);
  forget_previous();
}

void ticket_keys::forget_previous() noexcept {
  if (previous_)
    wipe(previous_->it);
  previous_.reset();
}

ticket_keys::key ticket_keys::issuing(actors::steady_time now) {
  std::lock_guard guard{mutex_};
  rotate(now);
  return current_.it;
}

std::optional<ticket_keys::key> ticket_keys::find(std::span<const unsigned char, 16> name,
                                                  actors::steady_time now) {
  std::lock_guard guard{mutex_};
  rotate(now);
  auto is_named = [&](const kept& k) { return std::ranges::equal(k.it.name, name); };
  if (is_named(current_))
    return current_.it;
  if (previous_ && is_named(*previous_))
    return previous_->it;
  return {};
}

/// If it throws, nothing has changed.
void ticket_keys::rotate(actors::steady_time now) {
  if (now - current_.made >= lifetime) {
    kept fresh{random_key(), now};
    forget_previous();
    previous_ = std::exchange(current_, fresh);
  }
  if (previous_ && now - previous_->made >= 2 * lifetime)
    forget_previous();
}

void ticket_keys::install(SSL_CTX& context, std::shared_ptr<ticket_keys> keys,
                          const actors::loop_clock& clock) {
  auto data = std::make_unique<installed>(installed{std::move(keys), clock});
  if (SSL_CTX_set_ex_data(&context, index_in_context(), data.get()) != 1)
    throw std::bad_alloc{};
  (void)data.release(); // on_free's
  SSL_CTX_set_tlsext_ticket_key_evp_cb(&context, on_ticket);
}

} // namespace troupe::transport
