// Seats in rooms that somebody looks for, and lists of rooms.
#include <utility>

#include "messages/seat_wishes.hpp"
#include "node/node_state.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>

namespace troupe::actors {
namespace {

[[noreturn]] void fail(const char* call, const std::string& pattern, const std::string& why) {
  throw std::invalid_argument{std::string{call} + "(\"" + pattern + "\"): " + why};
}

/// The rule of a pattern that may be reserved. Throws for another one.
const room_rule& reservable_rule(const node_context& shared, const char* call,
                                 const std::string& pattern) {
  auto i = std::find_if(shared.rules.begin(), shared.rules.end(),
                        [&](auto& rule) { return rule.pattern == pattern; });
  if (i == shared.rules.end())
    fail(call, pattern, "no rooms were given with this pattern");
  if (!i->matchmaker)
    fail(call, pattern, "room_options.reservable of these rooms is off");
  return *i;
}

/// Sends a question to a matchmaker, if it may wait there. Enters the gate.
template <class Call, class Question, class Result>
publish_result send(node_gate& gate, const std::string& pattern, const char* name,
                    Question question, std::function<void(const Result&)> then) {
  auto result = publish_result::gone;
  gate.enter([&](node_context& s) {
    auto& rule = reservable_rule(s, name, pattern);
    waiting_place place{rule.waiting};
    if (!place) {
      result = publish_result::overloaded;
      return;
    }
    auto asked = std::make_shared<match_question<Question, Result>>(
      std::move(question), std::move(then), std::move(place), *s.options.log, *s.options.counters);
    send_question<Call>(rule.matchmaker, std::move(asked));
    result = publish_result::accepted;
  });
  return result;
}

} // namespace

publish_result node::reserve(reservation_request wanted, reservation_handler then) {
  if (!then)
    throw std::invalid_argument{"reserve: nobody to tell"};
  auto pattern = wanted.pattern;
  try {
    wanted = checked_wish(std::move(wanted));
  } catch (const std::invalid_argument& fault) {
    fail("reserve", pattern, fault.what());
  }
  return send<reserve_call, reservation_request, reservation_result>(
    *state_->entrance, pattern, "reserve", std::move(wanted), std::move(then));
}

publish_result node::list(std::string_view pattern, std::string_view after, std::size_t limit,
                          room_page_handler then) {
  constexpr std::size_t most_rooms = 1000;
  std::string name{pattern};
  if (!then)
    throw std::invalid_argument{"list: nobody to tell"};
  if (limit < 1 || limit > most_rooms)
    fail("list", name, "a page has 1 to 1000 rooms, not " + std::to_string(limit));
  return send<list_call, page_request, room_page>(*state_->entrance, name, "list",
                                                  {std::string{after}, limit}, std::move(then));
}

} // namespace troupe::actors
