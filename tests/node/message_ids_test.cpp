#include <utility>

#include "guest.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using namespace troupe::test;

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
