#pragma once

#include "json/json_text.hpp"

#include <troupe/protocol/base64.hpp>

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// Appends the parts of one JSON document to a string.
class json_writer {
public:
  /// `needs_comma`: the next key or element follows another one.
  explicit json_writer(std::string& out, bool needs_comma = false)
    : out_(out), needs_comma_(needs_comma) {}

  void begin_map(std::size_t /*pairs*/) { open('{'); }
  void end_map() { close('}'); }
  void begin_array(std::size_t /*elements*/) { open('['); }
  void end_array() { close(']'); }

  void key(std::string_view name) {
    text(name);
    out_.push_back(':');
    needs_comma_ = false;
  }

  /// As `key`, for a name that needs no escape, such as the protocol's own.
  void plain_key(std::string_view name) {
    separate();
    out_.push_back('"');
    out_.append(name);
    out_.append("\":", 2);
    needs_comma_ = false;
  }

  void null() { literal("null"); }
  void boolean(bool value) { literal(value ? "true" : "false"); }
  void integer(std::int64_t value) { digits(value); }
  void integer(std::uint64_t value) { digits(value); }

  void real(double value) {
    separate();
    append_real(out_, value);
  }

  void text(std::string_view value) {
    separate();
    append_quoted(out_, value);
  }

  void binary(std::string_view bytes) {
    separate();
    out_ += R"({"$bin":")";
    append_base64(out_, bytes);
    out_ += R"("})";
  }

  /// A value that is JSON already.
  void verbatim(std::string_view raw) { literal(raw); }

private:
  void separate() {
    if (needs_comma_)
      out_.push_back(',');
    needs_comma_ = true;
  }

  void open(char c) {
    separate();
    out_.push_back(c);
    needs_comma_ = false;
  }

  void close(char c) {
    out_.push_back(c);
    needs_comma_ = true;
  }

  void literal(std::string_view word) {
    separate();
    out_ += word;
  }

  template <class Integer>
  void digits(Integer value) {
    char text[24];
    const auto written = std::to_chars(text, text + sizeof text, value);
    literal({text, static_cast<std::size_t>(written.ptr - text)});
  }

  std::string& out_;
  bool needs_comma_;
};

} // namespace troupe::protocol
