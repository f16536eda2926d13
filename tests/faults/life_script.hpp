#pragma once

#include "support/wire_client.hpp"

#include <troupe/troupe.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace troupe::test {

/// Collects how each step went.
class verdict {
public:
  verdict(std::string& wrong, bool must_hear) : wrong_(wrong), must_hear_(must_hear) {}

  /// Returns whether the step was heard. Notes an outcome that is not allowed.
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

/// A script with clients of all kinds. Each part stops where the server refuses its client.
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
  /// Checks that early clients which are still connected get answers.
  void farewell();
  /// Connects two clients, and checks that one hears the other.
  void fresh_pair();

private:
  bool enter(wire_client& c, const char* who, std::string_view headers, std::string_view room);

  const wire_client::way way_in_;
  server& server_;
  verdict& is;
  std::optional<wire_client> witness_, deflating_;
};

} // namespace troupe::test
