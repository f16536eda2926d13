#include <troupe/protocol/value_encoder.hpp>

#include "envelope/validate.hpp"
#include "envelope/value_writer.hpp"
#include "envelope/values.hpp"
#include "json/json_writer.hpp"
#include "msgpack/msgpack_writer.hpp"
#include "text/unicode.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace troupe::protocol {

namespace {

constexpr std::size_t max_kept_bytes = 256 * 1024;

/// Keys of one map that are compared pairwise.
constexpr std::size_t few_keys = 16;

/// The size of the head of a MessagePack container.
std::size_t head_bytes_of(std::size_t count) noexcept {
  if (count < 16)
    return 1;
  return count <= std::numeric_limits<std::uint16_t>::max() ? 3 : 5;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t max_shown_bytes = 100;
  return '"' + std::string{cut_utf8(text, max_shown_bytes)} + '"';
}

std::uint32_t tag_of(std::string_view key) noexcept {
  const auto byte = [&](std::size_t i) { return std::uint32_t{static_cast<std::uint8_t>(key[i])}; };
  return key.empty()
         ? 0
         : static_cast<std::uint32_t>(key.size()) << 16 | byte(0) << 8 | byte(key.size() - 1);
}

} // namespace

// -- the writers ----------------------------------------------------------------------------------

object_writer::object_writer(value_encoder& to, std::size_t depth) : to_(to) {
  to_.open_root(self_, depth);
}

object_writer::object_writer(value_encoder& to, detail::open_container& outer, std::string_view key)
  : to_(to) {
  to_.open(outer, key, self_, 0);
}

object_writer::~object_writer() { to_.abandon(self_); }

void object_writer::put(std::string_view key, const value& x) { to_.put(self_, key, x); }

void object_writer::close() { to_.close(self_); }

list_writer::list_writer(value_encoder& to, detail::open_container& outer, std::string_view key,
                         std::size_t expected)
  : to_(to) {
  self_.map = false;
  to_.open(outer, key, self_, expected);
}

list_writer::~list_writer() { to_.abandon(self_); }

void list_writer::put(const value& x) { to_.put(self_, {}, x); }

void list_writer::close() { to_.close(self_); }

// -- encoding -------------------------------------------------------------------------------------

value_encoder::buffers& value_encoder::kept() noexcept {
  thread_local buffers all;
  return all;
}

value_encoder::value_encoder(names whose) : own_(std::move(kept())), names_(whose) {
  own_.bytes.clear();
  own_.keys.clear();
}

value_encoder::~value_encoder() {
  if (own_.bytes.capacity() <= max_kept_bytes
      && own_.keys.capacity() * sizeof(noted_key) <= max_kept_bytes)
    kept() = std::move(own_);
}

void value_encoder::encode(codec to, object_fill fill) {
  to_ = to;
  object_writer root{*this, names_ == names::of_event ? std::size_t{1} : std::size_t{2}};
  fill(root);
  root.close();
  runs_[index_of(to)] = {root.self_.bytes_before, own_.bytes.size(), root.self_.count};
}

encoded_fields value_encoder::fields(codec in) const noexcept {
  const auto& r = runs_[index_of(in)];
  return {r.count, std::string_view{own_.bytes}.substr(r.begin, r.end - r.begin)};
}

// -- what the writers do --------------------------------------------------------------------------

void value_encoder::open_root(container& root, std::size_t depth) noexcept {
  root.bytes_before = own_.bytes.size();
  root.keys_before = root.first_key = own_.keys.size();
  root.depth = depth;
  root.is_open = true;
  needs_comma_ = false;
  innermost_ = &root;
}

void value_encoder::open(container& outer, std::string_view key, container& inner,
                         std::size_t expected) {
  must_be_innermost(outer);
  if (outer.depth == max_depth)
    throw std::invalid_argument{"object_writer: more than " + std::to_string(max_depth)
                                + " maps and lists are open at once"};
  inner.outer = &outer;
  inner.depth = outer.depth + 1;
  inner.bytes_before = own_.bytes.size();
  inner.keys_before = own_.keys.size();
  inner.needed_comma = needs_comma_;
  write_whole([&] {
    put_key(outer, key);
    if (to_ == codec::json) {
      separate();
      own_.bytes.push_back(inner.map ? '{' : '[');
      needs_comma_ = false;
    } else {
      inner.head = own_.bytes.size();
      inner.head_bytes = head_bytes_of(expected);
      own_.bytes.append(inner.head_bytes, '\0');
    }
  });
  inner.first_key = own_.keys.size();
  inner.is_open = true;
  innermost_ = &inner;
}

/// If it throws, the container stays open, and `abandon` takes it back.
void value_encoder::close(container& c) {
  if (c.map)
    check_keys(c);
  if (c.outer) {
    if (to_ == codec::json) {
      own_.bytes.push_back(c.map ? '}' : ']');
      needs_comma_ = true;
    } else {
      set_head(c);
    }
    ++c.outer->count;
  }
  own_.keys.resize(c.first_key);
  innermost_ = c.outer;
  c.is_open = false;
}

void value_encoder::abandon(container& c) noexcept {
  if (!c.is_open)
    return;
  own_.bytes.resize(c.bytes_before);
  own_.keys.resize(c.keys_before);
  needs_comma_ = c.needed_comma;
  innermost_ = c.outer;
}

void value_encoder::put(container& in, std::string_view key, const value& x) {
  must_be_innermost(in);
  const auto* raw = std::get_if<raw_value>(&x);
  if (raw && raw->bytes.empty() && in.map)
    return;
  if (raw && !is_value_within(raw->source, raw->bytes, max_supported_depth - in.depth))
    throw std::invalid_argument{
      "object_writer: a raw value" + (in.map ? " of " + quoted(key) : std::string{" in a list"})
      + " is no whole value in " + (raw->source == codec::json ? "JSON" : "MessagePack")};
  write_whole([&] {
    put_key(in, key);
    put_value(x);
  });
  ++in.count;
}

/// Takes back what `write` has written if it throws.
template <class Write>
void value_encoder::write_whole(Write&& write) {
  const auto bytes = own_.bytes.size(), keys = own_.keys.size();
  const bool comma = needs_comma_;
  try {
    write();
  } catch (...) {
    own_.bytes.resize(bytes);
    own_.keys.resize(keys);
    needs_comma_ = comma;
    throw;
  }
}

void value_encoder::must_be_innermost(const container& c) const {
  if (&c != innermost_)
    throw std::logic_error{"object_writer: an outer map or list is written to while an inner one "
                           "is open; its fill function has the writer for that"};
}

/// Writes and notes the key of a field; does nothing in a list.
void value_encoder::put_key(const container& in, std::string_view key) {
  if (!in.map)
    return;
  const bool is_of_event = !in.outer && names_ == names::of_event;
  if (!is_inner_key(key))
    throw std::invalid_argument{"object_writer: no field can have the key " + quoted(key)};
  if (is_of_event && !is_field_name(key))
    throw std::invalid_argument{"object_writer: the server sets the field " + quoted(key)};
  const auto at = own_.bytes.size() + (to_ == codec::json && needs_comma_ ? 1 : 0);
  if (to_ == codec::json)
    json_writer{own_.bytes, needs_comma_}.key(key);
  else
    msgpack_writer{own_.bytes}.key(key);
  needs_comma_ = false;
  own_.keys.push_back({tag_of(key), static_cast<std::uint32_t>(own_.bytes.size() - at), at});
}

void value_encoder::put_value(const value& x) {
  if (to_ == codec::json) {
    json_writer writer{own_.bytes, needs_comma_};
    std::visit(value_writer<json_writer>{writer, to_}, x);
  } else {
    msgpack_writer writer{own_.bytes};
    std::visit(value_writer<msgpack_writer>{writer, to_}, x);
  }
  needs_comma_ = true;
}

void value_encoder::separate() {
  if (needs_comma_)
    own_.bytes.push_back(',');
}

/// Equal keys are written equally.
void value_encoder::check_keys(const container& c) {
  const auto first = own_.keys.begin() + static_cast<std::ptrdiff_t>(c.first_key);
  const auto is_same = [&](const noted_key& a, const noted_key& b) {
    return a.tag == b.tag && text_of(a) == text_of(b);
  };
  auto twice = own_.keys.end();
  if (own_.keys.size() - c.first_key <= few_keys) {
    for (auto k = first; k != own_.keys.end() && twice == own_.keys.end(); ++k)
      if (std::any_of(first, k, [&](const noted_key& before) { return is_same(before, *k); }))
        twice = k;
  } else {
    std::sort(first, own_.keys.end(), [&](const noted_key& a, const noted_key& b) {
      return a.tag != b.tag ? a.tag < b.tag : text_of(a) < text_of(b);
    });
    twice = std::adjacent_find(first, own_.keys.end(), is_same);
  }
  if (twice == own_.keys.end())
    return;
  auto key = text_of(*twice);
  if (to_ == codec::json)
    key.remove_suffix(1); // its colon
  throw std::invalid_argument{"object_writer: the key " + quoted(read_string(to_, key).value_or(""))
                              + " is there twice in one map"};
}

/// Writes how many elements the MessagePack container has, and moves them if that takes more or
/// less space than was reserved.
void value_encoder::set_head(container& c) {
  const auto bytes = head_bytes_of(c.count);
  if (bytes > c.head_bytes)
    own_.bytes.insert(c.head, bytes - c.head_bytes, '\0');
  else if (bytes < c.head_bytes)
    own_.bytes.erase(c.head, c.head_bytes - bytes);
  auto* at = own_.bytes.data() + c.head;
  if (bytes == 1) {
    *at = static_cast<char>((c.map ? 0x80 : 0x90) | c.count);
    return;
  }
  *at = static_cast<char>((c.map ? 0xde : 0xdc) + (bytes == 3 ? 0 : 1));
  auto count = c.count;
  for (auto i = bytes - 1; i > 0; --i, count >>= 8)
    at[i] = static_cast<char>(count & 0xff);
}

} // namespace troupe::protocol
