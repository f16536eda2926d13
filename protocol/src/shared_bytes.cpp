#include <troupe/protocol/shared_bytes.hpp>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <new>

namespace troupe::protocol {

shared_bytes::block* shared_bytes::allocate(std::size_t size, memory_meter* meter) {
  if (size > std::numeric_limits<std::uint32_t>::max())
    throw std::bad_alloc{};
  auto* b = new (::operator new(sizeof(block) + size)) block;
  b->size = static_cast<std::uint32_t>(size);
  if (meter) {
    b->meter = meter->account_;
    b->meter->add(sizeof(block) + size);
  }
  return b;
}

void shared_bytes::destroy(block* b) noexcept {
  if (b->meter)
    b->meter->remove(static_cast<std::int64_t>(sizeof(block) + b->size));
  b->~block();
  ::operator delete(b);
}

shared_bytes shared_bytes::copy_of(std::string_view bytes, memory_meter* meter) {
  return make(bytes.size(), meter, [&](char* out) { std::copy(bytes.begin(), bytes.end(), out); });
}

shared_bytes shared_bytes::concat(std::span<const std::string_view> parts, memory_meter* meter) {
  std::size_t size = 0;
  for (auto part : parts)
    size += part.size();
  return make(size, meter, [&](char* out) {
    for (auto part : parts)
      out = std::copy(part.begin(), part.end(), out);
  });
}

} // namespace troupe::protocol
