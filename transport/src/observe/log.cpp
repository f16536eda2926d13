#include "observe/log.hpp"

#include "observe/redact.hpp"

#include <troupe/transport/line_writer.hpp>

#include <spdlog/details/os.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace troupe::transport {
namespace {

spdlog::level::level_enum level_of(protocol::log_level level) {
  switch (level) {
    case protocol::log_level::debug: return spdlog::level::debug;
    case protocol::log_level::info: return spdlog::level::info;
    case protocol::log_level::warning: return spdlog::level::warn;
    case protocol::log_level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string_view colour_of(spdlog::level::level_enum level) {
  switch (level) {
    case spdlog::level::debug: return "\033[36m";
    case spdlog::level::warn: return "\033[33m\033[1m";
    case spdlog::level::err: return "\033[31m\033[1m";
    default: return "\033[32m";
  }
}

/// Queues formatted lines. (At its end, spdlog's own queue would wait for its thread, and that
/// thread for the log's reader.)
class queueing_sink final : public spdlog::sinks::base_sink<std::mutex> {
private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t formatted;
    formatter_->format(message, formatted);
    std::string line{formatted.data(), formatted.size()};
    if (has_colours_ && message.color_range_end > message.color_range_start) {
      line.insert(message.color_range_end, "\033[m");
      line.insert(message.color_range_start, colour_of(message.level));
    }
    out_.write(std::move(line));
  }
  void flush_() override {}

  line_writer out_{STDERR_FILENO};
  const bool has_colours_ =
    spdlog::details::os::in_terminal(stderr) && spdlog::details::os::is_color_terminal();
};

class stderr_logger final : public protocol::logger {
public:
  explicit stderr_logger(protocol::log_level least)
    : out_("troupe", std::make_shared<queueing_sink>()) {
    out_.set_level(level_of(least));
    out_.set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v", spdlog::pattern_time_type::local, ""));
  }

  void write(protocol::log_level level, std::string_view component,
             std::string_view text) noexcept override {
    try {
      out_.log(level_of(level), "{}: {}", component, protocol::escape_for_log(redact(text)));
    } catch (const std::exception&) {
      return; // a line that cannot be written is lost, nothing else
    }
  }

private:
  spdlog::logger out_;
};

} // namespace

std::unique_ptr<protocol::logger> make_stderr_logger(protocol::log_level least) {
  return std::make_unique<stderr_logger>(least);
}

} // namespace troupe::transport
