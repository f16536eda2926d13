#include <troupe/actors/seeded_hash.hpp>

#include <sys/random.h>

#include <cerrno>
#include <system_error>

namespace troupe::actors {

hash_key hash_key::random() {
  hash_key key;
  if (::getrandom(&key, sizeof key, 0) != static_cast<ssize_t>(sizeof key))
    throw std::system_error{errno, std::system_category(), "getrandom"};
  return key;
}

hash_key hash_key::from(std::uint64_t seed) noexcept {
  return {siphash({seed, 0}, "low"), siphash({seed, 0}, "high")};
}

} // namespace troupe::actors
