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

#include <future>
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

TEST_CASE("seats are reserved, and rooms listed, by what the front door declares") {
  struct silent : troupe::room_behavior {};
  troupe::server server{{.node = {.loops = 2}, .bind = "127.0.0.1", .port = 0}};
  troupe::room_options of;
  of.reservable = troupe::reserve_policy::server;
  server.rooms(
    "arena:*", [](auto) { return std::make_unique<silent>(); }, of);
  server.start();
  std::promise<troupe::reservation_result> seat;
  std::promise<troupe::room_page> page;

  server.reserve({.pattern = "arena:*",
                  .user_id = "ann",
                  .filter = {{"mode", troupe::comparison::equal, "duel"}}},
                 [&](auto& r) { seat.set_value(r); });
  auto held = seat.get_future().get();
  server.list("arena:*", {}, 10, [&](auto& p) { page.set_value(p); });
  auto listed = page.get_future().get();

  CHECK(held.code == troupe::errc::ok);
  REQUIRE(listed.rooms.size() == 1);
  CHECK(listed.rooms[0].name == held.room_name);
  CHECK(listed.rooms[0].reserved == 1);
  CHECK(listed.rooms[0].metadata->text("mode") == "duel");
}
