#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::examples {

/// What TIME and SIZE stand for in `--help`.
inline constexpr std::string_view units_in_help =
  "TIME: seconds, or a number with ms, s or m. SIZE: bytes, or a whole number with KiB, MiB or "
  "GiB.";

/// A whole number from 0 to `max`, in decimal digits only; nothing else is taken.
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text,
                                                       std::uint64_t max) noexcept;

/// A finite number of at least 0, such as `20` or `0.5`.
[[nodiscard]] std::optional<double> parse_number(std::string_view text) noexcept;

/// Plain seconds (`25`, `0.5`) or a number with `ms`, `s` or `m`; at most a day.
[[nodiscard]] std::optional<std::chrono::milliseconds> parse_duration(
  std::string_view text) noexcept;

/// Plain bytes (`65536`) or a whole number with `KiB`, `MiB` or `GiB`; at most `max` bytes, 1 GiB
/// unless said otherwise.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text,
                                                      std::uint64_t max = std::uint64_t{1}
                                                                       << 30) noexcept;

/// As `parse_duration` takes it, in the largest unit that is whole: `25s`, `1500ms`, `2m`.
[[nodiscard]] std::string duration_text(std::chrono::milliseconds time);

/// As `parse_size` takes it, in the largest unit that is whole: `64KiB`, `16MiB`, `2GiB`.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

/// `on`, `true`, `off` or `false`.
[[nodiscard]] std::optional<bool> parse_switch(std::string_view text) noexcept;

} // namespace troupe::examples
