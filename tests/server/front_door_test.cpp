#include <troupe/troupe.hpp>

// The public header must not pull in any of these.
#if defined(CAF_VERSION) || defined(CAF_CONFIG_HPP)
#error "<troupe/troupe.hpp> includes CAF"
#endif
#if defined(BOOST_VERSION) || defined(BOOST_CONFIG_HPP) || defined(BOOST_ASIO_VERSION)
#error "<troupe/troupe.hpp> includes Boost"
#endif
#if defined(OPENSSL_VERSION_NUMBER) || defined(HEADER_SSL_H)
#error "<troupe/troupe.hpp> includes OpenSSL"
#endif

#include <catch2/catch.hpp>

#include <memory>

TEST_CASE("a server is made, asked and stopped by what the front door declares") {
  struct silent : troupe::room_behavior {};
  troupe::server server{{.bind = "127.0.0.1", .port = 0}};
  server.rooms("quiet", [](auto) { return std::make_unique<silent>(); });
  server.start();
  CHECK(server.port() != 0);
  CHECK(server.room("quiet").publish("news", {{"text", "hello"}})
        == troupe::publish_result::accepted);
  server.stop(troupe::drain_kind::restart);
}
