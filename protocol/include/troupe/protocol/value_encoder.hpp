#pragma once

#include <troupe/protocol/codec.hpp>
#include <troupe/protocol/event.hpp>
#include <troupe/protocol/limits.hpp>
#include <troupe/protocol/object_writer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::protocol {

/// Runs what fills maps, and keeps what that writes: the library's side of `object_writer`.
///
/// It borrows the buffers of its thread, so that writing allocates only until they are large enough
/// (they are kept up to 256 KiB). If another encoder of this thread is made meanwhile, that one has
/// buffers of its own. Thread: the one that made it.
class value_encoder {
public:
  /// Whose map is written.
  enum class names : std::uint8_t {
    of_event, ///< the message's own: the server sets some fields of it
    of_data,  ///< the value of a field of the message
  };

  /// Maps and lists that may be open at once. One level less than is read, as bytes are a map in
  /// JSON.
  static constexpr std::size_t max_depth = max_supported_depth - 1;

  explicit value_encoder(names whose = names::of_event);
  ~value_encoder();
  value_encoder(const value_encoder&) = delete;
  value_encoder& operator=(const value_encoder&) = delete;

  /// Runs `fill` once for the codec `to`, which was not asked for before. Throws what `fill` throws
  /// and what `object_writer` does; then it has nothing in that codec.
  void encode(codec to, object_fill fill);

  /// What was written, valid until `encode` is called again.
  [[nodiscard]] encoded_fields fields(codec in) const noexcept;
  [[nodiscard]] encoded_by_codec fields() const noexcept {
    return {fields(codec::json), fields(codec::msgpack)};
  }

private:
  friend class object_writer;
  friend class list_writer;
  using container = detail::open_container;

  /// A key of an open map.
  struct noted_key {
    std::uint32_t tag;  ///< differs for most different keys
    std::uint32_t size; ///< encoded, in JSON with its colon
    std::size_t at;     ///< in the output
  };

  struct buffers {
    std::string bytes;
    std::vector<noted_key> keys;
  };

  struct run {
    std::size_t begin = 0, end = 0, count = 0;
  };

  static buffers& kept() noexcept;

  // What the writers do. If one of these throws, the output is as before.
  void open_root(container& root, std::size_t depth) noexcept;
  void open(container& outer, std::string_view key, container& inner, std::size_t expected);
  void close(container& c);
  void abandon(container& c) noexcept;
  void put(container& in, std::string_view key, const value& x);

  template <class Write>
  void write_whole(Write&& write);
  void must_be_innermost(const container& c) const;
  void put_key(const container& in, std::string_view key);
  void put_value(const value& x);
  void separate();
  void check_keys(const container& c);
  void set_head(container& c);
  [[nodiscard]] std::string_view text_of(const noted_key& key) const noexcept {
    return std::string_view{own_.bytes}.substr(key.at, key.size);
  }

  buffers own_;
  std::array<run, codec_count> runs_; ///< by codec
  container* innermost_ = nullptr;
  names names_;
  codec to_ = codec::json;
  bool needs_comma_ = false;
};

} // namespace troupe::protocol
