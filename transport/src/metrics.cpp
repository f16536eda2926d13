#include "metrics.hpp"

#include "event_metrics.hpp"
#include "metric_families.hpp"

#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <exception>
#include <iterator>
#include <sstream>
#include <utility>
#include <vector>

namespace troupe::transport {

namespace {

template <class Families>
void append(std::vector<prometheus::MetricFamily>& to, Families&& more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

} // namespace

struct metrics::state {
  struct row {
    const event_metric* metric;
    prometheus::Family<prometheus::Counter>* family;
    prometheus::Counter* unlabelled; ///< null where there is a label
  };
  prometheus::Registry registry;
  std::vector<row> rows; ///< fixed
};

metrics::metrics() : state_(std::make_unique<state>()) {
  for (auto& m : event_metrics()) {
    auto& family = prometheus::BuildCounter().Name(m.name).Help(m.help).Register(state_->registry);
    for (auto& value : m.values())
      family.Add(m.labels_of(value));
    state_->rows.push_back({&m, &family, m.label ? nullptr : &family.Add({})});
  }
}

metrics::~metrics() = default;

void metrics::count(protocol::counter what, std::string_view label, std::uint64_t n) noexcept {
  for (auto& row : state_->rows) {
    if (row.metric->what != what)
      continue;
    if (row.unlabelled)
      return row.unlabelled->Increment(static_cast<double>(n));
    try {
      row.family->Add(row.metric->labels_of(label)).Increment(static_cast<double>(n));
    } catch (const std::exception&) {
      return; // out of memory: the count is lost, nothing else
    }
  }
}

std::string metrics::text(const actors::node_stats& now, const node_traffic& traffic) {
  auto all = state_->registry.Collect();
  append(all, node_families(now));
  append(all, traffic_families(traffic));
  append(all, process_families(read_process_stats()));
  all.push_back(build_info());
  std::ostringstream out;
  out.exceptions(std::ios::badbit); // where memory ends, half of them would be taken for all
  prometheus::TextSerializer{}.Serialize(out, all);
  return std::move(out).str();
}

} // namespace troupe::transport
