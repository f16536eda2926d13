#include "frames.hpp"

#include <zlib.h>

#include <array>
#include <new>

namespace troupe::bench {

std::string masked_frame(unsigned opcode, std::string_view payload) {
  std::string frame(1, static_cast<char>(0x80 | opcode));
  auto put = [&](std::size_t bytes) {
    for (auto i = bytes; i-- > 0;)
      frame += static_cast<char>(payload.size() >> (8 * i));
  };
  if (payload.size() < 126) {
    frame += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() < 65'536) {
    frame += static_cast<char>(0x80 | 126);
    put(2);
  } else {
    frame += static_cast<char>(0x80 | 127);
    put(8);
  }
  return frame.append(4, '\0').append(payload);
}

struct inflater::state {
  z_stream zlib{};
  std::array<char, frame_reader::looked_at> out{};
};

inflater::inflater() : state_(new state) {
  if (inflateInit2(&state_->zlib, -MAX_WBITS) != Z_OK) {
    delete state_;
    throw std::bad_alloc{};
  }
}

inflater::~inflater() {
  inflateEnd(&state_->zlib);
  delete state_;
}

std::string_view inflater::start_of(std::string_view deflated) {
  auto& z = state_->zlib;
  inflateReset(&z);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(deflated.data()));
  z.avail_in = static_cast<uInt>(deflated.size());
  z.next_out = reinterpret_cast<Bytef*>(state_->out.data());
  z.avail_out = static_cast<uInt>(state_->out.size());
  inflate(&z, Z_SYNC_FLUSH);
  return {state_->out.data(), state_->out.size() - z.avail_out};
}

} // namespace troupe::bench
