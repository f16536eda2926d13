// CAF 1.x has to know the types of messages before any actor system exists.
#include <troupe/actors/init.hpp>

namespace {
[[maybe_unused]] const bool are_known = (troupe::init(), true);
}
