#pragma once

namespace troupe::test {

/// Segments with data that a TCP socket has received: its peer's sends, as long as they are small.
[[nodiscard]] unsigned data_segments_received(int descriptor);

} // namespace troupe::test
