#include "support/tcp_segments.hpp"

// Linux's own header: that of the C library has less of `tcp_info`, and the two do not go together.
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
