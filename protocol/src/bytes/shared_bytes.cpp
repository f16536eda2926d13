#include <troupe/protocol/shared_bytes.hpp>

#include <algorithm>
#include <new>
#include <stdexcept>

namespace troupe::protocol {

shared_bytes::block* shared_bytes::allocate(std::size_t size, memory_meter* meter) {
  if (size > max_bytes)
    throw std::length_error{"a frame or buffer holds less than 4 GiB"};
  auto* b = new (::operator new(sizeof(block) + size)) block;
  b->size = b->weight = static_cast<std::uint32_t>(size);
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

std::size_t shared_bytes::share_of_weight(std::uint32_t begin, std::uint32_t end) const noexcept {
  auto before = [&b = *block_](std::uint32_t offset) -> std::uint64_t {
    return b.weight == b.size ? offset : std::uint64_t{offset} * b.weight / b.size;
  };
  return before(end) - before(begin);
}

void shared_bytes::count_against(memory_meter& meter) noexcept {
  if (!block_ || block_->meter == meter.account_)
    return;
  auto bytes = sizeof(block) + block_->size;
  meter.add(bytes);
  if (auto* before = std::exchange(block_->meter, meter.account_))
    before->remove(static_cast<std::int64_t>(bytes));
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
