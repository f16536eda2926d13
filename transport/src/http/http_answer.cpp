#include "http/http_answer.hpp"

#include <string>

namespace troupe::transport {

http_response plain_answer(unsigned status, std::string_view text) {
  http_response r;
  r.status = status;
  r.body = std::string{text} + "\n";
  return r;
}

} // namespace troupe::transport
