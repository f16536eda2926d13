#pragma once

#include <troupe/protocol/errc.hpp>

#include <string>
#include <utility>
#include <variant>

namespace troupe::protocol {

/// Why something was refused: a row of the code table and, where it helps, the place of the fault
/// or what was expected.
struct failure {
  errc code = errc::internal;
  std::string detail; ///< for a person; empty means the row's own sentence
};

/// A value or a failure.
template <class T, class E = failure>
class [[nodiscard]] result {
public:
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] explicit operator bool() const noexcept { return state_.index() == 0; }
  [[nodiscard]] T& operator*() & { return std::get<0>(state_); }
  [[nodiscard]] const T& operator*() const& { return std::get<0>(state_); }
  [[nodiscard]] T* operator->() { return &std::get<0>(state_); }
  [[nodiscard]] const T* operator->() const { return &std::get<0>(state_); }
  [[nodiscard]] const E& error() const { return std::get<1>(state_); }

private:
  std::variant<T, E> state_;
};

} // namespace troupe::protocol
