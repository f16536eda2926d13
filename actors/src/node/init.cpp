#include <troupe/actors/init.hpp>

#include "messages/messages.hpp"

namespace troupe {

void init() { compat::register_messages<caf::id_block::troupe, caf::id_block::troupe_messages>(); }

} // namespace troupe
