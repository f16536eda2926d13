#include "http/http_router.hpp"

#include "http/http_message.hpp"
#include "text/http_text.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <utility>

namespace troupe::transport {

namespace {

constexpr std::string_view rest_of_path = "*";
/// Of a path: a longer one costs much to look for, whether there are files or routes.
constexpr std::ptrdiff_t most_segments = 128;

/// The parts between slashes; a path ends in an empty one if it ends in a slash.
std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> all;
  while (path.starts_with('/')) {
    path.remove_prefix(1);
    auto end = std::min(path.find('/'), path.size());
    all.emplace_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return all;
}

std::string joined(std::vector<std::string>::const_iterator from,
                   std::vector<std::string>::const_iterator to) {
  std::string text;
  for (auto i = from; i != to; ++i)
    text += (i == from ? "" : "/") + *i;
  return text;
}

bool matches(const std::vector<std::string>& pattern, const std::vector<std::string>& path,
             http_headers& params) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == rest_of_path && i + 1 == pattern.size()) {
      params.emplace_back(
        rest_of_path,
        joined(path.begin() + static_cast<std::ptrdiff_t>(std::min(i, path.size())), path.end()));
      return i <= path.size();
    }
    if (i >= path.size())
      return false;
    if (pattern[i].starts_with(':') && !path[i].empty())
      params.emplace_back(pattern[i].substr(1), path[i]);
    else if (pattern[i] != path[i])
      return false;
  }
  return pattern.size() == path.size();
}

bool is_probe(std::string_view path) {
  constexpr std::array<std::string_view, 3> paths{"/healthz", "/readyz", "/metrics"};
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

/// The methods that this server knows without any route.
bool is_known(std::string_view method) {
  constexpr std::array<std::string_view, 7> known{"GET",    "HEAD",  "POST",   "PUT",
                                                  "DELETE", "PATCH", "OPTIONS"};
  return std::find(known.begin(), known.end(), method) != known.end();
}

/// Tells what is allowed, and OPTIONS, to who asks for it, and to who has tried something else.
http_response allowing(http_router::method_list methods, const http_request& request) {
  http_response r;
  r.status = 204;
  if (request.method != "OPTIONS")
    r = plain_answer(405, "This method is not allowed here.");
  methods.add("OPTIONS");
  r.headers = {{"Allow", methods.text()}};
  return r;
}

/// Answers the preflight of a page of another origin.
http_response allow_to_pages(const http_request& preflight, const std::string& methods) {
  http_response response;
  response.status = 204;
  response.headers = {{"Access-Control-Allow-Methods", methods}, {"Access-Control-Max-Age", "600"}};
  if (auto wanted = preflight.header("Access-Control-Request-Headers"); !wanted.empty())
    response.headers.emplace_back("Access-Control-Allow-Headers", wanted);
  return response;
}

} // namespace

void http_router::method_list::add(std::string_view method) {
  if (std::find(listed_.begin(), listed_.end(), method) != listed_.end())
    return;
  listed_.push_back(method);
  text_.append(text_.empty() ? "" : ", ").append(method);
  if (method == "GET")
    add("HEAD");
}

bool http_router::route::is_literal() const {
  return std::none_of(pattern.begin(), pattern.end(),
                      [](auto& s) { return s.starts_with(':') || s == rest_of_path; });
}

/// Whether both stand for the same requests; the names of segments do not matter.
bool http_router::route::is_of_the_same(const route& other) const {
  auto same = [](const std::string& a, const std::string& b) {
    return a == b || (a.starts_with(':') && b.starts_with(':'));
  };
  return method == other.method
      && std::equal(pattern.begin(), pattern.end(), other.pattern.begin(), other.pattern.end(),
                    same);
}

/// Whether it takes every request that `other` stands for.
bool http_router::route::covers(const route& other) const {
  if (method != other.method)
    return false;
  auto to = other.pattern.begin();
  for (auto& s : pattern) {
    if (s == rest_of_path)
      return true;
    if (to == other.pattern.end() || *to == rest_of_path)
      return false;
    if (s.starts_with(':') ? to->empty() : s != *to)
      return false;
    ++to;
  }
  return to == other.pattern.end();
}

void http_router::insert(route r, const std::string& pattern) {
  auto fail = [&](const char* why) {
    throw std::invalid_argument{"route(\"" + r.method + "\", \"" + pattern + "\"): " + why};
  };
  if (probes_.shown && is_probe(pattern))
    fail("the server answers this path itself");
  if (std::any_of(routes_.begin(), routes_.end(),
                  [&](const route& other) { return r.is_of_the_same(other); }))
    fail("there is one of these paths already");
  auto behind_literals =
    std::find_if(routes_.begin(), routes_.end(), [](auto& other) { return !other.is_literal(); });
  routes_.insert(r.is_literal() ? behind_literals : routes_.end(), std::move(r));
}

bool http_router::hides(const std::string& method, const std::string& pattern) const {
  const route late{method, segments_of(pattern), {}};
  auto hides_it = [&](const route& r) { return r.covers(late) && !r.is_of_the_same(late); };
  return !late.is_literal() && std::any_of(routes_.begin(), routes_.end(), hides_it);
}

bool http_router::hides_files(const std::string& method, const std::string& pattern) const {
  const route all_files{"GET", {std::string{rest_of_path}}, {}};
  return files_ && route{method, segments_of(pattern), {}}.covers(all_files);
}

void http_router::add(std::string method, const std::string& pattern, http_handler handler) {
  insert({std::move(method), segments_of(pattern), std::move(handler)}, pattern);
}

void http_router::add_late(std::string method, const std::string& pattern,
                           late_http_handler handler) {
  insert({std::move(method), segments_of(pattern), std::move(handler)}, pattern);
}

const http_router::route* http_router::find(std::string_view method, http_request& request) const {
  auto path = segments_of(request.path);
  for (auto& r : routes_) {
    http_headers params;
    if (r.method == method && matches(r.pattern, path, params)) {
      request.params = std::move(params);
      return &r;
    }
  }
  return nullptr;
}

http_router::outcome http_router::answer(http_request& request) const {
  if (!is_implemented(request.method))
    return plain_answer(501, "This server does not know that method.");
  if (request.path == whole_server)
    return allowing(all_methods(), request);
  if (std::count(request.path.begin(), request.path.end(), '/') > most_segments)
    return plain_answer(404, "There is nothing here.");
  if (auto probe = built_in(request))
    return std::move(*probe);
  if (is_preflight(request))
    return answer_without_route(request);
  auto* r = find(request.method, request);
  if (!r && request.method == "HEAD")
    r = find("GET", request);
  if (r) {
    if (auto* handler = std::get_if<http_handler>(&r->handler))
      return (*handler)(request);
    return std::get<late_http_handler>(r->handler);
  }
  return answer_without_route(request);
}

/// From a file, or as it is said whether there is one. That is looked up later, since it may take
/// time; all that the router says is said now.
http_router::outcome http_router::answer_without_route(const http_request& request) const {
  auto otherwise = answer_with_methods(request, false);
  if (!files_)
    return otherwise;
  if (request.method == "GET" || request.method == "HEAD")
    return file_handler{[files = files_, otherwise](const http_request& r, http_time now) {
      auto file = files->serve(r, now);
      return file ? std::move(*file) : http_answer{otherwise};
    }};
  auto if_there = answer_with_methods(request, true);
  return file_handler{[files = files_, if_there, otherwise](const http_request& r, http_time) {
    return http_answer{files->has(r.path) ? if_there : otherwise};
  }};
}

/// Tells what is allowed at a path, where no handler and no file answers.
http_response http_router::answer_with_methods(const http_request& request, bool has_file) const {
  auto methods = allowed_methods(request, has_file);
  if (!methods.text().empty())
    return is_preflight(request) ? allow_to_pages(request, methods.text())
                                 : allowing(std::move(methods), request);
  auto asks_for_server = request.path == "/" && request.method == "OPTIONS";
  return asks_for_server ? allowing(all_methods(), request)
                         : plain_answer(404, "There is nothing here.");
}

bool http_router::is_implemented(std::string_view method) const {
  return is_known(method)
      || std::any_of(routes_.begin(), routes_.end(), [&](auto& r) { return r.method == method; });
}

http_router::method_list http_router::all_methods() const {
  method_list list;
  list.add("GET");
  for (auto& r : routes_)
    list.add(r.method);
  return list;
}

/// The methods that have a route at the request's path, or a file.
http_router::method_list http_router::allowed_methods(const http_request& request,
                                                      bool has_file) const {
  method_list list;
  if (has_file)
    list.add("GET");
  auto path = segments_of(request.path);
  for (auto& r : routes_) {
    http_headers params;
    if (matches(r.pattern, path, params))
      list.add(r.method);
  }
  return list;
}

std::optional<http_response> http_router::built_in(const http_request& request) const {
  if (!probes_.shown || !is_probe(request.path))
    return std::nullopt;
  if (request.method != "GET" && request.method != "HEAD") {
    method_list list;
    list.add("GET");
    return allowing(std::move(list), request);
  }
  if (request.path == "/healthz")
    return plain_answer(200, "ok");
  if (request.path == "/metrics")
    return figures(request);
  if (!probes_.ready->load(std::memory_order_relaxed))
    return plain_answer(503, "stopping");
  return probes_.node->overloaded() ? plain_answer(503, "overloaded") : plain_answer(200, "ready");
}

/// Makes none for HEAD.
http_response http_router::figures(const http_request& request) const {
  http_response response;
  response.content_type = probes_.metrics_type;
  if (request.method != "HEAD")
    response.body = probes_.metrics();
  return response;
}

// -- CORS (Fetch standard, 3.2) -------------------------------------------------------------------

bool http_router::is_cors_origin(std::string_view origin) const {
  return !origin.empty() && std::any_of(cors_origins_.begin(), cors_origins_.end(), [&](auto& o) {
    return o == "*" || o == origin;
  });
}

bool http_router::is_preflight(const http_request& request) const {
  return request.method == "OPTIONS" && !request.header("Access-Control-Request-Method").empty()
      && is_cors_origin(request.header("Origin"));
}

void http_router::allow_origin(const http_request& request, http_response& response) const {
  if (cors_origins_.empty())
    return;
  response.headers.emplace_back("Vary", "Origin");
  constexpr std::string_view allow = "Access-Control-Allow-Origin"; // the handler's goes before
  if (auto origin = request.header("Origin");
      is_cors_origin(origin) && !has_header(response.headers, allow))
    response.headers.emplace_back(allow, origin);
}

} // namespace troupe::transport
