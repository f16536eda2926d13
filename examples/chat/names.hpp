#pragma once

#include <troupe/actors/room_behavior.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace troupe::examples {

/// `text` without white space at its ends. Returns nothing if that is not a name: 1 to 32
/// characters, none of them a control or bidi-control character.
[[nodiscard]] std::optional<std::string> clean_name(std::string_view text);

/// `User` and four characters that follow from `user_id`.
[[nodiscard]] std::string default_name(std::string_view user_id);

/// The name that a member came with: its profile's `name`, else its token's `username`, `name` or
/// `preferred_username` (the first that is a name), else the default one. Returns nothing if the
/// profile's `name` is not a name.
[[nodiscard]] std::optional<std::string> name_of(const actors::member& who);

} // namespace troupe::examples
