#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace troupe::churn {

/// The node under test, seen from outside: HTTP, /proc, exit code. Everything throws
/// std::runtime_error or std::system_error.
class node_process {
public:
  using samples = std::map<std::string, double>; ///< by metric name, summed over labels

  /// Starts a node on a free port of 127.0.0.1 and waits until it listens.
  node_process(const std::string& program, const std::vector<std::string>& arguments);
  /// A node that runs already. `pid` 0: /proc is not read.
  node_process(std::uint16_t port, pid_t pid) : port_(port), pid_(pid) {}
  node_process(const node_process&) = delete;
  node_process& operator=(const node_process&) = delete;
  ~node_process();

  /// Asks a node that was started here to end. Returns its exit code, or -1 if it did not end in
  /// time or a signal ended it.
  int stop(std::chrono::seconds limit);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] samples metrics() const;
  /// Requests the metrics until `holds` is true of them. Returns false if that takes longer than
  /// `limit`.
  bool until(std::chrono::seconds limit, const std::function<bool(const samples&)>& holds) const;
  [[nodiscard]] bool has_pid() const { return pid_ > 0; }
  [[nodiscard]] std::size_t descriptors() const;
  [[nodiscard]] std::uint64_t resident_kib() const;

private:
  void start(const std::string& program, const std::vector<std::string>& arguments, int out);
  [[nodiscard]] std::uint16_t read_port(int in) const;

  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  int output_ = -1; ///< kept open: the node may say more
};

} // namespace troupe::churn
