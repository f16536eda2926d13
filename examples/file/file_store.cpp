#include "file_store.hpp"

#include "draft.hpp"

#include <troupe/protocol/command.hpp>

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace troupe::examples {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_name_bytes = 100;

using file_number = std::uint64_t;

/// `photo.png` becomes `photo-2.png`.
std::string numbered(const std::string& name, file_number number) {
  if (number == 1)
    return name;
  fs::path path{name};
  return path.stem().string() + '-' + std::to_string(number) + path.extension().string();
}

bool is_taken(const fs::path& path) {
  std::error_code ec;
  // counts as free if this fails: naming the file will report the error
  return fs::exists(fs::symlink_status(path, ec));
}

/// A free number above `taken`, which is taken. It is the least one if the numbers of this name
/// have no gaps. Cost: twice the logarithm of their count, in look-ups.
template <class IsTaken>
file_number free_number(file_number taken, IsTaken is_taken) {
  auto step = file_number{1};
  while (is_taken(taken + step)) {
    taken += step;
    step *= 2;
  }
  auto free = taken + step;
  while (free - taken > 1) {
    auto middle = taken + (free - taken) / 2;
    (is_taken(middle) ? taken : free) = middle;
  }
  return free;
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

bool is_ascii(char c) { return static_cast<unsigned char>(c) < 0x80; }

/// The character at the start of `text`, which is not empty.
std::string_view first_character(std::string_view text) {
  std::size_t size = 1;
  while (!is_ascii(text.front()) && size < text.size() && continues_character(text[size]))
    ++size;
  return text.substr(0, size);
}

bool is_plain(std::string_view character) {
  auto c = character.front();
  if (character == "\u2028" || character == "\u2029") // line separators
    return false;
  // a room name is valid UTF-8 and has no control or bidi-control characters
  if (!is_ascii(c))
    return protocol::is_room_name('x' + std::string{character} + 'x');
  return std::isalnum(static_cast<unsigned char>(c))
      || std::string_view{"-_. "}.find(c) != std::string_view::npos;
}

} // namespace

std::string safe_file_name(std::string_view wanted) {
  wanted = wanted.substr(wanted.find_last_of("/\\") + 1);
  std::string name;
  while (!wanted.empty()) {
    auto character = first_character(wanted);
    wanted.remove_prefix(character.size());
    if (is_plain(character))
      name += character;
    else
      name += '_';
  }
  auto first = name.find_first_not_of(". ");
  auto last = name.find_last_not_of(". ");
  if (first == std::string::npos)
    return "received-file.bin";
  name = name.substr(first, last - first + 1);
  if (name.size() > max_name_bytes) {
    auto extension = fs::path{name}.extension().string();
    auto kept = max_name_bytes - std::min(extension.size(), max_name_bytes / 2);
    while (kept > 0 && continues_character(name[kept]))
      --kept; // do not cut a character
    name = name.substr(0, kept) + (extension.size() <= max_name_bytes / 2 ? extension : "");
  }
  return name;
}

file_store::file_store(fs::path folder) : folder_(std::move(folder)) {
  fs::create_directories(folder_);
  if (::access(folder_.c_str(), W_OK | X_OK) != 0)
    throw fs::filesystem_error{"cannot write to the folder", folder_,
                               std::error_code{errno, std::system_category()}};
  draft::remove_left_ones(folder_);
}

std::string file_store::save(std::string_view wanted, std::string_view bytes) const {
  auto name = safe_file_name(wanted);
  draft file{folder_};
  file.write(bytes);
  file_number number = 1;
  // another writer may take the name meanwhile
  while (!file.keep_as(folder_ / numbered(name, number)))
    number =
      free_number(number, [&](file_number n) { return is_taken(folder_ / numbered(name, n)); });
  return numbered(name, number);
}

} // namespace troupe::examples
