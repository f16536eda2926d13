#include "http/http_answer.hpp"

#include <string>

namespace troupe::transport {

http_response plain_answer(unsigned status, std::string_view text) {
  http_response r;
  r.status = status;
  r.body = std::string{text} + "\n";
  return r;
}

http_response too_many_files() {
  auto busy = plain_answer(503, "Too many files are being asked for.");
  busy.headers = {{"Retry-After", "1"}};
  return busy;
}

} // namespace troupe::transport
