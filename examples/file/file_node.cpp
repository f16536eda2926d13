// build/release/bin/file_node --folder received --image picture.png
// Binary messages as the `ws` tutorial has them: what a client sends is kept in a folder, and who connects gets an image. Its page
// sends files.

#include "file/file_store.hpp"
#include "support/console.hpp"
#include "support/input_error.hpp"
#include "support/node_main.hpp"
#include "support/page_routes.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <any>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <system_error>

namespace {

constexpr std::size_t max_message_bytes = 16 * 1024 * 1024;
constexpr int max_pending_files = 16;

/// As long as a slow uplink takes for the biggest file.
std::chrono::milliseconds assembly_deadline(std::size_t max_bytes) {
  constexpr std::uint64_t slowest_bytes_per_second = 64 * 1024;
  if (max_bytes == 0) // no limit
    return std::chrono::hours{24};
  return std::chrono::seconds{10} + std::chrono::milliseconds{std::uint64_t{max_bytes} * 1000 / slowest_bytes_per_second};
}

/// Keeps what comes, on a thread of its own: a disk may be slow.
class receiver {
public:
  explicit receiver(std::filesystem::path folder) : store_(std::move(folder)) {}
  ~receiver() { writer_.join(); }

  void receive(const troupe::raw_connection& from, std::string_view bytes) {
    if (++pending_ > max_pending_files) {
      --pending_;
      from.send("파일 저장 실패: 잠시 후 다시 시도하세요");
      return;
    }
    auto name = std::any_cast<std::string>(&from.user_data());
    auto wanted = name ? std::exchange(*name, {}) : std::string{};
    boost::asio::post(writer_, [this, from, wanted, bytes = std::string{bytes}] {
      save(from, wanted, bytes);
      --pending_;
    });
  }

private:
  void save(const troupe::raw_connection& from, const std::string& wanted, const std::string& bytes) const {
    try {
      auto name = store_.save(wanted, bytes);
      troupe::examples::say("saved " + name + " (" + std::to_string(bytes.size()) + " bytes)");
      from.send("파일 수신 완료");
    } catch (const std::system_error& e) {
      troupe::examples::complain(std::string{"file_node: "} + e.what());
      from.send("파일 저장 실패");
    }
  }

  troupe::examples::file_store store_;
  std::atomic<int> pending_{0};
  boost::asio::thread_pool writer_{1};
};

/// A text names the file that comes next.
void take_name(const troupe::raw_connection& from, std::string_view text) { from.user_data() = std::string{text}; }

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::error_code ignored;
  std::ifstream in{path, std::ios::binary};
  if (!std::filesystem::is_regular_file(path, ignored) || !in)
    return {};
  return std::string{std::istreambuf_iterator<char>{in}, {}};
}

std::unique_ptr<receiver> receiver_in(const std::filesystem::path& folder) try {
  return std::make_unique<receiver>(folder);
} catch (const std::filesystem::filesystem_error&) {
  throw troupe::examples::input_error{"--folder: expected a folder that can be made or written to"};
}

} // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder = "received";
  std::optional<std::string> image;
  troupe::examples::option_table more{
    {"folder", "FOLDER", "Where received files go", "a folder's name",
     [&](std::string_view text) { return !(folder = text).empty(); },
     {}, false, folder.string()},
    {"image", "FILE", "An image that everybody is sent at once", "a file",
     [&](std::string_view text) { return (image = read_file(text)).has_value(); }},
  };
  troupe::server_options defaults;
  defaults.node.messages.max_message_bytes = max_message_bytes;
  std::unique_ptr<receiver> files;
  return troupe::examples::node_main(
    argc, argv, "file_node", "Keeps the files that clients send.", std::move(defaults),
    [&](troupe::server& server) {
      files = receiver_in(folder);
      troupe::endpoint_handlers on;
      on.on_open = [&](const troupe::raw_connection& c) {
        if (image)
          c.send_binary(*image);
      };
      on.on_message = [&](const troupe::raw_connection& c, std::string_view message, bool is_binary) {
        if (is_binary)
          files->receive(c, message);
        else
          take_name(c, message);
      };
      (void)server.endpoint("/", std::move(on));
      troupe::examples::add_page_routes(server, troupe::examples::embedded_page());
      troupe::examples::add_session_route(server);
    },
    std::move(more),
    [](troupe::server_options& options) {
      options.assembly_deadline = assembly_deadline(options.node.messages.max_message_bytes);
    });
}
