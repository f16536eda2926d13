#pragma once

#include "arrivals.hpp"
#include "load.hpp"

namespace troupe::bench {

struct load::client {
  enum class phase : std::uint8_t { none, connecting, upgrading, joining, ready, ended };

  std::unique_ptr<stream> socket;
  const speech* words = nullptr;
  frame_reader frames;
  std::string answer;             ///< to the upgrade, as far as it has come
  std::size_t room = 0;
  std::uint32_t publisher = 0;    ///< from 1; 0: none
  phase at = phase::none;
  bool stalled = false;
  bool visitor = false;
  bool inside = false;            ///< a visitor that has joined
  bool watches_output = false;
  std::uint64_t received = 0;
  std::vector<arrivals> heard;    ///< by publisher of the room
  publish_template message;       ///< of a publisher
};

} // namespace troupe::bench
