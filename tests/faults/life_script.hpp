#pragma once

#include "wire_client.hpp"

#include <troupe/troupe.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace troupe::test {

/// Hears how each step went.
class verdict {
public:
  verdict(std::string& wrong, bool must_hear) : wrong_(wrong), must_hear_(must_hear) {}

  /// Whether that was heard; notes it if it may not be so.
  bool operator()(const char* step, outcome o) {
    if (o == outcome::silent || (must_hear_ && o != outcome::heard))
      wrong_ += std::string{step}
              + (o == outcome::silent  ? " waits in vain; "
                 : o == outcome::ended ? " was ended; "
                                       : " was refused; ");
    return o == outcome::heard;
  }

private:
  std::string& wrong_;
  bool must_hear_;
};

/// Clients of all kinds; each part goes on as far as its client is let.
class life_script {
public:
  life_script(const wire_client::way& in, server& s, verdict& v) : way_in_(in), server_(s), is(v) {}

  void http();
  void metrics();
  void rooms();
  void deflate();
  void packed();
  void plain();
  void raw();
  void slow_reader();
  void bad_input();
  /// Who has come first and is there still hears and is heard.
  void farewell();
  /// Two who come, of which one hears the other.
  void fresh_pair();

private:
  bool enter(wire_client& c, const char* who, std::string_view headers, std::string_view room);

  const wire_client::way way_in_;
  server& server_;
  verdict& is;
  std::optional<wire_client> witness_, deflating_;
};

} // namespace troupe::test
