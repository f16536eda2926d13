#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;

namespace {

/// Says a message with an id, and returns the answer: its `seq`, or `again` and that of the first.
std::string say(const guest& g, const std::string& id, std::string_view text) {
  g->say(R"({"type":"message","roomId":"hall","ref":"x","id":)" + id + R"(,"text":")"
         + std::string{text} + R"("})");
  for (auto& m : g->take_all())
    if (m.type() == "ack")
      return (has(m, R"("duplicate":true)") ? "again " : "") + m.text("seq");
  return "no ack";
}

} // namespace

// Pins §4.115, §4.116.
TEST_CASE("a message that was accepted is acked again, and said to nobody") {
  stage stage{many_messages()};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob");
  join(bob, "hall");
  join(ann, "hall");
  bob->take_all();
  CHECK(say(ann, "1", "one") == "1");
  CHECK(say(ann, R"("1")", "two") == "2"); // a string is another id
  CHECK(say(bob, "1", "bob's") == "3");    // and so is another session's
  bob->take_all();

  CHECK(say(ann, "1", "again") == "again 1");
  CHECK(say(ann, R"("1")", "again") == "again 2");

  bob->expect_nothing();
  CHECK(stage.node().stats().repeated == 2);
  for (int i = 2; i < 66; ++i)
    say(ann, std::to_string(i), "more");
  CHECK(say(ann, "2", "known") == "again 4");
  CHECK(say(ann, "1", "forgotten") == "68");
}

// Pins §4.117.
TEST_CASE(
  "ids are known again after a return, by either way, in either codec, and for the window") {
  for (auto is_live : {false, true}) {
    stage stage{many_messages(2)};
    auto ann = connect(stage), bob = connect(stage, "bob");
    join(bob, "hall");
    auto hall = join(ann, "hall");
    CHECK(say(ann, R"("abc")", "x") == "1");
    if (!is_live)
      ann->drop();

    auto back = connect(stage, {}, 1, protocol::encoding::v1_msgpack);
    back->say(resume_of(ann.resume, {hall})).expect("resumed");

    CHECK(say(back, R"("abc")", "x") == "again 1");
    CHECK(say(back, R"("abcd")", "y") == "2");
  }
}

// Pins §4.118.
TEST_CASE("the id of a message that was refused is free") {
  struct once final : actors::room_behavior {
    bool on_publish(actors::room_context& room, const actors::member&,
                    const actors::application_message&) override {
      if (++messages == 1)
        room.refuse(protocol::errc::forbidden);
      return true;
    }
    int messages = 0;
  };
  stage stage{many_messages()};
  stage.node().rooms("hall", [](std::string_view) { return std::make_unique<once>(); });
  auto ann = connect(stage, "ann");
  join(ann, "hall");

  CHECK(say(ann, "7", "x") == "no ack");
  CHECK(say(ann, "7", "x") == "1");
  CHECK(say(ann, "7", "x") == "again 1");
}

// Pins §4.115.
TEST_CASE("the id of a binary message counts as that of any other") {
  stage stage{many_messages()};
  auto ann = connect(stage, "ann"), bob = connect(stage, "bob", 0, protocol::encoding::v1_msgpack);
  join(bob, "hall");
  join(ann, "hall");
  bob->take_all();
  for (int i = 0; i < 2; ++i)
    ann->say(R"({"type":"binary","data":{"$bin":"AAEC"},"id":9,"ref":1})");

  CHECK(types(bob) == names{"binary"});
  CHECK(has(ann->take_all().back(), R"("duplicate":true)"));
}

namespace {

/// Counts what is bought, at once or later.
struct shop final : actors::room_behavior {
  explicit shop(std::vector<actors::reply_promise>& owed) {
    on("buy", [this](auto& room, auto&, auto&) { room.broadcast("sold", {{"n", ++sold}}); });
    on("order", [this, &owed](auto& room, auto&, auto&) {
      ++sold;
      owed.push_back(room.reply_later());
    });
  }
  std::int64_t sold = 0;
};

struct market {
  explicit market(bool command_ids = true, unsigned tick_rate = 0) {
    auto make = [this](std::string_view) { return std::make_unique<shop>(owed); };
    actors::room_options options;
    options.command_ids = command_ids;
    options.keep_when_empty = true;
    options.tick.rate = tick_rate;
    scene.node().rooms("hall", make, options);
    ann = connect(scene, "ann");
    join(ann, "hall");
    ann->take_all();
  }
  void command(std::string_view type, std::string_view id, int ref) {
    ann->say(R"({"type":")" + std::string{type} + R"(","id":)" + std::string{id} + R"(,"ref":)"
             + std::to_string(ref) + '}');
  }
  /// What it is sent of these: `ack 1`, `again 2`, `forbidden 3`.
  names answers() {
    names all;
    for (auto& m : ann->take_all()) {
      auto ref = [&] { return ' ' + std::to_string(static_cast<int>(m.number("ref"))); };
      if (m.type() == "ack")
        all.push_back((has(m, R"("duplicate":true)") ? "again" : "ack") + ref());
      else if (m.type() == "error")
        all.push_back(m.text("code") + ref());
      else
        all.push_back(m.type());
    }
    return all;
  }

  std::vector<actors::reply_promise> owed;
  stage scene{many_messages()};
  guest ann{};
};

} // namespace

// Pins §4.241, §4.242.
TEST_CASE("an application's command is known again by its id, where the pattern says so") {
  for (auto on : {true, false}) {
    market m{on};
    m.command("buy", "7", 1);
    m.command("buy", "7", 2);
    m.command("buy", "{}", 3); // no id
    m.command("buy", "{}", 4);

    CHECK(m.answers()
          == (on ? names{"sold", "ack 1", "again 2", "sold", "ack 3", "sold", "ack 4"}
                 : names{"sold", "ack 1", "sold", "ack 2", "sold", "ack 3", "sold", "ack 4"}));
  }
}

// Pins §4.241.
TEST_CASE("an application's command is known again after a return") {
  market m;
  m.command("buy", R"("a")", 1);
  CHECK(m.answers() == names{"sold", "ack 1"});
  m.ann->drop();
  auto back = connect(m.scene, "ann");
  back->say(resume_of(m.ann.resume, {{"hall", "", 0}})).expect("resumed");
  back->take_all();
  m.ann = back;
  join(m.ann, "hall");
  m.ann->take_all();

  m.command("buy", R"("a")", 2);

  CHECK(m.answers() == names{"again 2"});
}

// Pins §4.243.
TEST_CASE("the repeat of a command whose answer is to come waits for it") {
  market m;
  m.command("order", "7", 1);
  m.command("order", "7", 2);
  m.command("order", "8", 3);
  CHECK(m.answers().empty());
  REQUIRE(m.owed.size() == 2);

  m.owed[0].ack();
  m.owed[1].refuse(protocol::errc::forbidden);
  m.scene.settle();
  CHECK(m.answers() == names{"ack 1", "again 2", "forbidden 3"});

  m.command("order", "7", 4); // known
  m.command("order", "8", 5); // free
  m.command("order", "8", 6);
  CHECK(m.answers() == names{"again 4"});
  REQUIRE(m.owed.size() == 3);
  m.owed[2].refuse(protocol::errc::forbidden);
  m.scene.settle();
  CHECK(m.answers() == names{"forbidden 5", "forbidden 6"});
}

/// Where nothing ticks, its credit keeps a member from saying so much.
// Pins §4.243.
TEST_CASE("33 repeats of one command that waits are too many") {
  market m{true, 10};
  for (int i = 0; i < 34; ++i) {
    m.command("order", "7", i);
    m.scene.advance(100ms);
  }

  CHECK(m.answers() == names{"overloaded 33"});
  CHECK(m.owed.size() == 1);
  m.ann->say(R"({"type":"leave","roomId":"hall"})");
  auto all = m.answers();
  CHECK(std::count_if(all.begin(), all.end(), [](auto& a) { return a.starts_with("not_joined"); })
        == 33);
}

// Pins §4.117.
TEST_CASE("many that are lost together know their ids again") {
  constexpr int many = 400;
  stage stage{many_messages()};
  auto bob = connect(stage, "bob");
  join(bob, "hall");
  std::vector<guest> all;
  for (int i = 0; i < many; ++i) {
    all.push_back(connect(stage, "u" + std::to_string(i)));
    join(all.back(), "hall");
    CHECK(say(all.back(), "1", "once") == std::to_string(i + 1));
    all.back()->take_all();
  }
  for (auto& g : all)
    g->drop();
  bob->take_all();
  for (auto& g : all) {
    auto back = connect(stage, g->user());
    back->say(resume_of(g.resume, {})).expect("resumed");
    CHECK(say(back, "1", "once").starts_with("again"));
  }
}
