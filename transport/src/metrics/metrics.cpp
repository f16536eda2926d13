#include "metrics/metrics.hpp"

#include "metrics/event_metrics.hpp"
#include "metrics/metric_families.hpp"

#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <exception>
#include <functional>
#include <map>
#include <ostream>
#include <streambuf>
#include <string>
#include <utility>
#include <vector>

namespace troupe::transport {

namespace {

/// Writes to the end of a string, which keeps the memory that was reserved for it.
class string_writer final : public std::streambuf {
public:
  explicit string_writer(std::string& to) : to_(to) {}

private:
  std::streamsize xsputn(const char* text, std::streamsize size) override {
    to_.append(text, static_cast<std::size_t>(size));
    return size;
  }
  int_type overflow(int_type c) override {
    if (!traits_type::eq_int_type(c, traits_type::eof()))
      to_.push_back(traits_type::to_char_type(c));
    return traits_type::not_eof(c);
  }
  std::string& to_;
};

} // namespace

struct metrics::state {
  struct row {
    const event_metric* metric;
    prometheus::Family<prometheus::Counter>* family;
    prometheus::Counter* unlabelled = nullptr; ///< null where there is a label
    /// By the values that are exported from the start: the family would lock, and hash the labels.
    std::map<std::string, prometheus::Counter*, std::less<>> labelled{};
  };
  prometheus::Registry registry;
  std::vector<row> rows;                 ///< fixed
  std::atomic<std::size_t> last_size{0}; ///< of the text: the next one is about as long
};

metrics::metrics() : state_(std::make_unique<state>()) {
  for (auto& m : event_metrics()) {
    auto& family = prometheus::BuildCounter().Name(m.name).Help(m.help).Register(state_->registry);
    state::row row{&m, &family};
    if (!m.label)
      row.unlabelled = &family.Add({});
    for (auto& value : m.values())
      row.labelled.emplace(value, &family.Add(m.labels_of(value)));
    state_->rows.push_back(std::move(row));
  }
}

metrics::~metrics() = default;

void metrics::count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept {
  for (auto& row : state_->rows) {
    if (row.metric->what != what)
      continue;
    if (row.unlabelled)
      return row.unlabelled->Increment(static_cast<double>(n));
    if (auto known = row.labelled.find(label); known != row.labelled.end())
      return known->second->Increment(static_cast<double>(n));
    try {
      row.family->Add(row.metric->labels_of(label)).Increment(static_cast<double>(n));
    } catch (const std::exception&) {
      return; // out of memory: the count is lost, nothing else
    }
  }
}

std::string metrics::text(const actors::node_stats& now, const node_traffic& traffic) {
  std::string all;
  all.reserve(state_->last_size.load(std::memory_order_relaxed) + 1024);
  string_writer to{all};
  std::ostream out{&to};
  prometheus::TextSerializer serializer;
  out.exceptions(std::ios::badbit); // without memory, a part of them would pass for all
  // one family at a time: a collected series takes ten times the memory of its line
  for (auto& row : state_->rows)
    serializer.Serialize(out, row.family->Collect());
  serializer.Serialize(out, node_families(now));
  serializer.Serialize(out, traffic_families(traffic));
  serializer.Serialize(out, process_families(read_process_stats()));
  serializer.Serialize(out, {build_info()});
  state_->last_size.store(all.size(), std::memory_order_relaxed);
  return all;
}

} // namespace troupe::transport
