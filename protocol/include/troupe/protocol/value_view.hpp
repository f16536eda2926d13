#pragma once

#include <troupe/protocol/codec.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace troupe::protocol {

// Read access to a value inside a message that `decode` has accepted, whatever its codec. Views are
// valid while the bytes are there, so during the hook that was given the message. They can be
// neither copied nor moved, and not be made of a temporary string: so they are no members, lie in
// no container, and no function object captures a copy of them. What is to be kept is asked for as
// a value (`string`, `integer`).
//
// What is absent, or of another kind, is nothing, and has nothing: a chain of calls is safe,
// however the client has built its message.
//
//     if (auto at = message.fields.object("at"); auto x = at.number("x")) …
//     for (auto& point : message.fields.list("path")) … point.object().number("x") …
//
// Errors: `std::bad_alloc`. Any bytes are read safely, also those that nobody has validated.
// Cost: each call reads the bytes of the map or list that it is asked of, or of the value; nothing
// recurses, and only what returns a `std::string` allocates. Iterating reads each element once, so
// iterate over what is large instead of asking for many keys.

class list_view;
class map_view;

namespace detail {

template <class S>
concept temporary_string =
  std::same_as<std::remove_cvref_t<S>, std::string> && !std::is_lvalue_reference_v<S>;

/// Goes from one element of a map or list to the next.
class element_walk {
public:
  element_walk(codec source, std::string_view container);

  [[nodiscard]] codec source() const noexcept { return source_; }
  /// Raw, of a map only.
  [[nodiscard]] std::string_view key() const noexcept { return key_; }
  /// Raw; empty behind the last element.
  [[nodiscard]] std::string_view value() const noexcept { return value_; }
  void next();

private:
  [[nodiscard]] std::string_view take();
  [[nodiscard]] bool has_more();

  codec source_;
  bool map_ = false;
  bool first_ = true;
  std::uint64_t left_ = 0; ///< in MessagePack
  std::string_view rest_;
  std::string_view key_;
  std::string_view value_;
};

} // namespace detail

/// One value.
class value_view {
public:
  value_view(codec source, std::string_view bytes) noexcept;
  template <detail::temporary_string S>
  value_view(codec, S&&) = delete; ///< it would be gone
  value_view(const value_view&) = delete;
  value_view& operator=(const value_view&) = delete;

  /// Whether there is a value.
  [[nodiscard]] explicit operator bool() const noexcept { return !bytes_.empty(); }
  [[nodiscard]] bool is_null() const;
  [[nodiscard]] std::optional<std::string> string() const;
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  [[nodiscard]] std::optional<std::uint64_t> unsigned_integer() const;
  [[nodiscard]] std::optional<double> number() const;
  [[nodiscard]] std::optional<bool> boolean() const;
  /// A byte string; in JSON `{"$bin": base64}`.
  [[nodiscard]] std::optional<std::string> binary() const;
  [[nodiscard]] map_view object() const;
  [[nodiscard]] list_view list() const;

  [[nodiscard]] codec source() const noexcept { return source_; }
  /// Raw, for a `raw_value`.
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

protected:
  void point_to(std::string_view bytes) noexcept { bytes_ = bytes; }

private:
  friend class list_view;
  codec source_;
  std::string_view bytes_;
};

/// A field of a map.
class field_view : public value_view {
public:
  /// Decoded; valid until the iteration goes on.
  [[nodiscard]] std::string_view key() const noexcept { return key_; }

private:
  friend class map_view;
  explicit field_view(codec source) noexcept : value_view(source, std::string_view{}) {}
  void show(std::string_view key, std::string_view value);

  std::string_view key_;
  std::string decoded_key_;
};

/// The fields of one map. Of a key that is there twice, which `decode` allows below the outermost
/// map, the last one counts, as in `JSON.parse`.
class map_view {
public:
  class iterator;

  /// `bytes`: one whole value; what is no map is an absent one.
  map_view(codec source, std::string_view bytes);
  template <detail::temporary_string S>
  map_view(codec, S&&) = delete; ///< it would be gone
  map_view(const map_view&) = delete;
  map_view& operator=(const map_view&) = delete;

  /// Whether there is a map.
  [[nodiscard]] explicit operator bool() const noexcept { return !bytes_.empty(); }
  /// As of an optional one, but safe where there is none.
  [[nodiscard]] const map_view* operator->() const noexcept { return this; }
  [[nodiscard]] const map_view& operator*() const noexcept { return *this; }

  /// The raw encoded value of `key`, empty if absent.
  [[nodiscard]] std::string_view raw(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> string(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key) const;
  [[nodiscard]] std::optional<std::uint64_t> unsigned_integer(std::string_view key) const;
  [[nodiscard]] std::optional<double> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> boolean(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> binary(std::string_view key) const;
  [[nodiscard]] map_view object(std::string_view key) const;
  [[nodiscard]] list_view list(std::string_view key) const;

  /// Iterates over the fields in their order: `for (auto& field : map)`.
  [[nodiscard]] iterator begin() const;
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  [[nodiscard]] codec source() const noexcept { return source_; }
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

private:
  codec source_;
  std::string_view bytes_;
};

/// The elements of one list, in their order.
class list_view {
public:
  class iterator;

  /// `bytes`: one whole value; what is no list is an absent one.
  list_view(codec source, std::string_view bytes);
  template <detail::temporary_string S>
  list_view(codec, S&&) = delete; ///< it would be gone
  list_view(const list_view&) = delete;
  list_view& operator=(const list_view&) = delete;

  /// Whether there is a list.
  [[nodiscard]] explicit operator bool() const noexcept { return !bytes_.empty(); }
  /// As of an optional one, but safe where there is none.
  [[nodiscard]] const list_view* operator->() const noexcept { return this; }
  [[nodiscard]] const list_view& operator*() const noexcept { return *this; }

  /// Cost: in JSON, one pass over the list.
  [[nodiscard]] std::size_t size() const;

  /// `for (auto& element : list)`.
  [[nodiscard]] iterator begin() const;
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  [[nodiscard]] codec source() const noexcept { return source_; }
  [[nodiscard]] std::string_view bytes() const noexcept { return bytes_; }

private:
  codec source_;
  std::string_view bytes_;
};

/// Holds the field that it is at.
class map_view::iterator {
public:
  iterator(const iterator&) = delete;
  iterator& operator=(const iterator&) = delete;

  [[nodiscard]] const field_view& operator*() const noexcept { return field_; }
  iterator& operator++();
  [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept {
    return walk_.value().empty();
  }

private:
  friend class map_view;
  explicit iterator(const map_view& map);
  void show();

  detail::element_walk walk_;
  field_view field_;
};

/// Holds the element that it is at.
class list_view::iterator {
public:
  iterator(const iterator&) = delete;
  iterator& operator=(const iterator&) = delete;

  [[nodiscard]] const value_view& operator*() const noexcept { return element_; }
  iterator& operator++();
  [[nodiscard]] bool operator==(std::default_sentinel_t) const noexcept {
    return walk_.value().empty();
  }

private:
  friend class list_view;
  explicit iterator(const list_view& list);

  detail::element_walk walk_;
  value_view element_;
};

} // namespace troupe::protocol
