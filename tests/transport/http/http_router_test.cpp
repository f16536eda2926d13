#include <utility>

#include "http/http_router.hpp"

#include "node/manual_node.hpp"
#include "node/site.hpp"
#include "text/http_text.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <stdexcept>

using namespace troupe;
using namespace troupe::transport;
using troupe::test::site;
namespace fs = std::filesystem;

namespace {

/// A router without probes, and what it answers.
struct routes {
  routes() { router.set_probes({.shown = false}); }

  /// Adds a route that answers with its name and its parameters.
  routes& add(const char* method, const char* pattern, const std::string& name = "here") {
    router.add(method, pattern, [name](const http_request& r) {
      http_response response;
      response.body = name;
      for (auto& [key, value] : r.params)
        response.body += ' ' + key + '=' + value;
      return response;
    });
    return *this;
  }

  /// Asks the router as the session does: the path is the decoded path of the target.
  [[nodiscard]] http_response ask(std::string method, const std::string& target,
                                  http_headers headers = {}) const {
    http_request request;
    request.method = std::move(method);
    request.target = target;
    request.path = target == whole_server ? target : decode_path(target).value();
    request.headers = std::move(headers);
    auto outcome = router.answer(request);
    if (auto* file = std::get_if<http_router::file_handler>(&outcome))
      return (*file)(request, site::now).response;
    return std::get<http_response>(outcome);
  }

  [[nodiscard]] std::string get(const std::string& target) const {
    auto response = ask("GET", target);
    return response.status == 200 ? response.body : std::to_string(response.status);
  }

  http_router router;
};

std::string header(const http_response& response, std::string_view name) {
  auto found = std::find_if(response.headers.begin(), response.headers.end(),
                            [&](auto& h) { return h.first == name; });
  return found == response.headers.end() ? "none" : found->second;
}

} // namespace

// -- paths ----------------------------------------------------------------------------------------

TEST_CASE("a path is matched whole, and case counts") {
  routes r;
  r.add("GET", "/").add("GET", "/a/b");

  CHECK(r.get("/") == "here");
  CHECK(r.get("/a/b") == "here");
  CHECK(r.get("/a/b?x=1#y") == "here");
  for (auto target :
       {"/a", "/a/", "/a/b/c", "/b", "/A/b", "/a/bb", "/aa/b", "//a/b", "/a//b", "//"}) {
    INFO(target);
    CHECK(r.get(target) == "404");
  }
}

// Pins §16.53.
TEST_CASE("a path of many segments is not looked for") {
  routes r;
  r.add("GET", "/*");
  auto of = [](int segments) {
    std::string path;
    for (; segments > 0; --segments)
      path += "/a";
    return path;
  };

  CHECK(r.get(of(128)).starts_with("here"));
  CHECK(r.get(of(129)) == "404");
}

TEST_CASE("a slash at the end is part of the path") {
  routes r;
  r.add("GET", "/with/", "with").add("GET", "/without", "without").add("GET", "/users/:id", "user");

  CHECK(r.get("/with/") == "with");
  CHECK(r.get("/with") == "404");
  CHECK(r.get("/without") == "without");
  CHECK(r.get("/without/") == "404");
  CHECK(r.get("/users/7/") == "404");
}

TEST_CASE("a name stands for one segment, wherever it is") {
  routes r;
  r.add("GET", "/users/:id").add("GET", "/users/:id/posts/:post").add("GET", "/:a/:b/:c");

  CHECK(r.get("/users/7") == "here id=7");
  CHECK(r.get("/users/7/posts/9") == "here id=7 post=9");
  CHECK(r.get("/x/y/z") == "here a=x b=y c=z");
  CHECK(r.get("/users") == "404");
  CHECK(r.get("/users/7/posts/9/x") == "404");
}

TEST_CASE("a star at the end stands for the rest, nothing included") {
  routes r;
  r.add("GET", "/files/*").add("GET", "/rooms/:room/*");

  CHECK(r.get("/files/a/b.txt") == "here *=a/b.txt");
  CHECK(r.get("/files/a/") == "here *=a/");
  CHECK(r.get("/files/") == "here *=");
  CHECK(r.get("/files") == "here *=");
  CHECK(r.get("/rooms/r/x/y") == "here room=r *=x/y");
  CHECK(r.get("/file") == "404");
}

TEST_CASE("what a pattern stands for is decoded, once") {
  routes r;
  r.add("GET", "/users/:id").add("GET", "/files/*", "file");

  CHECK(r.get("/users/a%20b") == "here id=a b");
  CHECK(r.get("/users/a+b") == "here id=a+b");
  CHECK(r.get("/users/%ED%95%9C") == "here id=한");
  CHECK(r.get("/users/%2525") == "here id=%25");
  CHECK(r.get("/users/a%3Fb%23c") == "here id=a?b#c");
  CHECK(r.get("/%75sers/7") == "here id=7");
  CHECK(r.get("/files/%2e%2e/x") == "file *=../x");
}

TEST_CASE("an encoded slash separates as a plain one does") {
  routes r;
  r.add("GET", "/users/:id").add("GET", "/files/*", "file");

  CHECK(r.get("/users/a%2Fb") == "404");
  CHECK(r.get("/files/a%2Fb") == "file *=a/b");
}

TEST_CASE("a request that matches one pattern keeps nothing of those that nearly did") {
  routes r;
  r.add("GET", "/:a/:b/x", "first").add("GET", "/:c/:d/y", "second");

  CHECK(r.get("/1/2/y") == "second c=1 d=2");
}

// -- precedence -----------------------------------------------------------------------------------

TEST_CASE("a path without names goes before patterns, in whatever order they were given") {
  routes r;
  r.add("GET", "/*", "rest").add("GET", "/users/:id", "user").add("GET", "/users/me", "me");

  CHECK(r.get("/users/me") == "me");
  CHECK(r.get("/users/7") == "rest *=users/7"); // of patterns the first one given answers
}

TEST_CASE("of two patterns the one given first answers") {
  routes r;
  r.add("GET", "/:kind/7", "first").add("GET", "/users/:id", "second");

  CHECK(r.get("/users/7") == "first kind=users");
  CHECK(r.get("/users/8") == "second id=8");
}

TEST_CASE("two routes for the same requests are refused, and the first stays") {
  routes r;
  r.add("GET", "/a", "first")
    .add("POST", "/a", "post")
    .add("GET", "/users/:id", "user")
    .add("GET", "/files/*", "rest");
  auto again = GENERATE("/a", "/users/:id", "/users/:name", "/files/*");

  CHECK_THROWS_AS(r.add("GET", again, "second"), std::invalid_argument);

  CHECK(r.get("/a") == "first");
  CHECK(r.get("/users/7") == "user id=7");
  CHECK(r.ask("POST", "/a").body == "post");
  CHECK(header(r.ask("PUT", "/a"), "Allow") == "GET, HEAD, POST, OPTIONS");
}

// -- methods --------------------------------------------------------------------------------------

TEST_CASE("each method has its own route; what has none is 405 with those there are") {
  routes r;
  r.add("GET", "/users/:id", "get").add("POST", "/users/:id", "post");

  CHECK(r.ask("GET", "/users/7").body == "get id=7");
  CHECK(r.ask("POST", "/users/7").body == "post id=7");
  for (auto method : {"PUT", "DELETE", "PATCH"}) {
    auto response = r.ask(method, "/users/7");
    INFO(method);
    CHECK(response.status == 405);
    CHECK(header(response, "Allow") == "GET, HEAD, POST, OPTIONS");
  }
  CHECK(r.ask("PUT", "/nowhere").status == 404);
  CHECK(header(r.ask("PUT", "/nowhere"), "Allow") == "none");
}

TEST_CASE("a method that HTTP does not name and no route has is not implemented, wherever") {
  routes r;
  r.add("PURGE", "/a");

  for (auto method : {"get", "BREW", "TRACE", ""}) {
    CHECK(r.ask(method, "/a").status == 501);
    CHECK(r.ask(method, "/nowhere").status == 501);
  }
  CHECK(r.ask("PURGE", "/a").status == 200);
  CHECK(r.ask("PURGE", "/nowhere").status == 404);
  CHECK(header(r.ask("PUT", "/a"), "Allow") == "PURGE, OPTIONS");
}

TEST_CASE("OPTIONS is told what is allowed, at a path or in all, unless a route answers it") {
  routes r;
  r.add("GET", "/a").add("PUT", "/b").add("OPTIONS", "/b", "mine");
  auto allowed = [&](const char* target) {
    auto response = r.ask("OPTIONS", target);
    CHECK(response.status == 204);
    return header(response, "Allow");
  };

  CHECK(allowed("/a") == "GET, HEAD, OPTIONS");
  CHECK(allowed("*") == "GET, HEAD, PUT, OPTIONS");
  CHECK(allowed("/") == "GET, HEAD, PUT, OPTIONS"); // a bare health check asks there
  CHECK(r.ask("OPTIONS", "/b").body == "mine");
  CHECK(r.ask("OPTIONS", "/nowhere").status == 404);
  CHECK(header(r.ask("POST", "/b"), "Allow") == "PUT, OPTIONS");
  r.add("OPTIONS", "/alone");
  CHECK(r.ask("GET", "/alone").status == 405);
  CHECK(header(r.ask("GET", "/alone"), "Allow") == "OPTIONS");
  r.add("GET", "/");
  CHECK(allowed("/") == "GET, HEAD, OPTIONS");
}

TEST_CASE("a GET where only others are allowed is 405, too") {
  routes r;
  r.add("POST", "/a");

  CHECK(r.ask("GET", "/a").status == 405);
  CHECK(r.ask("HEAD", "/a").status == 405);
  CHECK(header(r.ask("GET", "/a"), "Allow") == "POST, OPTIONS");
}

TEST_CASE("Allow names each method once, however many routes match") {
  routes r;
  r.add("GET", "/users/me")
    .add("GET", "/users/:id")
    .add("GET", "/*")
    .add("HEAD", "/users/me")
    .add("PUT", "/users/:id");
  r.add("HEAD", "/users/you").add("GET", "/users/you");

  CHECK(header(r.ask("POST", "/users/me"), "Allow") == "GET, HEAD, PUT, OPTIONS");
  CHECK(header(r.ask("POST", "/users/you"), "Allow") == "HEAD, GET, PUT, OPTIONS");
}

TEST_CASE("a HEAD is answered by the GET unless it has a route of its own") {
  routes r;
  r.add("GET", "/a", "get").add("GET", "/b", "get").add("HEAD", "/b", "head");

  CHECK(r.ask("HEAD", "/a").body == "get");
  CHECK(r.ask("HEAD", "/b").body == "head");
  CHECK(r.ask("HEAD", "/c").status == 404);
}

TEST_CASE("a late handler is handed out to whoever asked") {
  http_router router;
  router.set_probes({.shown = false});
  router.add_late("GET", "/later/:id", [](const http_request&, http_reply) {});
  http_request request{"GET", "/later/7", "/later/7", {}, {}, {}};

  CHECK(std::holds_alternative<late_http_handler>(router.answer(request)));
  CHECK(request.param("id") == "7");
}

TEST_CASE("what a handler throws reaches the caller") {
  routes r;
  r.router.add("GET", "/bad", [](auto&) -> http_response { throw std::runtime_error{"bad"}; });

  CHECK_THROWS_WITH(r.get("/bad"), "bad");
}

// -- files ----------------------------------------------------------------------------------------

TEST_CASE("a file is served where no route is") {
  site s;
  s.add("a.txt", "file");
  s.add("b.txt", "file");
  routes r;
  r.add("GET", "/a.txt", "route").add("POST", "/b.txt", "route");
  r.router.set_files(s.folder());

  CHECK(r.get("/a.txt") == "route");
  CHECK(r.get("/b.txt") == "file");
  CHECK(r.ask("HEAD", "/b.txt").status == 200);
  CHECK(r.ask("POST", "/b.txt").body == "route");
  CHECK(r.get("/c.txt") == "404");
}

TEST_CASE("a file lets itself be read and not written, beside what routes allow") {
  site s;
  s.add("a.txt", "file");
  s.add("b.txt", "file");
  routes r;
  r.add("POST", "/b.txt");
  r.router.set_files(s.folder());

  CHECK(header(r.ask("POST", "/a.txt"), "Allow") == "GET, HEAD, OPTIONS");
  CHECK(header(r.ask("DELETE", "/b.txt"), "Allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(r.ask("POST", "/c.txt").status == 404);
}

/// A disk may keep the one who asks waiting, so the loop that asks the router must not be him.
TEST_CASE("a request that a file may answer touches no disk before its handler runs") {
  site s;
  routes r;
  r.router.set_cors_origins({"*"});
  r.router.set_files(s.folder());
  for (auto method : {"GET", "HEAD", "POST", "OPTIONS"}) {
    http_request request;
    request.method = method;
    request.path = "/a.txt";
    request.headers = {{"Origin", "https://example.org"}, {"Access-Control-Request-Method", "GET"}};
    fs::remove(s.folder() / "a.txt");
    auto outcome = r.router.answer(request);
    s.add("a.txt", "file"); // after the router was asked

    auto answer = std::get<http_router::file_handler>(outcome)(request, site::now);

    INFO(method);
    CHECK(answer.response.status != 404);
  }
}

TEST_CASE("a preflight tells of a file, and of nothing where nothing is") {
  site s;
  s.add("a.txt", "file");
  routes r;
  r.router.set_cors_origins({"*"});
  r.router.set_files(s.folder());
  http_headers asks{{"Origin", "https://example.org"}, {"Access-Control-Request-Method", "GET"}};

  CHECK(r.ask("OPTIONS", "/a.txt", asks).status == 204);
  CHECK(header(r.ask("OPTIONS", "/a.txt", asks), "Access-Control-Allow-Methods") == "GET, HEAD");
  CHECK(r.ask("OPTIONS", "/b.txt", asks).status == 404);
}

// -- probes ---------------------------------------------------------------------------------------

TEST_CASE("probes go before routes and tell how the node is") {
  test::manual_node world;
  std::atomic<bool> ready{true};
  routes r;
  r.add("GET", "/*", "rest");
  r.router.set_probes(
    {true, &ready, &world.node, "text/plain", [] { return std::string{"figures"}; }});
  for (auto probe : {"/healthz", "/readyz", "/metrics"})
    CHECK_THROWS_AS(r.add("POST", probe, "mine"), std::invalid_argument);

  CHECK(r.get("/healthz") == "ok\n");
  CHECK(r.get("/readyz") == "ready\n");
  CHECK(r.get("/metrics") == "figures");
  CHECK(r.ask("HEAD", "/healthz").status == 200);
  CHECK(header(r.ask("POST", "/metrics"), "Allow") == "GET, HEAD, OPTIONS");
  CHECK(r.get("/healthz/") == "rest *=healthz/");

  ready = false;
  CHECK(r.get("/readyz") == "503");
  CHECK(r.get("/healthz") == "ok\n");
}

TEST_CASE("no figures are made for HEAD") {
  int made = 0;
  routes r;
  r.router.set_probes({true, nullptr, nullptr, "text/figures", [&] {
                         ++made;
                         return std::string{"figures"};
                       }});

  auto head = r.ask("HEAD", "/metrics");
  CHECK(made == 0);
  CHECK(r.get("/metrics") == "figures");

  CHECK(head.status == 200);
  CHECK(head.content_type == "text/figures");
  CHECK(head.body.empty());
}

TEST_CASE("probes that are not shown are nothing") {
  routes r;

  for (auto path : {"/healthz", "/readyz", "/metrics"})
    CHECK(r.get(path) == "404");
}

// -- CORS -----------------------------------------------------------------------------------------

TEST_CASE(
  "a preflight of an allowed origin is told the methods; any other is an OPTIONS like all") {
  routes r;
  r.add("GET", "/a").add("PUT", "/a");
  r.router.set_cors_origins({"https://good.example"});
  http_headers good{{"Origin", "https://good.example"}, {"Access-Control-Request-Method", "PUT"}};
  http_headers bad{{"Origin", "https://bad.example"}, {"Access-Control-Request-Method", "PUT"}};
  http_headers none{{"Origin", "https://good.example"}};

  CHECK(r.ask("OPTIONS", "/a", good).status == 204);
  CHECK(header(r.ask("OPTIONS", "/a", good), "Access-Control-Allow-Methods") == "GET, HEAD, PUT");
  CHECK(header(r.ask("OPTIONS", "/a", good), "Access-Control-Allow-Headers") == "none");
  CHECK(r.ask("OPTIONS", "/nowhere", good).status == 404);
  for (auto& headers : {bad, none}) {
    CHECK(header(r.ask("OPTIONS", "/a", headers), "Allow") == "GET, HEAD, PUT, OPTIONS");
    CHECK(header(r.ask("OPTIONS", "/a", headers), "Access-Control-Allow-Methods") == "none");
  }
}

TEST_CASE("an answer names the origin it is for, and caches are told that there are others") {
  auto allowed = [](std::vector<std::string> origins, const char* origin) {
    http_router router;
    router.set_cors_origins(std::move(origins));
    http_request request;
    request.headers = {{"Origin", origin}};
    http_response response;
    router.allow_origin(request, response);
    return header(response, "Vary") + ' ' + header(response, "Access-Control-Allow-Origin");
  };

  CHECK(allowed({"https://good.example"}, "https://good.example") == "Origin https://good.example");
  CHECK(allowed({"https://good.example"}, "https://good.example.evil") == "Origin none");
  CHECK(allowed({"https://good.example"}, "null") == "Origin none");
  CHECK(allowed({"*"}, "https://any.example") == "Origin https://any.example");
  CHECK(allowed({"*"}, "") == "Origin none");
  CHECK(allowed({}, "https://good.example") == "none none");
}
