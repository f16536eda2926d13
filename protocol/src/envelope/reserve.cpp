#include <troupe/protocol/reserve.hpp>

#include "envelope/encode.hpp"
#include "envelope/envelope.hpp"
#include "envelope/scalars.hpp"
#include "envelope/validate.hpp"
#include "envelope/values.hpp"

#include <stdexcept>
#include <utility>

namespace troupe::protocol {

namespace {

std::optional<comparison> comparison_named(std::string_view name) {
  if (name == "eq")
    return comparison::equal;
  if (name == "at_least")
    return comparison::at_least;
  if (name == "at_most")
    return comparison::at_most;
  return std::nullopt;
}

/// One entry of `filter`; nothing if it is none.
std::optional<filter_term> read_term(codec source, std::string_view raw) {
  if (kind_of(source, raw) != value_kind::map)
    return std::nullopt;
  auto name = read_string(source, find_field(source, raw, "name"));
  auto value = read_scalar(source, find_field(source, raw, "value"));
  const auto op = find_field(source, raw, "op");
  const auto how = op.empty() ? comparison::equal
                              : comparison_named(read_string(source, op).value_or(std::string{}));
  if (!name || !value || !how)
    return std::nullopt;
  return filter_term{std::move(*name), *how, std::move(*value)};
}

/// All of `filter`; nothing if it is no list of terms.
std::optional<metadata_filter> read_filter(codec source, std::string_view raw) {
  metadata_filter all;
  const bool good = for_each_element(source, raw, [&](std::string_view element) {
    auto term = all.size() < most_filter_terms ? read_term(source, element) : std::nullopt;
    if (term)
      all.push_back(std::move(*term));
    return term.has_value();
  });
  return good ? std::optional{std::move(all)} : std::nullopt;
}

/// All of `metadata`; nothing if it is no map of scalars, names something twice, or is too large.
std::optional<metadata> read_metadata(codec source, std::string_view raw) {
  if (kind_of(source, raw) != value_kind::map)
    return std::nullopt;
  std::vector<metadata::entry> all;
  const bool good = for_each_entry(source, raw, [&](std::string key, std::string_view element) {
    auto value = read_scalar(source, element);
    if (value)
      all.push_back({std::move(key), std::move(*value)});
    return value.has_value();
  });
  try {
    return good ? std::optional<metadata>{std::move(all)} : std::nullopt;
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

} // namespace

envelope_reader::problem envelope_reader::read_reserve() const {
  if (!is_string("pattern"))
    return "pattern is a string";
  metadata_filter filter;
  if (const auto raw = fields_.find("filter"); !raw.empty()) {
    auto read = read_filter(source_, raw);
    if (!read)
      return "filter is a list of at most 16 {name: a string, op: eq, at_least or at_most, value: "
             "a text, a number or a boolean}";
    if (const auto fault = fault_of(*read))
      return fault;
    filter = std::move(*read);
  }
  metadata named;
  if (const auto raw = fields_.find("metadata"); !raw.empty()) {
    auto read = read_metadata(source_, raw);
    if (!read)
      return "metadata is a map of texts, numbers and booleans, of at most 4 KiB";
    named = std::move(*read);
  }
  try {
    (void)metadata_of_new_room(filter, named);
  } catch (const std::invalid_argument&) {
    return "a room that is made for this has metadata that fit filter, of at most 4 KiB";
  }
  return nullptr;
}

seat_wish seat_wish_of(const command& c) {
  const document_view fields{c.source, c.bytes};
  seat_wish wish{fields.string("pattern").value_or(""), {}, {}};
  if (const auto raw = fields.raw("filter"); !raw.empty())
    wish.filter = read_filter(c.source, raw).value();
  if (const auto raw = fields.raw("metadata"); !raw.empty())
    wish.wanted = read_metadata(c.source, raw).value();
  wish.wanted = metadata_of_new_room(wish.filter, wish.wanted);
  return wish;
}

shared_bytes reserved_frame(encoding to, const reserved_event& event, memory_meter* meter) {
  return frame_of(codec_of(to), "$reserved",
                  {raw_field("ref", to, event.ref),
                   {"roomId", event.room_id},
                   {"holdMs", event.hold.count()},
                   {"made", event.made}},
                  meter);
}

} // namespace troupe::protocol
