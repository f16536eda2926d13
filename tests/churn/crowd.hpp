#pragma once

#include "visitor.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::churn {

class node_process;

/// A number of visitors at a time; one that goes is replaced.
class crowd {
public:
  crowd(surroundings around, unsigned connections) : around_(around), visitors_(connections) {}

  /// Lets them come, talk and go for a while. `each_second` is called now and then.
  void run(std::chrono::milliseconds time,
           const std::function<void(std::size_t open)>& each_second);

  /// Waits until all is answered, looks whether all agree, and lets everybody go.
  void settle(const node_process& node);

private:
  using clock = std::chrono::steady_clock;

  void fill();
  /// Handles what comes until `holds` of all visitors; complains about the others after a while,
  /// and is false then.
  bool until(const std::function<bool(const visitor&)>& holds, std::string_view what);
  /// Waits until all that was said is answered.
  bool quiet(std::string_view what);
  /// Looks whether all agree once everything has come, and lets half of them leave their rooms.
  void say_goodbye();
  /// Waits until the node knows who is there.
  void await_gauges(const node_process& node);
  void check_agreement();
  void check_room(unsigned room, const std::vector<const reader*>& members);
  void check_present(unsigned room, const reader& who, const std::vector<const reader*>& members);
  [[nodiscard]] std::size_t open() const;

  surroundings around_;
  std::vector<std::unique_ptr<visitor>> visitors_;
};

} // namespace troupe::churn
