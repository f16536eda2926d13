// How messages of several rooms reach a client in one send, over real sockets.
#include <utility>

#include "support/raw_client.hpp"
#include "support/tcp_segments.hpp"

#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <string>

using namespace troupe;
using test::data_segments_received;
using test::masked_text;
using test::raw_client;

namespace {

server_options one_loop() {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.node.loops = 1;
  options.node.announce = false;
  return options;
}

void join(raw_client& client, const std::string& room) {
  client.send(masked_text(R"({"type":"join","roomId":")" + room + R"("})"));
  client.await("joined");
}

} // namespace

TEST_CASE("what several rooms say to a client in one turn is one send") {
  server node{one_loop()};
  node.start();
  auto client = raw_client::of_v1(node.port());
  for (std::string room : {"a", "b", "c"})
    join(client, room);
  auto before = data_segments_received(client.descriptor());

  node.node().loop(0).post([&] {
    for (std::string room : {"a", "b", "c"})
      node.room(room).publish("news", {{"of", room}});
  });
  client.await("news", 3);

  CHECK(data_segments_received(client.descriptor()) - before == 1);
}
