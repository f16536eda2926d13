#include "report.hpp"

#include <cstdio>

namespace troupe::roaming {

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  return out += '"';
}

void report::begin(std::string_view client) {
  const auto at = std::chrono::steady_clock::now() - start_;
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(at).count();
  lines_.append(R"({"client":)").append(json_string(client));
  lines_.append(R"(,"at":)").append(std::to_string(ms)).append(",");
}

void report::introduce(std::string_view client, const std::string& rooms, std::string_view codec,
                       bool is_eager) {
  begin(client);
  lines_.append(R"("rooms":)").append(rooms).append(R"(,"codec":)").append(json_string(codec));
  lines_.append(R"(,"eager":)").append(is_eager ? "true}\n" : "false}\n");
}

void report::connected(std::string_view client, std::uint16_t port) {
  begin(client);
  lines_.append(R"("did":"connected","port":)").append(std::to_string(port)).append("}\n");
}

void report::lost(std::string_view client, std::uint16_t code, std::string_view reason) {
  begin(client);
  lines_.append(R"("did":"lost","code":)").append(std::to_string(code));
  lines_.append(R"(,"reason":)").append(json_string(reason)).append("}\n");
}

void report::said(std::string_view client, std::string_view id, std::string_view room) {
  begin(client);
  lines_.append(R"("did":"said","id":)").append(json_string(id));
  lines_.append(R"(,"roomId":)").append(json_string(room)).append("}\n");
}

void report::finished(std::string_view client) {
  begin(client);
  lines_.append("\"did\":\"finished\"}\n");
}

void report::failed(std::string_view client, std::string_view reason) {
  begin(client);
  lines_.append(R"("did":"failed","reason":)").append(json_string(reason)).append("}\n");
}

void report::heard(std::string_view client, std::string_view frame) {
  begin(client);
  lines_.append(R"("heard":)").append(frame).append("}\n");
}

void report::flush() {
  std::fwrite(lines_.data(), 1, lines_.size(), stdout);
  std::fflush(stdout);
  lines_.clear();
}

} // namespace troupe::roaming
