#pragma once

#include <troupe/actors/seeded_hash.hpp>
#include <troupe/protocol/command.hpp>

#include <cstdint>
#include <string>

namespace troupe::actors {

/// A hash of the client's own id of a message, the same in both codecs; 0: it has given none. It
/// can only repeat itself: that it knows the hash harms nobody.
inline std::uint64_t id_of(const protocol::command& c) {
  if (!c.has_id)
    return 0;
  const protocol::document_view fields{c.source, c.bytes};
  auto text = fields.string("id");
  auto id = text ? '"' + *text : std::to_string(fields.unsigned_integer("id").value_or(0));
  return siphash({}, id) | 1;
}

} // namespace troupe::actors
