// Clients of troupe.v1 in one thread, half of them in MessagePack, that talk and keep their rooms
// over connections that break. Writes what they did and heard to its standard output (report.hpp);
// tests/system judges it. A line on its standard input lets them settle (crowd.hpp); it ends with
// its standard input.
//
//   roaming_client --port 8080 --rooms a,b --clients 100 --seconds 20 --seed 7

#include "crowd.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/read_until.hpp>

#include <unistd.h>

#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>

using namespace troupe::roaming;
namespace asio = boost::asio;

namespace {

constexpr int wrong_usage = 2;

/// Calls `each` for each line of the standard input, and ends the io_context behind the last one.
template <class F>
class lines {
public:
  lines(asio::io_context& io, F each) : io_(io), in_(io, ::dup(STDIN_FILENO)), each_(each) {
    read();
  }

private:
  void read() {
    asio::async_read_until(in_, asio::dynamic_buffer(text_), '\n', [this](auto error, auto size) {
      if (error)
        return io_.stop();
      text_.erase(0, size);
      each_();
      read();
    });
  }

  asio::io_context& io_;
  asio::posix::stream_descriptor in_;
  F each_;
  std::string text_;
};

void run(const options& asked) {
  asio::io_context io{1};
  report out;
  crowd all{io, asked, out};
  lines control{io, [&] { all.settle(); }};
  all.start();
  io.run();
  out.flush();
}

} // namespace

int main(int argc, char** argv) try {
  run(read_options(argc, argv));
  return 0;
} catch (const std::invalid_argument& e) {
  std::cerr << e.what() << '\n' << usage;
  return wrong_usage;
} catch (const std::exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
