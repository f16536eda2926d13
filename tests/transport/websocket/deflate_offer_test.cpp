#include "websocket/deflate_offer.hpp"

#include <catch2/catch.hpp>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

using namespace troupe;
using transport::agree_on_deflate;

namespace {

const std::string agreed =
  "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

std::string answer(std::initializer_list<std::string_view> headers) {
  const auto a = agree_on_deflate(std::vector<std::string_view>{headers});
  return a ? a->answer : "none";
}

std::string answer(std::string_view header) { return answer({header}); }

bool takes_deflated_frames(std::string_view header) {
  return agree_on_deflate(std::vector<std::string_view>{header}).value().takes_deflated_frames;
}

} // namespace

TEST_CASE("an offer without parameters, and one of contexts, is agreed on without contexts") {
  CHECK(answer("permessage-deflate") == agreed);
  CHECK(answer(" \tPerMessage-Deflate ; server_no_context_takeover;client_no_context_takeover ")
        == agreed);
}

TEST_CASE("the answer repeats the windows that the offer tells, and no others") {
  CHECK(answer("permessage-deflate; client_max_window_bits") == agreed);
  CHECK(answer("permessage-deflate; client_max_window_bits=10")
        == agreed + "; client_max_window_bits=10");
  CHECK(answer("permessage-deflate; client_max_window_bits=15; server_max_window_bits=8")
        == agreed + "; server_max_window_bits=8; client_max_window_bits=15");
  for (int bits = 8; bits <= 15; ++bits) {
    const auto told = "; server_max_window_bits=" + std::to_string(bits);
    CHECK(answer("permessage-deflate" + told) == agreed + told);
  }
}

TEST_CASE("a client takes frames that are deflated for all if its window has 15 bits") {
  CHECK(takes_deflated_frames("permessage-deflate"));
  CHECK(takes_deflated_frames("permessage-deflate; server_max_window_bits=15"));
  CHECK(takes_deflated_frames("permessage-deflate; client_max_window_bits=9"));
  CHECK_FALSE(takes_deflated_frames("permessage-deflate; server_max_window_bits=14"));
  CHECK_FALSE(takes_deflated_frames("permessage-deflate; server_max_window_bits=8"));
}

TEST_CASE("a value may be quoted, with any of its characters escaped") {
  CHECK(answer(R"(permessage-deflate; server_max_window_bits="12")")
        == agreed + "; server_max_window_bits=12");
  CHECK(answer(R"(permessage-deflate; server_max_window_bits = "\1\2" ; client_max_window_bits)")
        == agreed + "; server_max_window_bits=12");
}

TEST_CASE("an offer that RFC 7692 does not allow is declined") {
  const std::string parameters = GENERATE(
    "server_max_window_bits", "server_max_window_bits=", "server_max_window_bits=7",
    "server_max_window_bits=16", "server_max_window_bits=010", "server_max_window_bits=+9",
    "server_max_window_bits=9x", "server_max_window_bits=\"\"", "server_max_window_bits=\"9",
    "server_max_window_bits=9 9", "server_max_window_bits=\" 9\"", "client_max_window_bits=7",
    "client_max_window_bits=", "client_max_window_bits=\"\\", "server_no_context_takeover=1",
    "client_no_context_takeover=\"true\"", "server_no_context_takeover=", "x", "x=1", "=9",
    "server_no_context_takeover; server_no_context_takeover",
    "client_no_context_takeover; client_no_context_takeover",
    "client_max_window_bits; client_max_window_bits",
    "client_max_window_bits; client_max_window_bits=9",
    "client_max_window_bits=9; client_max_window_bits",
    "server_max_window_bits=9; server_max_window_bits=9", "", ";", "client_max_window_bits;",
    "client max_window_bits", "client_max_window_bits=9=9");

  CHECK(answer("permessage-deflate; " + parameters) == "none");
}

TEST_CASE("the first good offer counts, wherever it is") {
  CHECK(
    answer(
      "permessage-deflate; x, permessage-deflate; server_max_window_bits=10, permessage-deflate")
    == agreed + "; server_max_window_bits=10");
  CHECK(answer(R"(foo; a=", permessage-deflate; server_max_window_bits=9", , permessage-deflate)")
        == agreed);
  CHECK(answer(R"(foo; a="\", permessage-deflate; server_max_window_bits=9", permessage-deflate)")
        == agreed);
  CHECK(answer({"x-webkit-deflate-frame", "permessage-deflate; server_max_window_bits=16",
                "permessage-deflate; client_max_window_bits=11"})
        == agreed + "; client_max_window_bits=11");
}

TEST_CASE("nothing is agreed on without an offer") {
  CHECK(answer({}) == "none");
  CHECK(answer("") == "none");
  CHECK(answer(",; ,") == "none");
  CHECK(answer("permessage-deflate2, xpermessage-deflate, permessage deflate") == "none");
  CHECK(answer(R"("permessage-deflate")") == "none");
  CHECK(answer(R"(foo="permessage-deflate)") == "none");
}

TEST_CASE("a header of any bytes is read to its end") {
  for (const std::string_view piece :
       {"permessage-deflate;", "\"", "\\", ",", "=", "; ", "client_max_window_bits", "\xff", "9"})
    for (const std::string_view other :
         {"permessage-deflate", "\"", "\\", ",", "=", ";", "=\"9\\"}) {
      std::string header;
      for (int i = 0; i < 50; ++i)
        header.append(piece).append(other);
      CHECK_NOTHROW(answer(header));
    }
}
