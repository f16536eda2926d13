#include "auth/jwt_key.hpp"

#include "text/set_up_file.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <stdexcept>

namespace troupe::transport {

namespace {

constexpr std::size_t max_file_bytes = 64 * 1024;

struct close_file {
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

/// Errors: `std::runtime_error` that names the file and what was `expected`.
std::string read_whole(const std::string& file, const char* expected) {
  const auto fail = [&](const char* why) {
    throw std::runtime_error{file + ": expected " + expected + ": " + why};
  };
  if (auto* problem = problem_of_file(file))
    fail(problem);
  const std::unique_ptr<std::FILE, close_file> in{std::fopen(file.c_str(), "rb")};
  if (!in)
    fail(std::strerror(errno));
  std::string text(max_file_bytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), in.get()));
  if (std::ferror(in.get()))
    fail(std::strerror(errno));
  if (text.size() > max_file_bytes)
    fail("larger than 64 KiB");
  return text;
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
