#include "tls/tls_writer.hpp"

#include "net/socket_writer.hpp"
#include "tls/bio_method.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>

#include <array>
#include <initializer_list>
#include <new>
#include <span>

namespace troupe::transport {

namespace {

constexpr std::size_t max_record_bytes = SSL3_RT_MAX_PLAIN_LENGTH;

/// Far more than one record: a peer exceeds it only if it makes OpenSSL answer without end, and
/// does not read.
constexpr std::size_t max_unsent_bytes = 64 * 1024;

/// Reads parts, a record's worth at a time.
class part_reader {
public:
  explicit part_reader(std::span<const iovec> parts) : left_(parts) {}

  [[nodiscard]] bool at_end() const noexcept { return left_.empty(); }

  /// As much as `room` holds: in place where it lies in one part, else copied together.
  std::string_view next(std::span<char> room) {
    if (left_.size() == 1 || left_.front().iov_len - offset_ >= room.size())
      return pop(room.size());
    std::size_t size = 0;
    while (size < room.size() && !at_end())
      size += pop(room.size() - size).copy(room.data() + size, room.size() - size);
    return {room.data(), size};
  }

private:
  std::string_view pop(std::size_t most) {
    auto& part = left_.front();
    auto some =
      std::string_view{static_cast<const char*>(part.iov_base), part.iov_len}.substr(offset_, most);
    offset_ += some.size();
    if (offset_ == part.iov_len) {
      left_ = left_.subspan(1);
      offset_ = 0;
    }
    return some;
  }

  std::span<const iovec> left_;
  std::size_t offset_ = 0; ///< in the first
};

} // namespace

tls_writer::tls_writer(SSL* ssl, int fd, actors::loop_counter& sent)
  : ssl_(ssl), session_(SSL_get_session(ssl)), sent_(sent), fd_(fd) {
  static const auto* method = make_bio_method("troupe output", nullptr, on_write, on_control);
  output_ = make_bio(method, this);
  SSL_set0_wbio(ssl, output_);
}

int tls_writer::on_write(BIO* bio, const char* bytes, int size) {
  auto& self = *static_cast<tls_writer*>(BIO_get_data(bio));
  return self.send({bytes, static_cast<std::size_t>(size)}) ? size : -1;
}

long tls_writer::on_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

bool tls_writer::send(std::string_view record) noexcept {
  std::size_t sent = 0;
  if (unsent_.empty()) {
    iovec all{const_cast<char*>(record.data()), record.size()};
    auto n = socket_writer{fd_, sent_}(&all, 1);
    if (n < 0)
      return false;
    sent = static_cast<std::size_t>(n);
  }
  if (unsent_.size() + record.size() - sent > max_unsent_bytes)
    return false;
  try {
    unsent_.append(record.substr(sent));
  } catch (const std::bad_alloc&) {
    return false; // nothing is thrown through OpenSSL; what is lost of a record ends the connection
  }
  return true;
}

/// Makes more than one record if the client has asked for small ones (RFC 6066, 4). Takes a client
/// for broken that is in the middle of a TLS message of its own (a key update in two records, which
/// no client sends).
bool tls_writer::encrypt(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()));
    if (n <= 0) {
      ERR_clear_error();
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

ssize_t tls_writer::operator()(const iovec* parts, int count) {
  std::array<char, max_record_bytes> room;
  part_reader plain{{parts, static_cast<std::size_t>(count)}};
  std::size_t taken = 0;
  while (unsent_.empty() && !plain.at_end()) {
    auto record = plain.next(room);
    if (!encrypt(record))
      return -1;
    taken += record.size();
  }
  return static_cast<ssize_t>(taken);
}

/// The places are those of OpenSSL 3.0 on x86-64, found by flushing one cache line after the other
/// before a write. With another OpenSSL some are prefetched in vain; nothing is read here.
void tls_writer::prefetch() const noexcept {
  auto prefetch = [](const void* object, std::initializer_list<int> places) {
    for (auto at : places)
      __builtin_prefetch(static_cast<const char*>(object) + at);
  };
  prefetch(
    ssl_, {0, 0x40, 0x80, 0x4c0, 0x840, 0x9c0, 0xa00, 0xa80, 0xb80, 0xc80, 0x1cc0, 0x1d00, 0x1d40});
  prefetch(session_, {0x340});
  prefetch(output_, {0, 0x40, 0x80});
  asm volatile(""); // g++ 12 takes a function that only prefetches for one without effect
}

actors::outbox::status tls_writer::flush() {
  if (unsent_.empty())
    return actors::outbox::status::done;
  iovec all{unsent_.data(), unsent_.size()};
  auto n = socket_writer{fd_, sent_}(&all, 1);
  if (n < 0)
    return actors::outbox::status::broken;
  unsent_.erase(0, static_cast<std::size_t>(n));
  if (!unsent_.empty())
    return actors::outbox::status::blocked;
  std::string{}.swap(unsent_);
  return actors::outbox::status::done;
}

} // namespace troupe::transport
