#include "tls/tls_context.hpp"

#include "text/set_up_file.hpp"
#include "tls/hello_guard.hpp"

#include <boost/asio/ssl/error.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <filesystem>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace troupe::transport {

namespace ssl = boost::asio::ssl;

namespace {

/// Why OpenSSL has refused a file. (Asio has no text for errors of the system.)
std::string reason_of(const boost::system::error_code& ec) {
  auto error = static_cast<unsigned long>(static_cast<unsigned>(ec.value()));
  auto is_of_system =
    ec.category() == boost::asio::error::get_ssl_category() && ERR_SYSTEM_ERROR(error);
  return is_of_system ? std::generic_category().message(ERR_GET_REASON(error)) : ec.message();
}

tls_file_error certificates_error(const std::filesystem::path& file, const std::string& why) {
  return {false, file, "certificates in PEM (" + why + ")"};
}

tls_file_error key_error(const std::filesystem::path& file, const std::string& why) {
  return {true, file, "the certificate's private key in PEM (" + why + ")"};
}

} // namespace

tls_context::tls_context(std::filesystem::path certificates, std::filesystem::path key)
  : certificates_(std::move(certificates)), key_(std::move(key)), context_(load()) {}

void tls_context::reload() {
  auto fresh = load();
  std::lock_guard guard{mutex_};
  context_ = std::move(fresh);
}

std::shared_ptr<ssl::context> tls_context::current() const {
  std::lock_guard guard{mutex_};
  return context_;
}

tls_socket tls_context::wrap(polled_socket socket) const {
  // makes this thread's error queue: without one, Asio does not see that OpenSSL has made nothing
  ERR_clear_error();
  tls_socket made{std::move(socket), *current()};
  if (!SSL_get_rbio(made.native_handle())) // Asio does not check this
    throw std::bad_alloc{};
  hello_guard::install(*made.native_handle());
  return made;
}

std::shared_ptr<ssl::context> tls_context::load() const {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2
                       | ssl::context::no_sslv3 | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1
                       | ssl::context::no_compression);
  SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
  // Otherwise OpenSSL asks the terminal for the password of a locked key, and waits.
  context->set_password_callback(
    [](std::size_t, ssl::context::password_purpose) { return std::string{}; });
  boost::system::error_code ec;
  if (auto* problem = problem_of_file(certificates_))
    throw certificates_error(certificates_, problem);
  context->use_certificate_chain_file(certificates_.string(), ec);
  if (ec)
    throw certificates_error(certificates_, reason_of(ec));
  if (auto* problem = problem_of_file(key_))
    throw key_error(key_, problem);
  context->use_private_key_file(key_.string(), ssl::context::pem, ec);
  if (ec)
    throw key_error(key_, reason_of(ec));
  if (SSL_CTX_check_private_key(context->native_handle()) != 1)
    throw tls_file_error{true, key_, "the private key of " + certificates_.string()};
  return context;
}

} // namespace troupe::transport
