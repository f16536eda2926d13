#pragma once

#include <boost/beast/core/string.hpp>

#include <string_view>

namespace troupe::transport {

/// The same text as the standard names it.
inline std::string_view view(boost::beast::string_view s) noexcept { return {s.data(), s.size()}; }

} // namespace troupe::transport
