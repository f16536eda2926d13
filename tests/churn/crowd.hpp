#pragma once

#include "visitor.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace troupe::churn {

class node_process;

/// A fixed number of visitors. A visitor that goes is replaced.
class crowd {
public:
  crowd(surroundings around, unsigned connections) : around_(around), visitors_(connections) {}

  /// Lets visitors come, talk and go for `time`. Calls `each_second` from time to time.
  void run(std::chrono::milliseconds time,
           const std::function<void(std::size_t open)>& each_second);

  /// Waits until all commands are answered, checks that all visitors agree, and lets them go.
  void settle(const node_process& node);

private:
  using clock = std::chrono::steady_clock;

  void fill();
  /// Handles events until `holds` is true of all visitors. After a timeout it complains about the
  /// others and returns false.
  bool until(const std::function<bool(const visitor&)>& holds, std::string_view what);
  /// Waits until all commands are answered.
  bool quiet(std::string_view what);
  /// Checks that all visitors agree once everything has come, and lets half of them leave their
  /// rooms.
  void say_goodbye();
  /// Waits until the node's gauges show the visitors' own counts.
  void await_gauges(const node_process& node);
  void check_agreement();
  void check_room(unsigned room, const std::vector<const reader*>& members);
  void check_present(unsigned room, const reader& who, const std::vector<const reader*>& members);
  [[nodiscard]] std::size_t open() const;

  surroundings around_;
  std::vector<std::unique_ptr<visitor>> visitors_;
};

} // namespace troupe::churn
