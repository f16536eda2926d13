#include <troupe/protocol/observe.hpp>

#include <catch2/catch.hpp>

#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe::protocol;

TEST_CASE("text for the log stays on its line") {
  CHECK(escape_for_log("plain é 방") == "plain é 방");
  CHECK(escape_for_log("a\r\nb") == "a\\x0D\\x0Ab");
  CHECK(escape_for_log("\x1b[31m") == "\\x1B[31m");
  CHECK(escape_for_log(std::string_view{"\0", 1}) == "\\x00");
  CHECK(escape_for_log("\x7f") == "\\x7F");
  CHECK(escape_for_log("\xc2\x85") == "\\u{0085}");
  CHECK(escape_for_log("\xe2\x80\xa8") == "\\u{2028}");
  CHECK(escape_for_log("\xe2\x80\xae"
                       "abc")
        == "\\u{202E}abc");
}

TEST_CASE("text for the log cannot pretend to be escaped") {
  CHECK(escape_for_log("\\x0A") == "\\x5Cx0A");
}

TEST_CASE("bytes that are no text are escaped one by one") {
  CHECK(escape_for_log("a\xff\xc3") == "a\\xFF\\xC3");
}

TEST_CASE("the null logger and counters take everything") {
  null_logger().write(log_level::error, "test", "nobody reads this");
  null_counters().count(counter::dropped, "reason", 3);
  SUCCEED();
}

TEST_CASE("an exception is logged with what it says and counted, whatever was thrown") {
  struct notes final : logger, event_counters {
    void write(log_level, std::string_view component, std::string_view text) noexcept override {
      lines.push_back(std::string{component} + ": " + std::string{text});
    }
    void count(counter what, std::string_view label, std::uint64_t n) noexcept override {
      if (what == counter::handler_errors && n == 1)
        labels.emplace_back(label);
    }
    std::vector<std::string> lines, labels;
  } seen;
  try {
    throw std::runtime_error{"broken"};
  } catch (...) {
    report_exception(seen, seen, "here");
    CHECK(exception_text() == "broken");
  }
  try {
    throw 7;
  } catch (...) {
    report_exception(seen, seen, "there");
    CHECK(exception_text() == "an exception that is no std::exception");
  }
  try {
    throw std::runtime_error{"broken"};
  } catch (...) {
    report_exception(seen, seen, "room", "arena:1");
  }
  CHECK(seen.lines
        == std::vector<std::string>{"here: broken", "there: an exception that is no std::exception",
                                    "room: arena:1: broken"});
  CHECK(seen.labels == std::vector<std::string>{"here", "there", "room"});
}
