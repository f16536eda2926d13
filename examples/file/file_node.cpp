// build/release/bin/file_node --folder received --image picture.png
// Binary messages as in the `ws` tutorial: keeps what clients send in a folder, and sends an image
// to each client that connects. Its page sends files.
//
// A text of at most 1 KiB names the binary message that follows. 16 files and 64 MiB (or two of the
// largest that `--max-message-bytes` allows) may wait for the disk. An address has at most 11 of
// these places and a client 8; the rest is for others. Each message gets at most one answer.

#include "file/address_share.hpp"
#include "file/file_store.hpp"
#include "file/upload_writer.hpp"
#include "support/console.hpp"
#include "support/input_error.hpp"
#include "support/node_main.hpp"
#include "support/page_routes.hpp"

#include <troupe/protocol/observe.hpp>

#include <algorithm>
#include <any>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace {

using troupe::examples::file_store;
using troupe::examples::share_of;
using troupe::examples::upload;
using troupe::examples::upload_line;
using troupe::examples::upload_writer;

constexpr std::size_t max_message_bytes = 16 * 1024 * 1024;
// as sent, with the path that some clients put in front
constexpr std::size_t max_name_bytes = 1024;

/// The time that a slow uplink takes for the largest file.
std::chrono::milliseconds assembly_deadline(std::size_t max_bytes) {
  constexpr std::uint64_t slowest_bytes_per_second = 64 * 1024;
  if (max_bytes == 0) // no limit
    return std::chrono::hours{24};
  return std::chrono::seconds{10}
       + std::chrono::milliseconds{std::uint64_t{max_bytes} * 1000 / slowest_bytes_per_second};
}

/// The bounds of what waits for the disk: always enough bytes for two of the largest files.
upload_line::limits line_limits(std::size_t max_bytes) {
  upload_line::limits limits;
  limits.bytes = std::max(limits.bytes, 2 * max_bytes);
  return limits;
}

/// The page recognises a received file by this text.
constexpr std::string_view received = "파일 수신 완료";
constexpr std::string_view not_saved = "파일 저장 실패";
constexpr std::string_view try_later = "파일 저장 실패: 잠시 후 다시 시도하세요";
constexpr std::string_view name_too_long = "파일 이름이 너무 깁니다";

/// Writes one file; returns a function that tells the console and the client.
std::function<void()> save(const file_store& store, const upload& file) try {
  auto name = store.save(file.name, file.bytes);
  return [answer = file.answer,
          line = "saved " + name + " (" + std::to_string(file.bytes.size()) + " bytes)"] {
    troupe::examples::say(line);
    answer(received);
  };
} catch (const std::exception& e) {
  return [answer = file.answer, line = "file_node: " + troupe::protocol::escape_for_log(e.what())] {
    troupe::examples::complain(line);
    answer(not_saved);
  };
}

/// What a connection keeps between two messages.
struct sender {
  std::uint64_t id = 0;
  std::string next_name; ///< of the next file, made safe; empty if the client has named none
};

/// Takes the names and files that clients send.
class receiver {
public:
  receiver(const std::filesystem::path& folder, upload_line::limits limits)
    : writer_(limits,
              [store = file_store{folder}](const upload& file) { return save(store, file); }) {}

  void welcome(const troupe::raw_connection& from) { from.user_data() = sender{++last_id_, {}}; }

  /// A text names the file that comes next.
  void take_name(const troupe::raw_connection& from, std::string_view text) {
    auto is_name = text.size() <= max_name_bytes;
    sender_of(from).next_name = is_name ? troupe::examples::safe_file_name(text) : std::string{};
    if (!is_name)
      from.send(name_too_long);
  }

  void take_file(const troupe::raw_connection& from, std::string_view bytes) {
    auto& who = sender_of(from);
    upload file{share_of(from.request().remote_address), who.id, who.next_name, std::string{bytes},
                [from](std::string_view text) { from.send(text); }};
    if (writer_.offer(std::move(file)))
      who.next_name.clear();
    else
      from.send(try_later);
  }

  /// Writes or drops the waiting files within `time`; answers nobody after that.
  void finish(std::chrono::milliseconds time) { writer_.finish(time); }

private:
  static sender& sender_of(const troupe::raw_connection& c) {
    return std::any_cast<sender&>(c.user_data());
  }

  std::atomic<std::uint64_t> last_id_{0};
  upload_writer writer_;
};

std::optional<troupe::shared_message> image_in(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    return {}; // reading a pipe might block
  std::ifstream in{path, std::ios::binary};
  if (!in)
    return {};
  return troupe::shared_message::binary(std::string{std::istreambuf_iterator<char>{in}, {}});
}

std::unique_ptr<receiver> receiver_in(const std::filesystem::path& folder,
                                      upload_line::limits limits) try {
  return std::make_unique<receiver>(folder, limits);
} catch (const std::filesystem::filesystem_error&) {
  throw troupe::examples::input_error{"--folder: expected a folder that can be made or written to"};
}

troupe::endpoint_handlers handlers(receiver& files,
                                   const std::optional<troupe::shared_message>& image,
                                   std::chrono::milliseconds time_to_finish) {
  troupe::endpoint_handlers on;
  on.on_open = [&files, image](const troupe::raw_connection& c) {
    files.welcome(c);
    if (image)
      c.send(*image);
  };
  on.on_message = [&files](const troupe::raw_connection& c, std::string_view message,
                           bool is_binary) {
    if (is_binary)
      files.take_file(c, message);
    else
      files.take_name(c, message);
  };
  on.on_stop = [&files, time_to_finish] { files.finish(time_to_finish); };
  return on;
}

} // namespace

int main(int argc, char** argv) {
  std::filesystem::path folder = "received";
  std::optional<troupe::shared_message> image;
  troupe::examples::option_table more{
    {"folder",
     "FOLDER",
     "Where received files go",
     "a folder's name",
     [&](std::string_view text) { return !(folder = text).empty(); },
     {},
     false,
     folder.string()},
    {"image", "FILE", "An image that everybody is sent at once", "a file",
     [&](std::string_view text) { return (image = image_in(text)).has_value(); }},
  };
  troupe::server_options defaults;
  defaults.node.messages.max_message_bytes = max_message_bytes;
  std::size_t max_bytes = 0;
  std::chrono::milliseconds time_to_finish{};
  // outlives the server: answers nobody once `on_stop` has run
  std::unique_ptr<receiver> files;
  return troupe::examples::node_main(
    argc, argv, "file_node", "Keeps the files that clients send.", std::move(defaults),
    [&](troupe::server& server) {
      files = receiver_in(folder, line_limits(max_bytes));
      (void)server.endpoint("/", handlers(*files, image, time_to_finish));
      troupe::examples::add_page_routes(server, troupe::examples::embedded_page());
      troupe::examples::add_session_route(server);
    },
    std::move(more),
    [&](troupe::server_options& options) {
      max_bytes = options.node.messages.max_message_bytes;
      options.assembly_deadline = assembly_deadline(max_bytes);
      time_to_finish =
        std::min<std::chrono::milliseconds>(options.drain_timeout / 4, std::chrono::seconds{2});
    });
}
