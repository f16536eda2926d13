#include "messages/check_options.hpp"

#include <troupe/actors/option_check.hpp>
#include <troupe/protocol/command.hpp>

namespace troupe::actors {

namespace {

constexpr std::int64_t most_loops = 1024;

void check(const protocol::message_limits& l) {
  option_check is{"node_options.messages"};
  is.bytes("max_message_bytes", l.max_message_bytes, protocol::max_supported_message_bytes);
  is.count("max_depth", l.max_depth);
  is.bytes("max_ref_bytes", l.max_ref_bytes);
  is.bytes("max_type_bytes", l.max_type_bytes);
  is.bytes("max_profile_bytes", l.max_profile_bytes);
}

void check(const connection_limits& l) {
  option_check is{"node_options.connections"};
  is.count("max_rooms", l.max_rooms);
  is.rate("messages_per_second", l.messages_per_second.value_or(0));
  is.count("burst_messages", l.burst_messages);
  is.bytes("bytes_per_second", l.bytes_per_second);
  is.count("max_errors", l.max_errors);
  is.time("error_window", l.error_window);
  is.count("credits.messages", l.credits.messages);
  is.bytes("credits.bytes", l.credits.bytes);
}

void check(const room_limits& l) {
  option_check is{"node_options.rooms"};
  is.count("max_members", l.max_members);
  is.count("max_rooms", l.max_rooms);
  is.bytes("max_pending_bytes", l.max_pending_bytes);
  is.count("max_requests_per_member", l.max_requests_per_member);
  is.count("max_requests", l.max_requests);
  is.count("max_outside_calls", l.max_outside_calls);
  is.count("max_timers", l.max_timers);
  is.count("max_late_answers", l.max_late_answers);
  is.time("answer_deadline", l.answer_deadline);
  is.count("history_messages", l.history_messages);
  is.bytes("history_bytes", l.history_bytes);
  is.time("history_age", l.history_age, option_check::longest_age);
  is.time("linger", l.linger);
}

} // namespace

void check_options(const node_options& o) {
  option_check is{"node_options"};
  is.within("loops", o.loops, 0, most_loops);
  check(o.messages);
  check(o.connections);
  check(o.rooms);
  is.count("gather_beyond", o.gather_beyond);
  is.time("heartbeat.interval", o.heartbeat.interval);
  is.time("heartbeat.timeout", o.heartbeat.timeout);
  is.time("sessions.resume_window", o.sessions.resume_window);
  is.count("sessions.max_kept", o.sessions.max_kept);
  is.count("sessions.max_kept_per_user", o.sessions.max_kept_per_user);
  is.count("sessions.max_kept_per_address", o.sessions.max_kept_per_address);
  is.bytes("directs.budget_bytes", o.directs.budget_bytes);
  is.count("matchmaking.max_waiting", o.matchmaking.max_waiting);
  is.count("matchmaking.max_held", o.matchmaking.max_held);
  is.that(o.lobby.empty() || protocol::is_room_name(o.lobby), "lobby", "\"" + o.lobby + "\"",
          "the name of a room (1 to 128 bytes of UTF-8, without control characters, no white space "
          "at either end), or nothing");
  is.bytes("memory_budget_bytes", o.memory_budget_bytes);
  is.bytes("history_budget_bytes", o.history_budget_bytes);
  is.bytes("inbound_budget_bytes", o.inbound_budget_bytes);
  is.time("reconnect_min", o.reconnect_min);
  is.time("reconnect_max", o.reconnect_max);
  is.that(o.reconnect_min <= o.reconnect_max, "reconnect_min",
          std::to_string(o.reconnect_min.count()) + " ms",
          "at most reconnect_max, which is " + std::to_string(o.reconnect_max.count()) + " ms");
  is.not_null("clock", o.clock);
  is.not_null("log", o.log);
  is.not_null("counters", o.counters);
}

namespace {

void check(const tick_options& o) {
  constexpr std::int64_t most_hz = 128, most_missed = 1000;
  option_check is{"room_options.tick"};
  is.within("rate", o.rate, 0, most_hz, " Hz");
  is.that(o.overrun == overrun_policy::skip || o.overrun == overrun_policy::catch_up, "overrun",
          std::to_string(static_cast<int>(o.overrun)), "skip or catch_up");
  is.within("most_caught_up", o.most_caught_up, 1, most_missed);
  is.count("max_inputs_per_member", o.max_inputs_per_member);
  is.count("max_inputs", o.max_inputs);
  is.bytes("max_input_bytes_per_member", o.max_input_bytes_per_member);
  is.bytes("max_input_bytes", o.max_input_bytes);
}

} // namespace

void check_options(const room_options& o) {
  option_check is{"room_options"};
  is.count("max_members", o.max_members);
  is.count("gather_beyond", o.gather_beyond);
  if (o.linger)
    is.time("linger", *o.linger);
  is.time("keep_seat", o.keep_seat);
  is.that(o.delivery <= protocol::delivery::latest, "delivery",
          std::to_string(static_cast<unsigned>(o.delivery)), "reliable, volatile_ or latest");
  check(o.tick);
}

void check_options(const observer_options& o) {
  option_check{"observer_options"}.count("max_events", o.max_events);
}

void check_options(const bot_options& o) {
  option_check is{"bot_options"};
  is.count("max_events", o.max_events);
  is.count("inputs.messages", o.inputs.messages);
  is.bytes("inputs.bytes", o.inputs.bytes);
  is.that(o.encoding == protocol::encoding::v1_json || o.encoding == protocol::encoding::v1_msgpack,
          "encoding", std::to_string(static_cast<unsigned>(o.encoding)), "v1_json or v1_msgpack");
}

} // namespace troupe::actors
