// Random documents: what `object_writer` writes is what views read, and what parsers that know
// nothing of this library read. Then damaged ones, as a client might send them.
#include <troupe/protocol/command.hpp>
#include <troupe/protocol/object_writer.hpp>
#include <troupe/protocol/value_encoder.hpp>
#include <troupe/protocol/value_view.hpp>

#include "../fuzz/mutator.hpp"
#include "vectors.hpp"

#include <catch2/catch.hpp>
#include <msgpack/unpack.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

using namespace troupe;
using namespace troupe::protocol;

namespace {

struct node;
using node_list = std::vector<node>;
using node_map = std::vector<std::pair<std::string, node>>; ///< in the order of its keys
struct byte_string {
  std::string bytes;
  bool operator==(const byte_string&) const = default;
};

/// A value of any kind; integers that are not negative are unsigned.
struct node {
  std::variant<std::nullptr_t, bool, std::int64_t, std::uint64_t, double, std::string, byte_string,
               node_list, node_map>
    is;
  bool operator==(const node&) const = default;
};

// -- making them ----------------------------------------------------------------------------------

class gardener {
public:
  explicit gardener(std::uint64_t seed) : random_(seed) {}

  node_map map(std::size_t depth) {
    node_map out;
    for (auto left = below(depth == 1 ? 20 : 6); left > 0; --left)
      if (auto name = key();
          std::none_of(out.begin(), out.end(), [&](const auto& f) { return f.first == name; }))
        out.emplace_back(std::move(name), value(depth));
    return out;
  }

private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  node value(std::size_t depth) {
    switch (below(depth < 6 ? 11 : 8)) {
      case 0: return {nullptr};
      case 1: return {below(2) == 0};
      case 2: return {-1 - static_cast<std::int64_t>(random_() >> (1 + below(63)))};
      case 3: return {random_() >> below(64)};
      case 4: return {real()};
      case 5: return {text()};
      case 6: return {byte_string{bytes()}};
      case 7: return {std::uint64_t{below(20)}};
      case 8: return {map(depth + 1)};
      default: return {list(depth + 1)};
    }
  }

  node_list list(std::size_t depth) {
    node_list out;
    for (auto left = below(10) == 0 ? below(40) : below(5); left > 0; --left)
      out.push_back(value(depth));
    return out;
  }

  double real() {
    for (;;) {
      const auto bits = random_();
      double x = 0;
      std::memcpy(&x, &bits, sizeof x);
      if (below(2) == 0)
        return static_cast<double>(static_cast<std::int64_t>(bits)) / 1024;
      if (std::isfinite(x))
        return x;
    }
  }

  std::string text() {
    constexpr std::string_view parts[] = {"a",
                                          "word",
                                          "\"",
                                          "\\",
                                          "\n",
                                          "\x01",
                                          "/",
                                          "é",
                                          "€",
                                          "🂡",
                                          "{",
                                          "[1,2]",
                                          "a longer piece of text"};
    std::string out;
    for (auto left = below(6); left > 0; --left)
      out += parts[below(std::size(parts))];
    return out;
  }

  std::string key() { return below(20) == 0 ? "__proto" : text(); }

  std::string bytes() {
    std::string out(below(20), '\0');
    for (auto& c : out)
      c = static_cast<char>(below(256));
    return out;
  }

  std::mt19937_64 random_;
};

// -- writing them ---------------------------------------------------------------------------------

void write(list_writer& to, const node& x);

void write_fields(object_writer& to, const node_map& fields) {
  for (const auto& [key, x] : fields) {
    if (const auto* map = std::get_if<node_map>(&x.is))
      to.object(key, [&](object_writer& inner) { write_fields(inner, *map); });
    else if (const auto* list = std::get_if<node_list>(&x.is))
      to.list(key, [&](list_writer& inner) {
        for (const auto& element : *list)
          write(inner, element);
      });
    else if (const auto* bytes = std::get_if<byte_string>(&x.is))
      to.field(key, binary_value{bytes->bytes});
    else if (std::holds_alternative<std::nullptr_t>(x.is))
      to.field(key, raw_value{codec::json, "null"});
    else if (const auto* text = std::get_if<std::string>(&x.is))
      to.field(key, *text);
    else if (const auto* flag = std::get_if<bool>(&x.is))
      to.field(key, *flag);
    else if (const auto* negative = std::get_if<std::int64_t>(&x.is))
      to.field(key, *negative);
    else if (const auto* positive = std::get_if<std::uint64_t>(&x.is))
      to.field(key, *positive);
    else
      to.field(key, std::get<double>(x.is));
  }
}

void write(list_writer& to, const node& x) {
  if (const auto* map = std::get_if<node_map>(&x.is))
    to.object([&](object_writer& inner) { write_fields(inner, *map); });
  else if (const auto* list = std::get_if<node_list>(&x.is))
    to.list([&](list_writer& inner) {
      for (const auto& element : *list)
        write(inner, element);
    });
  else if (const auto* bytes = std::get_if<byte_string>(&x.is))
    to.add(binary_value{bytes->bytes});
  else if (std::holds_alternative<std::nullptr_t>(x.is))
    to.add(raw_value{codec::msgpack, "\xc0"});
  else if (const auto* text = std::get_if<std::string>(&x.is))
    to.add(*text);
  else if (const auto* flag = std::get_if<bool>(&x.is))
    to.add(*flag);
  else if (const auto* negative = std::get_if<std::int64_t>(&x.is))
    to.add(*negative);
  else if (const auto* positive = std::get_if<std::uint64_t>(&x.is))
    to.add(*positive);
  else
    to.add(std::get<double>(x.is));
}

std::string written(codec to, const node_map& document) {
  value_encoder encoder{value_encoder::names::of_data};
  encoder.encode(to, [&](object_writer& out) { write_fields(out, document); });
  return map_of(to, encoder.fields(to));
}

// -- reading them ---------------------------------------------------------------------------------

node seen_by(const value_view& v);

node_map seen_by(const map_view& map) {
  node_map out;
  for (auto& field : map)
    out.emplace_back(std::string{field.key()}, seen_by(field));
  return out;
}

node seen_by(const value_view& v) {
  if (auto map = v.object())
    return {seen_by(map)};
  if (auto list = v.list()) {
    node_list out;
    for (auto& element : list)
      out.push_back(seen_by(element));
    CHECK(list.size() == out.size());
    return {out};
  }
  if (v.is_null())
    return {nullptr};
  if (auto flag = v.boolean())
    return {*flag};
  if (auto positive = v.unsigned_integer())
    return {*positive};
  if (auto negative = v.integer())
    return {*negative};
  if (auto real = v.number())
    return {*real};
  if (auto text = v.string())
    return {std::move(*text)};
  return {byte_string{v.binary().value()}};
}

node node_of(std::int64_t n) { return n < 0 ? node{n} : node{static_cast<std::uint64_t>(n)}; }

/// What simdjson sees.
node seen_by(simdjson::dom::element e) {
  using simdjson::dom::element_type;
  switch (e.type()) {
    case element_type::NULL_VALUE: return {nullptr};
    case element_type::BOOL: return {e.get_bool().value()};
    case element_type::INT64: return node_of(e.get_int64().value());
    case element_type::UINT64: return {e.get_uint64().value()};
    case element_type::DOUBLE: return {e.get_double().value()};
    case element_type::STRING: return {std::string{e.get_string().value()}};
    case element_type::ARRAY: {
      node_list out;
      for (auto x : e.get_array())
        out.push_back(seen_by(x));
      return {out};
    }
    case element_type::OBJECT: break;
  }
  node_map out;
  for (auto [key, x] : e.get_object()) {
    if (key == "$bin")
      return {byte_string{test::from_base64(x.get_string().value())}};
    out.emplace_back(std::string{key}, seen_by(x));
  }
  return {out};
}

/// What the library of MessagePack sees.
node seen_by(const msgpack::object& o) {
  switch (o.type) {
    case msgpack::type::NIL: return {nullptr};
    case msgpack::type::BOOLEAN: return {o.via.boolean};
    case msgpack::type::POSITIVE_INTEGER: return {std::uint64_t{o.via.u64}};
    case msgpack::type::NEGATIVE_INTEGER: return {std::int64_t{o.via.i64}};
    case msgpack::type::FLOAT32:
    case msgpack::type::FLOAT64: return {o.via.f64};
    case msgpack::type::STR: return {std::string{o.via.str.ptr, o.via.str.size}};
    case msgpack::type::BIN: return {byte_string{std::string{o.via.bin.ptr, o.via.bin.size}}};
    case msgpack::type::ARRAY: {
      node_list out;
      for (std::uint32_t i = 0; i < o.via.array.size; ++i)
        out.push_back(seen_by(o.via.array.ptr[i]));
      return {out};
    }
    case msgpack::type::MAP: break;
    default: FAIL("an extension"); break;
  }
  node_map out;
  for (std::uint32_t i = 0; i < o.via.map.size; ++i) {
    const auto& pair = o.via.map.ptr[i];
    out.emplace_back(std::string{pair.key.via.str.ptr, pair.key.via.str.size}, seen_by(pair.val));
  }
  return {out};
}

node seen_by_others(codec source, std::string_view bytes) {
  if (source == codec::msgpack)
    return seen_by(msgpack::unpack(bytes.data(), bytes.size()).get());
  static simdjson::dom::parser parser;
  return seen_by(parser.parse(simdjson::padded_string{bytes}).value());
}

/// A copy in an allocation of exactly its size, so that a sanitizer sees every read past its end.
struct exact_copy {
  explicit exact_copy(std::string_view from)
    : bytes(new char[from.size()]), view(bytes.get(), from.size()) {
    from.copy(bytes.get(), from.size());
  }
  std::unique_ptr<char[]> bytes;
  std::string_view view;
};

/// Reads everything in any bytes, without knowing what they are. Returns how much there was.
std::size_t read_all(const value_view& v, int depth = 0) {
  std::size_t count = 1;
  if (depth < 20) {
    for (auto& field : v.object())
      count += field.key().size() + read_all(field, depth + 1);
    for (auto& element : v.list())
      count += read_all(element, depth + 1);
  }
  const bool is_scalar = v.is_null() || v.boolean() || v.integer() || v.number();
  return count + v.string().value_or("").size() + v.binary().value_or("").size()
       + v.object().raw("a").size() + v.list().size() + (is_scalar ? 1 : 0);
}

/// Whether it may hold numbers that simdjson does not represent as we do: large ones, and `-0`.
bool is_beyond_simdjson(std::string_view json) {
  static simdjson::dom::parser parser;
  return json.find("-0") != std::string_view::npos
      || parser.parse(simdjson::padded_string{json}).error() == simdjson::NUMBER_ERROR;
}

constexpr auto codecs = {codec::json, codec::msgpack};

} // namespace

TEST_CASE("what is written is what views and other parsers read, in each codec") {
  gardener garden{17};
  for (int i = 0; i < 1000; ++i) {
    const auto document = garden.map(1);
    for (auto to : codecs) {
      const auto bytes = written(to, document);
      CAPTURE(i, bytes);

      REQUIRE(seen_by_others(to, bytes) == node{document});
      REQUIRE(seen_by(value_view{to, exact_copy{bytes}.view}) == node{document});

      std::string other;
      const auto from = to == codec::json ? codec::msgpack : codec::json;
      transcode(from, written(from, document), to, other);
      REQUIRE(other == bytes);
    }
  }
}

TEST_CASE("a field that is asked for by its key is what stands last under it") {
  gardener garden{18};
  for (int i = 0; i < 300; ++i) {
    const auto document = garden.map(1);
    for (auto to : codecs) {
      const auto bytes = written(to, document);
      const map_view map{to, bytes};
      for (const auto& [key, x] : document)
        REQUIRE(seen_by(value_view{to, map.raw(key)}) == x);
    }
  }
}

TEST_CASE("of damaged documents, views read what other parsers read of those that are accepted") {
  for (auto source : codecs) {
    gardener garden{19};
    std::vector<std::string> corpus;
    for (int i = 0; i < 100; ++i) {
      auto document = garden.map(1);
      std::erase_if(document, [](const auto& f) { return f.first == "type"; });
      document.insert(document.begin(), {"type", node{std::string{"x"}}});
      corpus.push_back(written(source, document));
    }
    test::mutator mutator{20, std::move(corpus)};
    std::size_t accepted = 0, parts = 0;
    for (int i = 0; i < 20'000; ++i) {
      const auto bytes = mutator.next();
      const exact_copy copy{bytes};
      const value_view view{source, copy.view};
      parts += read_all(view);
      if (!decode(source, copy.view, message_limits{.max_message_bytes = 0})
          || (source == codec::json && is_beyond_simdjson(bytes)))
        continue;
      ++accepted;
      INFO(bytes);
      REQUIRE(seen_by(view) == seen_by_others(source, bytes));
    }
    CHECK(accepted > 1000);
    CHECK(parts > 20'000);
  }
}
