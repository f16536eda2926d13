#include <troupe/protocol/observe.hpp>

#include "text/unicode.hpp"

#include <cstdio>
#include <exception>
#include <new>

namespace troupe::protocol {

namespace {

constexpr std::string_view nameless_exception = "an exception that is no std::exception";

class silent_logger final : public logger {
public:
  void write(log_level, std::string_view, std::string_view) noexcept override {}
};

class silent_counters final : public event_counters {
public:
  void count(counter, std::string_view, std::uint64_t) noexcept override {}
};

void append_byte_escape(std::string& out, char byte) {
  char text[5];
  std::snprintf(text, sizeof text, "\\x%02X",
                static_cast<unsigned>(static_cast<unsigned char>(byte)));
  out += text;
}

void append_point_escape(std::string& out, char32_t c) {
  char text[16];
  std::snprintf(text, sizeof text, "\\u{%04X}", static_cast<unsigned>(c));
  out += text;
}

/// Logs what was thrown; leaves out the owner's name if there is no memory for both.
void write_of(logger& log, std::string_view where, std::string_view whose,
              std::string_view what) noexcept {
  std::string line;
  try {
    if (!whose.empty())
      line.append(whose).append(": ").append(what);
  } catch (const std::bad_alloc&) {
    line.clear();
  }
  log.write(log_level::error, where, line.empty() ? what : line);
}

/// Line separators end a line for some readers of logs.
bool breaks_a_line(char32_t c) { return c == 0x2028 || c == 0x2029; }

} // namespace

std::string escape_for_log(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto c = first_code_point(text);
    if (!c.valid || c.value < 0x20 || c.value == 0x7f || c.value == '\\')
      append_byte_escape(out, text[0]);
    else if (is_control(c.value) || is_bidi_control(c.value) || breaks_a_line(c.value))
      append_point_escape(out, c.value);
    else
      out.append(text.substr(0, c.bytes));
    text.remove_prefix(c.bytes);
  }
  return out;
}

std::string exception_text() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return std::string{nameless_exception};
  }
}

void report_exception(logger& log, event_counters& counters, std::string_view where,
                      std::string_view whose) noexcept {
  counters.count(counter::handler_errors, where);
  try {
    throw;
  } catch (const std::exception& e) {
    write_of(log, where, whose, e.what());
  } catch (...) {
    write_of(log, where, whose, nameless_exception);
  }
}

logger& null_logger() noexcept {
  static silent_logger instance;
  return instance;
}

event_counters& null_counters() noexcept {
  static silent_counters instance;
  return instance;
}

} // namespace troupe::protocol
