#include "model/client_id.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string>

using namespace troupe::actors;

TEST_CASE("a client id is the same behind its text") {
  for (auto id : {client_id{0, 1}, client_id{1, 0}, client_id{~std::uint64_t{0}, ~std::uint64_t{0}},
                  client_id{0x0123456789abcdef, 0xfedcba9876543210}, random_client_id()}) {
    auto text = to_text(id);

    CHECK(text.size() == 22);
    CHECK(client_id_of(text) == id);
  }
}

TEST_CASE("no two client ids are the same") {
  CHECK(random_client_id() != random_client_id());
  CHECK(random_client_id());
}

TEST_CASE("a text that is no client id is nobody's") {
  auto good = to_text({1, 2});
  for (std::string text : {std::string{}, good.substr(1), good + "A", "E" + good.substr(1),
                           good.substr(0, 21) + "+", good.substr(0, 21) + '\xff'}) {
    CAPTURE(text);
    CHECK_FALSE(client_id_of(text));
  }
}
