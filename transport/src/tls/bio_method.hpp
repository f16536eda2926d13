#pragma once

#include <openssl/bio.h>

#include <new>

namespace troupe::transport {

/// Makes a kind of BIO, for the life of the process. A null callback: it cannot do that. Errors:
/// `std::bad_alloc`.
[[nodiscard]] inline const BIO_METHOD* make_bio_method(const char* name,
                                                       int (*read)(BIO*, char*, int),
                                                       int (*write)(BIO*, const char*, int),
                                                       long (*control)(BIO*, int, long, void*),
                                                       int (*destroy)(BIO*) = nullptr) {
  auto* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, name);
  if (!m || !BIO_meth_set_read(m, read) || !BIO_meth_set_write(m, write)
      || !BIO_meth_set_ctrl(m, control) || !BIO_meth_set_destroy(m, destroy))
    throw std::bad_alloc{};
  return m;
}

/// Makes a BIO whose callbacks find `data` by `BIO_get_data`; whoever takes the BIO frees it.
/// Errors: `std::bad_alloc`.
[[nodiscard]] inline BIO* make_bio(const BIO_METHOD* method, void* data) {
  auto* bio = BIO_new(method);
  if (!bio)
    throw std::bad_alloc{};
  BIO_set_data(bio, data);
  BIO_set_init(bio, 1);
  return bio;
}

} // namespace troupe::transport
