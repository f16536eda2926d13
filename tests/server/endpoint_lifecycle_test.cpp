// What an endpoint is told of its server. tests/actors covers what it is told of its connections.
#include <utility>

#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;

namespace {

server_options local() {
  server_options options;
  options.bind = "127.0.0.1";
  options.port = 0;
  options.log_level = protocol::log_level::error;
  return options;
}

} // namespace

TEST_CASE("an endpoint hears once that the port is open and once that the server stops") {
  std::vector<std::string> heard;
  server node{local()};
  endpoint_handlers on;
  on.on_listening = [&] { heard.push_back(node.port() != 0 ? "listening" : "too early"); };
  on.on_stop = [&] { heard.push_back("stop"); };
  node.endpoint("/a", on);
  node.endpoint("/b", {}); // an endpoint without handlers

  node.start();
  CHECK(heard == std::vector<std::string>{"listening"});
  node.stop();
  node.stop();

  CHECK(heard == std::vector<std::string>{"listening", "stop"});
}

TEST_CASE("an endpoint of a server that never started hears nothing") {
  std::vector<std::string> heard;
  {
    server node{local()};
    endpoint_handlers on;
    on.on_listening = [&] { heard.push_back("listening"); };
    on.on_stop = [&] { heard.push_back("stop"); };
    node.endpoint("/a", on);
  }

  CHECK(heard.empty());
}

TEST_CASE("an on_stop that throws keeps neither the others nor the server from stopping") {
  auto options = local();
  options.log = &protocol::null_logger();
  server node{options};
  bool heard = false;
  endpoint_handlers bad, odd, good;
  bad.on_stop = [] { throw std::runtime_error{"boom"}; };
  odd.on_stop = [] { throw 7; };
  good.on_stop = [&] { heard = true; };
  node.endpoint("/bad", bad);
  node.endpoint("/odd", odd);
  node.endpoint("/good", good);

  node.start();

  CHECK_NOTHROW(node.stop());
  CHECK(heard);
}

TEST_CASE("an endpoint may say something as the server stops, and nothing afterwards does harm") {
  std::vector<actors::publish_result> said;
  server node{local()};
  actors::endpoint place;
  endpoint_handlers on;
  on.on_stop = [&] { said.push_back(place.broadcast("bye")); };
  place = node.endpoint("/a", on);

  node.start();
  node.stop();
  (void)place.broadcast("too late");

  CHECK(said == std::vector{actors::publish_result::accepted});
  CHECK(place.clients().empty());
}
