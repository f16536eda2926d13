#include "oracle.hpp"

#include <stdexcept>

namespace troupe::model {

using namespace troupe::actors;

witness::witness(truth& t, node*& n, std::string_view room) : truth_(t), node_(n), name_(room), index_(t.rooms.size()) {
  truth_.rooms.emplace_back();
  truth_.latest[name_] = index_;
  ++truth_.alive_behaviors;
  on("boom", [](room_context&, const member&, const application_message&) { throw std::runtime_error{"boom"}; });
  on("end", [this](room_context& r, const member&, const application_message&) {
    truth_.rooms[index_].closed = true;
    r.end();
  });
  on("kick", [](room_context& r, const member&, const application_message& m) {
    auto whom = m.fields.string("whom").value_or("");
    r.for_each_member([&](const member& each) {
      if (each.user_id == whom)
        r.kick(each.key, "out");
    });
  });
}

witness::~witness() {
  check_thread();
  --truth_.alive_behaviors;
}

/// Tells the newcomer which log its frames are to be held against.
void witness::on_join(room_context& room, const member& m) {
  check_thread();
  room.send_to(m.key, "which", {{"index", index_}});
}

bool witness::on_publish(room_context&, const member& from, const application_message& m) {
  check_thread();
  truth_.rooms[index_].lines.push_back(
    {m.fields.string("text").value_or("?"), from.user_id, m.fields.boolean("echo").value_or(true)});
  return true;
}

void witness::check_thread() {
  bool here = false;
  for (unsigned i = 0; node_ && i < node_->loops(); ++i)
    here |= node_->loop(i).is_current() && node_->loop_of(name_) == i;
  truth_.wrong_thread += !here;
}

} // namespace troupe::model
