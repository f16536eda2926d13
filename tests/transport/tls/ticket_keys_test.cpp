#include "tls/ticket_keys.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace troupe;
using namespace troupe::transport;
using namespace std::chrono_literals;

namespace {

constexpr actors::steady_time start{1h};

bool knows(ticket_keys& keys, const ticket_keys::key& key, actors::steady_time now) {
  auto found = keys.find(key.name, now);
  return found && found->cipher == key.cipher && found->mac == key.mac;
}

} // namespace

TEST_CASE("a ticket's key issues for two hours, and opens what it has issued for two more") {
  ticket_keys keys{start};
  auto first = keys.issuing(start);
  CHECK(keys.issuing(start + 2h - 1ms).name == first.name);
  CHECK(knows(keys, first, start + 2h - 1ms));

  auto second = keys.issuing(start + 2h);
  CHECK(second.name != first.name);
  CHECK(knows(keys, first, start + 4h - 1ms));
  CHECK_FALSE(knows(keys, first, start + 4h));
  CHECK(knows(keys, second, start + 4h));
}

TEST_CASE("a key that was followed late opens tickets no longer than any other") {
  ticket_keys keys{start};
  auto first = keys.issuing(start);

  CHECK(keys.issuing(start + 4h - 1min).name != first.name);
  CHECK(knows(keys, first, start + 4h - 1ms));
  CHECK_FALSE(knows(keys, first, start + 4h));
}

TEST_CASE("a key that nobody has used for four hours opens nothing any more") {
  ticket_keys keys{start};
  auto first = keys.issuing(start);

  CHECK_FALSE(knows(keys, first, start + 4h));
}

TEST_CASE("each key of a ticket is another in all its parts, and a foreign name is unknown") {
  std::set<std::array<unsigned char, 16>> names;
  std::set<std::array<unsigned char, 32>> secrets;
  for (int i = 0; i < 10; ++i) {
    ticket_keys keys{start};
    auto key = keys.issuing(start);
    names.insert(key.name);
    secrets.insert(key.cipher);
    secrets.insert(key.mac);
  }

  CHECK(names.size() == 10);
  CHECK(secrets.size() == 20);
  ticket_keys keys{start};
  CHECK_FALSE(keys.find(*names.begin(), start));
}
