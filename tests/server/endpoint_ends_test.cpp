// How the server ends a socket, and what it tells the handlers of the endpoint.
#include <utility>

#include "server/quiet_server.hpp"
#include "server/stopping.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

using namespace troupe;
using namespace troupe::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using strings = std::vector<std::string>;

namespace {

/// Notes what the handlers of one connection are told of its end, in order.
class told {
public:
  void listen(endpoint_handlers& on) {
    on.on_error = [this](const raw_connection&, std::string_view what) {
      note("error " + std::string{what});
    };
    on.on_close = [this](const raw_connection&, std::uint16_t code, std::string_view) {
      note("close " + std::to_string(code));
      has_ended_ = true;
    };
  }
  [[nodiscard]] bool has_ended() const { return has_ended_; }
  [[nodiscard]] strings lines() const {
    std::lock_guard guard{mutex_};
    return lines_;
  }

private:
  void note(std::string line) {
    std::lock_guard guard{mutex_};
    lines_.push_back(std::move(line));
  }

  mutable std::mutex mutex_;
  strings lines_;
  std::atomic<bool> has_ended_{false};
};

raw_client member_of(const server& node) {
  raw_client client{node.port(), raw_client::upgrade_of("/raw")};
  client.await("\r\n\r\n");
  return client;
}

std::string many(int times, const std::string& frame) {
  std::string all;
  while (times-- > 0)
    all += frame;
  return all;
}

constexpr auto deadline = 200ms;

struct offence {
  std::string what;
  std::string bytes; ///< sent by the client
  std::string name;  ///< name of the reason
};

const offence offences[] = {
  {"no mask", "\x81\x02hi", "protocol_error"},
  {"an opcode that is reserved", {"\x83\x80\0\0\0\0", 6}, "protocol_error"},
  {"a part of nothing", {"\x80\x80\0\0\0\0", 6}, "protocol_error"},
  {"a message declared too long", {"\x82\xff\0\0\0\0\0\1\0\1\0\0\0\0", 14}, "too_big"},
  {"many control frames", many(1000, {"\x8a\x80\0\0\0\0", 6}), "flood"},
  {"a message that never becomes whole", {"\x81\x82\0\0\0\0x", 7}, "assembly_timeout"},
};

} // namespace

TEST_CASE(
  "why the server ends a connection is told to on_error once, before its end is told to on_close") {
  auto& o = GENERATE(from_range(std::begin(offences), std::end(offences)));
  auto answers = GENERATE(false, true);
  INFO(o.what << (answers ? ", and the close is answered" : ""));
  fixture f;
  auto options = f.options();
  options.assembly_deadline = options.close_deadline = deadline;
  server node{std::move(options)};
  told ends;
  endpoint_handlers on;
  ends.listen(on);
  (void)node.endpoint("/raw", std::move(on));
  node.start();
  auto client = member_of(node);

  client.send(o.bytes);
  client.await(o.name);
  if (answers)
    client.send({"\x88\x82\0\0\0\0\x03\xe8", 8});

  REQUIRE(comes([&] { return ends.has_ended(); }));
  node.stop();
  auto lines = ends.lines();
  REQUIRE(lines.size() == 2);
  CHECK(lines[0] == "error " + o.name);
  CHECK(lines[1].starts_with("close "));
}

TEST_CASE("an exception is told to on_error once, however the connection then ends") {
  auto behind = GENERATE(as<std::string>{}, "", "\x81\x02hi");
  fixture f;
  auto options = f.options();
  options.close_deadline = deadline;
  server node{std::move(options)};
  told ends;
  endpoint_handlers on;
  ends.listen(on);
  on.on_message = [](const raw_connection&, std::string_view, bool) {
    throw std::runtime_error{"thrown"};
  };
  (void)node.endpoint("/raw", std::move(on));
  node.start();
  auto client = member_of(node);

  client.send(masked_text("x"));
  client.await("internal");
  if (!behind.empty())
    client.send(behind);

  REQUIRE(comes([&] { return ends.has_ended(); }));
  node.stop();
  CHECK(ends.lines() == strings{"error thrown", "close 1011"});
}

/// Pins that messages which have come together with one that closes are dropped in the transport.
// Pins §13.12.
TEST_CASE("an endpoint that closes at a message is not told of those that came behind it") {
  fixture f;
  told ends;
  strings messages; // of the loop, until the server has stopped
  server node{f.options()};
  endpoint_handlers on;
  ends.listen(on);
  on.on_message = [&](const raw_connection& c, std::string_view message, bool) {
    messages.emplace_back(message);
    if (message == "close")
      c.close(1000, "bye");
    else
      c.send("heard");
  };
  (void)node.endpoint("/raw", std::move(on));
  node.start();
  auto client = member_of(node);
  client.send(masked_text("first"));
  client.await("heard"); // the connection is idle: it handles inline what comes next

  client.send(many(5, masked_text("close")));
  client.await("bye");
  client.send({"\x88\x82\0\0\0\0\x03\xe8", 8});

  REQUIRE(comes([&] { return ends.has_ended(); }));
  node.stop();
  CHECK(messages == strings{"first", "close"});
  CHECK(ends.lines() == strings{"close 1000"});
}

/// Sends one message that the kernel cannot take at once. It exceeds every bound of the output by
/// itself.
TEST_CASE("a socket ends once nothing can be written to it for the deadline, and not while it "
          "takes something") {
  constexpr auto patience = 1s;
  constexpr std::size_t message_bytes = 48'000'000, step_bytes = 2'000'000;
  fixture f;
  auto options = f.options();
  options.write_deadline = patience;
  server node{std::move(options)};
  told ends;
  endpoint_handlers on;
  ends.listen(on);
  on.on_open = [](const raw_connection& c) { c.send(std::string(message_bytes, 'x')); };
  (void)node.endpoint("/raw", std::move(on));
  node.start();
  raw_client client{node.port(), raw_client::upgrade_of("/raw")};

  std::size_t got = 0;
  for (auto until = steady_clock::now() + 2 * patience; steady_clock::now() < until;
       ::poll(nullptr, 0, 150))
    got += client.take(step_bytes);
  auto ended_early = ends.has_ended();
  auto stalled = steady_clock::now();
  REQUIRE(comes([&] { return ends.has_ended(); }, 5 * patience));
  auto took = steady_clock::now() - stalled;
  got += client.read_all().size();
  node.stop();

  CHECK(!ended_early);
  CHECK(took > patience / 2); // the client may have taken the last bytes a little earlier
  CHECK(got < message_bytes);
  CHECK(ends.lines() == strings{"error write_timeout", "close 1006"});
}

/// One client says half of a message, one reads nothing, and one does not answer the close frame.
// Pins §16.2.
TEST_CASE("deadlines of a connection that are 0 never end it") {
  constexpr std::size_t many_bytes = 16'000'000;
  auto options = quiet(1);
  options.assembly_deadline = options.write_deadline = options.close_deadline = 0ms;
  options.node.heartbeat.interval = 100ms;
  options.node.messages.max_message_bytes = many_bytes; // a ping fits behind that many
  told ends;
  server node{std::move(options)};
  endpoint_handlers on;
  ends.listen(on);
  on.on_message = [](const raw_connection& c, std::string_view message, bool) {
    if (message == "send")
      c.send(std::string(many_bytes, 'x'));
    else if (message == "close")
      c.close(1000, "bye");
    else
      c.send(message);
  };
  (void)node.endpoint("/raw", std::move(on));
  node.start();
  auto says_half = member_of(node), reads_nothing = member_of(node), stays = member_of(node);
  says_half.send({"\x01\x82\0\0\0\0he", 8});
  reads_nothing.send(masked_text("send"));
  stays.send(masked_text("close"));

  await_ping(node.port());
  says_half.send({"\x80\x82\0\0\0\0ld", 8});
  says_half.await("held");
  auto taken = reads_nothing.take(many_bytes);
  stays.send({"\x88\x82\0\0\0\0\x03\xe8", 8});

  CHECK(taken == many_bytes);
  REQUIRE(comes([&] { return ends.has_ended(); }));
  CHECK(ends.lines() == strings{"close 1000"});
}
