#include "tls/hello_guard.hpp"

#include "tls/bio_method.hpp"

#include <algorithm>
#include <memory>

namespace troupe::transport {

namespace {

constexpr std::uint8_t change_cipher_spec = 20;
constexpr std::uint8_t handshake = 22;
constexpr std::uint8_t client_hello = 1;

/// Moves bytes to a header that is not whole yet; returns whether it is now.
template <std::size_t N>
bool fill(std::array<std::uint8_t, N>& header, std::size_t& have, std::string_view& from) noexcept {
  auto n = std::min(N - have, from.size());
  std::copy_n(from.begin(), n, header.begin() + static_cast<std::ptrdiff_t>(have));
  have += n;
  from.remove_prefix(n);
  return have == N;
}

/// What a filter knows: the guard, and whose handshake it is.
struct guarded {
  hello_guard guard;
  SSL* of;
};

int on_read(BIO* bio, char* into, int size) {
  auto& g = *static_cast<guarded*>(BIO_get_data(bio));
  auto n = BIO_read(BIO_next(bio), into, size);
  BIO_clear_retry_flags(bio);
  BIO_copy_next_retry(bio);
  if (n <= 0)
    return n;
  if (SSL_is_init_finished(g.of))
    g.guard.end();
  return g.guard.pass({into, static_cast<std::size_t>(n)}, SSL_version(g.of) == TLS1_2_VERSION)
         ? n
         : -1;
}

int on_write(BIO* bio, const char* bytes, int size) {
  auto n = BIO_write(BIO_next(bio), bytes, size);
  BIO_clear_retry_flags(bio);
  BIO_copy_next_retry(bio);
  return n;
}

long on_control(BIO* bio, int command, long number, void* pointer) {
  return BIO_next(bio) ? BIO_ctrl(BIO_next(bio), command, number, pointer) : 0;
}

int on_destroy(BIO* bio) {
  delete static_cast<guarded*>(BIO_get_data(bio));
  return 1;
}

} // namespace

bool hello_guard::pass(std::string_view bytes, bool is_tls12) noexcept {
  while (!ended_ && !bytes.empty()) {
    if (record_left_ == 0) {
      if (!fill(record_, record_header_bytes_, bytes))
        return true;
      record_header_bytes_ = 0;
      record_left_ = std::size_t{record_[3]} << 8 | record_[4];
      ended_ = is_tls12 && record_[0] == change_cipher_spec;
      continue;
    }
    auto part = bytes.substr(0, record_left_);
    bytes.remove_prefix(part.size());
    record_left_ -= part.size();
    if (record_[0] == handshake && !pass_handshake(part))
      return false;
  }
  return true;
}

bool hello_guard::pass_handshake(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    if (message_left_ == 0) {
      if (!fill(message_, message_header_bytes_, bytes))
        return true;
      message_header_bytes_ = 0;
      message_left_ = std::size_t{message_[1]} << 16 | std::size_t{message_[2]} << 8 | message_[3];
      if (message_[0] == client_hello && message_left_ > max_hello_bytes)
        return false;
      continue;
    }
    auto n = std::min(message_left_, bytes.size());
    message_left_ -= n;
    bytes.remove_prefix(n);
  }
  return true;
}

void hello_guard::install(SSL& on) {
  static const auto* method =
    make_bio_method("troupe hello guard", on_read, on_write, on_control, on_destroy);
  auto data = std::make_unique<guarded>(guarded{{}, &on});
  auto* filter = make_bio(method, data.get());
  (void)data.release(); // on_destroy's
  auto* source = SSL_get_rbio(&on);
  BIO_up_ref(source); // SSL gives up the one it has for reading
  BIO_push(filter, source);
  SSL_set0_rbio(&on, filter);
}

} // namespace troupe::transport
