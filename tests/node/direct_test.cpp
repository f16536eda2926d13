#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using protocol::encoding;

namespace {

actors::node_options with_directs(unsigned loops = 1) {
  auto o = many_messages(loops);
  o.directs.allowed = actors::direct_policy::all;
  return o;
}

std::string direct_to(std::string_view user, std::string_view text, std::string_view more = {}) {
  return R"({"type":"direct","ref":"d","to":")" + std::string{user} + R"(","text":")"
       + std::string{text} + '"' + std::string{more} + '}';
}

/// Says a direct, and returns `ack`, `repeat` or the code of its error.
std::string say(const guest& g, std::string_view user, std::string_view text,
                std::string_view more = {}) {
  g->say(direct_to(user, text, more));
  for (auto& m : g->take_all())
    if (m.type() == "ack")
      return has(m, R"("duplicate":true)") ? "repeat" : "ack";
    else if (m.type() == "error")
      return m.text("code");
  return "no answer";
}

/// The directs that wait: their numbers and texts.
names directs(const guest& g) {
  names all;
  for (auto& m : g->take_all())
    if (m.type() == "direct")
      all.push_back(m.text("seq") + ' ' + m.text("text"));
  return all;
}

std::string resume_with(std::string_view name, std::optional<std::uint64_t> direct) {
  auto at = direct ? R"(,"direct":)" + std::to_string(*direct) : std::string{};
  return R"({"type":"resume","ref":"r","resume":")" + std::string{name} + '"' + at + '}';
}

} // namespace

// Pins §4.140, §4.141, §5.40.
TEST_CASE("a direct reaches all sessions of its user, in the codec of each") {
  stage stage{with_directs(2)};
  auto ann = connect(stage, "ann");
  auto json = connect(stage, "bob"), packed = connect(stage, "bob", 1, encoding::v1_msgpack);
  auto& plain = stage.connect("bob", encoding::plain_json);
  auto eve = connect(stage, "eve", 1);

  ann->say(R"({"type":"direct","ref":7,"to":"bob","data":{"a":1.0}})");

  CHECK(ann->expect("ack").json() == R"({"type":"ack","ref":7})");
  for (auto& g : {json, packed}) {
    auto heard = g->expect("direct");
    CHECK(heard.json()
          == R"({"type":"direct","userId":"ann","seq":1,"timestamp":")" + heard.text("timestamp")
               + R"(","data":{"a":1.0}})");
    CHECK(heard.text("timestamp").size() == 24);
    g->expect_nothing();
  }
  CHECK(plain.expect("direct").json() == R"({"type":"direct","data":{"a":1.0},"userId":"ann"})");
  for (auto& g : {eve, ann})
    g->expect_nothing();
}

// Pins §4.142.
TEST_CASE("a direct to a user who is nowhere is answered so") {
  stage stage{with_directs(2)};
  auto ann = connect(stage, "ann");
  auto bob = connect(stage, "bob", 1);
  auto& plain = stage.connect("carl", encoding::plain_json);
  CHECK(say(ann, "nobody", "x") == "user_away");
  CHECK(say(ann, "", "x") == "user_away");

  bob->close(1000); // its session ends
  plain.drop();     // and this one had none

  CHECK(say(ann, "bob", "x") == "user_away");
  CHECK(say(ann, "carl", "x") == "user_away");
}

// Pins §4.143.
TEST_CASE("directs are off unless the server lets them") {
  stage stage{many_messages()};
  auto ann = connect(stage, "ann");

  CHECK(say(ann, "ann", "x") == "unsupported");
}

// Pins §4.144.
TEST_CASE("directs can ask for a room that both are in") {
  auto o = with_directs(2);
  o.directs.allowed = actors::direct_policy::shared_room;
  stage stage{std::move(o)};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 1), eve = connect(stage, "eve");
  CHECK(say(ann, "ann", "x") == "ack");
  join(ann, "hall");
  join(eve, "yard");
  join(bob, "yard");
  CHECK(say(ann, "bob", "x") == "forbidden");
  join(bob, "hall");
  CHECK(say(ann, "bob", "one") == "ack");

  bob->drop(); // what is kept of it was in the room
  CHECK(say(ann, "bob", "two") == "ack");
  ann->say(R"({"type":"leave","roomId":"hall"})");
  CHECK(say(ann, "bob", "three") == "forbidden");
  CHECK(say(eve, "bob", "four") == "ack");

  auto back = connect(stage, "bob");
  back->say(resume_with(bob.resume, 0));
  CHECK(directs(back) == names{"1 one", "2 two", "3 four"});
}

// Pins §4.152.
TEST_CASE("where a room must be shared, only sessions in a room with the sender hear it") {
  auto o = with_directs(2);
  o.directs.allowed = actors::direct_policy::shared_room;
  stage stage{std::move(o)};
  auto ann = connect(stage, "ann"), here = connect(stage, "bob", 1),
       elsewhere = connect(stage, "bob");
  join(ann, "hall");
  join(here, "hall");
  join(elsewhere, "yard");
  here->take_all();

  CHECK(say(ann, "bob", "x") == "ack");

  CHECK(directs(here) == names{"1 x"});
  CHECK(directs(elsewhere).empty());
}

// Pins §4.145.
TEST_CASE("the application decides who may say a direct to whom") {
  auto o = with_directs();
  o.directs.authorize = [](const actors::direct_request& r) {
    if (r.to == "boom")
      throw std::runtime_error{"boom"};
    return r.from == "ann" && r.to == "bob" ? protocol::errc::ok : protocol::errc::rate_limited;
  };
  stage stage{std::move(o)};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");

  CHECK(say(ann, "bob", "x") == "ack");
  CHECK(say(bob, "ann", "x") == "rate_limited");
  CHECK(say(ann, "boom", "x") == "internal");
  CHECK(say(ann, "bob", "y") == "ack");
}

// Pins §4.146, §4.147.
TEST_CASE("an accepted id of a direct is acked again, and a refused one is free") {
  stage stage{with_directs(2)};
  auto ann = connect(stage, "ann");
  CHECK(say(ann, "bob", "early", R"(,"id":1)") == "user_away");
  auto bob = connect(stage, "bob", 1);
  CHECK(say(ann, "bob", "one", R"(,"id":1)") == "ack");
  CHECK(say(ann, "bob", "again", R"(,"id":1)") == "repeat");
  CHECK(say(ann, "bob", "two", R"(,"id":"1")") == "ack");
  CHECK(directs(bob) == names{"1 one", "2 two"});

  ann->drop();
  auto back = connect(stage, "ann", 1);
  back->say(resume_with(ann.resume, {})).expect("resumed");
  CHECK(say(back, "bob", "again", R"(,"id":1)") == "repeat");
  for (int i = 2; i < 65; ++i)
    CHECK(say(back, "bob", "more", R"(,"id":)" + std::to_string(i)) == "ack");
  CHECK(say(back, "bob", "known", R"(,"id":"1")") == "repeat");
  CHECK(say(back, "bob", "forgotten", R"(,"id":1)") == "ack");
}

// Pins §4.148.
TEST_CASE("the repeat of a direct that is under way waits for its answer") {
  stage stage{with_directs(2)};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 1);

  stage.together([&] {
    ann->say(direct_to("bob", "x", R"(,"id":5)"));
    ann->say(direct_to("bob", "x", R"(,"id":5)"));
    ann->say(direct_to("bob", "x", R"(,"id":5)"));
  });

  CHECK_FALSE(has(ann->expect("ack"), "duplicate"));
  CHECK(has(ann->expect("ack"), R"("duplicate":true)"));
  CHECK(has(ann->expect("ack"), R"("duplicate":true)"));
  CHECK(directs(bob) == names{"1 x"});

  stage.together([&] {
    for (int i = 0; i < 3; ++i)
      ann->say(direct_to("nobody", "x", R"(,"id":6)"));
  });
  for (int i = 0; i < 3; ++i)
    CHECK(ann->expect("error").text("code") == "user_away");
}

// Pins §10.51, §4.151.
TEST_CASE("a session that is kept gets its directs behind resumed, in either codec") {
  for (auto code : {encoding::v1_json, encoding::v1_msgpack}) {
    stage stage{with_directs(2)};
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
    CHECK(say(ann, "bob", "one") == "ack");
    bob->take_all();
    bob->drop();
    CHECK(say(ann, "bob", "two") == "ack");
    CHECK(say(ann, "bob", "three") == "ack");

    auto back = connect(stage, "bob", 1, code);
    back->say(resume_with(bob.resume, 1));
    CHECK(has(back->expect("resumed"), R"(,"direct":{"seq":3,"recovered":true}})"));
    CHECK(say(ann, "bob", "four") == "ack");

    CHECK(directs(back) == names{"2 two", "3 three", "4 four"});
  }
}

// Pins §4.151, §10.52.
TEST_CASE("resume says whether directs are missing") {
  struct row {
    std::optional<std::uint64_t> seen;
    std::string_view told;
    std::uint64_t first; ///< of the 32 to 40 that follow; 0: none
  };
  for (auto& [seen, told, first] : std::vector<row>{
         {{}, "", 0},
         {0, R"("direct":{"seq":40,"recovered":false})", 9},
         {7, R"("direct":{"seq":40,"recovered":false})", 9},
         {8, R"("direct":{"seq":40,"recovered":true})", 9},
         {40, R"("direct":{"seq":40,"recovered":true})", 0},
         {41, R"("direct":{"seq":40,"recovered":false})", 0},
       }) {
    INFO(told);
    stage stage{with_directs()};
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
    bob->drop();
    for (int i = 1; i <= 40; ++i)
      say(ann, "bob", std::to_string(i));

    auto back = connect(stage, "bob");
    back->say(resume_with(bob.resume, seen));
    auto resumed = back->expect("resumed");
    CHECK(has(resumed, told));
    CHECK(has(resumed, R"("direct")") == seen.has_value());
    auto heard = directs(back);
    CHECK(heard.size() == (first > 0 ? 41 - first : 0));
    if (first > 0)
      CHECK(heard.front() == std::to_string(first) + ' ' + std::to_string(first));
    CHECK(say(ann, "bob", "live") == "ack");
    CHECK(directs(back) == names{"41 live"});
  }
}

// Pins §10.52, §16.70, §16.73.
TEST_CASE("a session keeps 64 KiB of directs, and the node what its budget allows") {
  auto o = with_directs();
  o.directs.budget_bytes = 200'000;
  stage stage{std::move(o)};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob"), carl = connect(stage, "carl"),
       dora = connect(stage, "dora"), eve = connect(stage, "eve");
  const std::string large(30'000, 'x');
  for (auto* g : {&bob, &carl, &dora, &eve})
    (*g)->drop();
  for (auto user : {"bob", "carl", "dora"})
    for (int i = 0; i < 5; ++i)
      CHECK(say(ann, user, large) == "ack");
  CHECK(stage.node().stats().direct_bytes < 3 * 64 * 1024);
  CHECK(say(ann, "eve", large) == "ack"); // beyond the budget with that

  CHECK(say(ann, "eve", large) == "user_away");
  ann->say(direct_to("ann", large)); // who is here gets it all the same
  CHECK(types(ann) == names{"direct", "ack"});

  auto back = connect(stage, "bob");
  back->say(resume_with(bob.resume, 3));
  CHECK(directs(back).size() == 2);
  stage.advance(std::chrono::seconds{31});
  CHECK(stage.node().stats().direct_bytes <= 2 * (30'000 + 256));
}

// Pins §4.149.
TEST_CASE("a direct has at most 64 KiB") {
  auto o = with_directs();
  o.messages.max_message_bytes = 1024 * 1024;
  stage stage{std::move(o)};
  auto ann = connect(stage, "ann");

  CHECK(say(ann, "ann", std::string(65'534, 'x')) == "ack");
  CHECK(say(ann, "ann", std::string(65'535, 'x')) == "bad_request");
}

// Pins §10.53.
TEST_CASE("a takeover loses no direct and doubles none, whatever the order of things") {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    INFO("seed " << seed);
    auto o = with_directs(3);
    if (seed % 3 == 0)
      o.directs.allowed = actors::direct_policy::shared_room;
    stage stage{std::move(o), seed};
    auto is_known = seed % 2 == 0, is_live = seed % 4 < 2;
    const std::string token = is_known ? "bob" : ""; // else each connection is a user of its own
    auto ann = connect(stage, "ann"), bob = connect(stage, token, 1);
    auto user = bob->user();
    join(ann, "hall");
    join(bob, "hall");
    if (!is_live)
      bob->drop();
    CHECK(say(ann, user, "1") == "ack");
    auto seen = directs(bob).size();
    auto back = connect(stage, token, 2);

    stage.together([&] {
      back->say(resume_with(bob.resume, seen));
      for (int i = 2; i <= 6; ++i) {
        ann->say(direct_to(user, std::to_string(i)));
        for (int other = 0; other < 20; ++other)
          stage.node().user("nobody").send("x");
      }
    });

    std::size_t acks = 0;
    for (auto& m : ann->take_all())
      acks += m.type() == "ack";
    CHECK(acks == 5);
    names expected;
    for (int i = static_cast<int>(seen) + 1; i <= 6; ++i)
      expected.push_back(std::to_string(i) + ' ' + std::to_string(i));
    CHECK(directs(back) == expected);
  }
}

// Pins §10.53.
TEST_CASE("a direct that has come by two ways is known again, though it is kept no longer") {
  stage stage{with_directs()};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
  actors::connection_info info{.encoding = encoding::v1_json, .user_id = "bob"};
  info.may_resume = true; // holds its own directs meanwhile
  auto& back = stage.connect(std::move(info));
  back.expect("welcome");
  const std::string large(40'000, 'x');
  for (int i = 0; i < 3; ++i)
    CHECK(say(ann, "bob", large) == "ack");
  CHECK(directs(bob).size() == 3);

  back.say(resume_with(bob.resume, 3));

  CHECK(has(back.expect("resumed"), R"("direct":{"seq":3,"recovered":true})"));
  back.expect_nothing();
}

// Pins §4.146.
TEST_CASE("a takeover waits for the directs under way, and for no later ones") {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    INFO("seed " << seed);
    stage stage{with_directs(3), seed};
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 1),
         back = connect(stage, "bob", 2);

    stage.together([&] {
      for (int i = 1; i <= 3; ++i)
        bob->say(direct_to("ann", std::to_string(i), R"(,"id":)" + std::to_string(i)));
      back->say(resume_with(bob.resume, {}));
      for (int i = 4; i <= 6; ++i)
        bob->say(direct_to("ann", std::to_string(i), R"(,"id":)" + std::to_string(i)));
    });
    back->expect("resumed");
    for (int i = 1; i <= 6; ++i)
      say(back, "ann", std::to_string(i), R"(,"id":)" + std::to_string(i));

    CHECK(directs(ann) == names{"1 1", "2 2", "3 3", "4 4", "5 5", "6 6"});
  }
}

// Pins §10.53.
TEST_CASE("a claimant that dies on the way loses no direct either") {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    stage stage{with_directs(3), seed};
    auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 1);
    bob->drop();
    auto dies = connect(stage, "bob", 2);

    stage.together([&] {
      dies->say(resume_with(bob.resume, 0));
      for (int i = 1; i <= 6; ++i) {
        ann->say(direct_to("bob", std::to_string(i)));
        if (i == static_cast<int>(seed % 6) + 1)
          dies->drop();
      }
    });

    std::size_t acks = 0;
    for (auto& m : ann->take_all())
      acks += m.type() == "ack";
    CHECK(acks == 6);
    auto back = connect(stage, "bob");
    back->say(resume_with(bob.resume, 0));
    CHECK(directs(back) == names{"1 1", "2 2", "3 3", "4 4", "5 5", "6 6"});
  }
}

// Pins §10.54.
TEST_CASE("who may resume gets directs with its first command only, or after a second") {
  stage stage{with_directs()};
  auto ann = connect(stage, "ann");
  auto may_resume = [&] {
    actors::connection_info info{.encoding = encoding::v1_json, .user_id = "bob"};
    info.may_resume = true;
    auto& line = stage.connect(std::move(info));
    line.expect("welcome");
    return guest{&line, {}, {}};
  };
  auto asks = may_resume(), waits = may_resume(), late = may_resume();
  CHECK(say(ann, "bob", "x") == "ack");
  asks->say(R"({"type":"ping"})").expect("pong");
  for (auto& g : {asks, waits, late})
    g->expect_nothing();

  asks->say(R"({"type":"join","roomId":"hall"})");
  CHECK(directs(asks) == names{"1 x"});
  late->say(resume_with("no-such-name", 0));
  CHECK(directs(late) == names{"1 x"});
  stage.advance(std::chrono::milliseconds{990});
  waits->expect_nothing();
  stage.advance(std::chrono::milliseconds{20});
  CHECK(directs(waits) == names{"1 x"});
}

// Pins §10.55.
TEST_CASE("a client that reads no directs is cut, and comes back to them") {
  auto o = with_directs();
  stage stage{std::move(o)};
  auto ann = connect(stage, "ann");
  auto& line = stage.connect(
    actors::connection_info{.encoding = encoding::v1_json, .user_id = "bob"}, 0, {100'000, 1024});
  auto resume = line.expect("welcome").text("resume");
  line.stall();
  const std::string large(30'000, 'x');
  for (int i = 0; i < 8; ++i)
    CHECK(say(ann, "bob", large) == "ack");
  line.read_on();
  std::size_t read = 0;
  for (auto& m : line.take_all())
    read += m.type() == "direct";
  CHECK(read < 8);
  CHECK(line.expect_end() == 1013);

  auto back = connect(stage, "bob");
  back->say(resume_with(resume, 6));
  CHECK(has(back->expect("resumed"), R"("direct":{"seq":8,"recovered":true})"));
  CHECK(directs(back).size() == 2);
}
