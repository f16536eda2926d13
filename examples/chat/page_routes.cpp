#include "page_routes.hpp"

#include "embedded_page.hpp"

#include <string>

namespace troupe::examples {

namespace {

std::string_view content_type_of(std::string_view path) {
  if (path.ends_with(".html"))
    return "text/html; charset=utf-8";
  if (path.ends_with(".css"))
    return "text/css; charset=utf-8";
  if (path.ends_with(".js") || path.ends_with(".mjs"))
    return "text/javascript; charset=utf-8";
  if (path.ends_with(".svg"))
    return "image/svg+xml";
  if (path.ends_with(".webmanifest") || path.ends_with(".json"))
    return "application/json";
  return "application/octet-stream";
}

transport::http_handler serve(const embedded_file& file) {
  return [&file](const transport::http_request&) {
    transport::http_response response;
    response.content_type = content_type_of(file.path);
    response.body = file.bytes;
    response.headers = {{"Cache-Control", "no-cache"},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Content-Security-Policy", "default-src 'self'; connect-src 'self' ws: wss:"}};
    return response;
  };
}

} // namespace

void add_page_routes(server& server) {
  for (auto& file : embedded_page()) {
    server.get('/' + std::string{file.path}, serve(file));
    if (file.path == "index.html")
      server.get("/", serve(file));
  }
}

} // namespace troupe::examples
