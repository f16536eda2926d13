#pragma once

// For code that needs the node behind a server: statistics, server-side members, its own CAF
// actors, tests on manual loops. It includes CAF and Asio, which `<troupe/troupe.hpp>` does not.

#include <troupe/actors/init.hpp>
#include <troupe/actors/node.hpp>
#include <troupe/actors/room_event.hpp>

namespace troupe {
using actors::behind_policy;
using actors::bot;
using actors::bot_options;
using actors::node;
using actors::node_stats;
using actors::observer_options;
using actors::room_event;
} // namespace troupe
