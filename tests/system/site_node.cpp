// build/dev/bin/site_node --folder site --write-deadline 2s
// Serves the files of a folder, for static_files.test.mjs.

#include "support/node_main.hpp"
#include "support/units.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <utility>

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
    },
    std::move(more),
    [&](troupe::server_options& options) {
      options.static_folder = folder;
      options.write_deadline = deadline;
    });
}
