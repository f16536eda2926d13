#include <utility>

#include "http_session.hpp"

#include <boost/asio/write.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <array>

namespace troupe::transport {

namespace http = boost::beast::http;
namespace beast = boost::beast;
using boost::system::error_code;

std::string_view http_request::header(std::string_view name) const noexcept {
  for (auto& [key, value] : headers)
    if (beast::iequals({key.data(), key.size()}, {name.data(), name.size()}))
      return value;
  return {};
}

namespace {

std::string_view view(beast::string_view s) { return {s.data(), s.size()}; }

http_response plain(unsigned status, std::string_view text) {
  http_response r;
  r.status = status;
  r.body = std::string{text} + "\n";
  return r;
}

http_response not_allowed(std::string methods) {
  auto r = plain(405, "This method is not allowed here.");
  r.headers = {{"Allow", std::move(methods)}};
  return r;
}

http_request read_from(const http_request_message& m, std::string path) {
  http_request r;
  r.method = view(m.method_string());
  r.target = view(m.target());
  r.path = std::move(path);
  for (auto& f : m)
    r.headers.emplace_back(view(f.name_string()), view(f.value()));
  r.body = m.body();
  return r;
}

} // namespace

http_session::http_session(tcp::socket&& socket, actors::event_loop& loop, http_settings& settings, http_session_set& set,
                           socket_share share)
  : socket_(std::move(socket)), loop_(loop), settings_(settings), set_(set), share_(std::move(share)) {
  buffer_.max_size(settings.max_header_bytes + settings.max_body_bytes);
  set_.insert(this);
}

http_session::~http_session() { set_.erase(this); }

void http_session::start() { read_request(); }

void http_session::end() {
  error_code ignored; // it goes, whatever the answer
  socket_.close(ignored);
  deadline_.cancel();
}

// -- requests -------------------------------------------------------------------------------------------------------------

void http_session::read_request() {
  parser_ = std::make_unique<parser>();
  parser_->header_limit(static_cast<std::uint32_t>(settings_.max_header_bytes));
  parser_->body_limit(settings_.max_body_bytes);
  loop_.arm(deadline_, settings_.request_deadline);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](error_code ec, std::size_t) { self->on_header(ec); });
}

void http_session::on_header(error_code ec) {
  if (!socket_.is_open())
    return;
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow)
    return refuse(431, "The headers are too large.", "headers");
  if (ec == http::error::end_of_stream || ec == http::error::partial_message || ec == boost::asio::error::connection_reset)
    return end();
  if (ec)
    return refuse(400, "This is no HTTP request.", "request");
  auto& request = parser_->get();
  if (static_cast<std::size_t>(std::distance(request.begin(), request.end())) > settings_.max_headers)
    return refuse(431, "There are too many headers.", "headers");
  if (wants_upgrade(request))
    return upgrade();
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](error_code e, std::size_t) { self->on_body(e); });
}

void http_session::on_body(error_code ec) {
  if (!socket_.is_open())
    return;
  if (ec == http::error::body_limit)
    return refuse(413, "The body is too large.", "body");
  if (ec)
    return refuse(400, "This is no HTTP request.", "request");
  auto request = parser_->release();
  answer(request);
}

// -- upgrade --------------------------------------------------------------------------------------------------------------

void http_session::upgrade() {
  auto request = std::make_shared<http_request_message>(parser_->release());
  auto verdict = check_upgrade(*request, settings_.origins);
  if (verdict.status != 101) {
    std::vector<std::pair<std::string, std::string>> headers;
    if (verdict.status == 426)
      headers.emplace_back("Sec-WebSocket-Version", "13");
    return refuse(verdict.status, verdict.reason, verdict.label, std::move(headers));
  }
  if (decode_path(view(request->target())) != settings_.websocket_path)
    return refuse(404, "There is no WebSocket at this path.", "path");
  if (!settings_.ready.load(std::memory_order_relaxed))
    return refuse(503, "This server is stopping.", "draining", {{"Retry-After", "5"}});
  if (settings_.sessions.node->overloaded())
    return refuse(503, "This server is overloaded.", "overloaded", {{"Retry-After", "5"}});
  error_code ec;
  auto peer = socket_.remote_endpoint(ec);
  if (ec)
    return end();
  auto lease = admission::admit(settings_.admissions, peer.address(), loop_.now());
  if (!lease)
    return refuse(503, "There are too many connections.", lease.error().reason,
                  {{"Retry-After", std::to_string(lease.error().retry_after_seconds)}});
  deadline_.cancel();
  std::string leftover{static_cast<const char*>(buffer_.data().data()), buffer_.size()};
  actors::connection_info info;
  info.encoding = verdict.encoding;
  std::make_shared<websocket_session>(std::move(socket_), loop_, settings_.sessions, std::move(*lease),
                                      std::move(share_))
    ->start(std::move(request), std::move(verdict.subprotocol), std::move(info), std::move(leftover));
}

// -- answers --------------------------------------------------------------------------------------------------------------

void http_session::answer(const http_request_message& request) {
  auto head = request.method() == http::verb::head;
  auto path = decode_path(view(request.target()));
  http_response response;
  if (!path) {
    response = plain(400, "The path is malformed.");
  } else {
    try {
      response = respond(read_from(request, *path));
    } catch (const std::exception& e) {
      settings_.sessions.log->write(protocol::log_level::error, "http", e.what());
      settings_.sessions.counters->count(protocol::counter::handler_errors, "http");
      response = plain(500, "This server has failed.");
    }
  }
  send(std::move(response), head, request.keep_alive() && settings_.ready.load(std::memory_order_relaxed));
}

http_response http_session::respond(const http_request& request) {
  bool found = false;
  auto response = built_in(request, found);
  if (found)
    return response;
  auto method = request.method == "HEAD" ? std::string{"GET"} : request.method;
  if (auto i = settings_.routes.find({method, request.path}); i != settings_.routes.end())
    return i->second(request);
  auto file = settings_.files ? settings_.files->find(request.path) : std::nullopt;
  if (file && method == "GET")
    return *file;
  auto allowed = file ? std::string{"GET, HEAD"} : allowed_methods(request.path);
  return allowed.empty() ? plain(404, "There is nothing here.") : not_allowed(allowed);
}

/// The methods that have a route at `path`, as `Allow` lists them.
std::string http_session::allowed_methods(std::string_view path) const {
  std::string list;
  for (auto& [key, handler] : settings_.routes) {
    auto& [method, at] = key;
    if (at == path)
      list += (list.empty() ? "" : ", ") + method + (method == "GET" ? ", HEAD" : "");
  }
  return list;
}

http_response http_session::built_in(const http_request& request, bool& found) {
  constexpr std::array<std::string_view, 3> paths{"/healthz", "/readyz", "/metrics"};
  found = std::find(paths.begin(), paths.end(), request.path) != paths.end();
  if (!found)
    return {};
  if (request.method != "GET" && request.method != "HEAD")
    return not_allowed("GET, HEAD");
  if (request.path == "/healthz")
    return plain(200, "ok");
  if (request.path == "/readyz") {
    if (!settings_.ready.load(std::memory_order_relaxed))
      return plain(503, "stopping");
    return settings_.sessions.node->overloaded() ? plain(503, "overloaded") : plain(200, "ready");
  }
  auto response = plain(200, {});
  response.content_type = "text/plain; version=0.0.4";
  response.body = settings_.counts->text(settings_.sessions.node->stats());
  return response;
}

void http_session::refuse(unsigned status, std::string_view reason, std::string_view label,
                          std::vector<std::pair<std::string, std::string>> headers) {
  settings_.sessions.counters->count(protocol::counter::handshakes_rejected, label);
  auto response = plain(status, reason);
  response.headers = std::move(headers);
  send(std::move(response), false, false);
}

void http_session::send(http_response response, bool head, bool keep_alive) {
  auto m = std::make_shared<http::response<http::string_body>>();
  m->version(11);
  m->result(response.status);
  m->set(http::field::content_type, response.content_type);
  for (auto& [name, value] : response.headers)
    m->insert(name, value);
  m->keep_alive(keep_alive);
  m->content_length(response.body.size());
  if (!head)
    m->body() = std::move(response.body);
  loop_.arm(deadline_, settings_.request_deadline);
  auto serializer = std::make_shared<http::response_serializer<http::string_body>>(*m);
  serializer->split(head);
  auto done = [self = shared_from_this(), m, serializer, keep_alive](error_code ec, std::size_t) {
    if (!ec && keep_alive)
      self->read_request();
    else
      self->finish();
  };
  if (head)
    http::async_write_header(socket_, *serializer, std::move(done));
  else
    http::async_write(socket_, *serializer, std::move(done));
}

/// Ends the output; the peer's rest is thrown away until it ends or the deadline, so that it can read the answer.
void http_session::finish() {
  error_code ec;
  socket_.shutdown(tcp::socket::shutdown_send, ec);
  if (ec)
    return end();
  socket_.non_blocking(true, ec);
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](error_code e) {
    char buffer[16 * 1024];
    for (int i = 0; !e && i < 16; ++i)
      self->socket_.read_some(boost::asio::buffer(buffer), e);
    if (!e || e == boost::asio::error::would_block)
      self->finish();
    else
      self->end();
  });
}

} // namespace troupe::transport
