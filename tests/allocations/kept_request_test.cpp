// How many bytes of its upgrade request a WebSocket keeps on the heap.
#include <utility>

#include "support/raw_client.hpp"
#include "support/replaced_allocator.hpp"

#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using troupe::test::raw_client;

namespace {

constexpr std::size_t most_header_bytes = 8 * 1024;

/// An upgrade with the largest header that is allowed: `fields` more fields fill it, or the target
/// if `fields` is 0.
std::string largest_upgrade(const std::string& path, std::size_t fields) {
  auto with = [&](std::size_t bytes) {
    auto all = raw_client::upgrade_of(path + (fields == 0 ? "?" + std::string(bytes, 'q') : ""));
    all.resize(all.size() - 2);
    for (std::size_t i = 0; i < fields; ++i)
      all += "x-" + std::to_string(i) + ": " + std::string(bytes / fields, 'v') + "\r\n";
    return all + "\r\n";
  };
  auto bytes = most_header_bytes;
  while (with(bytes).size() > most_header_bytes)
    --bytes;
  return with(bytes);
}

struct kept_requests {
  explicit kept_requests(bool asks_again) : node(options(asks_again)) {
    (void)node.endpoint("/raw", {});
    node.start();
  }

  static server_options options(bool asks_again) {
    server_options o;
    o.bind = "127.0.0.1";
    o.port = 0;
    o.node.loops = 1;
    o.log = &protocol::null_logger();
    if (asks_again) {
      o.authorize_upgrade = [](auto&) { return transport::upgrade_decision{}; };
      o.node.verify_token = [](auto, auto) { return std::make_shared<const actors::claims>(); };
    }
    return o;
  }

  std::ptrdiff_t settled_bytes() {
    std::promise<void> done;
    node.node().loop(0).post([&] { done.set_value(); });
    done.get_future().wait();
    return test::live_bytes();
  }

  /// Heap bytes for each client that connects with this request.
  std::ptrdiff_t bytes_each(const std::string& upgrade) {
    constexpr std::ptrdiff_t count = 50;
    std::vector<raw_client> clients;
    clients.reserve(count + 10);
    auto come = [&](std::ptrdiff_t n) {
      for (; n > 0; --n)
        clients.emplace_back(node.port(), upgrade).await("HTTP/1.1 101");
    };
    come(10);
    auto before = settled_bytes();
    come(count);
    return (settled_bytes() - before) / count;
  }

  server node;
};

} // namespace

TEST_CASE("a client of rooms has nothing kept of its request") {
  kept_requests r{false};
  auto small = r.bytes_each(raw_client::upgrade_of("/"));

  for (std::size_t fields : {0, 1, 90}) {
    CAPTURE(fields, small);
    CHECK(r.bytes_each(largest_upgrade("/", fields)) < small + 512);
  }
}

// Pins §16.32.
TEST_CASE("a client of a raw endpoint, or of an application that decides again, has its request "
          "kept, of 8 KiB at most") {
  auto [path, asks_again] = GENERATE(table<std::string, bool>({{"/raw", false}, {"/", true}}));
  kept_requests r{asks_again};
  auto small = r.bytes_each(raw_client::upgrade_of(path));

  for (std::size_t fields : {0, 1, 90}) {
    auto large = r.bytes_each(largest_upgrade(path, fields));
    CAPTURE(path, fields, small, large);
    CHECK(large > small + 6 * 1024);
    CHECK(large < small + (fields > 1 ? 16 : 9) * 1024); // many small fields cost more
  }
}

// Pins §16.32.
TEST_CASE("a request of more than 8 KiB is refused before anything is kept of it") {
  kept_requests r{false};
  auto upgrade = largest_upgrade("/raw", 1);
  upgrade.insert(upgrade.size() - 4, 256, 'v'); // the parser does not count the first line

  auto answer = raw_client{r.node.port(), upgrade}.read_all();

  CHECK(answer.substr(0, 12) == "HTTP/1.1 431");
}
