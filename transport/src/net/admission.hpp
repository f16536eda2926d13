#pragma once

#include "text/fading_counts.hpp"

#include <troupe/actors/clock.hpp>
#include <troupe/actors/seeded_hash.hpp>
#include <troupe/protocol/result.hpp>
#include <troupe/protocol/token_bucket.hpp>

#include <boost/asio/ip/address.hpp>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace troupe::transport {

/// Decides who may open another connection: bounds in all, per address, per user and per second.
/// Thread: any.
///
/// A bucket holds at most one second's admissions. Once half of it is used, an address is admitted
/// only if it was admitted fewer times lately than the bucket still holds. One address leaves half
/// of the bucket to the others, two leave a quarter, three an eighth; an address that comes for the
/// first time is admitted as long as the bucket holds one. Addresses that are not counted (the
/// loopback, unless asked) have no such bound. Source: Choudhury and Hahne, "Dynamic Queue Length
/// Thresholds for Shared-Memory Packet Switches", 1998.
class admission {
public:
  struct limits {
    std::size_t max_connections = 0;          ///< 0: none
    std::size_t max_connections_per_ip = 0;   ///< 0: none; IPv6 addresses count by /64
    bool count_loopback = false;              ///< whether the loopback is bounded per address
    std::size_t max_connections_per_user = 0; ///< 0: none
    double per_second = 0;                    ///< 0: none; the burst is one second's worth
  };

  /// One admitted connection in the counts; its destructor takes it out.
  class lease {
  public:
    lease() noexcept = default;
    lease(lease&& other) noexcept
      : owner_(std::move(other.owner_)),
        address_(std::move(other.address_)),
        user_(std::move(other.user_)) {}
    lease& operator=(lease&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(address_, other.address_);
      std::swap(user_, other.user_);
      return *this;
    }
    ~lease();

  private:
    friend class admission;
    lease(std::shared_ptr<admission> owner, std::string address, std::string user)
      : owner_(std::move(owner)), address_(std::move(address)), user_(std::move(user)) {}
    std::shared_ptr<admission> owner_;
    std::string address_; ///< empty: not counted per address
    std::string user_;    ///< empty: not counted per user
  };

  /// Why a connection was refused.
  struct refusal {
    std::string_view reason; ///< metric label
    unsigned retry_after_seconds;
  };

  explicit admission(limits l);

  /// Admits and counts a connection, or says why not. `user`: the name that the client has proved;
  /// empty: none. Throws `std::bad_alloc`; then the connection is not counted.
  [[nodiscard]] static protocol::result<lease, refusal> admit(
    const std::shared_ptr<admission>& self, const boost::asio::ip::address& from,
    actors::steady_time now, std::string_view user = {});

  /// Returns how many seconds `from` has to wait before it may show another token. An address may
  /// show 20 wrong tokens at once and one more each second. Loopback addresses wait only if they
  /// are counted. At most 10,000 addresses are remembered, those that failed last.
  [[nodiscard]] unsigned seconds_to_next_try(const boost::asio::ip::address& from,
                                             actors::steady_time now);
  void note_refused_token(const boost::asio::ip::address& from, actors::steady_time now);

  [[nodiscard]] std::size_t connections() const;

  /// Stands for what an address is counted as; 0 if it is not counted.
  [[nodiscard]] std::uint64_t mark_of(const boost::asio::ip::address& from) const;

private:
  using counts = std::unordered_map<std::string, std::size_t, actors::seeded_hash>;
  [[nodiscard]] static bool is_full(const counts& of, const std::string& key, std::size_t bound);
  static void count_up(counts& of, const std::string& key);
  static void count_down(counts& of, const std::string& key) noexcept;
  void give_back(const std::string& address, const std::string& user) noexcept;
  /// The most that the bucket holds.
  [[nodiscard]] double burst() const noexcept { return std::max(limits_.per_second, 1.0); }
  void take(const std::string& address, const std::string& bounded, const std::string& who,
            actors::steady_time now);
  /// Whether the bucket holds an admission for `address`.
  [[nodiscard]] bool is_within_rate(const std::string& address, actors::steady_time now) const;

  const limits limits_;
  mutable std::mutex mutex_;
  std::size_t connections_ = 0;
  counts by_address_;
  counts by_user_;
  fading_counts wrong_tokens_;    ///< by address
  fading_counts recent_;          ///< admissions by address
  protocol::token_bucket bucket_; ///< admissions that are free now
};

/// Counts one socket among those of its loop, as long as it lives. The loop with the fewest gets
/// the next socket.
class counted_socket {
public:
  counted_socket() noexcept = default;
  explicit counted_socket(std::shared_ptr<std::atomic<std::size_t>> count)
    : count_(std::move(count)) {
    ++*count_;
  }
  counted_socket(counted_socket&&) noexcept = default;
  counted_socket& operator=(counted_socket&& other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~counted_socket() {
    if (count_)
      --*count_;
  }

private:
  std::shared_ptr<std::atomic<std::size_t>> count_;
};

/// What an address is counted as: itself, or its /64 (IPv6). Empty for an uncounted loopback
/// address.
[[nodiscard]] std::string counted_as(const boost::asio::ip::address& from, bool count_loopback);

} // namespace troupe::transport
