#include "file_store.hpp"

#include <troupe/protocol/command.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <system_error>

namespace troupe::examples {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_name_bytes = 100;
constexpr int max_number = 10'000;

[[noreturn]] void fail(const char* what) { throw std::system_error{errno, std::system_category(), what}; }

/// A file that is removed again unless it was kept.
class draft {
public:
  explicit draft(fs::path path) : path_(std::move(path)), fd_(::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {
    if (fd_ < 0)
      fail("cannot write to the folder");
  }
  draft(const draft&) = delete;
  draft& operator=(const draft&) = delete;
  ~draft() {
    ::close(fd_);
    ::unlink(path_.c_str());
  }

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      auto n = ::write(fd_, bytes.data(), bytes.size());
      if (n < 0 && errno != EINTR)
        fail("cannot write the file");
      if (n > 0)
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  /// Whether `name` was free; the file then goes by it.
  [[nodiscard]] bool keep_as(const fs::path& name) const {
    if (::link(path_.c_str(), name.c_str()) == 0)
      return true;
    if (errno != EEXIST)
      fail("cannot name the file");
    return false;
  }

private:
  fs::path path_;
  int fd_;
};

/// `photo.png` becomes `photo-2.png`.
std::string numbered(const std::string& name, int number) {
  if (number == 1)
    return name;
  fs::path path{name};
  return path.stem().string() + '-' + std::to_string(number) + path.extension().string();
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
  if (!is_ascii(c)) // what is a name of a room is valid, and holds no control and no bidi-control character
    return protocol::is_room_name('x' + std::string{character} + 'x');
  return std::isalnum(static_cast<unsigned char>(c)) || std::string_view{"-_. "}.find(c) != std::string_view::npos;
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
      --kept; // not in the middle of a character
    name = name.substr(0, kept) + (extension.size() <= max_name_bytes / 2 ? extension : "");
  }
  return name;
}

file_store::file_store(fs::path folder) : folder_(std::move(folder)) {
  fs::create_directories(folder_);
  if (::access(folder_.c_str(), W_OK | X_OK) != 0)
    throw fs::filesystem_error{"cannot write to the folder", folder_, std::error_code{errno, std::system_category()}};
}

std::string file_store::save(std::string_view wanted, std::string_view bytes) const {
  static std::atomic<unsigned> serial{0};
  auto name = safe_file_name(wanted);
  draft file{folder_ / (".upload-" + std::to_string(::getpid()) + '-' + std::to_string(++serial))};
  file.write(bytes);
  for (int number = 1; number <= max_number; ++number)
    if (auto free = numbered(name, number); file.keep_as(folder_ / free))
      return free;
  throw std::system_error{EEXIST, std::system_category(), "too many files of that name"};
}

} // namespace troupe::examples
