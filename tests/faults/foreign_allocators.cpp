#include "foreign_allocators.hpp"

#include "support/replaced_allocator.hpp"

#include <openssl/crypto.h>
#include <zlib.h>

#include <cstdlib>

namespace {

using troupe::test::next_fails;

void* openssl_malloc(std::size_t size, const char*, int) {
  return next_fails() ? nullptr : std::malloc(size);
}
void* openssl_realloc(void* block, std::size_t size, const char*, int) {
  return next_fails() ? nullptr : std::realloc(block, size);
}
void openssl_free(void* block, const char*, int) { std::free(block); }

void* zlib_malloc(void*, unsigned items, unsigned size) {
  return next_fails() ? nullptr : std::malloc(std::size_t{items} * size);
}
void zlib_free(void*, void* block) { std::free(block); }

} // namespace

void troupe::test::fail_openssl_too() {
  if (CRYPTO_set_mem_functions(openssl_malloc, openssl_realloc, openssl_free) != 1)
    std::abort();
}

/// Replace zlib's initialisers, to set our allocators.
extern "C" int __real_deflateInit2_(z_streamp, int, int, int, int, int, const char*, int);
extern "C" int __wrap_deflateInit2_(z_streamp z, int level, int method, int window, int memory,
                                    int strategy, const char* version, int size) {
  z->zalloc = zlib_malloc;
  z->zfree = zlib_free;
  return __real_deflateInit2_(z, level, method, window, memory, strategy, version, size);
}

extern "C" int __real_inflateInit2_(z_streamp, int, const char*, int);
extern "C" int __wrap_inflateInit2_(z_streamp z, int window, const char* version, int size) {
  z->zalloc = zlib_malloc;
  z->zfree = zlib_free;
  return __real_inflateInit2_(z, window, version, size);
}
