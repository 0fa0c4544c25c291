// Metric names, and one metric over time.
#include <fmt/format.h>

#include <algorithm>

#include "query/detail/table.h"
#include "query/query.h"

namespace ringwall::query {

namespace {

using base::MetricKind;
using base::Signal;

// What makes a series: samples that follow one another.
constexpr std::string_view kSeriesKey = "hash(service, env, version, host, region, source, attributes, resource)";
// How far before the range the sample is looked for from which the first increase is counted.
constexpr std::int64_t kLookBackNs = 300LL * 1'000'000'000;

Condition metric_is(std::string_view name) {
  Condition c;
  c.kind = Condition::Kind::kColumnText;
  c.column = Column::kName;
  c.pattern = Pattern(std::string(name));
  return c;
}

}  // namespace

Result<std::vector<MetricName>> Query::metrics(TimeRange range) {
  std::vector<MetricName> out;
  const auto selection = RW_TRY(select({}, Signal::kMetric, range));
  if (selection.empty()) return out;
  const auto table = RW_TRY(run(fmt::format("SELECT name, unit, kind, count(DISTINCT {}){} GROUP BY name, unit, kind ORDER BY name, unit, kind LIMIT {}",
                                            kSeriesKey, selection.from_where, kMetricNamesMax)));
  for (const auto& row : table.rows) {
    Cells cells(row);
    MetricName m;
    m.name = cells.text();
    m.unit = cells.text();
    m.kind = static_cast<MetricKind>(cells.integer());
    m.series = cells.count();
    out.push_back(std::move(m));
  }
  return out;
}

Result<MetricSeries> Query::metric(const MetricQuestion& question) {
  const auto buckets = make_buckets(question.range, question.buckets);
  MetricSeries out;
  out.name = question.name;
  out.interval_ns = buckets.interval_ns;
  const TimeRange wide{question.range.from_ns - std::max(buckets.interval_ns, kLookBackNs), question.range.to_ns};
  auto selection = RW_TRY(select(metric_is(question.name), Signal::kMetric, wide));
  if (selection.empty()) return out;

  std::string labels, names;
  for (std::size_t i = 0; i < question.by.size(); ++i) {
    labels += fmt::format(", coalesce({}, '') AS l{}", RW_TRY(label_expression(question.by[i], selection.parameters)), i);
    names += fmt::format(", l{}", i);
  }
  const auto since_ns = fmt::format("(epoch_us(ts) * 1000 + ts_ns - {})", buckets.begin_ns);
  // A counter that is smaller than before has begun anew.
  const auto samples = fmt::format(
      "SELECT {0} AS since_ns, kind, value, TRY_CAST(json_extract_string(histogram, '$.count') AS DOUBLE) AS measured{1}, "
      "CASE WHEN kind <> 1 THEN NULL WHEN value >= lag(value) OVER series THEN value - lag(value) OVER series "
      "WHEN lag(value) OVER series IS NOT NULL THEN value END AS increase{2} "
      "WINDOW series AS (PARTITION BY {3} ORDER BY ts, ts_ns)",
      since_ns, labels, selection.from_where, kSeriesKey);
  const auto table = RW_TRY(run(
      fmt::format("SELECT since_ns // {0} AS bucket, mode(kind), avg(value), sum(value), sum(increase), sum(measured){1} FROM ({2}) WHERE since_ns >= 0 "
                  "GROUP BY bucket{1} ORDER BY bucket{1}",
                  buckets.interval_ns, names, samples),
      selection.parameters));

  std::map<std::vector<std::string>, std::size_t> lines;
  for (const auto& row : table.rows) {
    Cells cells(row);
    const auto bucket = static_cast<std::size_t>(cells.count());
    const auto kind = static_cast<MetricKind>(cells.integer());
    const double average = cells.number(), sum = cells.number(), increase = cells.number(), measured = cells.number();
    std::vector<std::string> key;
    for (std::size_t i = 0; i < question.by.size(); ++i) key.push_back(cells.text());
    if (bucket >= buckets.count || (lines.size() == kMetricLinesMax && !lines.contains(key))) continue;
    const auto [line, fresh] = lines.emplace(key, out.series.size());
    if (fresh) {
      auto& added = out.series.emplace_back();
      for (std::size_t i = 0; i < key.size(); ++i) added.labels[question.by[i]] = key[i];
    }
    const double seconds = seconds_of({buckets.start_ns(bucket), std::min(buckets.start_ns(bucket) + buckets.interval_ns, question.range.to_ns)});
    double value = average;
    if (kind == MetricKind::kCounter) value = increase / seconds;
    if (kind == MetricKind::kDelta) value = sum / seconds;
    if (kind == MetricKind::kHistogram || kind == MetricKind::kSummary) value = measured > 0 ? sum / measured : Totals::kNone;
    if (std::isfinite(value)) out.series[line->second].points.emplace_back(buckets.start_ns(bucket) / 1'000'000, value);
  }
  std::erase_if(out.series, [](const auto& series) { return series.points.empty(); });
  return out;
}

}  // namespace ringwall::query
