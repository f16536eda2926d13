#include "page_routes.hpp"

#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

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

/// Whether a `Host` can stand in a policy: a client chooses it, and must not add to the policy.
bool is_plain(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return c < 0x80
        && (std::isalnum(c) || std::string_view{"-._:[]"}.find(c) != std::string_view::npos);
  });
}

/// The page may load what is here, and connect to the host that it came from: browsers that are a
/// few years old do not count its WebSockets as 'self'.
std::string policy_for(std::string_view host) {
  std::string own{host};
  auto sockets = is_plain(host) ? " ws://" + own + " wss://" + own : std::string{};
  return "default-src 'self'; connect-src 'self'" + sockets
       + "; img-src 'self' blob:; frame-ancestors 'self'";
}

transport::http_handler serve(const embedded_file& file) {
  return [&file](const transport::http_request& request) {
    transport::http_response response;
    response.content_type = content_type_of(file.path);
    response.body = file.bytes;
    response.headers = {{"Cache-Control", "no-cache"},
                        {"Content-Security-Policy", policy_for(request.header("Host"))}};
    return response;
  };
}

} // namespace

void add_page_routes(server& server, std::span<const embedded_file> files) {
  for (auto& file : files) {
    server.get('/' + std::string{file.path}, serve(file));
    if (file.path == "index.html")
      server.get("/", serve(file));
  }
}

void add_session_route(server& server) {
  server.get("/session", [&server](const transport::http_request& request) {
    auto decision = server.authorize(request);
    transport::http_response response;
    response.status = decision.status == 0 ? 204 : decision.status;
    response.body = decision.text;
    response.headers = {{"Cache-Control", "no-store"}};
    if (decision.status == 401)
      response.headers.emplace_back("WWW-Authenticate", "Bearer");
    if (decision.retry_after_seconds > 0)
      response.headers.emplace_back("Retry-After", std::to_string(decision.retry_after_seconds));
    return response;
  });
}

} // namespace troupe::examples
