#pragma once

#include <utility>

#include "support/raw_client.hpp"

#include <troupe/node.hpp>
#include <troupe/troupe.hpp>

#include <poll.h>

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

/// Polls until `holds` returns true. Returns whether it did so in time.
template <class F>
[[nodiscard]] bool comes(F holds, std::chrono::milliseconds patience = std::chrono::seconds{5}) {
  for (auto until = std::chrono::steady_clock::now() + patience;
       !holds() && std::chrono::steady_clock::now() < until;)
    ::poll(nullptr, 0, 5);
  return holds();
}

/// A logger that keeps its lines.
class kept_log final : public protocol::logger {
public:
  void write(protocol::log_level, std::string_view, std::string_view text) noexcept override {
    std::lock_guard guard{mutex_};
    all_.append(text).append("\n");
  }
  [[nodiscard]] bool has(std::string_view text) const {
    std::lock_guard guard{mutex_};
    return all_.find(text) != std::string::npos;
  }
  [[nodiscard]] bool gets(std::string_view text,
                          std::chrono::milliseconds patience = std::chrono::seconds{5}) const {
    return comes([&] { return has(text); }, patience);
  }

private:
  mutable std::mutex mutex_;
  std::string all_;
};

struct fixture {
  [[nodiscard]] server_options options(unsigned loops = 1) {
    server_options o;
    o.bind = "127.0.0.1";
    o.port = 0;
    o.node.loops = loops;
    o.log = &log;
    return o;
  }
  kept_log log;
};

/// Tells when a server or a node is gone completely. A function in its options holds the trace, and
/// the options are destroyed last.
class tracer {
public:
  /// The object that the function must hold. Call it once.
  [[nodiscard]] std::shared_ptr<int> lay() { return std::move(laid_); }
  [[nodiscard]] bool goes() const {
    return comes([this] { return watched_.expired(); });
  }

private:
  std::shared_ptr<int> laid_ = std::make_shared<int>();
  std::weak_ptr<int> watched_ = laid_;
};

inline void trace(server_options& options, tracer& t) {
  options.authorize_upgrade = [laid = t.lay()](auto&) { return transport::upgrade_decision{}; };
}

inline transport::http_response text(std::string body) {
  return {200, "text/plain", std::move(body)};
}

inline raw_client asking(const server& s, const std::string& path, std::uint16_t port = 0) {
  return raw_client{port != 0 ? port : s.port(),
                    "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"};
}

/// Runs a server on a thread, as a program's `main` would.
struct running {
  explicit running(server& s) {
    std::promise<void> ready;
    code = std::async(std::launch::async,
                      [&s, &ready] { return s.run([&ready] { ready.set_value(); }); });
    ready.get_future().wait();
  }
  [[nodiscard]] bool ends() {
    return code.wait_for(std::chrono::seconds{10}) == std::future_status::ready && code.get() == 0;
  }
  std::future<int> code;
};

/// A behaviour that calls a function in a handler.
struct caller final : room_behavior {
  explicit caller(std::function<void()> f) {
    on("call",
       [f = std::move(f)](room_context&, const member&, const application_message&) { f(); });
  }
};

/// Makes the handler that `where` names run the function. Returns the clients, which keep their
/// connections open.
inline std::vector<raw_client> call_from(server& s, const std::string& where) {
  std::vector<raw_client> open;
  if (where == "http" || where == "late http") {
    open.push_back(asking(s, where == "http" ? "/call" : "/call_late"));
  } else if (where == "room") {
    open.emplace_back(s.port());
    open.back().send(masked_text(R"({"type":"join","roomId":"r"})"));
    open.back().await("joined");
    open.back().send(masked_text(R"({"type":"call"})"));
  } else {
    open.emplace_back(s.port(), raw_client::upgrade_of("/raw"));
    open.back().await("\r\n\r\n");
    open.back().send(masked_text("call"));
  }
  return open;
}

inline void set_up_callers(server& s, const std::function<void()>& f) {
  s.get("/call", [f](auto&) { return f(), text("called"); });
  s.route_later("GET", "/call_late",
                [f](auto&, transport::http_reply reply) { f(), reply.send(text("called")); });
  s.rooms("r", [f](auto) { return std::make_unique<caller>(f); });
  endpoint_handlers on;
  on.on_message = [f](auto&, auto, auto) { f(); };
  (void)s.endpoint("/raw", std::move(on));
}

} // namespace troupe::test
