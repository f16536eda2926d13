#include <utility>

#include "raw.hpp"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace troupe::model {

raw_endpoint::raw_endpoint(actors::node& node)
  : endpoint_(node.make_endpoint("/raw", [this] {
      actors::endpoint_handlers h;
      h.on_message = [this](const actors::raw_connection& from, std::string_view text, bool) {
        hear(from, text);
      };
      return h;
    }())) {}

void raw_endpoint::hear(const actors::raw_connection& from, std::string_view text) {
  std::string number, user, what;
  std::istringstream{std::string{text}} >> number >> user >> what;
  if (what == "boom")
    throw std::runtime_error{"boom"};
  if (what == "close")
    return from.close();
  auto to_all = what == "all";
  auto answer = to_all ? endpoint_.broadcast(text) : endpoint_.broadcast_except(from, text);
  if (answer == actors::publish_result::accepted)
    said_.push_back({std::string{text}, to_all ? std::string{} : user});
}

raw_client::raw_client(oracle& t, actors::node& node, unsigned loop, raw_endpoint& at,
                       std::string user)
  : oracle_(t),
    at_(at),
    user_(std::move(user)),
    opened_at_(at.said().size()),
    session_(node, node.loop(loop), {protocol::encoding::plain_json, user_, nullptr, at.state()},
             {6'000, 60}) {}

void raw_client::say(int number, const std::string& what) {
  session_.say(std::to_string(number) + ' ' + user_ + ' ' + what);
}

void raw_client::look() {
  for (auto& frame : session_.take_frames()) {
    if (closed_)
      oracle_.complain(user_, "a frame after the close frame");
    if (frame.opcode == 8)
      closed_ = true;
    else if (frame.opcode == 1 && !frame.after_cut)
      hear(frame.payload);
  }
}

void raw_client::hear(const std::string& text) {
  auto& said = at_.said();
  auto found = std::find_if(said.begin(), said.end(), [&](auto& b) { return b.text == text; });
  auto at = static_cast<std::size_t>(found - said.begin());
  if (!next_)
    next_ = std::min(at, opened_at_);
  pass();
  if (next_ != at || found == said.end())
    oracle_.complain(user_, "heard " + text + " late, again or before "
                              + (*next_ < said.size() ? said[*next_].text : "it was said"));
  next_ = at + 1;
}

void raw_client::settle() {
  look();
  if (gone())
    return;
  next_ = next_.value_or(opened_at_);
  pass();
  if (*next_ < at_.said().size())
    oracle_.complain(user_, "never heard " + at_.said()[*next_].text);
}

/// Skips broadcasts that exclude it.
void raw_client::pass() {
  while (*next_ < at_.said().size() && at_.said()[*next_].except == user_)
    ++*next_;
}

} // namespace troupe::model
