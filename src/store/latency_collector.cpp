#include "store/detail/latency_collector.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <utility>

#include "base/log.h"
#include "store/detail/cell_reader.h"
#include "store/detail/order.h"

namespace ringwall::store {

namespace {

constexpr std::chrono::milliseconds kScanDeadline{30'000};

}  // namespace

LatencyCollector::LatencyCollector(base::Signal signal, std::int64_t from_ns, std::int64_t to_ns, std::int64_t step_ns,
                                   const std::vector<std::string>& services)
    : signal_(signal), from_ns_(from_ns), to_ns_(to_ns), step_ns_(step_ns), services_(services),
      first_minute_(floor_div(from_ns, kMinuteNs) + (from_ns % kMinuteNs == 0 ? 0 : 1)), end_minute_(floor_div(to_ns, kMinuteNs)) {}

bool LatencyCollector::wanted(std::string_view service) const {
  return services_.empty() || std::find(services_.begin(), services_.end(), service) != services_.end();
}

std::int64_t LatencyCollector::step_of(std::int64_t time_ns) const { return step_ns_ == 0 ? 0 : floor_div(time_ns, step_ns_); }

std::int64_t LatencyCollector::begin_of(std::int64_t step) const {
  if (step_ns_ == 0) return from_ns_;
  // The first step of all may begin before the first time that fits.
  const auto begin = static_cast<__int128>(step) * step_ns_;
  return static_cast<std::int64_t>(std::max<__int128>(begin, std::numeric_limits<std::int64_t>::min()));
}

Result<LatencyHistogram*> LatencyCollector::cell(std::string_view service, std::int64_t step) {
  if (last_ == nullptr || last_->first != service) {
    auto at = cells_.find(service);
    if (at == cells_.end()) at = cells_.emplace(std::string(service), Steps()).first;
    last_ = &*at;
  }
  const auto [at, added] = last_->second.try_emplace(step);
  if (added && ++cell_count_ > kLatencyRowsMax) {
    return fail(Errc::kLimit, fmt::format("more than {} services and intervals", kLatencyRowsMax), "ask for a shorter time or a longer interval");
  }
  return &at->second;
}

Result<void> LatencyCollector::add(const base::Batch& batch) {
  // Neighbours in a batch are mostly of the same step, so a resource's histogram is looked up once for many rows.
  struct Known {
    LatencyHistogram* histogram = nullptr;
    std::int64_t step = 0;
    bool wanted = false;
    std::string service;
  };
  std::vector<Known> known(batch.resources.size());
  for (std::size_t i = 0; i < known.size(); ++i) {
    known[i].service = service_name(batch.view(batch.resources[i].service));
    known[i].wanted = wanted(known[i].service);
  }
  for (std::size_t row = 0; row < batch.size(); ++row) {
    auto& of = known[batch.resource[row]];
    if (!of.wanted || batch.time_ns[row] < from_ns_ || batch.time_ns[row] >= to_ns_ || !has_latency(batch, row)) continue;
    const auto step = step_of(batch.time_ns[row]);
    if (of.histogram == nullptr || of.step != step) {
      of.histogram = RW_TRY(cell(of.service, step));
      of.step = step;
    }
    of.histogram->add(batch.duration_ns[row], is_failure(batch, row));
  }
  return {};
}

Result<void> LatencyCollector::add(const FileEntry& file, SidecarCache& sidecars) {
  const auto sidecar = wants_rollups() ? sidecars.get(*file) : nullptr;
  const auto section = sidecar == nullptr ? std::nullopt : sidecar->latency();
  if (!section.has_value()) {
    whole_.push_back(file);
    return {};
  }
  auto rollup = read_rollup(*section);
  if (!rollup.ok()) {
    base::log_event(base::Level::kWarn, "store.latency_unreadable", {{"key", file->sidecar_key}, {"error", rollup.error().message}});
    whole_.push_back(file);
    return {};
  }
  std::vector<bool> chosen;
  for (const auto& service : rollup->services) chosen.push_back(wanted(service));
  for (auto& from : rollup->cells) {
    if (from.minute < first_minute_ || from.minute >= end_minute_ || !chosen[from.service]) continue;
    RW_TRY(cell(rollup->services[from.service], step_of(from.minute * kMinuteNs)))->merge(std::move(from.histogram));
  }
  if (file->tmin_ns < first_minute_ * kMinuteNs || file->tmax_ns >= end_minute_ * kMinuteNs) ragged_.push_back(file);
  return {};
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

Result<void> LatencyCollector::add(Engine& engine, const std::string& from_item) {
  // DuckDB's // rounds towards zero, and steps before 1970 do not.
  const bool whole_us = step_ns_ % 1000 == 0;  // then the column of the remainder need not be read
  const auto step = step_ns_ == 0 ? std::string("0::BIGINT")
                                  : fmt::format("{0} // {1} - ({0} % {1} < 0)::BIGINT", whole_us ? "epoch_us(ts)" : "(epoch_us(ts) * 1000 + ts_ns)",
                                                whole_us ? step_ns_ / 1000 : step_ns_);
  std::vector<Value> parameters;
  std::string of_services;
  for (const auto& service : services_) {
    parameters.emplace_back(service);
    of_services += fmt::format("{}${}", of_services.empty() ? " AND service IN (" : ", ", parameters.size());
  }
  if (!of_services.empty()) of_services += ")";
  const auto sql = fmt::format("SELECT service, {} AS step, CASE WHEN duration_ns <= 1 THEN 0 ELSE ceil(log2(duration_ns) * {}) END::BIGINT AS bucket, "
                               "count(*)::BIGINT, count(*) FILTER (WHERE {})::BIGINT, max(duration_ns)::BIGINT FROM {} WHERE {}{} GROUP BY ALL",
                               step, kLatencyBucketsPerOctave, failure_condition(signal_), from_item, latency_condition(signal_), of_services);
  return engine.stream(sql, parameters, kScanDeadline, [this](duckdb_data_chunk chunk) -> Result<void> {
    const auto column = [&](int i) { return CellReader(duckdb_data_chunk_get_vector(chunk, static_cast<idx_t>(i))); };
    const auto services = column(0), steps = column(1), buckets = column(2), counts = column(3), errors = column(4), longest = column(5);
    for (std::size_t row = 0; row < duckdb_data_chunk_get_size(chunk); ++row) {
      auto* histogram = RW_TRY(cell(services.text(row), steps.number<std::int64_t>(row)));
      histogram->add_bucket(std::clamp(static_cast<int>(buckets.number<std::int64_t>(row)), 0, kLatencyBucketsMax - 1), static_cast<std::uint64_t>(counts.number<std::int64_t>(row)));
      histogram->add_totals(static_cast<std::uint64_t>(errors.number<std::int64_t>(row)), longest.number<std::int64_t>(row));
    }
    return {};
  });
}

std::vector<LatencyRow> LatencyCollector::take() {
  std::vector<LatencyRow> out;
  out.reserve(cell_count_);
  for (auto& [service, steps] : cells_) {
    for (auto& [step, histogram] : steps) out.push_back({service, begin_of(step), std::move(histogram)});
  }
  return out;
}

}  // namespace ringwall::store
