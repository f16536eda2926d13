#include <troupe/protocol/object_writer.hpp>

#include <troupe/protocol/frame.hpp>
#include <troupe/protocol/limits.hpp>
#include <troupe/protocol/value_encoder.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe::protocol;
using Catch::Matchers::Contains;
using names = value_encoder::names;

namespace {

constexpr auto codecs = {codec::json, codec::msgpack};

std::string written(codec to, object_fill fill, names whose = names::of_data) {
  value_encoder encoder{whose};
  encoder.encode(to, fill);
  return map_of(to, encoder.fields(to));
}

/// The same as JSON: what both codecs say alike.
std::string as_json(codec from, object_fill fill) {
  std::string out;
  transcode(from, written(from, fill), codec::json, out);
  return out;
}

void check_both(object_fill fill, std::string_view json) {
  CHECK(written(codec::json, fill) == json);
  CHECK(as_json(codec::msgpack, fill) == json);
}

struct player {
  std::string name;
  std::array<double, 2> at{};
  int score = 0;
};

/// A range that has neither a size nor, as a constant, a beginning.
struct countdown {
  struct iterator {
    int left;
    int operator*() const { return left; }
    iterator& operator++() {
      --left;
      return *this;
    }
    bool operator!=(const iterator& other) const { return left != other.left; }
  };
  iterator begin() { return {3}; }
  iterator end() { return {0}; }
};

void write_one(object_writer& out) { out.field("a", 1); }

} // namespace

TEST_CASE("fields of all scalar types are written in their order, in each codec") {
  const std::string text = "t\"\n";
  const char* pointer = "p";
  const std::string bytes("\x00\xff", 2);
  check_both(
    [&](object_writer& out) {
      out.field("text", text);
      out.field("view", std::string_view{"v"});
      out.field("pointer", pointer);
      out.field("literal", "l");
      out.field("small", std::int8_t{-8});
      out.field("byte", std::uint8_t{200});
      out.field("least", std::numeric_limits<std::int64_t>::min());
      out.field("most", std::numeric_limits<std::uint64_t>::max());
      out.field("half", 0.5);
      out.field("whole", 3.0);
      out.field("float", 0.25f);
      out.field("yes", true);
      out.field("bytes", binary_value{bytes});
      out.field("raw", raw_value{codec::json, R"({"x":[1]})"});
      out.field("packed", raw_value{codec::msgpack, "\x92\x01\xc0"});
      out.field("", "no name");
    },
    R"({"text":"t\"\n","view":"v","pointer":"p","literal":"l","small":-8,"byte":200,)"
    R"("least":-9223372036854775808,"most":18446744073709551615,"half":0.5,"whole":3.0,)"
    R"("float":0.25,"yes":true,"bytes":{"$bin":"AP8="},"raw":{"x":[1]},"packed":[1,null],)"
    R"("":"no name"})");
}

TEST_CASE("what JSON cannot express is approximated alike in both codecs") {
  check_both(
    [](object_writer& out) {
      out.field("nan", std::nan(""));
      out.field("infinite", -std::numeric_limits<double>::infinity());
      out.field("text", std::string_view{"a\xff"});
    },
    R"({"nan":null,"infinite":null,"text":"a)"
    "\xef\xbf\xbd\"}");
}

TEST_CASE("maps and lists nest in each other") {
  check_both(
    [](object_writer& out) {
      out.object("empty", [](object_writer&) {});
      out.list("none", [](list_writer&) {});
      out.object("a", [](object_writer& a) {
        a.field("x", 1);
        a.object("b", [](object_writer& b) { b.field("x", 2); });
        a.field("y", 3);
      });
      out.list("l", [](list_writer& l) {
        l.add(1);
        l.object([](object_writer& o) { o.field("x", 1); });
        l.list([](list_writer& inner) {
          inner.add("s");
          inner.list([](list_writer&) {});
        });
        l.add(binary_value{"b"});
        l.add(raw_value{codec::json, "[]"});
      });
      out.field("last", false);
    },
    R"({"empty":{},"none":[],"a":{"x":1,"b":{"x":2},"y":3},)"
    R"("l":[1,{"x":1},["s",[]],{"$bin":"Yg=="},[]],"last":false})");
}

TEST_CASE("ranges become lists, of scalars or of maps") {
  const std::vector<player> players{{"ann", {1.5, 2}, 3}, {"bob", {}, -1}};
  std::map<std::string, int> scores{{"ann", 1}, {"bob", 2}};
  std::vector<bool> flags{true, false};
  const int numbers[] = {1, 2};
  check_both(
    [&](object_writer& out) {
      out.objects("players", players, [](object_writer& o, const player& p) {
        o.field("name", p.name);
        o.values("at", p.at);
      });
      out.objects("scores", scores, [](object_writer& o, const auto& entry) {
        o.field("of", entry.first);
        o.field("n", entry.second);
      });
      out.values("flags", flags);
      out.values("numbers", numbers);
      out.values("texts", {"a", "b"});
      out.values("down", countdown{});
      out.values("nothing", std::vector<int>{});
    },
    R"({"players":[{"name":"ann","at":[1.5,2.0]},{"name":"bob","at":[0.0,0.0]}],)"
    R"("scores":[{"of":"ann","n":1},{"of":"bob","n":2}],"flags":[true,false],"numbers":[1,2],)"
    R"("texts":["a","b"],"down":[3,2,1],"nothing":[]})");
}

TEST_CASE("a fill function may be anything that can be called") {
  std::function<void(object_writer&)> held = [](object_writer& out) { out.field("a", 1); };
  struct functor {
    int times = 0;
    void operator()(object_writer& out) { out.field("a", ++times); }
  };
  functor counted;

  CHECK(written(codec::json, write_one) == R"({"a":1})");
  CHECK(written(codec::json, &write_one) == R"({"a":1})");
  CHECK(written(codec::json, held) == R"({"a":1})");
  CHECK(written(codec::json, counted) == R"({"a":1})");
  CHECK(counted.times == 1); // it is referred to, not copied
}

TEST_CASE("MessagePack has the shortest head for each count, whatever was expected") {
  for (std::size_t count : {0u, 1u, 15u, 16u, 17u, 65535u, 65536u}) {
    const std::vector<int> all(count, 7);
    const auto head = count < 16 ? 1 : count < 65536 ? 3 : 5;
    const auto expected = [&](object_writer& out) { out.values("l", all); };
    const auto unexpected = [&](object_writer& out) {
      out.list("l", [&](list_writer& l) {
        for (auto n : all)
          l.add(n);
      });
      out.field("z", 1); // stands behind what was moved
    };
    const auto fields = [&](object_writer& out) {
      for (std::size_t i = 0; i < count; ++i)
        out.field(std::to_string(i), 1);
    };
    CAPTURE(count);

    CHECK(written(codec::msgpack, expected).size() == 1 + 2 + head + count);
    CHECK(written(codec::msgpack, unexpected).size() == 1 + 2 + head + count + 3);
    CHECK(as_json(codec::msgpack, expected) == written(codec::json, expected));
    CHECK(as_json(codec::msgpack, unexpected) == written(codec::json, unexpected));
    CHECK(as_json(codec::msgpack, fields) == written(codec::json, fields));
  }
}

TEST_CASE("an absent raw value leaves out its field, but no element of a list") {
  for (auto to : codecs) {
    CHECK(as_json(to,
                  [](object_writer& out) {
                    out.field("a", raw_value{codec::json, {}});
                    out.field("b", 1);
                  })
          == R"({"b":1})");
    CHECK_THROWS_WITH(
      written(to,
              [](object_writer& out) {
                out.list("l", [](list_writer& l) { l.add(raw_value{codec::json, {}}); });
              }),
      Contains("a raw value in a list is no whole value in JSON"));
  }
}

TEST_CASE("a raw value that is not one whole value is refused") {
  for (auto to : codecs)
    for (auto raw : {raw_value{codec::json, "1,2"}, raw_value{codec::json, R"({"__proto__":1})"},
                     raw_value{codec::msgpack, "\xc1"}, raw_value{codec::msgpack, "\x92\x01"}})
      CHECK_THROWS_WITH(written(to, [&](object_writer& out) { out.field("a", raw); }),
                        Contains("a raw value of \"a\" is no whole value in")
                          && Contains(raw.source == codec::json ? "JSON" : "MessagePack"));
}

// Pins §5.15.
TEST_CASE("the server's fields are refused in the outermost map of an event only") {
  for (auto to : codecs)
    for (auto key : {"type", "roomId", "seq", "ref"}) {
      const auto outermost = [&](object_writer& out) { out.field(key, 1); };
      const auto a_map = [&](object_writer& out) { out.object(key, [](object_writer&) {}); };
      const auto inner = [&](object_writer& out) {
        out.object("a", [&](object_writer& a) { a.field(key, 1); });
      };
      CHECK_THROWS_WITH(written(to, outermost, names::of_event),
                        Contains("the server sets the field") && Contains(key));
      CHECK_THROWS_AS(written(to, a_map, names::of_event), std::invalid_argument);
      CHECK_NOTHROW(written(to, inner, names::of_event));
      CHECK_NOTHROW(written(to, outermost, names::of_data));
    }
}

// Pins §5.15.
TEST_CASE("keys that no message may have are refused at each depth") {
  for (auto to : codecs)
    for (auto key : {"__proto__", "$bin", "\xff"}) {
      const auto outermost = [&](object_writer& out) { out.field(key, 1); };
      const auto inner = [&](object_writer& out) {
        out.list("l", [&](list_writer& l) { l.object(outermost); });
      };
      CHECK_THROWS_WITH(written(to, outermost), Contains("no field can have the key"));
      CHECK_THROWS_AS(written(to, inner), std::invalid_argument);
    }
}

// Pins §5.15.
TEST_CASE("a key may stand once in its map, of few keys or many") {
  for (auto to : codecs)
    for (std::size_t others : {0u, 1u, 12u, 13u, 14u, 200u}) {
      const auto fields = [&](object_writer& out, std::string_view last) {
        out.field("n", 0);
        for (std::size_t i = 0; i < others; ++i)
          out.field("n" + std::to_string(i), i);
        out.object("inner", [](object_writer& o) { o.field("n", 1); });
        out.field(last, 1);
      };
      CAPTURE(others);

      CHECK_NOTHROW(written(to, [&](object_writer& out) { fields(out, "m"); }));
      CHECK_THROWS_WITH(written(to, [&](object_writer& out) { fields(out, "n"); }),
                        Contains(R"(the key "n" is there twice in one map)"));
      CHECK_THROWS_AS(written(to,
                              [&](object_writer& out) {
                                out.list("l", [&](list_writer& l) {
                                  l.object([&](object_writer& o) { fields(o, "inner"); });
                                });
                              }),
                      std::invalid_argument);
      CHECK_NOTHROW(written(to, [&](object_writer& out) {
        for (auto name : {"a", "b"})
          out.object(name, [&](object_writer& o) { fields(o, "m"); });
      }));
    }
}

TEST_CASE("keys are compared as they are, not as they are written") {
  for (auto to : codecs) {
    const auto twice = [](object_writer& out) {
      out.field("a\n\"", 1);
      out.field("a\n\"", 2);
    };
    const auto apart = [](object_writer& out) {
      out.field("a\n", 1);
      out.field("a\\n", 2);
    };
    CHECK_THROWS_AS(written(to, twice), std::invalid_argument);
    CHECK(as_json(to, apart) == R"({"a\n":1,"a\\n":2})");
  }
}

namespace {

/// Opens `levels` lists, one in the other, and adds a value to the innermost.
template <class Innermost>
void nest(list_writer& l, std::size_t levels, Innermost&& innermost) {
  if (levels == 0)
    return innermost(l);
  l.list([&](list_writer& inner) { nest(inner, levels - 1, innermost); });
}

} // namespace

TEST_CASE("255 maps and lists may be open at once, the message's own included") {
  const auto with = [](std::size_t open, auto&& innermost) {
    return [=](object_writer& out) {
      out.list("l", [&](list_writer& l) { nest(l, open - 2, innermost); });
    };
  };
  const auto bytes = [](list_writer& l) { l.add(binary_value{"b"}); };
  const auto raw = [](list_writer& l) { l.add(raw_value{codec::json, "[1]"}); };
  const auto deep_raw = [](list_writer& l) { l.add(raw_value{codec::json, "[[1]]"}); };

  for (auto to : codecs) {
    const auto deepest = written(to, with(255, bytes), names::of_event);
    CHECK(is_value(to, deepest.substr(deepest.find(to == codec::json ? ':' : 'l') + 1,
                                      deepest.size() - (to == codec::json ? 6 : 3))));
    CHECK_NOTHROW(written(to, with(255, raw), names::of_event));
    CHECK_THROWS_WITH(written(to, with(256, bytes), names::of_event),
                      Contains("more than 255 maps and lists are open at once"));
    CHECK_THROWS_AS(written(to, with(255, deep_raw), names::of_event), std::invalid_argument);
    CHECK_NOTHROW(written(to, with(254, bytes), names::of_data)); // one more is around it
    CHECK_THROWS_AS(written(to, with(255, bytes), names::of_data), std::invalid_argument);
  }
}

TEST_CASE("a writer of an outer map is of no use while an inner one is open") {
  for (auto to : codecs) {
    CHECK_THROWS_AS(written(to,
                            [](object_writer& out) {
                              out.object("a", [&](object_writer&) { out.field("b", 1); });
                            }),
                    std::logic_error);
    CHECK_THROWS_WITH(
      written(to,
              [](object_writer& out) {
                out.list("a", [&](list_writer& l) { l.object([&](object_writer&) { l.add(1); }); });
              }),
      Contains("an outer map or list is written to while an inner one is open"));
    CHECK_THROWS_AS(written(to,
                            [](object_writer& out) {
                              out.list("a",
                                       [&](list_writer&) { out.list("b", [](list_writer&) {}); });
                            }),
                    std::logic_error);
  }
}

TEST_CASE("what throws has written nothing: who catches it within may go on") {
  check_both(
    [](object_writer& out) {
      out.field("a", 1);
      const auto half = [](list_writer& l) {
        l.add(1);
        l.object([](object_writer& o) {
          o.field("x", 1);
          o.list("y", [](list_writer& y) {
            y.add(2);
            throw std::runtime_error{"enough"};
          });
        });
      };
      CHECK_THROWS_AS(out.list("gone", half), std::runtime_error);
      CHECK_THROWS_AS(out.field("__proto__", 1), std::invalid_argument);
      CHECK_THROWS_AS(out.field("raw", raw_value{codec::json, "?"}), std::invalid_argument);
      const auto twice = [](object_writer& o) {
        o.field("x", 1);
        o.field("x", 2);
      };
      CHECK_THROWS_AS(out.object("gone", twice), std::invalid_argument);
      CHECK_THROWS_AS(out.object("first", [&](object_writer&) { out.field("b", 1); }),
                      std::logic_error);
      out.field("gone", "is free"); // its key was taken back, too
    },
    R"({"a":1,"gone":"is free"})");
}

TEST_CASE("a fill function that throws leaves nothing of its codec, and all of the other") {
  value_encoder encoder;
  encoder.encode(codec::json, [](object_writer& out) { out.field("a", 1); });
  const auto fails = [](object_writer& out) {
    out.field("b", 2);
    out.object("c", [](object_writer&) { throw std::bad_alloc{}; });
  };

  CHECK_THROWS_AS(encoder.encode(codec::msgpack, fails), std::bad_alloc);

  CHECK(encoder.fields(codec::json).bytes == R"("a":1)");
  CHECK(encoder.fields(codec::msgpack).count == 0);
  CHECK(encoder.fields(codec::msgpack).bytes.empty());
}

TEST_CASE("one encoder holds what was written in both codecs") {
  value_encoder encoder;
  for (auto to : codecs)
    encoder.encode(to, [](object_writer& out) {
      out.field("a", 1);
      out.field("b", 2);
    });

  CHECK(encoder.fields(codec::json).count == 2);
  CHECK(encoder.fields(codec::json).bytes == R"("a":1,"b":2)");
  CHECK(encoder.fields(codec::msgpack).count == 2);
  CHECK(encoder.fields(codec::msgpack).bytes == "\xa1\x61\x01\xa1\x62\x02");
}

TEST_CASE("an encoder within a fill function has buffers of its own") {
  std::string inner;
  check_both(
    [&](object_writer& out) {
      out.field("a", 1);
      inner = written(codec::json, [](object_writer& o) { o.field("x", "inner"); });
      out.field("b", 2);
    },
    R"({"a":1,"b":2})");
  CHECK(inner == R"({"x":"inner"})");
}

TEST_CASE("encoded fields stand in an application's frame behind its own") {
  const std::array own{field{"first", 1}};
  value_encoder encoder;
  for (auto to : codecs)
    encoder.encode(to, [](object_writer& out) { out.values("l", {1, 2}); });
  const auto frame = [&](encoding to, std::span<const field> fields) {
    const auto f =
      application_frame(to, "state", "r", 7, fields, nullptr, encoder.fields(codec_of(to)));
    std::string json;
    transcode(codec_of(to), frame_payload(f.view()), codec::json, json);
    return json;
  };

  for (auto to : {encoding::v1_json, encoding::v1_msgpack}) {
    CHECK(frame(to, own) == R"({"type":"state","roomId":"r","seq":7,"first":1,"l":[1,2]})");
    CHECK(frame(to, {}) == R"({"type":"state","roomId":"r","seq":7,"l":[1,2]})");
  }
  CHECK(frame(encoding::plain_json, {}) == R"({"type":"state","l":[1,2]})");
}
