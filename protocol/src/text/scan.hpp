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
  refused, ///< well-formed, but against a payload rule
  stopped, ///< the handler has what it wanted
};

/// What a well-formed document may not hold, so that every message exists in both codecs.
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

// A handler, which both scanners drive, has
//   static constexpr bool trusted;           // the document was validated before: values are not
//   checked again scan_status begin(const char* at, bool map); scan_status end(const char* behind,
//   bool map); scan_status key(const Token&);           // a string in key position scan_status
//   scalar(const Token&); scan_status broken(payload_rule);        // before the value or key that
//   breaks it is handed over; `ok` goes on
// Each returns `ok` to go on.

} // namespace troupe::protocol
