#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::roaming {

/// What the clients did and heard, as JSON, one line each; `at` in milliseconds:
///
///   {"client":"k0","at":0,"rooms":["a","b"],"codec":"json","eager":false}    first, once each
///   {"client":"k0","at":9,"did":"connected","port":40000}                    from this port
///   {"client":"k0","at":9,"did":"lost","code":1012,"reason":"restart"}       code 0: by itself
///   {"client":"k0","at":9,"did":"said","id":"k0:1","roomId":"a"}
///   {"client":"k0","at":9,"did":"finished"}                                  last words are acked
///   {"client":"k0","at":9,"did":"failed","reason":"…"}                       that is no frame
///   {"client":"k0","at":9,"heard":{…}}                                       a frame, as JSON
class report {
public:
  void introduce(std::string_view client, const std::string& rooms, std::string_view codec,
                 bool is_eager);
  void connected(std::string_view client, std::uint16_t port);
  void lost(std::string_view client, std::uint16_t code, std::string_view reason);
  void said(std::string_view client, std::string_view id, std::string_view room);
  void finished(std::string_view client);
  void failed(std::string_view client, std::string_view reason);
  void heard(std::string_view client, std::string_view frame);

  /// Writes what there is to the standard output, and waits until it is taken.
  void flush();

private:
  void begin(std::string_view client);

  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::string lines_;
};

/// A JSON string. Names of clients and rooms, and reasons, need no other escapes.
[[nodiscard]] std::string json_string(std::string_view text);

} // namespace troupe::roaming
