#pragma once

#include <utility>

#include <troupe/actors/node.hpp>
#include <troupe/protocol/frame.hpp>
#include <troupe/testing/manual_clock.hpp>
#include <troupe/testing/manual_loops.hpp>

#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::test {

using strings = std::vector<std::string>;

inline std::string payload_of(std::string_view frame) {
  auto mark = static_cast<unsigned char>(frame[1]);
  return std::string{frame.substr(mark == 127 ? 10 : mark == 126 ? 4 : 2)};
}

/// A client of an endpoint. It notes what it hears and how the server ends it. Its socket takes
/// everything until that end, and nothing after it.
class peer final : public actors::sink {
public:
  peer(actors::node& n, unsigned loop, const actors::endpoint& at,
       actors::connection_info info = {})
    : loop_(n.loop(loop)) {
    info.endpoint = at.state();
    port_ = n.open(loop_, *this, std::move(info));
  }
  ~peer() override { port_.closed(); }

  void say(std::string_view text, bool binary = false) {
    port_.deliver(protocol::shared_bytes::copy_of(text), binary);
  }
  void pong(std::string payload) { port_.ponged(std::move(payload)); }
  void begin_close(std::string_view error) { port_.closing(error); }
  void leave(std::uint16_t code = 1000, std::string reason = {}, std::string error = {}) {
    port_.closed(code, std::move(reason), std::move(error));
  }

  /// The frames received since the last call, with their headers.
  [[nodiscard]] strings frames() {
    strings all;
    for (std::string_view rest = bytes_; !rest.empty();
         rest.remove_prefix(protocol::frame_length(rest)))
      all.emplace_back(rest.substr(0, protocol::frame_length(rest)));
    bytes_.clear();
    return all;
  }
  [[nodiscard]] strings heard() {
    strings all;
    for (auto& f : frames())
      all.push_back(payload_of(f));
    return all;
  }

  strings ends; ///< how the server closed it, in order
  strings pings;

private:
  void write(const protocol::shared_bytes& batch, std::span<const actors::byte_range> parts,
             std::uint32_t) override {
    for (auto p : parts)
      take(batch.view().substr(p.begin, p.size()));
  }
  void append(const protocol::shared_bytes& b, actors::byte_range part, std::uint32_t,
              actors::output_kind) override {
    take(b.view().substr(part.begin, part.size()));
  }
  void take(std::string_view part) {
    if (ends.empty())
      bytes_ += part;
  }
  void flush() override {}
  void ping(std::string_view payload) override { pings.emplace_back(payload); }
  void close(protocol::errc why, std::string_view) override { ends.emplace_back(info(why).name); }
  void close_with(std::uint16_t code, std::string_view reason) override {
    ends.push_back(std::to_string(code) + ' ' + std::string{reason});
  }
  void cut(protocol::errc why) override { ends.push_back("cut " + std::string{info(why).name}); }
  void terminate(protocol::errc why) override {
    ends.push_back("terminated " + std::string{info(why).name});
  }
  void resume_reading() override {}
  [[nodiscard]] actors::steady_time last_inbound() const override { return loop_.now(); }
  [[nodiscard]] std::size_t queued_bytes() const override { return bytes_.size(); }
  [[nodiscard]] std::optional<actors::steady_time> oldest_queued() const override { return {}; }

  actors::event_loop& loop_;
  std::string bytes_;
  actors::connection_port port_; ///< the last member, since opening it may write
};

/// A node with one endpoint, whose loops the test runs.
struct stage {
  struct counted final : protocol::event_counters {
    void count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept override {
      errors += what == protocol::counter::handler_errors ? n : 0;
      dropped += what == protocol::counter::dropped && label == "rate_limited" ? n : 0;
      floods += what == protocol::counter::protocol_errors && label == "flood" ? n : 0;
    }
    std::uint64_t errors = 0, dropped = 0, floods = 0;
  };

  explicit stage(actors::endpoint_handlers on = {}, actors::node_options options = {})
    : owner(system, set(std::move(options))), place(owner.make_endpoint("/raw", std::move(on))) {}

  /// Connects a client. The first one requests the target "0", the next one "1" and so on, unless
  /// `info` names a request.
  [[nodiscard]] std::unique_ptr<peer> connect(unsigned loop = 0,
                                              actors::connection_info info = {}) {
    if (!info.request)
      info.request = std::make_shared<const actors::handshake>(
        actors::handshake{std::to_string(next_++), {}, {}});
    auto p = std::make_unique<peer>(owner, loop, place, std::move(info));
    settle();
    return p;
  }
  void settle() { loops.settle(); }

  /// The application's handle of the client that requested `target`.
  [[nodiscard]] actors::raw_connection handle(std::string_view target) const {
    for (auto& c : place.clients())
      if (c.request().target == target)
        return c;
    throw std::out_of_range{"no such client"};
  }

  /// Runs `work` on a loop, as if a handler did it.
  template <class F>
  void on_loop(unsigned loop, F work) {
    owner.loop(loop).post(std::move(work));
    settle();
  }

  counted counts;
  testing::manual_clock clock;
  caf::actor_system_config config;
  caf::actor_system system{one_worker(config)};
  actors::node owner;
  testing::manual_loops loops{owner};
  actors::endpoint place;

private:
  int next_ = 0;

  static caf::actor_system_config& one_worker(caf::actor_system_config& c) {
    compat::set_worker_threads(c, 1);
    return c;
  }
  actors::node_options set(actors::node_options o) {
    o.clock = &clock;
    o.counters = &counts;
    return o;
  }
};

inline actors::node_options two_loops() {
  actors::node_options o;
  o.loops = 2;
  o.hash_seed = 3;
  return o;
}

} // namespace troupe::test
