#include <troupe/actors/init.hpp>

#include "messages/bot_messages.hpp"
#include "messages/messages.hpp"

#include <mutex>

namespace troupe {

using caf::id_block::troupe_messages;
static_assert(troupe_messages::end <= 4100, "init.hpp says which ids are Troupe's");

void init() {
  static std::once_flag once;
  std::call_once(once, [] {
    compat::register_messages<caf::id_block::troupe, caf::id_block::troupe_interfaces,
                              caf::id_block::troupe_bots, troupe_messages>();
  });
}

} // namespace troupe
