#pragma once

#include <troupe/protocol/command.hpp>
#include <troupe/protocol/event.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::protocol {

/// Writes one value of a server message, in the codec of `writer`; visits a `value`.
template <class Writer>
struct value_writer {
  Writer& writer;
  codec to;

  void operator()(std::string_view x) const { writer.text(x); }
  void operator()(std::int64_t x) const { writer.integer(x); }
  void operator()(std::uint64_t x) const { writer.integer(x); }
  void operator()(double x) const { writer.real(x); }
  void operator()(bool x) const { writer.boolean(x); }
  void operator()(binary_value x) const { writer.binary(x.bytes); }

  void operator()(raw_value x) const {
    if (x.source == to)
      return writer.verbatim(x.bytes);
    std::string transcoded;
    transcode(x.source, x.bytes, to, transcoded);
    writer.verbatim(transcoded);
  }

  void operator()(string_list list) const {
    writer.begin_array(list.size());
    for (const auto& text : list)
      writer.text(text);
    writer.end_array();
  }
};

} // namespace troupe::protocol
