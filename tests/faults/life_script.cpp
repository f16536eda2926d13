#include "life_script.hpp"

#include <troupe/protocol/codec.hpp>

namespace troupe::test {

namespace {

constexpr std::string_view v1 = "Sec-WebSocket-Protocol: troupe.v1.json\r\n";
constexpr std::string_view v1_msgpack = "Sec-WebSocket-Protocol: troupe.v1.msgpack\r\n";
constexpr std::string_view v1_deflate =
  "Sec-WebSocket-Protocol: troupe.v1.json\r\nSec-WebSocket-Extensions: permessage-deflate\r\n";

std::string said(std::string_view room, std::string_view text, int ref) {
  return R"({"type":"message","roomId":")" + std::string{room} + R"(","text":")" + std::string{text}
       + R"(","ref":)" + std::to_string(ref) + "}";
}

std::string joins(std::string_view room, int ref) {
  return R"({"type":"join","roomId":")" + std::string{room} + R"(","ref":)" + std::to_string(ref)
       + "}";
}

std::string answers(int ref) { return R"("ref":)" + std::to_string(ref); }

} // namespace

void life_script::http() {
  wire_client c{way_in_};
  c.send("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
  if (!is("http", c.answer("200 OK")))
    return;
  c.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  if (!is("http body", c.answer("body")))
    return;
  c.send("GET /later HTTP/1.1\r\nHost: x\r\n\r\nGET /page.txt HTTP/1.1\r\nHost: x\r\n\r\n");
  if (is("http later", c.answer("later")) && is("http file", c.answer("a page"))) {
    c.send("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    if (is("http 404", c.answer("404")))
      is("http close", c.await_end());
  }
}

void life_script::metrics() {
  wire_client c{way_in_};
  c.send("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  is("metrics", c.answer("troupe_ws_opened_total"));
}

bool life_script::enter(wire_client& c, const char* who, std::string_view headers,
                        std::string_view room) {
  return is(who, c.upgrade("/", headers)) && is(who, c.await("welcome"))
      && (c.text(joins(room, 1)), is(who, c.await(answers(1))));
}

void life_script::rooms() {
  wire_client a{way_in_};
  auto& w = witness_.emplace(way_in_);
  auto has_witness = enter(w, "witness", v1, "hall");
  auto witnessed = [&](const char* step, std::string_view mark) {
    return !has_witness || is(step, w.await(mark));
  };
  if (!enter(a, "member", v1, "hall"))
    return;
  a.text(said("hall", "small", 2));
  auto good = is("small", a.await(answers(2))) && witnessed("small heard", "small");
  if (!good)
    return;
  auto large = said("hall", std::string(20'000, 'L'), 3);
  std::string_view all{large};
  a.frame(0x01, all.substr(0, 100));
  a.frame(0x00, all.substr(100, 9000));
  a.frame(0x89, "between");
  a.frame(0x80, all.substr(9100));
  good = is("large", a.await(answers(3))) && witnessed("large heard", "LLL");
  a.text(R"({"type":"say","roomId":"hall","ref":4})");
  good = good && is("application", a.await("heard"));
  // The result is ignored: without memory it may fail.
  (void)server_.room("hall").publish("news", {{"n", 7}});
  a.text(said("hall", "behind", 9));
  good = good && is("behind", a.await(answers(9))) && witnessed("behind heard", "behind");
  a.text(joins("other", 5));
  a.text(said("other", "there", 6));
  good = good && is("second room", a.await(answers(6)));
  a.text(R"({"type":"end","roomId":"other","ref":7})");
  good = good && is("end", a.await("roomClosed"));
  a.text(R"({"type":"leave","roomId":"hall","ref":8})");
  good = good && is("leave", a.await(answers(8)));
  a.frame(0x88, "\x03\xe8");
  if (good)
    is("close", a.await_end());
}

void life_script::deflate() {
  auto& d = deflating_.emplace(way_in_);
  if (!enter(d, "deflating", v1_deflate, "hall"))
    return;
  d.deflated_text(said("hall", std::string(500, 'd'), 2));
  if (!is("deflated", d.await("ddd")))
    return;
  d.text(said("hall", "flat", 3));
  is("not deflated", d.await(answers(3)));
}

void life_script::packed() {
  wire_client m{way_in_};
  if (!is("packed", m.upgrade("/", v1_msgpack)) || !is("packed", m.await("welcome")))
    return;
  auto say = [&](const std::string& json) {
    std::string bytes;
    protocol::transcode(protocol::codec::json, json, protocol::codec::msgpack, bytes);
    m.frame(0x82, bytes);
  };
  say(joins("hall", 1));
  say(said("hall", "packed", 2));
  is("packed", m.await("packed"));
}

void life_script::plain() {
  wire_client p{way_in_};
  if (!is("plain", p.upgrade("/")))
    return;
  for (auto* room : {"hall", "moved"}) {
    p.text(R"({"type":"join","roomId":")" + std::string{room} + "\"}");
    if (!is("plain join", p.await("joined")))
      return;
  }
  p.text(R"({"type":"message","text":"plainly"})");
  is("plain message", p.await("plainly"));
}

void life_script::raw() {
  wire_client r{way_in_};
  if (!is("raw", r.upgrade("/raw")))
    return;
  r.text("echo");
  if (!is("raw echo", r.await("echo")))
    return;
  r.frame(0x82, "bytes");
  r.frame(0x8a, "p");
  is("raw bytes", r.await("bytes"));
}

void life_script::slow_reader() {
  auto way = way_in_;
  way.receive_buffer_bytes = 4096;
  wire_client r{way};
  if (!is("slow", r.upgrade("/much")))
    return;
  r.text("go");
  is("slow", r.await("the last"));
}

void life_script::bad_input() {
  wire_client b{way_in_};
  if (!is("bad", b.upgrade("/", v1)))
    return;
  b.send("\x81\x01x"); // not masked
  is("bad", b.await_end());
  wire_client h{way_in_};
  h.send("NONSENSE\r\n\r\n");
  is("bad http", h.await_end());
}

void life_script::farewell() {
  for (auto* c : {&witness_, &deflating_}) {
    if (!*c)
      continue;
    (*c)->text(R"({"type":"ping","ref":99})");
    auto o = (*c)->await(answers(99));
    while (o == outcome::refused) // refusals of earlier commands
      o = (*c)->await(answers(99));
    is("who is left", o);
  }
}

void life_script::fresh_pair() {
  wire_client a{way_in_}, b{way_in_};
  if (!enter(a, "fresh", v1, "hall") || !enter(b, "fresh", v1, "hall"))
    return;
  a.text(said("hall", "fresh", 2));
  is("fresh ack", a.await(answers(2)));
  is("fresh message", b.await("fresh"));
}

} // namespace troupe::test
