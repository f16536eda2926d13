// The last table of actors/EMBEDDING.md: each mistake says what stands there.
#include <utility>

#include <troupe/testing/stage.hpp>
#include <troupe/troupe.hpp>
#include <troupe/typed_room.hpp>

#include <catch2/catch.hpp>

#include <exception>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

using namespace troupe;
using namespace std::chrono_literals;
using strings = std::vector<std::string>;

namespace {

/// The sentences of the table, in its order.
strings told_by_guide() {
  std::ifstream in{TROUPE_GUIDE};
  strings all;
  for (std::string line; std::getline(in, line);) {
    auto begin = line.find("| “");
    if (line.starts_with("| ") && begin != std::string::npos)
      all.push_back(line.substr(begin + 5, line.rfind("” |") - begin - 5));
  }
  return all;
}

/// What `mistake` throws.
std::string said_by(const std::function<void()>& mistake) {
  try {
    mistake();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing";
}

std::unique_ptr<room_behavior> plain(std::string_view) { return std::make_unique<room_behavior>(); }

struct handles : room_behavior {
  explicit handles(std::string type) {
    on(std::move(type), [](auto&, auto&, auto&) {});
  }
};

/// Runs `f` in the hook of a member that joins a room, and returns what it throws there.
std::string said_in_hook(std::function<void(room_context&)> f) {
  struct runs final : room_behavior {
    runs(std::function<void(room_context&)> what, std::string& said)
      : what_(std::move(what)), said_(said) {}
    void on_join(room_context& room, const member&) override {
      said_ = said_by([&] { what_(room); });
    }
    std::function<void(room_context&)> what_;
    std::string& said_;
  };
  std::string said;
  testing::stage play;
  play.node().rooms("a", [&](auto) { return std::make_unique<runs>(f, said); });
  play.connect("ann").join("a").expect("joined");
  return said;
}

std::string said_outside_of_hook() {
  struct keeps final : room_behavior {
    explicit keeps(room_context*& to) : kept(to) {}
    void on_create(room_context& room) override { kept = &room; }
    room_context*& kept;
  };
  room_context* kept = nullptr;
  testing::stage play;
  play.node().rooms("a", [&](auto) { return std::make_unique<keeps>(kept); });
  play.connect("ann").join("a").expect("joined");
  return said_by([&] { kept->broadcast("late", {}); });
}

std::string said_by_self_in_constructor() {
  struct early final : typed_room<compat::typed_actor<caf::result<void>(int)>> {
    early() { (void)self(); }
    handlers actor_handlers() override {
      return {[](int) {}};
    }
  };
  return said_by([] { early room; });
}

server_options small() { return {.bind = "127.0.0.1", .port = 0}; }

/// What each mistake says, in the order of the guide's table.
strings said_by_all() {
  strings all;
  auto add = [&](const std::function<void()>& mistake) { all.push_back(said_by(mistake)); };
  add([] { server s{{.bind = "localhost"}}; });
  add([] { server{small()}.rooms("ar*na", plain); });
  add([] { server{small()}.rooms("*", plain).rooms("arena:*", plain); });
  add([] { server{small()}.rooms("arena:*", {}); });
  add([] { server{small()}.rooms("arena:*", plain, {.tick = {.rate = 1'000}}); });
  add([] { handles{"join"}; });
  add([] { handles{"$wave"}; });
  add([] {
    server s{small()};
    s.start();
    s.rooms("late:*", plain);
  });
  add([] {
    server s{small()};
    s.start();
    s.start();
  });
  all.push_back(said_outside_of_hook());
  all.push_back(said_by_self_in_constructor());
  all.push_back(said_in_hook([](auto& room) { room.broadcast("joined", {}); }));
  all.push_back(said_in_hook([](auto& room) { room.broadcast("news", {{"seq", 1}}); }));
  all.push_back(said_in_hook([](auto& room) { room.broadcast("news", {{"a", 1}, {"a", 2}}); }));
  all.push_back(said_in_hook([](auto& room) { room.every(0s, [](auto&) {}); }));
  all.push_back(said_in_hook([](auto& room) { room.refuse(errc::ok); }));
  all.push_back(said_in_hook([](auto& room) { room.ask({}, {}, 0ms, [](auto&, auto&) {}); }));
  add([] { server{small()}.room("arena:1").post({}); });
  add([] {
    server s{small()};
    s.rooms("arena:*", plain);
    s.reserve({.pattern = "arena:*", .user_id = "ann"}, [](auto&) {});
  });
  add([] {
    server s{small()};
    s.start();
    (void)s.poll(1ms);
  });
  return all;
}

} // namespace

TEST_CASE("each mistake of the guide says what the guide tells") {
  auto guide = told_by_guide(), said = said_by_all();

  REQUIRE(guide.size() == said.size());
  for (std::size_t i = 0; i < said.size(); ++i)
    CHECK(said[i] == guide[i]);
}
