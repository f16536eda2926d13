// build/dev/bin/site_node --folder site --write-deadline 2s
// Serves the files of a folder, for static_files.test.mjs. Its rooms ask their members, for
// ask.test.mjs: see `quiz` and `/ask`.

#include "support/node_main.hpp"
#include "support/units.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace std::chrono_literals;

/// Asks who has sent `quiz` its `question`, with `limitMs`, and tells all what has come of it.
struct quiz final : troupe::room_behavior {
  quiz() {
    on("quiz", [](troupe::room_context& room, const troupe::member& from,
                  const troupe::application_message& m) {
      auto limit = std::chrono::milliseconds{m.fields.integer("limitMs").value_or(5000)};
      room.ask(from.key, {{"question", m.fields.string("question").value_or("")}}, limit,
               [](troupe::room_context& of, const troupe::request_result& r) {
                 of.broadcast("result",
                              {{"code", to_string(r.code)},
                               {"answer", troupe::raw_value{r.data.source(), r.data.bytes()}}});
               });
    });
  }
};

/// Asks a user of the room, and answers the request with what the user answers.
void ask(troupe::server& server, const troupe::http_request& request, troupe::http_reply reply) {
  auto room = server.room(request.param("room"));
  auto asked = room.ask(request.param("user"), {{"question", "from outside"}}, 3s,
                        [reply](const troupe::request_result& r) {
                          auto body =
                            r.code == troupe::errc::ok ? r.data.bytes() : to_string(r.code);
                          reply.send({200, "text/plain", std::string{body}});
                        });
  if (asked != troupe::publish_result::accepted)
    reply.send({503, "text/plain", "not asked"});
}

} // namespace

int main(int argc, char** argv) {
  std::string folder = ".";
  std::chrono::milliseconds deadline = troupe::server_options{}.write_deadline;
  troupe::examples::option_table more{
    {"folder", "FOLDER", "What is served", "a folder's name",
     [&](std::string_view text) { return !(folder = text).empty(); }},
    {"write-deadline", "TIME", "How long a client may take nothing", "a time",
     [&](std::string_view text) {
       auto time = troupe::examples::parse_duration(text);
       deadline = time.value_or(deadline);
       return time.has_value();
     }},
  };
  return troupe::examples::node_main(
    argc, argv, "site_node", "Serves the files of a folder.", {},
    [](troupe::server& server) {
      server.get("/page", [](const troupe::transport::http_request&) {
        return troupe::transport::http_response{200, "text/html", "<p>a page"};
      });
      server.rooms("quiz*", [](auto) { return std::make_unique<quiz>(); });
      server.route_later("GET", "/ask/:room/:user",
                         [&server](const troupe::http_request& request, troupe::http_reply reply) {
                           ask(server, request, std::move(reply));
                         });
    },
    std::move(more),
    [&](troupe::server_options& options) {
      options.static_folder = folder;
      options.write_deadline = deadline;
    });
}
