#include <troupe/protocol/value_view.hpp>

#include "envelope/validate.hpp"
#include "envelope/values.hpp"
#include "json/json_text.hpp"
#include "msgpack/msgpack_token.hpp"

#include <algorithm>

namespace troupe::protocol {

namespace {

constexpr std::string_view json_space = " \n\r\t";

std::string_view without_space(codec source, std::string_view bytes) noexcept {
  if (source == codec::msgpack)
    return bytes;
  bytes.remove_prefix(std::min(bytes.find_first_not_of(json_space), bytes.size()));
  return bytes.substr(0, bytes.find_last_not_of(json_space) + 1);
}

/// `bytes`, or nothing if they are of another kind.
std::string_view only(value_kind wanted, codec source, std::string_view bytes) {
  const auto value = without_space(source, bytes);
  return kind_of(source, value) == wanted ? value : std::string_view{};
}

std::optional<std::string> read_binary(codec source, std::string_view raw) {
  if (kind_of(source, raw) != value_kind::binary)
    return std::nullopt;
  return source == codec::json ? decoded_binary(raw) : std::string{binary_bytes(raw)};
}

} // namespace

// -- walking --------------------------------------------------------------------------------------

namespace detail {

element_walk::element_walk(codec source, std::string_view container)
  : source_(source), rest_(container) {
  if (container.empty())
    return;
  if (source == codec::json) {
    map_ = container[0] == '{';
    rest_.remove_prefix(1);
  } else {
    msgpack_token head;
    if (!read_msgpack_token(container, head) || !head.is_container())
      return;
    map_ = head.what == msgpack_token::kind::map;
    left_ = head.number;
    rest_.remove_prefix(head.raw.size());
  }
  next();
}

void element_walk::next() {
  value_ = {};
  if (!has_more())
    return;
  if (map_) {
    key_ = take();
    if (source_ == codec::json) {
      rest_ = without_space(source_, rest_);
      if (!rest_.starts_with(':'))
        return;
      rest_.remove_prefix(1);
    }
    if (key_.empty())
      return;
  }
  value_ = take();
}

/// Whether there is another element. Skips the comma before it in JSON.
bool element_walk::has_more() {
  if (source_ == codec::msgpack)
    return left_ > 0 && left_-- > 0;
  rest_ = without_space(source_, rest_);
  if (rest_.empty() || rest_[0] == ']' || rest_[0] == '}')
    return false;
  if (std::exchange(first_, false))
    return true;
  if (rest_[0] != ',')
    return false;
  rest_.remove_prefix(1);
  return true;
}

/// Takes one value off the rest; nothing if there is none.
std::string_view element_walk::take() {
  const auto bytes = first_value_bytes(source_, rest_);
  const auto value = without_space(source_, rest_.substr(0, bytes));
  rest_.remove_prefix(bytes);
  return value;
}

} // namespace detail

// -- one value ------------------------------------------------------------------------------------

value_view::value_view(codec source, std::string_view bytes) noexcept
  : source_(source), bytes_(without_space(source, bytes)) {}

bool value_view::is_null() const { return kind_of(source_, bytes_) == value_kind::null; }

std::optional<std::string> value_view::string() const { return read_string(source_, bytes_); }

std::optional<std::int64_t> value_view::integer() const { return read_integer(source_, bytes_); }

std::optional<std::uint64_t> value_view::unsigned_integer() const {
  return read_unsigned(source_, bytes_);
}

std::optional<double> value_view::number() const { return read_number(source_, bytes_); }

std::optional<bool> value_view::boolean() const { return read_boolean(source_, bytes_); }

std::optional<std::string> value_view::binary() const { return read_binary(source_, bytes_); }

map_view value_view::object() const { return {source_, bytes_}; }

list_view value_view::list() const { return {source_, bytes_}; }

// -- maps -----------------------------------------------------------------------------------------

map_view::map_view(codec source, std::string_view bytes)
  : source_(source), bytes_(only(value_kind::map, source, bytes)) {}

std::string_view map_view::raw(std::string_view key) const {
  return find_last_field(source_, bytes_, key);
}

std::optional<std::string> map_view::string(std::string_view key) const {
  return read_string(source_, raw(key));
}

std::optional<std::int64_t> map_view::integer(std::string_view key) const {
  return read_integer(source_, raw(key));
}

std::optional<std::uint64_t> map_view::unsigned_integer(std::string_view key) const {
  return read_unsigned(source_, raw(key));
}

std::optional<double> map_view::number(std::string_view key) const {
  return read_number(source_, raw(key));
}

std::optional<bool> map_view::boolean(std::string_view key) const {
  return read_boolean(source_, raw(key));
}

std::optional<std::string> map_view::binary(std::string_view key) const {
  return read_binary(source_, raw(key));
}

map_view map_view::object(std::string_view key) const { return {source_, raw(key)}; }

list_view map_view::list(std::string_view key) const { return {source_, raw(key)}; }

map_view::iterator map_view::begin() const { return iterator{*this}; }

map_view::iterator::iterator(const map_view& map)
  : walk_(map.source_, map.bytes_), field_(map.source_) {
  show();
}

map_view::iterator& map_view::iterator::operator++() {
  walk_.next();
  show();
  return *this;
}

void map_view::iterator::show() { field_.show(walk_.key(), walk_.value()); }

void field_view::show(std::string_view key, std::string_view value) {
  point_to(value);
  if (value.empty())
    return;
  if (source() == codec::json) {
    key_ = text_of(token_of_json(key), decoded_key_);
    return;
  }
  msgpack_token token;
  key_ = read_msgpack_token(key, token) ? token.text : std::string_view{};
}

// -- lists ----------------------------------------------------------------------------------------

list_view::list_view(codec source, std::string_view bytes)
  : source_(source), bytes_(only(value_kind::array, source, bytes)) {}

std::size_t list_view::size() const {
  if (source_ == codec::msgpack) {
    msgpack_token head;
    return read_msgpack_token(bytes_, head) ? static_cast<std::size_t>(head.number) : 0;
  }
  std::size_t count = 0;
  for ([[maybe_unused]] auto& element : *this)
    ++count;
  return count;
}

list_view::iterator list_view::begin() const { return iterator{*this}; }

list_view::iterator::iterator(const list_view& list)
  : walk_(list.source_, list.bytes_), element_(list.source_, walk_.value()) {}

list_view::iterator& list_view::iterator::operator++() {
  walk_.next();
  element_.point_to(walk_.value());
  return *this;
}

} // namespace troupe::protocol
