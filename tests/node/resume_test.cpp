#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

// Pins §5.28, §16.63.
TEST_CASE("a welcome names the session, and says for how long it is kept") {
  stage stage;
  auto& ann = stage.connect(actors::connection_info{.encoding = protocol::encoding::v1_json});

  auto welcome = ann.expect("welcome");

  CHECK(welcome.text("resume").size() == 44);
  CHECK(welcome.number("resumeMs") == 30'000);
}

// Pins §5.25, §16.63.
TEST_CASE("a node that keeps no sessions names none and resumes none") {
  auto o = many_messages();
  o.sessions.resume_window = 0ms;
  stage stage{o};
  auto& ann = stage.connect(actors::connection_info{.encoding = protocol::encoding::v1_json});

  CHECK_FALSE(has(ann.expect("welcome"), "resume"));
  CHECK(ann.say(resume_of("x", {})).expect("error").text("code") == "unsupported");
}

// Pins §4.98, §4.99, §4.100, §4.105, §10.29.
TEST_CASE("a client that has lost its connection comes back to its rooms and misses nothing") {
  for (unsigned loops : {1u, 2u}) {
    stage stage{many_messages(loops)};
    auto ann = connect(stage), bob = connect(stage, "bob", loops - 1);
    join(bob, "hall");
    join(bob, "yard");
    auto hall = join(ann, "hall"), yard = join(ann, "yard");
    ann->drop();
    bob->publish("hall", "one").publish("yard", "two").publish("hall", "three");
    bob->take_all();

    auto back = connect(stage, {}, loops - 1);
    back->say(resume_of(ann.resume, {hall, yard}));

    auto resumed = back->expect("resumed");
    CHECK(resumed.text("ref") == "r");
    CHECK(resumed.text("userId") == ann->user());
    CHECK(resumed.text("clientId") == ann.client_id);
    CHECK(resumed.text("resume") == back.resume);
    CHECK(has(resumed, R"("rooms":[{"roomId":"hall","epoch":")" + hall.epoch
                         + R"(","seq":2,"recovered":true},{"roomId":"yard")"));
    CHECK(has(resumed, R"("lost":[])"));
    auto missed = texts(back);
    std::sort(missed.begin(), missed.end());
    CHECK(missed == names{"one", "three", "two"});
    bob->publish("hall", "live");
    CHECK(texts(back) == names{"live"});
    back->say(R"({"type":"message","text":"to the default room"})");
    CHECK(back->expect("message").text("roomId") == "yard");
  }
}

// Pins §4.109.
TEST_CASE("others hear that a client is lost and that it is back, with the profile it had") {
  stage stage{many_messages()};
  auto ann = connect(stage), bob = connect(stage, "bob");
  join(bob, "hall");
  ann->say(R"({"type":"join","roomId":"hall","profile":{"name":"Ann"}})").expect("joined");
  ann->say(R"({"type":"$profile","roomId":"hall","profile":{"name":"Anna"}})");
  bob->take_all();

  ann->drop();
  CHECK(bob->expect("userLeft").text("userId") == ann->user());
  auto back = connect(stage);
  back->say(resume_of(ann.resume, {})).expect("resumed");

  auto joined = bob->expect("userJoined");
  CHECK(joined.text("userId") == ann->user());
  CHECK(has(joined, R"({"name":"Anna"})"));
}

// Pins §4.108, §13.20.
TEST_CASE("a connection that is still there is taken over without a word to the others") {
  for (unsigned loops : {1u, 2u}) {
    stage stage{many_messages(loops)};
    auto ann = connect(stage), bob = connect(stage, "bob");
    join(bob, "hall");
    auto hall = join(ann, "hall");
    bob->take_all();
    bob->publish("hall", "before");

    auto back = connect(stage, {}, loops - 1);
    back->say(resume_of(ann.resume, {hall}));

    CHECK(has(back->expect("resumed"), R"("recovered":true)"));
    CHECK(texts(back) == names{"before"});
    ann->take_all();
    CHECK(ann->expect_end() == 1008);
    bob->publish("hall", "after");
    CHECK(texts(back) == names{"after"});
    CHECK(types(bob) == names{"message", "message"});
    CHECK(bob->say(R"({"type":"presence"})").expect("presence").number("total") == 2);
  }
}

TEST_CASE("a full room has a place for a client that comes back to its own") {
  auto o = many_messages();
  o.rooms.max_members = 1;
  stage stage{o};
  auto ann = connect(stage);
  auto hall = join(ann, "hall");

  auto back = connect(stage);
  back->say(resume_of(ann.resume, {hall}));

  CHECK(has(back->expect("resumed"), R"("rooms":[{"roomId":"hall")"));
}

// Pins §4.104.
TEST_CASE("what is said in its rooms before it is told that it is back comes behind that") {
  stage stage{many_messages(2)};
  auto ann = connect(stage), bob = connect(stage, "bob", 1);
  std::vector<position> rooms;
  for (auto room : {"a", "b", "c", "d", "e", "f"}) {
    join(bob, room);
    rooms.push_back(join(ann, room));
    bob->take_all();
  }
  ann->drop();
  bob->take_all();

  auto back = connect(stage);
  int said = 0;
  stage.together([&] {
    back->say(resume_of(ann.resume, rooms));
    for (auto& p : rooms)
      for (int i = 0; i < 5; ++i, ++said)
        bob->publish(p.room, std::to_string(i));
  });

  CHECK(back->expect("resumed").text("clientId") == ann.client_id);
  CHECK(texts(back).size() == static_cast<std::size_t>(said));
}

// Pins §4.96, §4.97.
TEST_CASE("commands behind a resume wait for it, pings do not") {
  stage stage{many_messages()};
  auto ann = connect(stage), bob = connect(stage, "bob");
  join(bob, "hall");
  auto hall = join(ann, "hall");
  ann->drop();
  bob->take_all();
  auto back = connect(stage);

  stage.together([&] {
    back->say(R"({"type":"ping"})");
    back->say(resume_of(ann.resume, {hall}));
    back->publish("hall", "hello");
    back->say(R"({"type":"ping"})");
  });

  CHECK(types(back) == names{"pong", "pong", "resumed", "message"});
  CHECK(texts(bob) == names{"hello"});
}

// Pins §10.26, §4.110.
TEST_CASE("a session is kept for its window, and for no longer") {
  stage stage{many_messages()};
  auto ann = connect(stage);
  join(ann, "hall");
  ann->drop();

  stage.advance(29s);
  auto in_time = connect(stage);
  in_time->say(resume_of(ann.resume, {})).expect("resumed");
  in_time->drop();
  stage.advance(31s);
  auto late = connect(stage);

  auto error = late->say(resume_of(in_time.resume, {})).expect("error");
  CHECK(error.text("code") == "session_gone");
  CHECK(error.text("ref") == "r");
  late->join("hall").expect("joined");
}

// Pins §10.27, §10.28, §10.29.
TEST_CASE("a close that ends a session leaves nothing to resume") {
  struct ending {
    const char* name;
    void (*end)(guest&);
    bool is_kept;
  };
  const ending all[] = {
    {"1000", [](guest& g) { g->close(1000); }, false},
    {"none", [](guest& g) { g->close(0); }, false},
    {"1001", [](guest& g) { g->close(1001); }, true},
    {"3000", [](guest& g) { g->close(3000); }, true},
    {"lost", [](guest& g) { g->drop(); }, true},
  };
  for (auto& e : all) {
    INFO(e.name);
    stage stage{many_messages()};
    auto ann = connect(stage);
    join(ann, "hall");
    e.end(ann);
    auto back = connect(stage);

    back->say(resume_of(ann.resume, {}));

    CHECK(types(back) == names{e.is_kept ? "resumed" : "error"});
  }
}

// Pins §10.30.
TEST_CASE("a client that reads too slowly comes back to what it has missed") {
  stage stage{many_messages()};
  auto& slow = stage.connect(actors::connection_info{.encoding = protocol::encoding::v1_json}, 0,
                             {.max_bytes = 16 * 1024});
  auto name = slow.expect("welcome").text("resume");
  auto joined = slow.join("hall").expect("joined");
  auto bob = connect(stage, "bob");
  join(bob, "hall");
  slow.take_all();
  slow.stall();
  for (int i = 0; i < 40; ++i)
    bob->publish("hall", std::string(1000, 'x'));
  slow.read_on();
  slow.take_all();

  auto back = connect(stage);
  back->say(resume_of(name, {{"hall", joined.text("epoch"), 0}}));

  CHECK(has(back->expect("resumed"), R"("recovered":true)"));
  CHECK(texts(back).size() == 40);
}

// Pins §4.110.
TEST_CASE("a string that names no session is answered session_gone, whatever it is") {
  stage stage{many_messages(2)};
  auto ann = connect(stage);
  auto other_secret = ann.resume;
  other_secret.back() = other_secret.back() == 'A' ? 'B' : 'A';
  auto other_loop = std::string{"AAAPwAAAAA"} + ann.resume.substr(10);
  for (auto name : {std::string{}, std::string{"x"}, std::string(44, 'A'), std::string(44, '_'),
                    std::string(10'000, 'A'), other_secret, other_loop}) {
    auto guesser = connect(stage);

    auto error = guesser->say(resume_of(name, {})).expect("error");

    CHECK(error.text("code") == "session_gone");
    guesser->join("hall").expect("joined");
  }
  ann->say(R"({"type":"ping"})").expect("pong");
}

// Pins §4.112.
TEST_CASE("a connection does not resume its own session, nor behind another command") {
  stage stage{many_messages()};
  auto ann = connect(stage), bob = connect(stage);
  CHECK(ann->say(resume_of(ann.resume, {})).expect("error").text("code") == "session_gone");

  join(bob, "hall");
  CHECK(bob->say(resume_of(ann.resume, {})).expect("error").text("code") == "bad_request");
  CHECK(bob->say(R"({"type":"ping"})").expect("pong").type() == "pong");
}

// Pins §4.111.
TEST_CASE("a session belongs to its user") {
  stage stage{many_messages()};
  for (auto is_lost : {false, true}) {
    auto ann = connect(stage, "ann"), thief = connect(stage, "bob"), back = connect(stage, "ann");
    join(ann, "hall");
    if (is_lost)
      ann->drop();

    thief->say(resume_of(ann.resume, {}));

    CHECK(thief->expect("error").text("code") == "identity_mismatch");
    CHECK(back->say(resume_of(ann.resume, {})).expect("resumed").text("userId") == "ann");
  }
}

// Pins §4.103.
TEST_CASE("the former string is valid until the first command behind resumed") {
  for (unsigned loops : {1u, 2u}) {
    stage stage{many_messages(loops)};
    auto ann = connect(stage);
    join(ann, "hall");
    ann->drop();
    auto second = connect(stage, {}, loops - 1);
    second->say(resume_of(ann.resume, {})).expect("resumed");
    second->say(R"({"type":"ping"})").expect("pong");
    second->drop();

    auto third = connect(stage);
    third->say(resume_of(ann.resume, {})).expect("resumed");
    third->say(R"({"type":"presence"})").expect("presence");
    third->drop();

    auto fourth = connect(stage);
    auto error = fourth->say(resume_of(ann.resume, {})).expect("error");
    CHECK(error.text("code") == "session_gone");
    auto fifth = connect(stage);
    fifth->say(resume_of(third.resume, {})).expect("resumed");
  }
}

// Pins §4.103.
TEST_CASE("the former string is not valid any more once a client has come back by the new one") {
  for (unsigned loops : {1u, 2u})
    for (auto is_live : {false, true}) {
      stage stage{many_messages(loops)};
      auto ann = connect(stage);
      join(ann, "hall");
      ann->drop();
      auto second = connect(stage, {}, loops - 1);
      second->say(resume_of(ann.resume, {})).expect("resumed");
      if (!is_live)
        second->drop();
      auto third = connect(stage);
      third->say(resume_of(second.resume, {})).expect("resumed");

      auto fourth = connect(stage, {}, loops - 1);
      auto error = fourth->say(resume_of(ann.resume, {})).expect("error");
      CHECK(error.text("code") == "session_gone");
      auto fifth = connect(stage, {}, loops - 1);
      CHECK(has(fifth->say(resume_of(second.resume, {})).expect("resumed"), "hall"));
    }
}

TEST_CASE("of two that resume a session at once the newer connection has it in the end") {
  for (unsigned loops : {1u, 2u}) {
    stage stage{many_messages(loops)};
    auto ann = connect(stage), bob = connect(stage, "bob");
    join(bob, "hall");
    auto hall = join(ann, "hall");
    ann->drop();
    bob->take_all();
    auto one = connect(stage), two = connect(stage, {}, loops - 1);

    stage.together([&] {
      one->say(resume_of(ann.resume, {hall}));
      two->say(resume_of(ann.resume, {hall}));
    });
    bob->publish("hall", "x");

    // Whichever is read first: the newer connection has it in the end.
    auto other = types(one);
    CHECK(types(two) == names{"resumed", "message"});
    CHECK((one->has_ended() || other == names{"error"}));
    CHECK(bob->say(R"({"type":"presence"})").take_all().back().number("total") == 2);
  }
}

TEST_CASE("connections that resume each other's session are answered, and leave nothing") {
  for (unsigned loops : {1u, 2u})
    for (std::size_t ring : {2, 3}) {
      stage stage{many_messages(loops)};
      std::vector<guest> all;
      for (unsigned i = 0; i < ring; ++i)
        all.push_back(connect(stage, {}, i % loops));

      stage.together([&] {
        for (std::size_t i = 0; i < ring; ++i)
          all[i]->say(resume_of(all[(i + 1) % ring].resume, {}));
      });

      for (auto& g : all)
        CHECK((g->has_ended() || types(g).size() == 1));
      auto next = connect(stage);
      next->say(resume_of(all[0].resume, {}));
      CHECK(types(next).size() == 1);
    }
}

TEST_CASE("a session that is claimed by a connection that dies meanwhile is kept for the next") {
  for (unsigned loops : {1u, 2u})
    for (auto is_live : {false, true}) {
      stage stage{many_messages(loops)};
      auto ann = connect(stage), bob = connect(stage, "bob");
      join(bob, "hall");
      auto hall = join(ann, "hall");
      if (!is_live)
        ann->drop();
      auto dying = connect(stage, {}, loops - 1);
      stage.together([&] {
        dying->say(resume_of(ann.resume, {hall}));
        dying->drop();
      });
      bob->take_all();
      bob->publish("hall", "x");

      auto back = connect(stage);
      back->say(resume_of(ann.resume, {hall}));

      CHECK(has(back->expect("resumed"), R"("recovered":true)"));
      CHECK(texts(back) == names{"x"});
    }
}

// Pins §4.101, §4.102.
TEST_CASE("rooms that a client is not in any more are told as lost") {
  auto o = many_messages();
  o.rooms.history = false; // so that rooms end at once
  o.rooms.max_members = 1;
  stage stage{o};
  auto ann = connect(stage);
  auto full = join(ann, "full"), gone = join(ann, "gone");
  ann->say(R"({"type":"leave","roomId":"gone"})").expect("left");
  ann->drop();
  auto bob = connect(stage, "bob");
  join(bob, "full");

  auto back = connect(stage);
  back->say(resume_of(ann.resume, {full, gone, {"never", "e", 1}}));

  auto resumed = back->expect("resumed");
  CHECK(has(resumed, R"("rooms":[],"lost":[{"roomId":"full","code":"room_full"},)"
                     R"({"roomId":"gone","code":"not_joined"},)"
                     R"({"roomId":"never","code":"not_joined"}])"));
}

// Pins §4.106, §4.107.
TEST_CASE("a room of another epoch is joined without what was missed") {
  auto o = many_messages();
  o.rooms.linger = 0ms;
  stage stage{o};
  auto ann = connect(stage);
  auto hall = join(ann, "hall");
  ann->drop(); // the room ends
  auto bob = connect(stage, "bob");
  join(bob, "hall");
  bob->publish("hall", "x");

  auto back = connect(stage);
  auto resumed = back->say(resume_of(ann.resume, {hall})).expect("resumed");

  CHECK(has(resumed, R"("seq":1,"recovered":false)"));
  bob->publish("hall", "y");
  CHECK(texts(back) == names{"y"});
}

// Pins §4.105.
TEST_CASE("a client's own messages without echo do not come back to it") {
  stage stage{many_messages()};
  auto ann = connect(stage), bob = connect(stage, "bob");
  join(bob, "hall");
  auto hall = join(ann, "hall");
  ann->say(R"({"type":"message","text":"own","echo":false})");
  bob->publish("hall", "other");
  ann->drop();

  auto back = connect(stage);
  back->say(resume_of(ann.resume, {hall})).expect("resumed");

  CHECK(texts(back) == names{"other"});
}

// Pins §4.114.
TEST_CASE("a client in the lobby comes back as who it was") {
  auto o = many_messages();
  o.lobby = "lobby";
  stage stage{o};
  auto bob = connect(stage, "bob");
  bob->expect("joined");
  auto ann = connect(stage);
  auto joined = ann->expect("joined");
  ann->drop();
  bob->publish("lobby", "missed");

  auto back = connect(stage);
  back->expect("joined");
  auto resumed =
    back->say(resume_of(ann.resume, {{"lobby", joined.text("epoch"), 0}})).expect("resumed");

  CHECK(has(resumed, R"("roomId":"lobby")"));
  CHECK(has(resumed, R"("recovered":true)"));
  CHECK(texts(back) == names{"missed"});
  auto here = bob->say(R"({"type":"presence"})").take_all().back();
  CHECK(here.number("total") == 2);
  CHECK(has(here, ann->user()));
}

// Pins §4.119.
TEST_CASE(
  "who says that it may resume is put into the lobby with its first command, or after 1 s") {
  auto o = many_messages();
  o.lobby = "lobby";
  stage stage{o};
  auto connect_ready = [&]() -> stage::client& {
    actors::connection_info info{protocol::encoding::v1_json};
    info.may_resume = true;
    return stage.connect(info);
  };
  auto& silent = connect_ready();
  auto name = silent.expect("welcome").text("resume");
  silent.say(R"({"type":"ping"})").expect("pong");
  stage.advance(900ms);
  silent.expect_nothing();
  stage.advance(200ms);
  CHECK(silent.expect("joined").text("roomId") == "lobby");

  auto& talking = connect_ready();
  talking.expect("welcome");
  talking.say(R"({"type":"message","text":"x","ref":1})").expect("joined");
  CHECK(talking.take_all().size() == 2); // its own message, and the ack
  stage.advance(2s);
  talking.expect_nothing();

  silent.say(R"({"type":"leave"})").take_all();
  silent.drop();
  auto& back = connect_ready();
  back.expect("welcome");
  back.say(resume_of(name, {}));
  CHECK(has(back.expect("resumed"), R"("rooms":[])")); // it had left the lobby
  stage.advance(2s);
  back.expect_nothing();

  auto& late = connect_ready();
  late.expect("welcome");
  late.say(resume_of("x", {})).expect("error");
  CHECK(late.expect("joined").text("roomId") == "lobby");
}

// Pins §16.64.
TEST_CASE("of what one user keeps the oldest session goes first") {
  auto o = many_messages();
  o.sessions.max_kept_per_user = 2;
  stage stage{o};
  std::vector<guest> lost;
  for (int i = 0; i < 3; ++i)
    lost.push_back(connect(stage, "ann"));
  for (auto& g : lost)
    g->drop();

  names answers;
  for (auto& g : lost)
    for (auto& type : types([&] {
           auto back = connect(stage, "ann");
           back->say(resume_of(g.resume, {}));
           return back;
         }()))
      answers.push_back(type);

  CHECK(answers == names{"error", "resumed", "resumed"});
}

TEST_CASE("behaviours hear of a return as of an end and a join, unless they know better") {
  struct noting final : actors::room_behavior {
    explicit noting(names& n) : said(n) {}
    void on_join(actors::room_context&, const actors::member& m) override {
      said.push_back("join " + m.user_id);
    }
    void on_leave(actors::room_context&, const actors::member& m, actors::leave_reason) override {
      said.push_back("leave " + m.user_id);
    }
    names& said;
  };
  names said;
  stage stage{many_messages()};
  stage.node().rooms("hall", [&](std::string_view) { return std::make_unique<noting>(said); });
  auto ann = connect(stage, "ann"), back = connect(stage, "ann");
  auto hall = join(ann, "hall");

  back->say(resume_of(ann.resume, {hall})).expect("resumed");

  CHECK(said == names{"join ann", "leave ann", "join ann"});
}

// Pins §4.101.
TEST_CASE("a kick before the client is told that it is back takes the room away") {
  struct kicking final : actors::room_behavior {
    void on_join(actors::room_context& room, const actors::member& m) override {
      if (++joins > 1)
        room.kick(m.key, "once is enough");
    }
    int joins = 0;
  };
  stage stage{many_messages()};
  stage.node().rooms("hall", [](std::string_view) { return std::make_unique<kicking>(); });
  auto ann = connect(stage, "ann"), back = connect(stage, "ann");
  auto hall = join(ann, "hall");
  auto yard = join(ann, "yard");

  back->say(resume_of(ann.resume, {hall, yard}));

  auto resumed = back->expect("resumed");
  CHECK(has(resumed, R"("rooms":[{"roomId":"yard")"));
  CHECK(has(resumed, R"("lost":[{"roomId":"hall","code":"not_joined"}])"));
  back->expect_nothing();
}

TEST_CASE("a room that crashes over a return is lost, and the others are there") {
  struct crashing final : actors::room_behavior {
    void on_join(actors::room_context&, const actors::member&) override {
      if (++joins > 1)
        throw std::runtime_error{"no"};
    }
    int joins = 0;
  };
  stage stage{many_messages(2)};
  stage.node().rooms("hall", [](std::string_view) { return std::make_unique<crashing>(); });
  auto ann = connect(stage, "ann");
  auto hall = join(ann, "hall"), yard = join(ann, "yard");
  auto back = connect(stage, "ann", 1);

  back->say(resume_of(ann.resume, {hall, yard}));

  auto all = back->take_all();
  REQUIRE_FALSE(all.empty());
  CHECK(all.front().type() == "resumed");
  CHECK(has(all.front(), R"({"roomId":"yard")"));
}

TEST_CASE("a session moves between codecs") {
  stage stage{many_messages()};
  auto ann = connect(stage), bob = connect(stage, "bob");
  join(bob, "hall");
  auto joined =
    ann->say(R"({"type":"join","roomId":"hall","profile":{"a":[1,2]}})").expect("joined");
  ann->drop();
  bob->publish("hall", "missed");
  bob->take_all();

  auto back = connect(stage, {}, 0, protocol::encoding::v1_msgpack);
  back->say(resume_of(ann.resume, {{"hall", joined.text("epoch"), 0}})).expect("resumed");

  CHECK(texts(back) == names{"missed"});
  CHECK(has(bob->expect("userJoined"), R"({"a":[1,2]})"));
}

// Pins §10.32.
TEST_CASE("a drained node keeps no session, and a resume under way ends with it") {
  stage stage{many_messages(2)};
  auto ann = connect(stage);
  auto hall = join(ann, "hall");
  ann->drop();
  auto back = connect(stage, {}, 1);

  stage.together([&] {
    back->say(resume_of(ann.resume, {hall}));
    stage.node().drain(actors::drain_kind::restart, 0ms);
  });
  stage.advance(1s);

  back->take_all();
  CHECK(back->expect_end() == 1012);
  CHECK(stage.node().stats().members == 0);
}

// Pins §4.67, §4.98.
TEST_CASE("a profile that was refused does not come back with its session") {
  struct strict final : actors::room_behavior {
    bool on_profile(actors::room_context& room, const actors::member&,
                    const protocol::document_view& profile) override {
      if (profile.string("name") == "ADMIN")
        room.refuse(protocol::errc::forbidden);
      return true;
    }
  };
  for (auto is_live : {false, true}) {
    stage stage{many_messages()};
    stage.node().rooms("hall", [](std::string_view) { return std::make_unique<strict>(); });
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
    join(bob, "hall");
    ann->say(R"({"type":"join","roomId":"hall","profile":{"name":"Ann"}})");
    ann->say(R"({"type":"$profile","roomId":"hall","profile":{"name":"Anna"}})");
    ann->say(R"({"type":"$profile","roomId":"hall","profile":{"name":"ADMIN"}})");
    if (!is_live)
      ann->drop();
    bob->take_all();

    auto back = connect(stage, "ann");
    back->say(resume_of(ann.resume, {})).expect("resumed");

    auto here = bob->say(R"({"type":"presence","roomId":"hall"})").take_all();
    CHECK(here.size() == (is_live ? 1u : 2u));
    CHECK(has(here.back(), R"({"name":"Anna"})"));
  }
}

// Pins §4.101, §10.18.
TEST_CASE("who is thrown out while it comes back hears of it, by lost or by left") {
  struct kicking final : actors::room_behavior {
    bool on_publish(actors::room_context& room, const actors::member& from,
                    const actors::application_message&) override {
      room.for_each_member([&](auto& m) {
        if (m.user_id == "ann" && from.user_id == "bob")
          room.kick(m.key);
      });
      return true;
    }
  };
  int lost = 0, left = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    stage stage{many_messages(2), seed};
    stage.node().rooms("r*", [](std::string_view) { return std::make_unique<kicking>(); });
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 1);
    join(bob, "r1");
    auto r1 = join(ann, "r1"), r2 = join(ann, "r2");
    ann->drop();
    auto back = connect(stage, "ann");
    stage.together([&] {
      back->say(resume_of(ann.resume, {r1, r2}));
      bob->publish("r1", "out");
    });
    auto all = back->take_all();
    REQUIRE_FALSE(all.empty());
    CHECK(all.front().type() == "resumed");
    auto answer = back->say(R"({"type":"message","roomId":"r1","text":"x","ref":1})").take_all();
    if (answer.back().type() != "error")
      continue; // it came when all was over
    auto is_lost = has(all.front(), R"("lost":[{"roomId":"r1")");
    auto is_told = std::any_of(all.begin(), all.end(), [](auto& m) { return m.type() == "left"; });
    INFO(all.front().json() << " " << all.size() << " " << answer.back().json());
    CHECK(is_lost != is_told);
    lost += is_lost ? 1 : 0;
    left += is_told ? 1 : 0;
  }
  CHECK(lost + left > 0);
}

// Pins §1.14.
TEST_CASE("a session whose rights have expired is gone") {
  stage stage{many_messages()};
  auto claims = std::make_shared<actors::claims>();
  claims->subject = "ann";
  claims->expires_at = stage.node().options().clock->wall_now() + 10s;
  actors::connection_info info{protocol::encoding::v1_json};
  info.claims = claims;
  auto& ann = stage.connect(info);
  auto name = ann.expect("welcome").text("resume");
  auto bob = connect(stage, "bob");
  join(bob, "hall");
  ann.join("hall");
  ann.drop();
  bob->take_all();
  stage.advance(15s);

  auto back = connect(stage);
  CHECK(back->say(resume_of(name, {})).expect("error").text("code") == "session_gone");
  bob->expect_nothing();
  back->join("hall").expect("joined");
}

// Pins §4.47.
TEST_CASE("a lobby that waited for a resume is no later room than one that was joined behind it") {
  auto o = many_messages();
  o.lobby = "lobby";
  stage stage{o};
  actors::connection_info info{protocol::encoding::v1_json};
  info.may_resume = true;
  auto& ann = stage.connect(info);
  auto name = ann.expect("welcome").text("resume");
  name.back() = name.back() == 'A' ? 'B' : 'A';
  stage.together([&] {
    ann.say(resume_of(name, {}));
    ann.join("mine");
    ann.say(R"({"type":"message","text":"secret"})");
  });

  CHECK(ann.take_all().back().text("roomId") == "mine");
}

// Pins §4.99, §4.107.
TEST_CASE("rooms come in the order of joining, each recovered if its ring holds what was missed") {
  auto o = many_messages();
  o.rooms.history_messages = 4;
  stage stage{o};
  auto ann = connect(stage), bob = connect(stage, "bob");
  std::vector<position> rooms;
  for (auto room : {"z", "m", "a"}) {
    join(bob, room);
    rooms.push_back(join(ann, room));
    bob->take_all();
  }
  ann->drop();
  for (int i = 0; i < 5; ++i)
    bob->publish("z", "lost");
  for (int i = 0; i < 4; ++i)
    bob->publish("m", "kept");
  rooms[2].seq = 7; // of the future

  auto back = connect(stage);
  auto resumed = back->say(resume_of(ann.resume, rooms)).expect("resumed").json();

  auto z = resumed.find(R"({"roomId":"z")"), m = resumed.find(R"({"roomId":"m")");
  auto a = resumed.find(R"({"roomId":"a")");
  CHECK((z < m && m < a && a != std::string::npos));
  CHECK(resumed.find(R"("recovered":false)", z) < m);
  CHECK(resumed.find(R"("recovered":true)", m) < a);
  CHECK(resumed.find(R"("recovered":false)", a) != std::string::npos);
  CHECK(texts(back) == names{"kept", "kept", "kept", "kept"});
}

// Pins §10.28, §10.31.
TEST_CASE("which close ends a session: the client's normal one, and the server's for good") {
  auto o = many_messages();
  o.connections.max_errors = 2;
  for (auto code : {4000, 4999, 1001, 3000}) {
    stage stage{o};
    auto ann = connect(stage);
    ann->close(static_cast<std::uint16_t>(code));
    auto back = connect(stage);
    CHECK(types((back->say(resume_of(ann.resume, {})), back)) == names{"resumed"});
  }
  stage stage{o};
  auto ann = connect(stage), back = connect(stage);
  ann->session().set_window(0); // it does not answer the close
  ann->say("{").say("{").say("{");
  CHECK(types((back->say(resume_of(ann.resume, {})), back)) == names{"error"});
}

// Pins §16.65.
TEST_CASE("the profiles of a kept session count for as long as it is kept") {
  stage stage{many_messages()};
  auto ann = connect(stage);
  ann->say(R"({"type":"join","roomId":"hall","profile":{"a":")" + std::string(1000, 'x')
           + R"("}})");
  auto joined = stage.node().stats().profile_bytes;
  ann->drop();
  CHECK(stage.node().stats().profile_bytes == joined);
  CHECK(stage.node().stats().kept_sessions == 1);

  stage.advance(31s);

  CHECK(stage.node().stats().profile_bytes == 0);
  CHECK(stage.node().stats().kept_sessions == 0);
}

// Pins §4.123.
TEST_CASE("a resume that is read late does not take the session from a newer connection") {
  for (unsigned loops : {1u, 2u}) {
    stage stage{many_messages(loops)};
    auto ann = connect(stage);
    auto hall = join(ann, "hall");
    ann->drop();
    auto given_up = connect(stage, {}, loops - 1), newer = connect(stage);
    newer->say(resume_of(ann.resume, {hall})).expect("resumed");

    auto error = given_up->say(resume_of(ann.resume, {hall})).expect("error");

    CHECK(error.text("code") == "session_gone");
    newer->expect_nothing();
    newer->say(R"({"type":"ping"})").expect("pong");
    newer->drop();
    auto next = connect(stage);
    next->say(resume_of(ann.resume, {hall})).expect("resumed");
  }
}

TEST_CASE("a session brings its claims along, and with them their end") {
  stage stage{many_messages()};
  auto claims = std::make_shared<actors::claims>();
  claims->subject = "ann";
  claims->rooms = {"hall"};
  claims->expires_at = stage.node().options().clock->wall_now() + 20s;
  actors::connection_info info{protocol::encoding::v1_json};
  info.claims = claims;
  auto& ann = stage.connect(info);
  auto name = ann.expect("welcome").text("resume");
  ann.join("hall").expect("joined");
  ann.drop();

  auto back = connect(stage);
  back->say(resume_of(name, {})).expect("resumed");
  CHECK(back->join("yard").expect("error").text("code") == "forbidden");
  CHECK(stage.node().stats().resumes == 1);
  stage.advance(25s);

  CHECK(back->expect_end() == 1008);
}

// Pins §4.111.
TEST_CASE("a session that has moved still belongs to its user") {
  for (unsigned loops : {1u, 2u}) {
    stage stage{many_messages(loops)};
    auto ann = connect(stage, "ann"), second = connect(stage, "ann", loops - 1);
    join(ann, "hall");
    ann->drop();
    second->say(resume_of(ann.resume, {})).expect("resumed");

    auto thief = connect(stage, "bob");
    auto error = thief->say(resume_of(ann.resume, {})).expect("error");

    CHECK(error.text("code") == "identity_mismatch");
    second->say(R"({"type":"ping"})").expect("pong");
    CHECK_FALSE(second->has_ended());
  }
}
