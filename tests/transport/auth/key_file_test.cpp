#include "examples/temporary_file.hpp"
#include "token_maker.hpp"

#include <catch2/catch.hpp>

using namespace troupe;
using namespace troupe::test;
using transport::jwt_algorithm;
using transport::jwt_profile;
using transport::load_key_file;
using transport::load_secret_file;

namespace {

/// The complaint about a file of that content, with `FILE` for its name.
template <class Load>
std::string complaint(std::string_view content, Load load) {
  const temporary_file file{content};
  try {
    (void)load(file.path());
    return {};
  } catch (const std::runtime_error& e) {
    std::string text = e.what();
    const auto at = text.find(file.path());
    return at == std::string::npos ? text : text.replace(at, file.path().size(), "FILE");
  }
}

std::string secret_complaint(std::string_view content, jwt_profile profile = jwt_profile::strict) {
  return complaint(content,
                   [&](const std::string& path) { return load_secret_file(path, profile); });
}

std::string key_complaint(std::string_view content) {
  return complaint(
    content, [](const std::string& path) { return load_key_file("k", path, jwt_profile::strict); });
}

} // namespace

TEST_CASE("a key that would be read from a pipe or a device is refused, and not waited for") {
  for (auto file : {"/dev/zero", "/dev/tty"}) {
    CHECK_THROWS_WITH(load_secret_file(file, jwt_profile::strict),
                      Catch::EndsWith("Not a regular file"));
    CHECK_THROWS_WITH(load_key_file("k", file, jwt_profile::strict),
                      Catch::EndsWith("Not a regular file"));
  }
}

TEST_CASE("a secret is the file's bytes without one newline at the end") {
  const std::string bytes = std::string{secret} + std::string{" \xff\0\n", 4} + "x";
  for (auto end : {"", "\n", "\r\n"}) {
    const temporary_file file{bytes + end};
    const auto key = load_secret_file(file.path(), jwt_profile::strict);
    CHECK(key.material == bytes);
    CHECK(key.kid.empty());
    CHECK(key.algorithm == jwt_algorithm::hs256);
    CHECK(key.origin == file.path());
  }
  const temporary_file two{std::string{secret} + "\n\n"};
  const temporary_file carriage_return{std::string{secret} + "\r"};
  CHECK(load_secret_file(two.path(), jwt_profile::strict).material == std::string{secret} + "\n");
  CHECK(load_secret_file(carriage_return.path(), jwt_profile::strict).material
        == std::string{secret} + "\r");
}

TEST_CASE("an empty or short secret is named with what was expected") {
  const std::string wanted = "FILE: expected a secret of 32 bytes or more for HS256";

  CHECK(secret_complaint("") == wanted);
  CHECK(secret_complaint("\n") == wanted);
  CHECK(secret_complaint(std::string(31, 's') + "\n") == wanted);
  CHECK(secret_complaint(std::string(32, 's') + "\n").empty());
  CHECK(secret_complaint("", jwt_profile::lenient)
        == "FILE: expected a secret of 1 byte or more, and it is empty");
  CHECK(secret_complaint("your-secret-key\n", jwt_profile::lenient).empty());
}

TEST_CASE("a file that cannot be read is named with the reason") {
  const auto message = [](const char* path) {
    try {
      (void)load_secret_file(path, jwt_profile::strict);
    } catch (const std::runtime_error& e) {
      return std::string{e.what()};
    }
    return std::string{};
  };

  CHECK(message("/nonexistent/secret.txt")
        == "/nonexistent/secret.txt: expected a file with a secret: No such file or directory");
  CHECK(message("/") == "/: expected a file with a secret: Is a directory");
  CHECK(secret_complaint(std::string(64 * 1024 + 1, 's'))
        == "FILE: expected a file with a secret: larger than 64 KiB");
}

TEST_CASE("a public key is not taken for a secret") {
  CHECK(secret_complaint(public_pem(make_rsa()))
        == "FILE: expected a secret, not the text of a key that others may know");
}

TEST_CASE("the type of a public key decides its algorithm") {
  const temporary_file rsa{public_pem(make_rsa())};
  const temporary_file ec{"An EC key\n" + public_pem(make_ec())};
  const temporary_file plain{std::string{secret} + "\n"};

  CHECK(load_key_file("k", rsa.path(), jwt_profile::strict).algorithm == jwt_algorithm::rs256);
  CHECK(load_key_file("k", ec.path(), jwt_profile::strict).algorithm == jwt_algorithm::es256);
  CHECK(load_key_file("k", plain.path(), jwt_profile::strict).algorithm == jwt_algorithm::hs256);
  CHECK(load_key_file("k", plain.path(), jwt_profile::strict).material == secret);
  CHECK(load_key_file("k", plain.path(), jwt_profile::strict).kid == "k");
}

TEST_CASE("a key file that holds no usable key is named with what was expected") {
  const std::string wanted =
    "FILE: expected one public key in PEM, RSA of 2048 bits or more or EC on the curve P-256";
  const key_pair ed25519{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  const auto encrypted = std::string{"-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"}
                       + "DEK-Info: "
                         "AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\nAAAAAAAAAAAAAAAAAAAAAA=="
                         "\n-----END PUBLIC KEY-----\n";

  for (const auto& text :
       {private_pem(make_rsa()), public_pem(make_rsa(1024)), public_pem(make_ec("P-384")),
        public_pem(ed25519), public_pem(make_ec()) + public_pem(make_ec()),
        private_pem(make_ec()) + public_pem(make_ec()), encrypted, std::string{"-----BEGIN "},
        std::string{R"({"kty":"oct","k":"AAAA"})"}, std::string{"ssh-rsa AAAA"}})
    CHECK(key_complaint(text) == wanted);
  CHECK(key_complaint("short") == "FILE: expected a secret of 32 bytes or more for HS256");
}

TEST_CASE("a name that no token can have is refused as the key is read, and none is a name, too") {
  const temporary_file file{secret};
  auto complaint_of = [&](const std::string& kid) {
    return complaint(secret, [&](const std::string& path) {
      return load_key_file(kid, path, jwt_profile::strict);
    });
  };

  for (const auto& bad : {std::string{"a b"}, std::string{"a\n"}, std::string{"\xc3\xa9"},
                          std::string(129, 'k'), std::string{"\0", 1}})
    CHECK(complaint_of(bad)
          == "FILE: expected a kid of 1 to 128 printable ASCII characters without space");
  CHECK(complaint_of(std::string(128, '~')).empty());
  CHECK(load_key_file({}, file.path(), jwt_profile::strict).kid.empty());
}

TEST_CASE("keys from files check tokens") {
  const auto rsa = make_rsa();
  const auto ec = make_ec();
  const temporary_file rsa_file{public_pem(rsa)};
  const temporary_file ec_file{public_pem(ec)};
  const temporary_file secret_file{std::string{secret} + "\n"};
  transport::jwt_options options;
  options.keys = {load_secret_file(secret_file.path(), jwt_profile::strict),
                  load_key_file("r", rsa_file.path(), jwt_profile::strict),
                  load_key_file("e", ec_file.path(), jwt_profile::strict)};

  CHECK(outcome(options, hmac_token(secret, hs256_header, good_payload)) == "ok");
  CHECK(outcome(options, key_token(rsa, R"({"alg":"RS256","kid":"r"})", good_payload)) == "ok");
  CHECK(outcome(options, key_token(ec, R"({"alg":"ES256","kid":"e"})", good_payload)) == "ok");
  CHECK(outcome(options, key_token(ec, R"({"alg":"ES256","kid":"r"})", good_payload))
        == "algorithm");
}
