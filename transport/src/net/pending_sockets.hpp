#pragma once

#include <troupe/actors/event_loop.hpp>
#include <troupe/actors/seeded_hash.hpp>
#include <troupe/protocol/observe.hpp>

#include <boost/asio/ip/address.hpp>
#include <boost/intrusive/list.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe::transport {

class pending_socket;

/// The place of one socket among those that are not WebSockets (yet). Only `pending_sockets` looks
/// into it.
class pending_place : public boost::intrusive::list_base_hook<> {
  friend class pending_sockets;
  enum class stage : std::uint8_t { waiting, answering };
  struct address_group;
  std::weak_ptr<pending_socket> socket_;
  actors::event_loop* loop_ = nullptr; ///< the socket's
  address_group* group_ = nullptr;     ///< null: not counted
  stage stage_ = stage::waiting;
  std::uint64_t since_ = 0; ///< order of the last progress
};

/// A socket on a loop that is not a WebSocket (yet): nothing has come, or TLS, a request or an
/// answer is under way. A derived class calls `pending_sockets::leave` in its destructor.
class pending_socket {
public:
  explicit pending_socket(actors::event_loop& loop) : loop_(loop) {}
  virtual ~pending_socket() = default;
  pending_socket(const pending_socket&) = delete;
  pending_socket& operator=(const pending_socket&) = delete;

  /// Closes the socket; what is under way ends with an error. Thread: the loop's.
  virtual void end() = 0;
  /// The same for one that was served and waits for more. Thread: the loop's.
  virtual void end_if_idle() = 0;

protected:
  actors::event_loop& loop_;

private:
  friend class pending_sockets;
  pending_place place_;
};

/// Counts the sockets of all loops that are not WebSockets (yet), per address and in all, from
/// `accept` on. For one too many it evicts another: the one that has made no progress for longest,
/// of the same address if that has too many, else of an address with the most sockets (at least
/// half of the most). Sockets that wait for their client are evicted before those that are being
/// answered.
///
/// Invariants: at most `in_all` are counted, and `per_address` of a bounded address. An evicted
/// socket is not counted any more. Cost: constant; one lock. Thread: any, but for `end_all` and
/// `end_idle`.
class pending_sockets {
public:
  struct limits {
    std::size_t in_all = 0;      ///< 0: none
    std::size_t per_address = 0; ///< 0: none; IPv6 addresses count by /64
    bool count_loopback = false; ///< whether the loopback is bounded per address
  };

  /// The address that a socket counts for.
  struct counted_address {
    boost::asio::ip::address address;
    /// A trusted proxy, whose client is not known yet: not bounded per address.
    bool is_proxy = false;
  };

  pending_sockets(limits l, protocol::event_counters& counters);
  ~pending_sockets();
  pending_sockets(const pending_sockets&) = delete;
  pending_sockets& operator=(const pending_sockets&) = delete;

  /// Counts a socket and makes room for it. Throws `std::bad_alloc`; then it is not counted.
  void enter(const std::shared_ptr<pending_socket>& socket, const counted_address& whose);
  /// Counts a socket for another address from now on, and makes room there. Does nothing for an
  /// evicted socket. Throws `std::bad_alloc`; then nothing has changed.
  void count_for(pending_socket& socket, const counted_address& whose);

  /// Notes that the socket has made progress, and waits for its client again.
  void note_waiting(pending_socket& socket) noexcept { progress(socket, stage::waiting); }
  /// Notes that the socket has made progress, and is being answered.
  void note_answering(pending_socket& socket) noexcept { progress(socket, stage::answering); }

  /// Counts the socket no more: it ends, or becomes a WebSocket.
  void leave(pending_socket& socket) noexcept;

  /// Evicts one socket, so that its descriptor is free soon; returns whether there was one.
  bool make_room();

  /// Ends all pending sockets of that loop. Thread: the loop's.
  void end_all(const actors::event_loop& loop);
  /// Ends those of that loop that are idle. Thread: the loop's.
  void end_idle(const actors::event_loop& loop);

  [[nodiscard]] std::size_t size() const;

private:
  using stage = pending_place::stage;
  using address_group = pending_place::address_group;

  [[nodiscard]] std::vector<std::shared_ptr<pending_socket>> all_of(const actors::event_loop& loop);
  struct size_classes;
  struct eviction;

  [[nodiscard]] address_group& group_of(const counted_address& whose);
  [[nodiscard]] bool is_full(const address_group& group) const noexcept;
  void progress(pending_socket& socket, stage s) noexcept;
  void put(pending_place& place, address_group& group, stage s) noexcept;
  void take_out(pending_place& place) noexcept;
  void drop_if_empty(address_group& group) noexcept;
  void update_size_class(address_group& group) noexcept;
  bool evict(address_group& group);
  [[nodiscard]] address_group& largest() noexcept;

  const limits limits_;
  protocol::event_counters& counters_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::unique_ptr<address_group>, actors::seeded_hash> groups_;
  std::unique_ptr<size_classes> by_size_;
  std::size_t size_ = 0;
  std::uint64_t next_ = 0; ///< `since_` of the next progress
};

} // namespace troupe::transport
