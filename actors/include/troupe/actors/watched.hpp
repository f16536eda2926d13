#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace troupe::actors {

/// A value that one thread writes and any thread reads. Cost: that of a plain one.
template <class T>
class watched_value {
public:
  watched_value(T value = {}) noexcept : value_(value) {}
  watched_value& operator=(T value) noexcept {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  [[nodiscard]] T get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
  std::atomic<T> value_;
};

/// A short text that one thread writes and any thread reads; a read during a change may see parts
/// of both texts.
class watched_text {
public:
  static constexpr std::size_t max_bytes = 96;

  /// Keeps the first `max_bytes`.
  void set(std::string_view text) noexcept {
    text = text.substr(0, max_bytes);
    for (auto& word : words_) {
      std::uint64_t next = 0;
      auto n = std::min(text.size(), sizeof next);
      if (n > 0)
        std::memcpy(&next, text.data(), n);
      word.store(next, std::memory_order_relaxed);
      text.remove_prefix(n);
      if (n < sizeof next)
        return;
    }
  }

  [[nodiscard]] std::string get() const {
    std::array<char, max_bytes + 1> text{};
    for (std::size_t i = 0; i < words_.size(); ++i) {
      auto word = words_[i].load(std::memory_order_relaxed);
      std::memcpy(&text[i * sizeof word], &word, sizeof word);
    }
    return text.data();
  }

private:
  std::array<std::atomic<std::uint64_t>, max_bytes / sizeof(std::uint64_t)> words_{};
};

} // namespace troupe::actors
