#include <utility>

#include "witness.hpp"

#include <stdexcept>

namespace troupe::model {

using namespace troupe::actors;

/// Does what `d` asks for, if it asks for it in this hook.
/// `padding`: tells what it says apart from what the same deed has said before.
void witness::obey(room_context& room, const deed& d, std::string_view hook, std::size_t padding) {
  if (!d.what.starts_with(hook))
    return;
  ++oracle_.seen[d.what];
  auto what = d.what.substr(hook.size());
  auto text = d.text(padding);
  if (what == "kick") {
    kick(room, d.whom);
  } else if (what == "end") {
    log().told_to_end = true;
    room.end();
  } else if (what == "boom") {
    log().crashed = true;
    throw std::runtime_error{"boom"};
  } else if (what == "slip") {
    throw std::runtime_error{"slip"};
  } else if (what == "tell") {
    broadcast(room, {entry::kind::line, "told", {}, text});
  } else if (what == "hint") {
    broadcast(room, {entry::kind::line, "told", {}, text, {}, {}, false});
  } else if (what == "blink") {
    entry e{entry::kind::line, "told", {}, text, {}, {}, false};
    e.is_passing = true;
    broadcast(room, std::move(e));
  } else if (what == "show") {
    entry e{entry::kind::line, "told", {}, text, {}, {}, false};
    e.is_passing = true;
    e.key = d.whom;
    broadcast(room, std::move(e));
  } else if (what == "modern") {
    broadcast(room, {entry::kind::line, "told", {}, text, {}, {}, true, false});
  } else if (what == "query") {
    ask(room, d);
  } else if (what == "secret") {
    broadcast(room, {entry::kind::line, "told", {}, text, d.whom});
  }
}

void witness::kick(room_context& room, const std::string& client) {
  room.for_each_member([&](const member& each) {
    if (client_of(each) == client)
      room.kick(each.key, "out");
  });
}

/// Greets a member that joined automatically. No command pays for this output, so it is charged to
/// the room if somebody still hears it.
void witness::greet(room_context& room, const member& m) {
  auto before = room.pressure();
  broadcast(room, {entry::kind::line, "told", {}, "0 greet " + client_of(m) + " loud"});
  bool is_heard = false;
  room.for_each_member([&](const member& each) {
    is_heard |= node_.loop(each.key.loop).sessions().find(each.key) != nullptr;
  });
  oracle_.seen["greeted"] += is_heard;
  if (is_heard && room.pressure() <= before)
    oracle_.complain(name_, "says what nobody is charged for");
}

void witness::broadcast(room_context& room, entry e) {
  session_key except;
  room.for_each_member([&](const member& each) {
    if (client_of(each) == e.except) {
      except = each.key;
      e.automatic = each.automatic;
    }
  });
  if (!except) // is not there: everybody gets it
    e.except.clear();
  log().entries.push_back(e);
  broadcast_event said{e.type, {{"text", e.text}}, {}, e.plain, e.stored, e.is_passing && !e.key};
  said.is_latest = e.key.has_value();
  said.key = e.key ? std::string_view{*e.key} : std::string_view{};
  room.broadcast_except(except, said);
}

void witness::check(room_context& room) {
  check_thread();
  auto coming = replaced_ ? 1U : 0U; // `on_join` has not run yet
  if (room.member_count() != log().inside.size() + coming)
    oracle_.complain(name_, "has " + std::to_string(room.member_count()) + " members, but "
                              + std::to_string(log().inside.size()) + " have come and not gone");
}

void witness::check_thread() {
  if (!node_.loop(node_.loop_of(name_)).is_current())
    oracle_.complain(name_, "its behaviour runs or dies off its loop");
}

} // namespace troupe::model
