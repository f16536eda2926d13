#include "http/media_types.hpp"

#include <catch2/catch.hpp>

using troupe::transport::media_type_of;

TEST_CASE("the type follows from the name's ending") {
  CHECK(media_type_of("a.html") == "text/html; charset=utf-8");
  CHECK(media_type_of("a.css") == "text/css; charset=utf-8");
  CHECK(media_type_of("a.js") == "text/javascript; charset=utf-8");
  CHECK(media_type_of("a.mjs") == "text/javascript; charset=utf-8");
  CHECK(media_type_of("a.json") == "application/json");
  CHECK(media_type_of("a.svg") == "image/svg+xml");
  CHECK(media_type_of("a.png") == "image/png");
  CHECK(media_type_of("a.txt") == "text/plain; charset=utf-8");
  CHECK(media_type_of("a.woff2") == "font/woff2");
  CHECK(media_type_of("in/a.folder/a.min.js") == "text/javascript; charset=utf-8");
}

TEST_CASE("the case of the ending does not matter") {
  CHECK(media_type_of("A.HTML") == "text/html; charset=utf-8");
  CHECK(media_type_of("photo.JPG") == "image/jpeg");
  CHECK(media_type_of("a.Js") == "text/javascript; charset=utf-8");
}

TEST_CASE("a name without an ending that is known is bytes") {
  for (auto name : {"", "a", "html", ".html", "a.", "a.html.exe", "a.folder.html/a", "a.html/"}) {
    INFO(name);
    CHECK(media_type_of(name) == "application/octet-stream");
  }
}
