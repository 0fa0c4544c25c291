#include "store/detail/latency_collector.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "store/detail/latency_rollup.h"
#include "store/detail/order.h"

namespace ringwall::store {

namespace {

std::int64_t integer(const Value& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return *whole;
  if (const auto* real = std::get_if<double>(&value)) return static_cast<std::int64_t>(*real);
  return 0;
}

}  // namespace

LatencyCollector::LatencyCollector(base::Signal signal, std::int64_t from_ns, std::int64_t to_ns, std::int64_t step_ns)
    : signal_(signal), from_ns_(from_ns), to_ns_(to_ns), step_ns_(step_ns), first_minute_(floor_div(from_ns, kMinuteNs) + (from_ns % kMinuteNs == 0 ? 0 : 1)), end_minute_(floor_div(to_ns, kMinuteNs)) {}

LatencyHistogram& LatencyCollector::cell(std::string_view service, std::int64_t time_ns) {
  auto& services = cells_[step_ns_ == 0 ? from_ns_ : floor_div(time_ns, step_ns_) * step_ns_];
  const auto at = services.find(service);
  return at != services.end() ? at->second : services[std::string(service)];
}

void LatencyCollector::add(const base::Batch& batch) {
  for (std::size_t row = 0; row < batch.size(); ++row) {
    if (batch.time_ns[row] < from_ns_ || batch.time_ns[row] >= to_ns_ || !has_latency(batch, row)) continue;
    cell(batch.view(batch.resources[batch.resource[row]].service), batch.time_ns[row]).add(batch.duration_ns[row], is_failure(batch, row));
  }
}

void LatencyCollector::add(const FileEntry& file, const std::shared_ptr<const Sidecar>& sidecar) {
  if (sidecar == nullptr) return whole_.push_back(file);
  const auto rollup = read_rollup(sidecar->latency());
  if (!rollup.ok()) {
    base::log_event(base::Level::kWarn, "store.latency_unreadable", {{"key", file->sidecar_key}, {"error", rollup.error().message}});
    return whole_.push_back(file);
  }
  for (const auto& one : rollup->cells) {
    if (one.minute >= first_minute_ && one.minute < end_minute_) rollup->add_to(cell(rollup->services[one.service], one.minute * kMinuteNs), one);
  }
  if (file->tmin_ns < first_minute_ * kMinuteNs || file->tmax_ns >= end_minute_ * kMinuteNs) ragged_.push_back(file);
}

std::vector<LatencyCollector::Scan> LatencyCollector::scans() const {
  std::vector<Scan> out;
  if (!whole_.empty()) out.push_back({whole_, from_ns_, to_ns_});
  if (ragged_.empty()) return out;
  const auto begin = first_minute_ * kMinuteNs, end = end_minute_ * kMinuteNs;
  if (from_ns_ < begin) out.push_back({ragged_, from_ns_, begin});
  if (end < to_ns_) out.push_back({ragged_, end, to_ns_});
  return out;
}

std::string LatencyCollector::sql(const std::string& from_item) const {
  const auto step = step_ns_ == 0 ? std::string("0") : fmt::format("(epoch_us(ts) * 1000 + ts_ns) // {}", step_ns_);
  return fmt::format("SELECT service, {} AS step, CASE WHEN duration_ns <= 1 THEN 0 ELSE CAST(ceil(log2(duration_ns) * 32) AS INTEGER) END AS bucket, count(*), "
                     "count(*) FILTER (WHERE {}), max(duration_ns) FROM {} WHERE {} GROUP BY ALL",
                     step, failure_condition(signal_), from_item, latency_condition(signal_));
}

void LatencyCollector::add(const Table& counted) {
  for (const auto& row : counted.rows) {
    const auto* service = std::get_if<std::string>(&row[0]);
    auto& histogram = cell(service == nullptr ? std::string_view() : *service, step_ns_ == 0 ? from_ns_ : integer(row[1]) * step_ns_);
    const LatencyHistogram::Bucket counted_here{std::clamp(static_cast<int>(integer(row[2])), 0, kLatencyBucketsMax - 1), static_cast<std::uint64_t>(integer(row[3]))};
    histogram.add_buckets({&counted_here, 1});
    histogram.add_totals(static_cast<std::uint64_t>(integer(row[4])), integer(row[5]));
  }
}

std::vector<LatencyRow> LatencyCollector::take() {
  std::vector<LatencyRow> out;
  for (auto& [time, services] : cells_) {
    for (auto& [service, histogram] : services) out.push_back({service, time, std::move(histogram)});
  }
  return out;
}

}  // namespace ringwall::store
