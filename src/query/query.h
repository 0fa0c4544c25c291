// One function per question of the API; each answers a struct of rows.h.
//
// Searches are in the language of search.h.  Errors: kInvalid and kLimit for what the user wrote (searches with the
// byte, see offset_of()), kNotFound for a trace that is not there, kLimit when a statement took too long, and whatever
// the store says.  Thread-safe; a question may take up to kStatementDeadline per statement, so callers use workers.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/world.h"
#include "query/condition.h"
#include "query/rows.h"
#include "query/time_range.h"
#include "store/store.h"

namespace ringwall::query {

inline constexpr std::chrono::milliseconds kStatementDeadline{30'000};
inline constexpr std::size_t kPageRowsMax = 1000;
inline constexpr std::size_t kFacetFieldsMax = 20;
inline constexpr std::size_t kFacetValuesMax = 100;
inline constexpr std::size_t kTracesMax = 500;
inline constexpr std::size_t kTraceSpansMax = 10'000;
inline constexpr std::size_t kTraceLogsMax = 10'000;
inline constexpr std::size_t kOperationsMax = 200;
inline constexpr std::size_t kMapEdgesMax = 5'000;
inline constexpr std::size_t kMetricNamesMax = 10'000;
inline constexpr std::size_t kMetricLinesMax = 500;
// Of latency(); an interval beyond would say less than no interval.
inline constexpr std::chrono::milliseconds kLatencyIntervalMin{1'000}, kLatencyIntervalMax{366LL * 86'400'000};
inline constexpr std::size_t kSqlRowsMax = 100'000;

struct LogsQuestion {
  std::string search;
  TimeRange range;
  std::size_t limit = 100;
  bool ascending = false;
  std::string cursor;  // of the page before; search and order are the same as there, the range is taken from it
};

struct TracesQuestion {
  std::string search;  // some span of the trace matches
  TimeRange range;     // when that span began
  std::size_t limit = 50;
  double min_duration_ms = 0;  // of the whole trace
};

struct MetricQuestion {
  std::string name;
  TimeRange range;
  std::size_t buckets = 60;
  std::vector<std::string> by;  // service, host, env, version, region, source, @attribute
};

class Query {
 public:
  Query(store::Store& store, store::Duck& duck, base::Clock& clock) : store_(store), duck_(duck), clock_(clock) {}

  // The parameters `from` and `to`; empty: the last 15 minutes.
  Result<TimeRange> range(std::string_view from, std::string_view to);

  // Looks at ever older (ascending: younger) stretches of time until the page is full.  Pages follow one another
  // without loss or repetition of any record that was there when the first page was made.
  Result<LogsPage> logs(const LogsQuestion& question);
  Result<Histogram> histogram(std::string_view search, TimeRange range, std::size_t buckets);
  // Fields: service env version host region source level status, @attribute.
  Result<std::vector<Facet>> facets(std::string_view search, TimeRange range, const std::vector<std::string>& fields, std::size_t limit);

  Result<TraceList> traces(const TracesQuestion& question);
  // All of the retention; 32 hexadecimal digits.
  Result<Trace> trace(std::string_view id);

  Result<std::vector<ServiceTotals>> services(TimeRange range);
  // Intervals begin at multiples of `interval` since 1970.  Spans: requests, as in services(); logs: records with a duration.
  // Whole minutes are answered without reading records.
  Result<Latency> latency(base::Signal signal, TimeRange range, std::chrono::milliseconds interval);
  Result<ServicePage> service(std::string_view name, TimeRange range, std::size_t buckets);
  // Who calls whom: a server span whose parent is a span of another service; a client span that names a database; a
  // client span without a server span below it that names an address.
  Result<ServiceMap> map(TimeRange range);
  Result<Overview> overview(TimeRange range, std::size_t buckets);

  Result<std::vector<MetricName>> metrics(TimeRange range);
  // Gauges: average.  Counters and deltas: sum of the increases per second.  Histograms and summaries: average of what
  // was measured.
  Result<MetricSeries> metric(const MetricQuestion& question);

  // One SELECT over the views logs, spans and metrics (docs/search.md).
  Result<SqlAnswer> sql(std::string_view statement, std::size_t limit);

 private:
  struct Selection;  // a relation, the predicate on it, and its parameters
  struct Requests;   // of one service: totals of the range and of each bucket
  // `spans`: of the service.  The totals, and buckets of whole minutes, are from histograms.
  Result<Requests> requests(std::string_view service, TimeRange range, const Buckets& buckets, const Selection& spans);
  Result<Selection> select(const Condition& condition, base::Signal signal, TimeRange range);
  Result<store::Table> run(const std::string& sql, const std::vector<store::Value>& parameters = {});
  double since_ms(std::int64_t begun_ns) { return static_cast<double>(clock_.monotonic_ns() - begun_ns) / 1e6; }

  store::Store& store_;
  store::Duck& duck_;
  base::Clock& clock_;
};

}  // namespace ringwall::query
