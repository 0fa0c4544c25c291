// Services from their requests: overview table, one service's page, and the edge's traffic.
#include <fmt/format.h>

#include <algorithm>

#include "query/detail/table.h"
#include "query/query.h"

namespace ringwall::query {

namespace {

using base::Signal;

constexpr std::string_view kEdgeService = "edge";

Condition service_is(std::string_view name) {
  Condition c;
  c.kind = Condition::Kind::kColumnText;
  c.column = Column::kService;
  c.pattern = Pattern(std::string(name));
  return c;
}

// Seconds of bucket i that lie inside the range: the last one may be cut.
double bucket_seconds(const Buckets& buckets, std::size_t i, TimeRange range) {
  return seconds_of({buckets.start_ns(i), std::min(buckets.start_ns(i) + buckets.interval_ns, range.to_ns)});
}

// Whether the buckets are steps of Store::latency() that need no scan.
bool are_whole_minutes(const Buckets& buckets) { return buckets.interval_ns % store::kMinuteNs == 0 && buckets.begin_ns % buckets.interval_ns == 0; }

Totals totals_of(const store::LatencyHistogram& histogram, double seconds) {
  const auto ms = [&](double q) { return histogram.quantile(q) / 1e6; };
  return {histogram.count(), histogram.errors(), static_cast<double>(histogram.count()) / seconds, ms(0.5), ms(0.9), ms(0.95), ms(0.99),
          static_cast<double>(histogram.max_ns()) / 1e6};
}

}  // namespace

struct Query::Requests {
  Totals totals;
  std::vector<Totals> series;
};

Result<Query::Requests> Query::requests(std::string_view service, TimeRange range, const Buckets& buckets, const Selection& spans) {
  Requests out;
  out.series.resize(buckets.count);
  const bool stepped = are_whole_minutes(buckets);
  store::LatencyHistogram all;
  for (auto& row : RW_TRY(store_.latency(Signal::kSpan, range.from_ns, range.to_ns, stepped ? buckets.interval_ns : 0, {std::string(service)}))) {
    const auto i = static_cast<std::size_t>((row.time_ns - buckets.begin_ns) / buckets.interval_ns);
    if (stepped && i < out.series.size()) out.series[i] = totals_of(row.histogram, bucket_seconds(buckets, i, range));
    all.merge(std::move(row.histogram));
  }
  if (all.count() > 0) out.totals = totals_of(all, seconds_of(range));
  if (stepped) return out;
  const auto table = RW_TRY(run(fmt::format("SELECT bucket, {} FROM (SELECT {} AS bucket, {}{} AND {} GROUP BY bucket)", kTotalsColumns,
                                            bucket_expression(buckets), totals_aggregates(), spans.from_where, store::kRequestCondition),
                                spans.parameters));
  for (const auto& row : table.rows) {
    Cells cells(row);
    const auto i = cells.count();
    if (i < out.series.size()) out.series[i] = read_totals(cells, bucket_seconds(buckets, i, range));
  }
  return out;
}

Result<std::vector<ServiceTotals>> Query::services(TimeRange range) {
  std::vector<ServiceTotals> out;
  for (const auto& row : RW_TRY(store_.latency(Signal::kSpan, range.from_ns, range.to_ns, 0))) {
    out.push_back({row.service, totals_of(row.histogram, seconds_of(range))});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return a.totals.requests != b.totals.requests ? a.totals.requests > b.totals.requests : a.service < b.service;
  });
  return out;
}

Result<Latency> Query::latency(Signal signal, TimeRange range, std::chrono::milliseconds interval) {
  const auto begun = clock_.monotonic_ns();
  if (interval < kLatencyIntervalMin || interval > kLatencyIntervalMax) {
    return fail(Errc::kInvalid, "an interval is 1s to 366d", "as every=1m");
  }
  Latency out;
  out.interval_ns = std::chrono::nanoseconds(interval).count();
  for (auto& row : RW_TRY(store_.latency(signal, range.from_ns, range.to_ns, out.interval_ns))) {
    const TimeRange inside{std::max(row.time_ns, range.from_ns), std::min(row.time_ns + out.interval_ns, range.to_ns)};
    out.rows.push_back({std::move(row.service), row.time_ns, totals_of(row.histogram, seconds_of(inside))});
  }
  out.took_ms = since_ms(begun);
  return out;
}

Result<ServicePage> Query::service(std::string_view name, TimeRange range, std::size_t count) {
  const auto buckets = make_buckets(range, count);
  ServicePage out;
  out.service = name;
  out.interval_ns = buckets.interval_ns;
  for (std::size_t i = 0; i < buckets.count; ++i) out.series.push_back({buckets.start_ns(i), {}});
  const auto selection = RW_TRY(select(service_is(name), Signal::kSpan, range));
  if (selection.empty()) return out;
  const auto requests = RW_TRY(this->requests(name, range, buckets, selection));
  out.totals = requests.totals;
  for (std::size_t i = 0; i < buckets.count; ++i) out.series[i].totals = requests.series[i];
  const auto named = [&](std::string_view key, std::vector<std::pair<std::string, Totals>>& into) -> Result<void> {
    const auto table = RW_TRY(run(fmt::format("SELECT key, {} FROM (SELECT {} AS key, {}{} AND {} GROUP BY key) ORDER BY requests DESC, key LIMIT {}",
                                              kTotalsColumns, key, totals_aggregates(), selection.from_where, store::kRequestCondition, kOperationsMax),
                                  selection.parameters));
    for (const auto& row : table.rows) {
      Cells cells(row);
      auto text = cells.text();
      into.emplace_back(std::move(text), read_totals(cells, seconds_of(range)));
    }
    return {};
  };
  RW_TRY(named("name", out.operations));
  RW_TRY(named("version", out.versions));
  return out;
}

Result<Overview> Query::overview(TimeRange range, std::size_t count) {
  const auto buckets = make_buckets(range, count);
  Overview out;
  out.interval_ns = buckets.interval_ns;
  for (std::size_t i = 0; i < buckets.count; ++i) out.series.push_back({.time_ns = buckets.start_ns(i)});

  const auto edge = RW_TRY(select(service_is(kEdgeService), Signal::kSpan, range));
  if (!edge.empty()) {
    const auto requests = RW_TRY(this->requests(kEdgeService, range, buckets, edge));
    out.edge = requests.totals;
    for (std::size_t i = 0; i < buckets.count; ++i) out.series[i].edge = requests.series[i];
  }
  for (const auto signal : {Signal::kLog, Signal::kSpan}) {
    const auto all = RW_TRY(select({}, signal, range));
    if (all.empty()) continue;
    const auto table = RW_TRY(run(fmt::format("SELECT {} AS bucket, count(*){} GROUP BY bucket", bucket_expression(buckets), all.from_where)));
    for (const auto& row : table.rows) {
      Cells cells(row);
      const auto bucket = cells.count();
      if (bucket >= out.series.size()) continue;
      (signal == Signal::kLog ? out.series[bucket].logs : out.series[bucket].spans) = cells.count();
    }
  }
  return out;
}

}  // namespace ringwall::query
