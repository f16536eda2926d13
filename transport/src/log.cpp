#include "log.hpp"

#include "redact.hpp"

#include <spdlog/async.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_color_sinks.h>

#include <exception>

namespace troupe::transport {
namespace {

constexpr std::size_t queue_lines = 8192;

spdlog::level::level_enum level_of(protocol::log_level level) {
  switch (level) {
    case protocol::log_level::debug: return spdlog::level::debug;
    case protocol::log_level::info: return spdlog::level::info;
    case protocol::log_level::warning: return spdlog::level::warn;
    case protocol::log_level::error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

class stderr_logger final : public protocol::logger {
public:
  explicit stderr_logger(protocol::log_level least)
    : pool_(std::make_shared<spdlog::details::thread_pool>(queue_lines, 1)),
      out_(std::make_shared<spdlog::async_logger>("troupe", std::make_shared<spdlog::sinks::stderr_color_sink_mt>(), pool_,
                                                  spdlog::async_overflow_policy::overrun_oldest)) {
    out_->set_level(level_of(least));
    out_->set_pattern("%Y-%m-%dT%H:%M:%S.%e %^%l%$ %v");
  }

  void write(protocol::log_level level, std::string_view component, std::string_view text) noexcept override {
    try {
      out_->log(level_of(level), "{}: {}", component, protocol::escape_for_log(redact(text)));
    } catch (const std::exception&) {
      return; // a line that cannot be written is lost, nothing else
    }
  }

private:
  std::shared_ptr<spdlog::details::thread_pool> pool_;
  std::shared_ptr<spdlog::async_logger> out_;
};

} // namespace

std::unique_ptr<protocol::logger> make_stderr_logger(protocol::log_level least) {
  return std::make_unique<stderr_logger>(least);
}

} // namespace troupe::transport
