#pragma once

#include <troupe/protocol/event.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace troupe::protocol {

class list_writer;
class object_writer;
class value_encoder;

namespace detail {

template <class T>
concept number = std::integral<T> || std::floating_point<T>;

template <class T>
concept number_like = number<T> && sizeof(T) <= sizeof(std::uint64_t) && !character<T>;

template <class T>
concept text_like = std::convertible_to<const T&, std::string_view> && !one_of<T, std::nullptr_t>;

/// A range as what reads it sees it: constant if that can be read, which some views cannot.
template <class Range>
[[nodiscard]] decltype(auto) readable(Range& all) {
  if constexpr (requires { std::begin(std::as_const(all)); })
    return std::as_const(all);
  else
    return (all);
}

template <class Range>
using element_of = decltype(*std::begin(detail::readable(std::declval<Range&>())));

/// How many elements a range has; 0 if only counting them would tell.
template <class Range>
[[nodiscard]] std::size_t expected_size(const Range& all) {
  if constexpr (requires { std::size(all); })
    return static_cast<std::size_t>(std::size(all));
  else
    return 0;
}

/// Where a map or list that is being written lies in the output.
struct open_container {
  open_container* outer = nullptr;
  std::size_t bytes_before = 0; ///< of the output
  std::size_t keys_before = 0;  ///< noted, without its own
  std::size_t head = 0;         ///< where its first byte is
  std::size_t head_bytes = 0;   ///< reserved for its head in MessagePack
  std::size_t first_key = 0;    ///< of the map's keys among those noted
  std::size_t count = 0;        ///< of its fields or elements
  std::size_t depth = 1;        ///< open maps and lists, itself included
  bool map = true;
  bool needed_comma = false; ///< in JSON, before it
  bool is_open = false;
};

} // namespace detail

/// What can be the value of a field: text, a number, `bool`, bytes (`binary_value`), or a value
/// that is encoded already (`raw_value`). Text is what converts to `std::string_view`; `float`
/// counts as the double that it is. Pointers to anything else, `nullptr`, `char`, enumerators,
/// `long double` and containers are none: they do not compile.
template <class T>
concept scalar_value =
  detail::text_like<T> || detail::number_like<T> || detail::one_of<T, binary_value, raw_value>;

/// A range of such values.
template <class Range>
concept scalar_range = scalar_value<std::remove_cvref_t<detail::element_of<Range>>>;

/// Writes the fields of one map, in their order, straight into the output of one codec. It keeps
/// nothing, so arguments need to live until the call returns.
///
///     room.broadcast("state", [&](object_writer& out) {
///       out.field("tick", tick);
///       out.objects("players", players, [](object_writer& o, const player& p) {
///         o.field("name", p.name);
///         o.values("at", p.position);
///       });
///     });
///
/// Shape: a key may stand once in its map. No key is `__proto__`, `$bin` or invalid UTF-8, at any
/// depth; `type`, `roomId`, `seq` and `ref` are refused in the outermost map of an event only,
/// where the server sets them. A field with an empty `raw_value` is left out. What JSON cannot
/// express is approximated: a number that is not finite becomes null, text that is not UTF-8 gets
/// U+FFFD. At most 255 maps and lists may be open at once, the message's own included.
///
/// Errors: `std::invalid_argument` for a key or value that breaks these rules, for a key that is
/// there twice when its map is complete, for all else at once. `std::logic_error` if a writer of an
/// outer map or list is used while an inner one is open. After any exception, the call that threw
/// has written nothing: who catches it within a fill function may go on.
///
/// Ownership: valid while the function runs that it was given to. Cannot be copied, moved or kept.
///
/// Cost: one pass; no allocation beyond the growth of a buffer that its thread reuses. Keys of a
/// map are compared pairwise up to 16, beyond that they are sorted. A `raw_value` takes one more
/// pass, and a string if it changes its codec.
class object_writer {
public:
  object_writer(const object_writer&) = delete;
  object_writer& operator=(const object_writer&) = delete;
  ~object_writer();

  template <scalar_value T>
  void field(std::string_view key, const T& x);

  /// A map within the map: `fill(object_writer&)` writes its fields. It runs once, in this call.
  template <std::invocable<object_writer&> F>
  void object(std::string_view key, F&& fill);

  /// A list of whatever `fill(list_writer&)` adds. It runs once, in this call.
  template <std::invocable<list_writer&> F>
  void list(std::string_view key, F&& fill);

  /// A list of the elements of a range.
  template <scalar_range Range>
  void values(std::string_view key, Range&& all);
  template <scalar_value T>
  void values(std::string_view key, std::initializer_list<T> all) {
    put_all(key, all);
  }

  /// A list with a map for each element of a range: `each(object_writer&, element)` writes its
  /// fields.
  template <class Range, class F>
  requires std::invocable<F&, object_writer&, detail::element_of<Range>>
  void objects(std::string_view key, Range&& all, F&& each);

private:
  friend class list_writer;
  friend class value_encoder;

  /// The fields of a map without its head and end.
  object_writer(value_encoder& to, std::size_t depth);
  /// A map within another, as the value of `key`; in a list `key` is not used.
  object_writer(value_encoder& to, detail::open_container& outer, std::string_view key);
  void put(std::string_view key, const value& x);
  template <class Range>
  void put_all(std::string_view key, Range& all);
  void close();

  value_encoder& to_;
  detail::open_container self_;
};

/// Writes the elements of one list; see `object_writer`, whose rules hold here, too.
class list_writer {
public:
  list_writer(const list_writer&) = delete;
  list_writer& operator=(const list_writer&) = delete;
  ~list_writer();

  /// Throws `std::invalid_argument` for an empty `raw_value`: a list has no gaps.
  template <scalar_value T>
  void add(const T& x);

  template <std::invocable<object_writer&> F>
  void object(F&& fill);

  template <std::invocable<list_writer&> F>
  void list(F&& fill);

private:
  friend class object_writer;

  /// `expected`: how many elements it will probably have. In MessagePack the head is as long as the
  /// true number needs, but a good guess spares moving what stands behind it.
  list_writer(value_encoder& to, detail::open_container& outer, std::string_view key,
              std::size_t expected);
  void put(const value& x);
  void close();

  value_encoder& to_;
  detail::open_container self_;
};

/// Refers to a function that fills a map, `void(object_writer&)`. Valid during the call that takes
/// it.
class object_fill {
public:
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, object_fill> && std::invocable<F&, object_writer&>)
    object_fill(F&& fill) // NOLINT(bugprone-forwarding-reference-overload): constrained above
  noexcept {
    using function = std::remove_reference_t<F>;
    if constexpr (std::is_function_v<function>)
      fill_ = reinterpret_cast<void*>(&fill);
    else
      fill_ = const_cast<void*>(static_cast<const void*>(std::addressof(fill)));
    call_ = [](void* f, object_writer& to) {
      if constexpr (std::is_function_v<function>)
        reinterpret_cast<function*>(f)(to);
      else
        std::invoke(*static_cast<function*>(f), to);
    };
  }

  void operator()(object_writer& to) const { call_(fill_, to); }

private:
  void* fill_;
  void (*call_)(void* fill, object_writer& to);
};

namespace detail {

template <scalar_value T>
[[nodiscard]] value value_of(const T& x) {
  if constexpr (std::same_as<T,
                             bool> || std::same_as<T, binary_value> || std::same_as<T, raw_value>)
    return x;
  else if constexpr (std::floating_point<T>)
    return static_cast<double>(x);
  else if constexpr (std::signed_integral<T>)
    return static_cast<std::int64_t>(x);
  else if constexpr (std::integral<T>)
    return static_cast<std::uint64_t>(x);
  else
    return static_cast<std::string_view>(x);
}

} // namespace detail

template <scalar_value T>
void object_writer::field(std::string_view key, const T& x) {
  put(key, detail::value_of(x));
}

template <std::invocable<object_writer&> F>
void object_writer::object(std::string_view key, F&& fill) {
  object_writer inner{to_, self_, key};
  std::invoke(fill, inner);
  inner.close();
}

template <std::invocable<list_writer&> F>
void object_writer::list(std::string_view key, F&& fill) {
  list_writer inner{to_, self_, key, 0};
  std::invoke(fill, inner);
  inner.close();
}

template <scalar_range Range>
void object_writer::values(std::string_view key, Range&& all) {
  put_all(key, detail::readable(all));
}

template <class Range>
void object_writer::put_all(std::string_view key, Range& all) {
  list_writer inner{to_, self_, key, detail::expected_size(all)};
  for (auto&& x : all)
    inner.add(x);
  inner.close();
}

template <class Range, class F>
requires std::invocable<F&, object_writer&, detail::element_of<Range>>
void object_writer::objects(std::string_view key, Range&& all, F&& each) {
  list_writer inner{to_, self_, key, detail::expected_size(all)};
  for (auto&& x : detail::readable(all))
    inner.object([&](object_writer& o) { std::invoke(each, o, std::forward<decltype(x)>(x)); });
  inner.close();
}

template <scalar_value T>
void list_writer::add(const T& x) {
  put(detail::value_of(x));
}

template <std::invocable<object_writer&> F>
void list_writer::object(F&& fill) {
  object_writer inner{to_, self_, {}};
  std::invoke(fill, inner);
  inner.close();
}

template <std::invocable<list_writer&> F>
void list_writer::list(F&& fill) {
  list_writer inner{to_, self_, {}, 0};
  std::invoke(fill, inner);
  inner.close();
}

} // namespace troupe::protocol
