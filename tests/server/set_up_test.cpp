// Mistakes of set-up: the call that makes one throws a sentence.
#include <utility>

#include "server/stopping.hpp"

#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>
#include <troupe/testing/memory_session.hpp>
#include <troupe/troupe.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace troupe;
using troupe::test::kept_log;

namespace {

server_options local() {
  server_options o;
  o.bind = "127.0.0.1";
  o.port = 0;
  o.log = &protocol::null_logger();
  return o;
}

std::unique_ptr<room_behavior> plain(std::string_view) { return std::make_unique<room_behavior>(); }
transport::http_response empty(const transport::http_request&) { return {}; }
void never(const transport::http_request&, transport::http_reply) {}

template <class Error, class F>
std::string sentence_of(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no complaint";
}

/// Registers a handler for one type in its constructor.
struct handling final : room_behavior {
  explicit handling(
    std::string type, handler f = [](auto&, auto&, auto&) {}) {
    on(std::move(type), std::move(f));
  }
};

} // namespace

TEST_CASE("what is no pattern of rooms is refused with a sentence that names it") {
  auto pattern = GENERATE(as<std::string>{}, "", "ar*na", "*x", "**", " a", "a ", "a\n", "\xff",
                          " *", std::string(200, 'x'));
  server s{local()};

  auto said = sentence_of<std::invalid_argument>([&] { s.rooms(pattern, plain); });

  CHECK(said.find("rooms(\"" + pattern + "\")") != std::string::npos);
}

TEST_CASE("names and prefixes are patterns of rooms") {
  server s{local()};

  for (auto pattern : {"a", "arena:1", "arena:*", "a b", "a *", "a*", "방*", "*"})
    CHECK(sentence_of<std::exception>([&] { s.rooms(pattern, plain); }) == "no complaint");
}

TEST_CASE("a pattern that has a behaviour, and an empty factory, are refused") {
  server s{local()};
  s.rooms("a*", plain);

  CHECK(sentence_of<std::invalid_argument>([&] { s.rooms("a*", plain); }).find("already")
        != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { s.rooms("b", {}); }).find("empty")
        != std::string::npos);
}

TEST_CASE(
  "a pattern whose rooms all match one before it is refused with a sentence that names both") {
  for (auto [first, second] : {std::pair{"*", "a"},
                               {"*", "arena:*"},
                               {"arena:*", "arena:1"},
                               {"arena:*", "arena:1*"},
                               {"a*", "a"},
                               {"방*", "방1"}}) {
    server s{local()};
    s.rooms(first, plain);

    auto said = sentence_of<std::invalid_argument>([&, name = second] { s.rooms(name, plain); });

    CHECK(said.starts_with("rooms(\"" + std::string{second} + "\"): "));
    CHECK(said.find("rooms(\"" + std::string{first} + "\")") != std::string::npos);
  }
}

TEST_CASE("a factory that returns null makes no room, and the log says which") {
  kept_log log;
  testing::manual_clock clock;
  caf::actor_system_config config;
  compat::set_worker_threads(config, 1);
  caf::actor_system system{config};
  actors::node_options options;
  options.clock = &clock;
  options.log = &log;
  actors::node node{system, options};
  testing::manual_loops loops{node};
  node.rooms("null*", [](auto) { return std::unique_ptr<room_behavior>{}; });
  testing::memory_session ann{node, node.loop(0), {protocol::encoding::v1_json, "ann"}};

  ann.say(R"({"type":"join","roomId":"null1","ref":1})");
  loops.settle();
  ann.say(R"({"type":"join","roomId":"other","ref":2})");
  loops.settle();

  std::string all;
  for (auto& f : ann.take_frames())
    all += f.payload;
  CHECK(all.find(R"("ref":1)") != std::string::npos); // it is answered
  CHECK(all.find(R"("roomId":"other")") != std::string::npos);
  CHECK(log.has("the factory of rooms(\"null*\") has returned null"));
  ann.disconnect();
  node.stop();
}

TEST_CASE("a handler of a built-in type, of one that cannot be, and an empty one are refused") {
  auto type =
    GENERATE(as<std::string>{}, "message", "join", "leave", "ping", "auth", "binary", "direct",
             "presence", "history", "resume", "$profile", "", "a\nb", "$", "$later");

  CHECK(sentence_of<std::invalid_argument>([&] { handling{type}; }).find("on(\"" + type + "\")")
        != std::string::npos);
  CHECK(sentence_of<std::exception>([] { handling{"move"}; }) == "no complaint");
  CHECK(sentence_of<std::invalid_argument>([] { handling("move", nullptr); }).find("empty")
        != std::string::npos);
}

TEST_CASE("a second handler of a type is refused, and the first stays") {
  struct twice final : room_behavior {
    twice() {
      on("move", [this](auto&, auto&, auto&) { ++moves; });
      said = sentence_of<std::invalid_argument>([this] { on("move", [](auto&, auto&, auto&) {}); });
      on("moved", [](auto&, auto&, auto&) {});
    }
    std::string said;
    int moves = 0;
  };

  CHECK(twice{}.said == "on(\"move\"): there is a handler of this type already");
}

TEST_CASE("a server without TLS has no certificate to read again") {
  server s{local()};

  CHECK(sentence_of<std::logic_error>([&] {
          s.reload_tls();
        }).find("server_options.tls_certificates is empty")
        != std::string::npos);
}

TEST_CASE("a node has as many loops as it is told, and with 0 one for each core") {
  auto loops_of = [](unsigned loops) {
    caf::actor_system_config config;
    compat::set_worker_threads(config, 1);
    caf::actor_system system{config};
    actors::node_options options;
    options.loops = loops;
    actors::node node{system, options};
    CHECK(node.options().loops == node.loops());
    auto made = node.loops();
    node.stop();
    return made;
  };

  CHECK(loops_of(1) == 1);
  CHECK(loops_of(3) == 3);
  CHECK(loops_of(0) == std::max(1u, std::thread::hardware_concurrency()));
}

TEST_CASE("routes and endpoints that nobody could reach are refused") {
  server s{local()};
  s.get("/users/:id", empty).get("/files/*", empty);
  (void)s.endpoint("/raw", {});

  CHECK(sentence_of<std::invalid_argument>([&] { s.route("get", "/x", empty); }).find("capitals")
        != std::string::npos);
  for (auto method : {"", "A B", "GET ", "G(T", "G\r\nX", "GÉT"})
    CHECK(sentence_of<std::invalid_argument>([&] { s.route(method, "/x", empty); }).find("a word")
          != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { s.route("CONNECT", "/x", empty); }).find("proxy")
        != std::string::npos);
  for (auto path : {"/a%20b", "/:id/%2F", "/%41/*"})
    CHECK(sentence_of<std::invalid_argument>([&] { s.get(path, empty); }).find("decoded")
          != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { (void)s.endpoint("/a%20b", {}); }).find("decoded")
        != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { s.get("x", empty); }).find("starts with /")
        != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { s.get("/a/*/b", empty); }).find("at its end")
        != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { s.get("/x", {}); }).find("empty")
        != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { s.route_later("GET", "/x", {}); }).find("empty")
        != std::string::npos);
  CHECK(
    sentence_of<std::invalid_argument>([&] { (void)s.endpoint("raw", {}); }).find("starts with /")
    != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { (void)s.endpoint("/raw", {}); }).find("already")
        != std::string::npos);
  CHECK(sentence_of<std::exception>([&] { (void)s.endpoint("/", {}); }) == "no complaint");
}

TEST_CASE("routes that are broken or taken are refused with a sentence that names them") {
  auto pattern =
    GENERATE(as<std::string>{}, "/:", "/a/:/b", "/:a b", "/:id.json", "/:a/:a", "/a*", "/*x", "/*/",
             "**", "", "a", "/a?b=1", "/a#b", "/a\n", "/healthz", "/readyz", "/metrics", "/taken",
             "/users/:id", "/users/:name", "/files/*");
  server s{local()};
  s.get("/taken", empty).get("/users/:id", empty).get("/files/*", empty);

  CHECK(sentence_of<std::invalid_argument>([&] {
          s.get(pattern, empty);
        }).starts_with("route(\"GET\", \"" + pattern + "\"): "));
  CHECK(sentence_of<std::invalid_argument>([&] {
          s.route_later("GET", pattern, never);
        }).starts_with("route(\"GET\", \""));
}

TEST_CASE("a route whose paths all go to one before it is refused, and no other is") {
  for (auto [first, second] : {std::pair{"/*", "/users/:id"},
                               {"/*", "/:a"},
                               {"/*", "/a/*"},
                               {"/a/*", "/a/:b/c"},
                               {"/a/*", "/a/b/*"},
                               {"/:a/:b", "/users/:id"},
                               {"/:a/*", "/:b/:c"},
                               {"/:a/:b/*", "/:a/x/*"}}) {
    INFO(first << " " << second);
    server s{local()};
    s.get(first, empty).route("POST", second, empty);
    auto begin = "route(\"GET\", \"" + std::string{second} + "\"): ";
    CHECK(sentence_of<std::invalid_argument>([&, path = second] {
            s.get(path, empty);
          }).starts_with(begin));
    CHECK(sentence_of<std::invalid_argument>([&, path = second] {
            s.route_later("GET", path, never);
          }).starts_with(begin));
  }
  for (auto [first, second] : {std::pair{"/users/:id", "/*"},
                               {"/:a", "/:a/*"},
                               {"/:a/b", "/:a/:b"},
                               {"/a/*", "/:a/*"},
                               {"/:a/:b", "/:a/*"},
                               {"/:a/:b", "/:a/"},
                               {"/a/:b", "/b/:b"},
                               {"/:a/:b", "/:a/:b/:c"},
                               {"/*", "/users/me"}}) {
    INFO(first << " " << second);
    server s{local()};
    CHECK_NOTHROW(s.get(first, empty).get(second, empty));
  }
}

TEST_CASE("a route that would take the path of each static file is refused") {
  auto options = local();
  options.static_folder = ".";
  server s{options};

  auto said = sentence_of<std::invalid_argument>([&] { s.get("/*", empty); });
  CHECK(said.starts_with("route(\"GET\", \"/*\"): "));
  CHECK(said.find("server_options.static_folder") != std::string::npos);
  CHECK(sentence_of<std::invalid_argument>([&] { s.route_later("GET", "/*", never); }) == said);
  CHECK_NOTHROW(
    s.route("POST", "/*", empty).get("/:a", empty).get("/api/*", empty).get("/", empty));
}

TEST_CASE("rooms and an endpoint that takes their place exclude each other, in either order") {
  auto path = GENERATE(as<std::string>{}, "/", "/ws");
  auto options = local();
  options.websocket_path = path;
  server first_rooms{options};
  first_rooms.rooms("arena:*", plain);
  server first_endpoint{options};
  (void)first_endpoint.endpoint(path, {});

  auto of_endpoint =
    sentence_of<std::invalid_argument>([&] { (void)first_rooms.endpoint(path, {}); });
  CHECK(
    of_endpoint.starts_with("endpoint(\"" + path + "\"): rooms(\"arena:*\") would have no effect"));
  CHECK(of_endpoint.find("server_options.websocket_path") != std::string::npos);
  auto of_rooms =
    sentence_of<std::invalid_argument>([&] { first_endpoint.rooms("arena:*", plain); });
  CHECK(of_rooms.starts_with("rooms(\"arena:*\"): they would have no effect"));
  CHECK(of_rooms.find("endpoint(\"" + path + "\")") != std::string::npos);
  CHECK_NOTHROW(first_rooms.endpoint("/raw", {}));
}

TEST_CASE("a lobby and an endpoint that takes the place of the rooms exclude each other") {
  auto options = local();
  options.node.lobby = "hall";
  server s{options};

  CHECK(sentence_of<std::invalid_argument>([&] { (void)s.endpoint("/", {}); }).find("node.lobby")
        != std::string::npos);
  CHECK_NOTHROW(s.endpoint("/raw", {}));
}

TEST_CASE("rooms that were refused leave the path to an endpoint") {
  server s{local()};

  CHECK_THROWS(s.rooms("a*b", plain));

  CHECK_NOTHROW(s.endpoint("/", {}));
}

TEST_CASE(
  "other methods, other paths, and probes that are on another port, are no paths that are taken") {
  auto options = local();
  options.admin_bind = "127.0.0.1:0";
  server s{options};

  s.get("/a", empty)
    .route("POST", "/a", empty)
    .get("/:b", empty)
    .get("/:b/c", empty)
    .get("/*", empty)
    .get("/a:b/c-d/e.f", empty);
  s.get("/healthz", empty).get("/readyz", empty).get("/metrics", empty);
  s.route("M-SEARCH", "/a", empty).get("/100%", empty).get("/%of%x", empty);
  (void)s.endpoint("/a", {}); // upgrades do not compete with the route
}

TEST_CASE("endpoints at what is no path are refused with a sentence that names it") {
  auto path = GENERATE(as<std::string>{}, "", "raw", "/raw?x=1", "/raw#x", "/*", "/raw/*", "/raw*",
                       "/raw/:id", "/raw\n");
  server s{local()};

  CHECK(sentence_of<std::invalid_argument>([&] {
          (void)s.endpoint(path, {});
        }).starts_with("endpoint(\"" + path + "\"): "));
}

TEST_CASE("run is called once, and again where the port could not be had") {
  server s{local()};
  test::running first{s};

  CHECK(sentence_of<std::logic_error>([&] { s.run(); }).find("once") != std::string::npos);
  s.stop();
  CHECK(first.ends());
  CHECK(sentence_of<std::logic_error>([&] { s.run(); }).find("once") != std::string::npos);

  server stopped{local()};
  stopped.stop();
  CHECK(stopped.run() == 0); // there is nothing to wait for
}

TEST_CASE("what on_listening throws reaches the caller, and the server has stopped") {
  auto how = GENERATE(as<std::string>{}, "start", "run");
  kept_log log;
  auto options = local();
  options.log = &log;
  server s{options};
  std::vector<std::string> heard;
  endpoint_handlers first, second;
  first.on_listening = [] { throw std::system_error{EIO, std::system_category(), "no license"}; };
  first.on_stop = [&] { heard.emplace_back("first stops"); };
  second.on_listening = [&] { heard.emplace_back("second listens"); };
  (void)s.endpoint("/a", first);
  (void)s.endpoint("/b", second);

  auto said = sentence_of<std::system_error>([&] { how == "run" ? (void)s.run() : s.start(); });

  CHECK(said.find("no license") != std::string::npos);
  CHECK(heard == std::vector<std::string>{"first stops"});
  CHECK(s.room("r").publish("x", {}) == actors::publish_result::gone);
  CHECK_THROWS(test::raw_client{s.port(), "GET / HTTP/1.1\r\n\r\n"});
  CHECK(sentence_of<std::logic_error>([&] { s.start(); }).find("make another")
        != std::string::npos);
}

TEST_CASE("what run's ready throws reaches the caller, and the server has stopped") {
  server s{local()};

  CHECK_THROWS_WITH(s.run([] { throw std::runtime_error{"no license"}; }), "no license");

  CHECK(s.room("r").publish("x", {}) == actors::publish_result::gone);
}

TEST_CASE("set-up after the start is refused, and so is a second start") {
  server s{local()};
  s.start();

  auto late = [](auto f) {
    return sentence_of<std::logic_error>(f).find("set-up") != std::string::npos;
  };
  CHECK(late([&] { s.rooms("a", plain); }));
  CHECK(late([&] { s.get("/x", empty); }));
  CHECK(late([&] { s.route_later("GET", "/x", never); }));
  CHECK(late([&] { (void)s.endpoint("/raw", {}); }));
  CHECK(late([&] { s.node().rooms("a", plain); }));
  CHECK(late([&] { (void)s.node().make_endpoint("/raw", {}); }));
  CHECK(sentence_of<std::logic_error>([&] { s.start(); }).find("already") != std::string::npos);
  CHECK(sentence_of<std::logic_error>([&] { s.node().start(); }).find("once") != std::string::npos);
  s.stop();
  CHECK(sentence_of<std::logic_error>([&] { s.start(); }).find("make another")
        != std::string::npos);
  CHECK(late([&] { s.rooms("a", plain); }));
}

TEST_CASE("a start that found its port taken may be tried again") {
  auto first = std::make_unique<server>(local());
  first->start();
  auto options = local();
  options.port = first->port();
  server second{options};
  CHECK_THROWS_AS(second.start(), std::system_error);
  CHECK(second.run() == 1);

  first.reset();
  second.start();

  CHECK(second.port() == options.port);
}
