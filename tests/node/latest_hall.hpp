#pragma once

#include "guest.hpp"

#include <string>
#include <string_view>

namespace troupe::test {

/// Says the latest value of a key.
inline void say(const guest& g, std::string_view key, std::string_view text,
                std::string_view more = {}) {
  g->say(R"({"type":"message","roomId":"hall","delivery":"latest","key":")" + std::string{key}
         + R"(","text":")" + std::string{text} + '"' + std::string{more} + '}');
}

/// Lets a member of the hall fall behind. Its first message is `x`.
inline void fall_behind(const guest& g, const guest& speaker) {
  g->take_all();
  g->stall();
  speaker->publish("hall", "x");
}

/// A hall with two speakers, and a listener that is behind.
struct latest_hall {
  explicit latest_hall(unsigned loops = 1, protocol::encoding in = protocol::encoding::v1_json,
                       actors::node_options o = many_messages())
    : scene([&] {
        o.loops = loops;
        return o;
      }()) {
    bob.line = &scene.connect(actors::connection_info{.encoding = in, .user_id = "bob"}, loops - 1);
    if (!is_plain(in))
      bob.resume = bob->expect("welcome").text("resume");
    bob->join("hall");
    join(ann, "hall");
    join(cid, "hall");
    fall_behind(bob, ann);
  }
  [[nodiscard]] actors::node_stats stats() { return scene.node().stats(); }
  names heard() {
    bob->read_on();
    return texts(bob);
  }

  stage scene;
  guest ann = connect(scene, "ann"), cid = connect(scene, "cid"), bob{};
};

} // namespace troupe::test
