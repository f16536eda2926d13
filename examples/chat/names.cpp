#include "names.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace troupe::examples {

namespace {

constexpr std::size_t max_name_characters = 32;

/// FNV-1a.
std::uint64_t hash_of(std::string_view text) noexcept {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : text)
    hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

std::ptrdiff_t characters_of(std::string_view utf8) noexcept {
  return std::count_if(utf8.begin(), utf8.end(),
                       [](unsigned char c) { return (c & 0xc0) != 0x80; });
}

/// `text` without the white space that people type at its ends.
std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::array<std::string_view, 6> spaces{" ", "\t", "\r", "\n", "\u00a0", "\u3000"};
  auto starts = [&](std::string_view s) { return text.starts_with(s); };
  auto ends = [&](std::string_view s) { return text.ends_with(s); };
  for (auto s = spaces.begin();
       (s = std::find_if(spaces.begin(), spaces.end(), starts)) != spaces.end();)
    text.remove_prefix(s->size());
  for (auto s = spaces.begin();
       (s = std::find_if(spaces.begin(), spaces.end(), ends)) != spaces.end();)
    text.remove_suffix(s->size());
  return text;
}

/// Skips a token's claims that are not names: nobody here can change them.
std::string name_without_profile(const actors::member& who) {
  if (who.claims) {
    protocol::document_view claimed{protocol::codec::json, who.claims->json};
    for (auto key : {"username", "name", "preferred_username"})
      if (auto said = claimed.string(key))
        if (auto name = clean_name(*said))
          return *name;
  }
  return default_name(who.user_id);
}

} // namespace

std::optional<std::string> clean_name(std::string_view text) {
  auto name = trimmed(text);
  // A person's name is safe to show by the same rules as a room's name.
  if (!protocol::is_room_name(name) || characters_of(name) > std::ptrdiff_t{max_name_characters})
    return {};
  return std::string{name};
}

std::string default_name(std::string_view user_id) {
  constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
  std::string name = "User";
  auto hash = hash_of(user_id);
  for (int i = 0; i < 4; ++i, hash >>= 16)
    name += alphabet[hash % alphabet.size()];
  return name;
}

std::optional<std::string> name_of(const actors::member& who) {
  if (who.profile.empty())
    return name_without_profile(who);
  protocol::document_view profile{protocol::codec_of(who.encoding), who.profile};
  if (profile.raw("name").empty())
    return name_without_profile(who);
  auto name = profile.string("name");
  return name ? clean_name(*name) : std::nullopt;
}

} // namespace troupe::examples
