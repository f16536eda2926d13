#include "node/directory_service.hpp"

#include "runtime/owed_answer.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

using protocol::errc;

directory_service::directory_service(caf::actor_config& cfg, compat::loop_context& home,
                                     node_context& shared, loop_unit& unit)
  : pinned(cfg, home), shared_(shared), unit_(unit) {}

directory_service::behavior_type directory_service::make_behavior() {
  unit_.sessions->on_evicted([this](const session_record& gone) { leave_seats(gone); });
  return {
    [this](session_claim& asked) { claim(std::move(asked)); },
    [this](const take_session& asked) { return take(asked); },
    [this](const forget_name& m) { unit_.sessions->forget(m.key); },
    [this](const direct_call& asked) { guard([&] { say(asked); }, [] {}); },
    [this](const user_call& asked) { guard([&] { serve(asked); }, [] {}); },
  };
}

/// Runs `f`. If it throws, calls `give_up` instead.
template <class F, class GiveUp>
void directory_service::guard(F&& f, GiveUp&& give_up) noexcept {
  try {
    f();
  } catch (...) {
    protocol::report_exception(*shared_.options.log, *shared_.options.counters, "directory");
    give_up();
  }
}

// -- claims ---------------------------------------------------------------------------------------

void directory_service::claim(session_claim asked) {
  auto who = asked.who;
  guard(
    [&] {
      auto key = asked.name.key;
      auto& line = claims_[key].waiting;
      line.push_back(std::move(asked));
      if (line.size() == 1)
        serve_next(key);
    },
    [&] { shared_.units[who.loop]->loop->give_up(who); });
}

/// Serves the first of those who claim that session.
void directory_service::serve_next(session_key key) {
  auto& first = claims_.at(key).waiting.front();
  auto who = first.who;
  guard(
    [&] {
      auto place = unit_.sessions->find(first.name);
      // A claim that was sent before that of a newer connection, and is read behind it, comes from
      // a connection that the client has given up.
      if (place.moved_to && first.opened < place.opened)
        return deliver(key, {});
      fetch(key, std::move(place), first.user_id,
            [this, key](const session_answer& answer) { deliver(key, answer); });
    },
    [&] {
      shared_.units[who.loop]->loop->give_up(who);
      done(key);
    });
}

void directory_service::done(session_key key) noexcept {
  auto line = claims_.find(key);
  line->second.end_turn();
  if (line->second.waiting.empty())
    claims_.erase(line);
  else
    serve_next(key);
}

/// Answers the first of those who claim that session. If it has ended meanwhile, the session is
/// kept for the next one.
void directory_service::deliver(session_key key, const session_answer& answer) {
  auto& first = claims_.at(key).waiting.front();
  auto name = first.name;
  auto who = first.who;
  auto to = caf::actor_cast<connection_actor>(first.from);
  auto taken = [this, name, who, to, opened = first.opened, is_found = answer.record != nullptr] {
    if (is_found) {
      unit_.sessions->move(name, who, opened);
      guard([&] { pass_on(name.key, to); }, [&] { shared_.units[who.loop]->loop->give_up(who); });
    }
    done(name.key);
  };
  auto failed = [this, name, answer](const caf::error&) {
    keep_again(name, answer);
    done(name.key);
  };
  guard(
    [&] {
      if (answer.record)
        claims_.at(key).found(*answer.record);
      compat::request(this, to, caf::infinite, answer).then(taken, failed);
    },
    [&] {
      shared_.units[who.loop]->loop->give_up(who);
      failed({});
    });
}

/// What has happened to a session on its way to that connection, which has it now.
void directory_service::pass_on(session_key key, const connection_actor& to) {
  auto& line = claims_.at(key);
  for (auto& direct : line.late())
    ask(to, direct);
  if (line.has_ended())
    compat::send(this, to, end_session{});
}

/// Ends the memberships that the session still has: its connection is gone.
void directory_service::keep_again(const session_name& name, const session_answer& answer) {
  if (!answer.record)
    return;
  auto member = std::exchange(answer.record->member, {});
  if (member)
    answer.record->away = member;
  for (auto& room : answer.record->rooms)
    if (member)
      guard(
        [&] {
          room.profile = std::make_shared<kept_profile>();
          compat::send(
            this, shared_.home_of(room.name).registry,
            room_call{room.name,
                      leave_request{
                        member, leave_reason::disconnected, false, {}, {}, true, room.profile}});
        },
        [] {});
  auto& line = claims_.at(name.key);
  if (line.has_ended())
    return guard([&] { leave_seats(*answer.record); }, [] {});
  for (auto& direct : line.late())
    guard([&] { keep(*answer.record, direct); }, [] {});
  unit_.sessions->keep(name, answer.record);
}

/// A session that is pushed out leaves no seat behind.
void directory_service::leave_seats(const session_record& gone) {
  for (auto& room : gone.rooms)
    if (gone.away)
      compat::anon_send(
        shared_.home_of(room.name).registry,
        room_call{room.name, leave_request{gone.away, leave_reason::disconnected, false, {}, {}}});
}

// -- where sessions are ---------------------------------------------------------------------------

caf::result<session_answer> directory_service::take(const take_session& asked) {
  compat::owed_answer<session_answer> answer{*this};
  guard(
    [&] {
      fetch(asked.key, unit_.sessions->find(asked.key), asked.user_id,
            [this, answer](session_answer found) { answer.give(*this, std::move(found)); });
    },
    [&] { guard([&] { answer.give(*this, {}); }, [] {}); });
  return compat::owed_answer<session_answer>::to_come();
}

template <class Then>
void directory_service::fetch(session_key key, session_directory::place place,
                              const std::string& user_id, Then then) {
  if (place.record) {
    if (!user_id.empty() && user_id != place.record->user_id)
      return then({errc::identity_mismatch, nullptr});
    unit_.sessions->take(key);
    return then({errc::ok, std::move(place.record)});
  }
  if (place.holder) {
    auto given = [this, key, then](session_answer answer) mutable {
      if (answer.record)
        unit_.sessions->close(key);
      then(std::move(answer));
    };
    auto ended = [this, key, user_id, then](const caf::error&) mutable {
      unit_.sessions->close(key); // if it has left its session, that is here now
      fetch(key, unit_.sessions->find(key), user_id, std::move(then));
    };
    compat::request(this, place.holder, caf::infinite, hand_over{user_id}).then(given, ended);
    return;
  }
  if (place.moved_to) {
    auto& there = shared_.units[place.moved_to.loop]->directory;
    compat::request(this, there, caf::infinite, take_session{place.moved_to, user_id})
      .then([then](session_answer answer) mutable { then(std::move(answer)); },
            [then](const caf::error&) mutable { then({}); });
    return;
  }
  then({});
}

// -- users ----------------------------------------------------------------------------------------

void directory_service::say(const direct_call& asked) {
  note_late(asked);
  keep(asked);
  unit_.users->for_each(asked.what->to, [&](const connection_actor& to) { ask(to, asked); });
}

/// A session on its way to another connection is neither kept nor there yet.
void directory_service::note_late(const direct_call& asked) {
  for (auto& [key, line] : claims_)
    if (line.add_late(asked))
      asked.fate->note(errc::ok);
}

/// A connection that has ended meanwhile may have left its session, which is kept here then; one
/// that has handed its session over has done so before it answers.
void directory_service::ask(const connection_actor& to, const direct_call& asked) {
  auto answered = [this, asked](const direct_reply& reply) {
    if (asked.fate)
      asked.fate->note(reply.code);
    if (asked.fate && reply.code == errc::user_away)
      guard([&] { note_late(asked); }, [] {});
  };
  auto ended = [this, asked](const caf::error&) { guard([&] { keep(asked); }, [] {}); };
  compat::request(this, to, caf::infinite, take_direct{asked.what}).then(answered, ended);
}

/// Adds a direct to the sessions that are kept of its user.
void directory_service::keep(const direct_call& asked) {
  for (auto key : unit_.sessions->kept_of(asked.what->to))
    keep(*unit_.sessions->find(key).record, asked);
}

void directory_service::keep(session_record& record, const direct_call& asked) {
  auto& what = asked.what;
  auto answer = [&](errc code) {
    if (asked.fate)
      asked.fate->note(code);
  };
  auto is_shared = [&](auto& room) { return what->names(room.name); };
  if (what->rooms && std::none_of(record.rooms.begin(), record.rooms.end(), is_shared))
    return answer(errc::forbidden);
  if (shared_.directs.is_used_up())
    return;
  if (!record.directs)
    record.directs = std::make_shared<direct_inbox>(shared_.directs);
  record.directs->add(what);
  record.directs->trim_untold();
  answer(errc::ok);
}

void directory_service::serve(const user_call& asked) {
  using kind = user_call::kind;
  if (asked.what == kind::count) {
    asked.count->kept += unit_.sessions->kept_of(asked.user).size();
    unit_.users->for_each(asked.user, [&](auto&) { ++asked.count->connections; });
    return;
  }
  drop_sessions(asked.user);
  if (asked.what != kind::disconnect)
    return;
  for (auto& [key, line] : claims_)
    line.end_sessions_of(asked.user);
  unit_.users->for_each(asked.user, [&](auto& who) { compat::send(this, who, end_session{}); });
}

void directory_service::drop_sessions(const std::string& user) {
  for (auto key : unit_.sessions->kept_of(user)) {
    auto record = unit_.sessions->find(key).record;
    unit_.sessions->take(key);
    leave_seats(*record);
  }
}

void directory_service::release_state() {
  claims_.clear();
  unit_.sessions->clear();
}

} // namespace troupe::actors
