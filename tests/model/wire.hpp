#pragma once

#include "oracle.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::model {

/// What a command asks of the room's behaviour. It travels in the text, the bytes or the profile of
/// a join.
struct deed {
  int number = 0;                    ///< of the command; unique in a play, and increasing
  std::string what = "-";            ///< see `witness`
  std::string whom = "-";            ///< a user, if it concerns one
  bool echo = true;                  ///< whether the sender gets its own copy
  std::string delivery = "reliable"; ///< of a message
  std::string key;                   ///< of `latest`
  std::string id; ///< of a message: `i` and a number, or `s` and a text; empty: none

  /// Whether it is for this moment only: it has no `seq`, and who is behind may not get it.
  [[nodiscard]] bool is_passing() const { return delivery != "reliable"; }

  /// The deed as text, with `padding` bytes behind it.
  [[nodiscard]] std::string text(std::size_t padding = 0) const;
  [[nodiscard]] static std::optional<deed> read(std::string_view text);
};

/// The fields of a server message that the model checks; absent ones are empty.
struct frame_fields {
  std::string type, room, epoch, text, user, reason, code, request, bytes;
  std::string request_id;                              ///< `requestId`
  std::optional<std::size_t> asked;                    ///< of `$request`: the number in its `data`
  std::string profile;                                 ///< its text
  std::optional<users> members, joined, changed, gone; ///< absent if the frame has no such list
  std::optional<std::uint64_t> total;
  std::optional<std::uint64_t> seq, log, at, size, dropped;
  std::string client; ///< `clientId`
  std::string resume; ///< names the session
  std::optional<int> ref, number;
  std::optional<bool> recovered, complete, duplicate;
  std::vector<frame_fields> messages;
  std::vector<frame_fields> rooms, lost; ///< of `resumed`
  std::vector<frame_fields> direct;      ///< likewise: one at most
};

[[nodiscard]] frame_fields parse(const std::string& json);

/// Bytes as JSON has them: `{"$bin":"<base64>"}`.
[[nodiscard]] std::string json_of_bytes(std::string_view bytes);

} // namespace troupe::model
