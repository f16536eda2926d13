#include "auth/jwt_key.hpp"

#include "text/set_up_file.hpp"

#include <cstddef>
#include <stdexcept>
#include <utility>

namespace troupe::transport {

namespace {

constexpr std::size_t max_file_bytes = 64 * 1024;

/// Errors: `std::runtime_error` that names the file and what was `expected`.
std::string read_whole(const std::string& file, const char* expected) {
  auto text = read_set_up_file(file, max_file_bytes);
  if (!text)
    throw std::runtime_error{file + ": expected " + expected + ": " + text.error().why};
  return std::move(*text);
}

void drop_newline(std::string& text) {
  if (!text.ends_with('\n'))
    return;
  text.pop_back();
  if (text.ends_with('\r'))
    text.pop_back();
}

/// Returns `key` if it is fit for its algorithm. Errors: as those of `verification_key`.
jwt_key checked(jwt_key key, jwt_profile profile) {
  const verification_key fit{key, profile};
  return key;
}

} // namespace

jwt_key load_secret_file(const std::string& file, jwt_profile profile) {
  jwt_key key{{}, jwt_algorithm::hs256, read_whole(file, "a file with a secret"), file};
  drop_newline(key.material);
  return checked(std::move(key), profile);
}

jwt_key load_key_file(std::string kid, const std::string& file, jwt_profile profile) {
  check_kid({kid, jwt_algorithm::hs256, {}, file});
  jwt_key key{std::move(kid), jwt_algorithm::hs256,
              read_whole(file, "a file with a public key in PEM or a secret"), file};
  if (!looks_like_public_key(key.material)) {
    drop_newline(key.material);
    return checked(std::move(key), profile);
  }
  const auto public_key = read_public_key(key.material);
  const auto algorithm = public_key ? algorithm_of(*public_key) : std::nullopt;
  if (!algorithm)
    throw std::runtime_error{
      key.origin
      + ": expected one public key in PEM, RSA of 2048 bits or more or EC on the curve P-256"};
  key.algorithm = *algorithm;
  return checked(std::move(key), profile);
}

} // namespace troupe::transport
