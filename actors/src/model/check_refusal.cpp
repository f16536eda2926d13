#include "model/check_refusal.hpp"

#include <stdexcept>
#include <string>

namespace troupe::actors {

namespace {

using protocol::errc;

/// Why a behaviour cannot refuse with `code`; null if it can.
const char* problem_of(errc code) {
  auto& row = protocol::info(code);
  if (row.code != code)
    return "this is no code of the table";
  if (code == errc::ok)
    return "a refusal says why, and this does not";
  if (code == errc::room_gone || code == errc::waiting_limit)
    return "no client is ever told this";
  if (code == errc::session_gone)
    return "this answers a resume";
  return row.close_code != 0 && code != errc::internal
         ? "this ends a connection, and a refusal does not"
         : nullptr;
}

} // namespace

void check_refusal(const char* call, errc code) {
  if (auto* problem = problem_of(code)) {
    auto name = protocol::info(code).code == code ? std::string{protocol::to_string(code)}
                                                  : std::to_string(static_cast<unsigned>(code));
    throw std::invalid_argument{std::string{call} + "(" + name + "): " + problem};
  }
}

} // namespace troupe::actors
