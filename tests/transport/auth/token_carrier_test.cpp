// Where a request carries its token.

#include "auth/token_carrier.hpp"

#include <catch2/catch.hpp>

#include <initializer_list>
#include <vector>

using namespace troupe;
using namespace troupe::transport;

namespace {

struct request {
  std::vector<std::string_view> authorization = {};
  std::vector<std::string_view> subprotocols = {};
  std::string_view query = {};
};

auto found_in(const request& r, bool takes_query_token = true) {
  return token_from({r.authorization, r.subprotocols, r.query}, takes_query_token);
}

/// The token and where it is, or how the request is refused.
std::string seen(const request& r, bool takes_query_token = true) {
  const auto found = found_in(r, takes_query_token);
  if (!found)
    return std::to_string(found.error().status) + ' ' + std::string{found.error().label};
  switch (found->carrier) {
    case token_carrier::none: return "none";
    case token_carrier::authorization: return "authorization:" + found->token;
    case token_carrier::subprotocol: return "subprotocol:" + found->token;
    case token_carrier::query: return "query:" + found->token;
  }
  return {};
}

std::string in_query(std::string_view query) { return seen({.query = query}); }

} // namespace

TEST_CASE("a request without token carries none") {
  CHECK(seen({}) == "none");
  CHECK(seen({.subprotocols = {"troupe.v1.json", "chat"}, .query = "?room=lobby"}) == "none");
}

// Pins §1.9.
TEST_CASE("a bearer token stands in the Authorization header") {
  CHECK(seen({.authorization = {"Bearer a.b.c"}}) == "authorization:a.b.c");
  CHECK(seen({.authorization = {"bearer a.b.c"}}) == "authorization:a.b.c");
  CHECK(seen({.authorization = {"BEARER \t a.b.c \t"}}) == "authorization:a.b.c");
  CHECK(seen({.authorization = {"Bearer a b"}}) == "authorization:a b");
  CHECK(seen({.authorization = {"Bearer"}}) == "authorization:");
  CHECK(seen({.authorization = {"Bearer "}}) == "authorization:");
}

TEST_CASE("other schemes carry no token") {
  for (auto value : {"Basic a2ltOng=", "Bearera.b.c", "a.b.c", "", " ", "Digest x"})
    CHECK(seen({.authorization = {value}}) == "none");
  CHECK(seen({.authorization = {"Basic a2ltOng="}, .query = "token=a.b.c"}) == "query:a.b.c");
}

// Pins §1.10.
TEST_CASE("a token stands in a subprotocol beside one of troupe.v1") {
  CHECK(seen({.subprotocols = {"troupe.v1.json", "troupe.bearer.a.b.c"}}) == "subprotocol:a.b.c");
  CHECK(seen({.subprotocols = {"troupe.bearer.a.b.c", "x", "troupe.v1.msgpack"}})
        == "subprotocol:a.b.c");
  CHECK(seen({.subprotocols = {"troupe.bearer.", "troupe.v1.json"}}) == "subprotocol:");
}

// Pins §1.41.
TEST_CASE("a bearer subprotocol alone is a bad request") {
  CHECK(seen({.subprotocols = {"troupe.bearer.a.b.c"}}) == "400 bearer_alone");
  CHECK(seen({.subprotocols = {"troupe.bearer.a.b.c", "chat", "troupe.v2.json", "troupe.v1"}})
        == "400 bearer_alone");
  CHECK(seen({.authorization = {"Bearer a.b.c"}, .subprotocols = {"troupe.bearer.a.b.c"}})
        == "400 bearer_alone");
}

// Pins §1.11.
TEST_CASE("a token stands in the query, decoded as by URLSearchParams") {
  CHECK(in_query("token=a.b.c") == "query:a.b.c");
  CHECK(in_query("?room=x&token=a.b.c&y=1") == "query:a.b.c");
  CHECK(in_query("&&token=a%2Eb%2ec") == "query:a.b.c");
  CHECK(in_query("%74oken=a") == "query:a");
  CHECK(in_query("token=a=b") == "query:a=b");
  CHECK(in_query("token=a+b%") == "query:a b%");
  CHECK(in_query("token=%zz%4") == "query:%zz%4");
  CHECK(in_query("token=") == "query:");
  CHECK(in_query("token") == "query:");
}

// Pins §1.3.
TEST_CASE("other keys of the query are no token") {
  for (auto query :
       {"", "?", "Token=a", "tokens=a", "xtoken=a", "a=token=b", "token%3Da", "to%6ken=a"}) {
    INFO(query);
    CHECK(in_query(query) == "none");
  }
}

// Pins §1.18, §1.43.
TEST_CASE("a query is no place for a token where it is not taken") {
  CHECK(seen({.query = "token=a.b.c"}, false) == "401 token_in_query");
  CHECK(seen({.authorization = {"Bearer a.b.c"}, .query = "token=x"}, false)
        == "authorization:a.b.c");
  CHECK(seen({.query = "room=x"}, false) == "none");
}

// Pins §1.41.
TEST_CASE("a request carries one token") {
  CHECK(seen({.authorization = {"Bearer a", "Bearer a"}}) == "400 token_repeated");
  CHECK(seen({.authorization = {"Bearer a", "Basic b"}}) == "400 token_repeated");
  CHECK(seen({.subprotocols = {"troupe.v1.json", "troupe.bearer.a", "troupe.bearer.a"}})
        == "400 token_repeated");
  CHECK(seen({.query = "token=a&token=a"}) == "400 token_repeated");
  CHECK(seen({.query = "token=a&%74oken=b"}) == "400 token_repeated");
  CHECK(seen({.authorization = {"Bearer a"}, .query = "token="}) == "400 token_repeated");
  CHECK(seen({.authorization = {"Bearer a"}, .subprotocols = {"troupe.v1.json", "troupe.bearer.a"}})
        == "400 token_repeated");
  CHECK(seen({.subprotocols = {"troupe.v1.json", "troupe.bearer.a"}, .query = "token=a"})
        == "400 token_repeated");
}
