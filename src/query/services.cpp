// Services from their requests: overview table, one service's page, and the edge's traffic.
#include <fmt/format.h>

#include <algorithm>
#include <tuple>

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

Totals totals_of(const store::LatencyHistogram& histogram, double seconds) {
  const auto ms = [&](double q) { return histogram.quantile(q) / 1e6; };
  return {histogram.count(), histogram.errors(), static_cast<double>(histogram.count()) / seconds, ms(0.5), ms(0.9), ms(0.95), ms(0.99),
          static_cast<double>(histogram.max_ns()) / 1e6};
}

}  // namespace

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

Result<Latency> Query::latency(Signal signal, TimeRange range, std::int64_t interval_ns) {
  const auto begun = clock_.monotonic_ns();
  if (signal == Signal::kMetric) return fail(Errc::kInvalid, "metrics have no latency", "signal is spans or logs");
  if (interval_ns < 1'000'000'000) return fail(Errc::kInvalid, "an interval is at least a second", "every=1m is the cheapest that is not coarse");
  Latency out;
  out.interval_ns = interval_ns;
  auto rows = RW_TRY(store_.latency(signal, range.from_ns, range.to_ns, interval_ns));
  if (rows.size() > kLatencyRowsMax) {
    return fail(Errc::kLimit, fmt::format("{} rows are more than {}", rows.size(), kLatencyRowsMax), "ask for a shorter time or a longer interval");
  }
  for (auto& row : rows) {
    const TimeRange inside{std::max(row.time_ns, range.from_ns), std::min(row.time_ns + interval_ns, range.to_ns)};
    out.rows.push_back({std::move(row.service), row.time_ns, totals_of(row.histogram, seconds_of(inside))});
  }
  std::sort(out.rows.begin(), out.rows.end(), [](const auto& a, const auto& b) { return std::tie(a.service, a.time_ns) < std::tie(b.service, b.time_ns); });
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
  // The key is NULL for the total, a number for the series, text otherwise.
  const auto grouped = [&](std::string_view key, std::string_view tail) {
    return run(fmt::format("SELECT key, {} FROM (SELECT {} AS key, {}{} AND {} GROUP BY key) {}", kTotalsColumns, key, kTotalsAggregates,
                           selection.from_where, kIsRequest, tail),
               selection.parameters);
  };
  const auto total = RW_TRY(grouped("NULL", ""));
  for (const auto& row : total.rows) {
    Cells cells(row);
    cells.text();
    out.totals = read_totals(cells, seconds_of(range));
  }
  const auto series = RW_TRY(grouped(bucket_expression(buckets), ""));
  for (const auto& row : series.rows) {
    Cells cells(row);
    const auto bucket = cells.count();
    if (bucket < out.series.size()) out.series[bucket].totals = read_totals(cells, bucket_seconds(buckets, bucket, range));
  }
  const auto named = [&](std::string_view key, std::vector<std::pair<std::string, Totals>>& into) -> Result<void> {
    const auto table = RW_TRY(grouped(key, fmt::format("ORDER BY requests DESC, key LIMIT {}", kOperationsMax)));
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
    for (const bool total : {true, false}) {
      const auto table = RW_TRY(run(fmt::format("SELECT bucket, {} FROM (SELECT {} AS bucket, {}{} AND {} GROUP BY bucket)", kTotalsColumns,
                                                total ? "NULL" : bucket_expression(buckets), kTotalsAggregates, edge.from_where, kIsRequest),
                                    edge.parameters));
      for (const auto& row : table.rows) {
        Cells cells(row);
        const auto bucket = cells.count();
        if (total) {
          out.edge = read_totals(cells, seconds_of(range));
        } else if (bucket < out.series.size()) {
          out.series[bucket].edge = read_totals(cells, bucket_seconds(buckets, bucket, range));
        }
      }
    }
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
