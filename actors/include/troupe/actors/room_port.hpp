// How the CAF half of a room's behaviour and the room's actor see each other.
#pragma once

#include <troupe/actors/caf_compat.hpp>
#include <troupe/actors/room_context.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <typeinfo>

namespace troupe::actors {

/// What has become of code that was to run as a hook.
enum class hook_fate : std::uint8_t {
  done,
  failed, ///< it has thrown, and its room goes on
  closed, ///< it has not run: its room ends, or has ended
};

/// An answer that a room owes to whoever has asked it. If its last owner goes, or its room ends,
/// before it is given, the asker hears an error. Thread: the room's loop, but for its destruction.
class owed_reply {
public:
  virtual ~owed_reply() = default;
  /// Answers with the values in `what`, or with one `caf::error`. The first call counts.
  virtual void give(caf::message what) = 0;
  /// Whether the asker still waits.
  [[nodiscard]] virtual bool is_open() const noexcept = 0;
};

/// The room's actor, as its behaviour sees it. Thread: the room's loop; `context` on any.
class room_port {
public:
  /// What is sent by it comes from the room.
  [[nodiscard]] virtual caf::scheduled_actor& actor() noexcept = 0;
  /// What the room may do, while one of its hooks runs on the calling thread; else null.
  [[nodiscard]] virtual room_context* context() noexcept = 0;
  /// Runs `f` as a hook. `name` is for the log, and lives for ever. An exception that ends the room
  /// passes on.
  virtual hook_fate run(const char* name, const std::function<void()>& f) = 0;
  /// A message of another actor has come for the behaviour.
  virtual void note_message() noexcept = 0;
  /// Whether another answer may be awaited.
  [[nodiscard]] virtual bool may_ask() const noexcept = 0;
  /// Keeps `handlers` until the answer of that id has come (`forget`) or the room ends. After
  /// `limit`, the answer is `caf::sec::request_timeout`.
  virtual void keep(caf::message_id answer, std::chrono::nanoseconds limit,
                    std::shared_ptr<void> handlers) = 0;
  virtual void forget(caf::message_id answer) noexcept = 0;
  /// Calls `f` once `whom` has ended, in place of an `f` that was given for it before.
  virtual void watch(const caf::actor& whom, std::function<void(const caf::error&)> f) = 0;
  /// The answer to the request that is being handled, to be given later.
  [[nodiscard]] virtual std::shared_ptr<owed_reply> owe() = 0;

protected:
  ~room_port() = default;
};

/// The CAF half of a behaviour. Thread: the room's loop.
class room_part {
public:
  virtual ~room_part() = default;
  /// The room lives: returns the handlers of the behaviour's messages. Once, before `on_create`.
  [[nodiscard]] virtual caf::behavior attach(room_port& port) = 0;
  /// The type of its interface, a `typed_actor`.
  [[nodiscard]] virtual const std::type_info& interface_type() const noexcept = 0;
};

} // namespace troupe::actors
