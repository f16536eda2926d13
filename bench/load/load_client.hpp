#pragma once

#include "arrivals.hpp"
#include "load.hpp"

namespace troupe::bench {

struct load::client {
  enum class phase : std::uint8_t { none, connecting, upgrading, joining, ready, ended };

  std::unique_ptr<stream> socket;
  const speech* words = nullptr;
  frame_reader frames;
  std::string answer;               ///< to the upgrade, as much as has come
  std::vector<std::uint32_t> rooms; ///< ascending
  std::size_t entered = 0;          ///< how many of them it has joined
  phase at = phase::none;
  bool stalled = false;
  bool visitor = false;
  bool inside = false; ///< it is a visitor and has joined
  bool watches_output = false;
  std::uint64_t received = 0;
  std::vector<arrivals> heard; ///< by room, then by its publishers
};

/// A client that publishes in a room.
struct load::publisher {
  client* who = nullptr;
  std::uint32_t room = 0;
  std::uint32_t number = 0; ///< its own, in markers
  std::uint32_t published = 0;
  publish_template message;
};

} // namespace troupe::bench
