#pragma once

#include <troupe/actors/bot.hpp>
#include <troupe/actors/options.hpp>
#include <troupe/actors/room_behavior.hpp>
#include <troupe/actors/room_event.hpp>

namespace troupe::actors {

// Each throws `std::invalid_argument` for the first field that cannot work: see `option_check`.
void check_options(const node_options& options);
void check_options(const room_options& options);
void check_options(const observer_options& options);
void check_options(const bot_options& options);

} // namespace troupe::actors
