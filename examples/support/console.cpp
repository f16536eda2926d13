#include "console.hpp"

#include <troupe/transport/line_writer.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <utility>

namespace troupe::examples {

void say(std::string line) {
  static transport::line_writer out{STDOUT_FILENO};
  out.write(std::move(line));
}

void complain(std::string line) {
  static transport::line_writer out{STDERR_FILENO};
  out.write(std::move(line));
}

void secure_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  for (int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(stream, F_GETFD) < 0)
      (void)::open("/dev/null", O_RDWR); // gets the lowest free number, which is this one
}

} // namespace troupe::examples
