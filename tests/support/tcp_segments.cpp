#include "support/tcp_segments.hpp"

// Linux's own header: the C library's has a smaller `tcp_info`, and a file cannot include both.
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <stdexcept>

namespace troupe::test {

unsigned data_segments_received(int descriptor) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
    throw std::runtime_error{"TCP_INFO"};
  return info.tcpi_data_segs_in;
}

} // namespace troupe::test
