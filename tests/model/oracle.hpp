#pragma once

#include <troupe/actors/node.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// What one room incarnation has said, written down by its behaviour: the truth that clients are held against.
struct room_log {
  struct line {
    std::string text;
    std::string sender;  ///< user id
    bool echo = true;
  };
  std::vector<line> lines; ///< line i has seq i + 1
  bool closed = false;     ///< ended with members in it
};

/// Logs of all incarnations by epoch-independent number, and what must never happen.
struct truth {
  std::vector<room_log> rooms;
  std::map<std::string, std::size_t> latest; ///< by room name: index of the incarnation that speaks now
  std::size_t alive_behaviors = 0;
  std::size_t wrong_thread = 0;
};

/// Relays, writes down what it relays, and crashes, ends and kicks when told to.
class witness final : public actors::room_behavior {
public:
  witness(truth& t, actors::node*& n, std::string_view room);
  ~witness() override;

  void on_join(actors::room_context& room, const actors::member& m) override;
  bool on_publish(actors::room_context& room, const actors::member& from, const actors::application_message& m) override;

private:
  void check_thread();

  truth& truth_;
  actors::node*& node_;
  std::string name_;
  std::size_t index_;
};

} // namespace troupe::model
