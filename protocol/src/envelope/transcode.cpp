#include <troupe/protocol/command.hpp>

#include "envelope/check.hpp"
#include "json/json_scanner.hpp"
#include "json/json_writer.hpp"
#include "msgpack/msgpack_scanner.hpp"
#include "msgpack/msgpack_writer.hpp"

#include <charconv>
#include <cstdint>
#include <vector>

namespace troupe::protocol {

namespace {

/// Marks, in the place of a count, a JSON object that stands for a byte string.
constexpr std::uint32_t bin_mark = 0xffffffff;

/// Counts the elements of each container of a JSON text, in the order in which they open, because
/// MessagePack writes counts first.
class element_counter {
public:
  static constexpr bool trusted = true;

  explicit element_counter(std::vector<std::uint32_t>& counts) : counts_(counts) {}

  scan_status begin(const char*, bool map) {
    count_element();
    open_.push_back({counts_.size(), map});
    counts_.push_back(0);
    return scan_status::ok;
  }

  scan_status end(const char*, bool) {
    open_.pop_back();
    return scan_status::ok;
  }

  scan_status key(const json_token& token) {
    auto& count = counts_[open_.back().index];
    ++count;
    if (text_of(token, storage_) == bin_key)
      count = bin_mark;
    return scan_status::ok;
  }

  scan_status scalar(const json_token&) {
    count_element();
    return scan_status::ok;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  struct container {
    std::size_t index;
    bool map;
  };

  void count_element() {
    if (!open_.empty() && !open_.back().map)
      ++counts_[open_.back().index];
  }

  std::vector<std::uint32_t>& counts_;
  std::vector<container> open_;
  std::string storage_;
};

/// Writes a JSON text as MessagePack.
class msgpack_emitter {
public:
  static constexpr bool trusted = true;

  msgpack_emitter(const std::vector<std::uint32_t>& counts, std::string& out)
    : counts_(counts), writer_(out) {}

  scan_status begin(const char*, bool map) {
    const auto count = counts_[next_++];
    in_bin_ = count == bin_mark;
    if (in_bin_)
      return scan_status::ok;
    if (map)
      writer_.begin_map(count);
    else
      writer_.begin_array(count);
    return scan_status::ok;
  }

  scan_status end(const char*, bool) noexcept { return scan_status::ok; }

  scan_status key(const json_token& token) {
    if (!in_bin_)
      writer_.key(text_of(token, storage_));
    return scan_status::ok;
  }

  scan_status scalar(const json_token& token) {
    switch (token.what) {
      case json_token::kind::string: string(token); break;
      case json_token::kind::integer: integer(token.raw); break;
      case json_token::kind::real: writer_.real(parse_real(token.raw).value_or(0)); break;
      case json_token::kind::boolean: writer_.boolean(token.raw[0] == 't'); break;
      case json_token::kind::null: writer_.null(); break;
    }
    return scan_status::ok;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  void string(const json_token& token) {
    const auto text = text_of(token, storage_);
    if (!std::exchange(in_bin_, false))
      return writer_.text(text);
    std::string bytes;
    append_from_base64(bytes, text);
    writer_.binary(bytes);
  }

  /// Exact from -2^63 to 2^64-1, else the nearest double; `-0` becomes a double, too.
  void integer(std::string_view lexeme) {
    const auto end = lexeme.data() + lexeme.size();
    std::int64_t small = 0;
    std::uint64_t large = 0;
    if (lexeme != "-0" && std::from_chars(lexeme.data(), end, small).ec == std::errc{})
      writer_.integer(small);
    else if (std::from_chars(lexeme.data(), end, large).ec == std::errc{})
      writer_.integer(large);
    else
      writer_.real(parse_real(lexeme).value_or(0));
  }

  const std::vector<std::uint32_t>& counts_;
  std::size_t next_ = 0;
  bool in_bin_ = false; ///< between the brace and the string of a `$bin` object
  std::string storage_;
  msgpack_writer writer_;
};

/// Writes a MessagePack document as JSON.
class json_emitter {
public:
  static constexpr bool trusted = true;

  explicit json_emitter(std::string& out) : writer_(out) {}

  scan_status begin(const char*, bool map) {
    if (map)
      writer_.begin_map(0);
    else
      writer_.begin_array(0);
    return scan_status::ok;
  }

  scan_status end(const char*, bool map) {
    if (map)
      writer_.end_map();
    else
      writer_.end_array();
    return scan_status::ok;
  }

  scan_status key(const msgpack_token& token) {
    writer_.key(token.text);
    return scan_status::ok;
  }

  scan_status scalar(const msgpack_token& token) {
    using kind = msgpack_token::kind;
    switch (token.what) {
      case kind::boolean: writer_.boolean(token.number != 0); break;
      case kind::unsigned_integer: writer_.integer(token.number); break;
      case kind::negative_integer: writer_.integer(static_cast<std::int64_t>(token.number)); break;
      case kind::real: writer_.real(token.real); break;
      case kind::string: writer_.text(token.text); break;
      case kind::binary: writer_.binary(token.text); break;
      default: writer_.null(); break;
    }
    return scan_status::ok;
  }

  scan_status broken(payload_rule) noexcept { return scan_status::ok; }

private:
  json_writer writer_;
};

void json_to_msgpack(std::string_view value, std::string& out) {
  std::vector<std::uint32_t> counts;
  element_counter counter{counts};
  (void)json_scanner{value, max_supported_depth, counter}.run();
  msgpack_emitter emitter{counts, out};
  (void)json_scanner{value, max_supported_depth, emitter}.run();
}

void msgpack_to_json(std::string_view value, std::string& out) {
  json_emitter emitter{out};
  (void)msgpack_scanner{value, max_supported_depth, emitter}.run();
}

} // namespace

void transcode(codec from, std::string_view value, codec to, std::string& out) {
  if (from == to)
    out += value;
  else if (from == codec::json)
    json_to_msgpack(value, out);
  else
    msgpack_to_json(value, out);
}

} // namespace troupe::protocol
