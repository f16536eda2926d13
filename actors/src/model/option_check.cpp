#include <troupe/actors/option_check.hpp>

#include <cstdio>
#include <stdexcept>

namespace troupe::actors {

namespace {

std::string text_of(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", number);
  return text;
}

} // namespace

void option_check::rate(std::string_view field, double value) const {
  if (!(value >= 0 && value <= highest_rate))
    refuse(field, text_of(value), "0", text_of(highest_rate), " a second");
}

void option_check::time(std::string_view field, std::chrono::milliseconds value,
                        std::chrono::milliseconds most) const {
  within(field, value.count(), 0, most.count(), " ms");
}

void option_check::time(std::string_view field, std::chrono::seconds value,
                        std::chrono::milliseconds most) const {
  within(field, value.count(), 0, std::chrono::duration_cast<std::chrono::seconds>(most).count(),
         " s");
}

void option_check::not_null(std::string_view field, const void* value) const {
  that(value != nullptr, field, "null", "an object that outlives what is made with it");
}

void option_check::that(bool holds, std::string_view field, std::string_view value,
                        std::string_view expected) const {
  if (!holds)
    throw std::invalid_argument{of_ + "." + std::string{field} + " is " + std::string{value}
                                + ": expected " + std::string{expected}};
}

void option_check::refuse(std::string_view field, const std::string& value,
                          const std::string& least, const std::string& most,
                          std::string_view unit) const {
  auto number = value + std::string{unit};
  that(false, field, number, least + " to " + most + std::string{unit});
  throw std::logic_error{"unreachable"};
}

} // namespace troupe::actors
