#include "vectors.hpp"

#include <troupe/protocol/command.hpp>

#include <catch2/catch.hpp>

using namespace troupe;

// Pins §9.1, §9.2, §9.3, §9.5.
TEST_CASE("room names are legal or not as the vectors say") {
  const test::vector_file file{"room_names.json"};

  for (const auto& name : file.strings("legal")) {
    INFO(name);
    CHECK(protocol::is_room_name(name));
  }
  for (const auto& name : file.strings("illegal")) {
    INFO(name);
    CHECK_FALSE(protocol::is_room_name(name));
  }
  for (const auto& name : file.strings("illegalBase64")) {
    INFO(name);
    CHECK_FALSE(protocol::is_room_name(test::from_base64(name)));
  }
}
