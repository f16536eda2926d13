#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace troupe::protocol {

/// How the scan of a document ended.
enum class scan_status : std::uint8_t {
  ok,
  malformed, ///< not one document of the codec
  too_deep,
  refused, ///< well-formed, but breaks a payload rule
  stopped, ///< the handler has found what it wanted
};

/// The rules for well-formed documents that let every message exist in both codecs.
enum class payload_rule : std::uint8_t {
  none,
  depth,
  lone_surrogate,
  number_range,
  extension,
  key_type,
  proto_key,
  bin_key,
};

[[nodiscard]] std::string_view sentence(payload_rule rule) noexcept;

inline constexpr std::string_view bin_key = "$bin";
inline constexpr std::string_view proto_key = "__proto__";

// Both scanners drive a handler, which has these members. Each function returns `ok` to go on.
//
//   // The document was validated before; the scanner does not check its values again.
//   static constexpr bool trusted;
//
//   scan_status begin(const char* at, bool map);
//   scan_status end(const char* behind, bool map);
//
//   // A string in key position.
//   scan_status key(const Token&);
//   scan_status scalar(const Token&);
//
//   // Called before the value or key that breaks the rule is handed over.
//   scan_status broken(payload_rule);

} // namespace troupe::protocol
