#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::examples {

/// A file that a client has sent.
struct upload {
  std::string address;      ///< whose share it takes
  std::uint64_t client = 0; ///< whose part of that share
  std::string name;         ///< as wished; may be empty
  std::string bytes;
  std::function<void(std::string_view)> answer; ///< tells the client what became of it
};

/// Files that wait for the disk. The line is bounded in number and bytes, and nobody takes all of
/// it.
///
/// An address may have twice as many places and bytes as are still free, a client as many as are
/// free: alone an address has 11 of 16 places and a client 8, and whoever comes finds some.
/// Addresses take turns, and within one its clients.
///
/// Invariant: what was taken out with `next` holds its place until `finished`, so the file that is
/// being written counts. Cost: linear in the files that wait, of which there are few. Thread: one.
/// Source: Choudhury and Hahne, "Dynamic Queue Length Thresholds for Shared-Memory Packet
/// Switches", 1998.
class upload_line {
public:
  struct limits {
    std::size_t files = 16;
    std::size_t bytes = 64 * 1024 * 1024; ///< an empty line takes any file
  };

  explicit upload_line(limits l) : limits_(l) {}

  /// Whether it was taken in; `u` is moved from only then.
  [[nodiscard]] bool offer(upload& u);

  /// The next one to be written, if one waits. `finished` gives its place back.
  [[nodiscard]] std::optional<upload> next();
  void finished(const upload& u);

  [[nodiscard]] bool empty() const noexcept { return places_.total.files == 0; }
  [[nodiscard]] std::size_t files() const noexcept { return places_.total.files; }
  [[nodiscard]] std::size_t bytes() const noexcept { return places_.total.bytes; }

private:
  struct amount {
    std::size_t files = 0;
    std::size_t bytes = 0;
    std::uint64_t served = 0; ///< when it had its last turn
  };
  struct table {
    amount total;
    std::map<std::string, amount, std::less<>> by_address;
    std::map<std::uint64_t, amount> by_client;
  };

  [[nodiscard]] bool fits(const upload& u) const;
  [[nodiscard]] bool has_turn_before(const upload& a, const upload& b) const;

  limits limits_;
  table places_;
  std::deque<upload> waiting_;
  std::uint64_t turns_ = 0;
};

} // namespace troupe::examples
