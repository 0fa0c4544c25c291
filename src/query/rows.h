// The answers of Query: one struct per question.  json.h writes them as the API documents them.
//
// Times are Unix nanoseconds, durations say their unit.  `…_json` members hold JSON text.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/record.h"
#include "store/duck.h"

namespace ringwall::query {

struct LogRow {
  std::string id;  // of the content: the same in a page and in the live tail; "-2" and so on for its equals in one page
  std::int64_t time_ns = 0;
  std::uint8_t severity = 0;
  std::string service, env, version, host, region, source;
  base::TraceId trace_id;      // zero: none
  std::uint64_t span_id = 0;   // 0: none
  std::optional<std::int64_t> status, duration_ns;
  std::string message;
  std::string attributes_json = "{}", resource_json = "{}";
};

struct LogsPage {
  std::vector<LogRow> rows;
  std::string next;  // cursor of the following page; empty: this was the last one
  double took_ms = 0;
};

struct Histogram {
  struct Bucket {
    std::int64_t time_ns = 0;
    std::uint64_t total = 0;      // with the records that have no level
    std::uint64_t counts[6] = {};  // trace, debug, info, warn, error, fatal
  };
  std::int64_t interval_ns = 0;
  std::vector<Bucket> buckets;
};

struct Facet {
  std::string field;
  std::vector<std::pair<std::string, std::uint64_t>> values;  // most frequent first
};

struct SpanRow {
  std::int64_t time_ns = 0, duration_ns = 0;
  std::string service, env, version, host, region, source, name;
  std::uint8_t kind = 0, outcome = 0;
  std::string outcome_text;
  base::TraceId trace_id;
  std::uint64_t span_id = 0, parent_span_id = 0;  // 0: none
  std::optional<std::int64_t> http_status;
  std::string attributes_json = "{}", resource_json = "{}", events_json = "[]", links_json = "[]";
};

struct Trace {
  base::TraceId trace_id;
  std::vector<SpanRow> spans;  // by time
  std::vector<LogRow> logs;    // by time; the edge's record of the request among them
  bool truncated = false;      // more spans or logs than a trace page holds
};

struct TraceSummary {
  base::TraceId trace_id;
  std::int64_t time_ns = 0, duration_ns = 0;  // first start; first start to last end
  std::string root_service, root_name;        // of the span without a parent, or else the first one
  std::optional<std::int64_t> http_status;    // of the root
  std::uint64_t spans = 0, errors = 0;
  std::string services_json = "[]";  // their names, sorted
};

struct TraceList {
  std::vector<TraceSummary> traces;  // newest first
  double took_ms = 0;
};

// Of requests: server and consumer spans.  Without requests percentiles are NaN, otherwise exact (linear between neighbours)
// or from histograms: the value of rank ceil(q * requests), at most 1.1 % off (store/latency.h).  Everything else is exact.
struct Totals {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::uint64_t requests = 0, errors = 0;
  double rate = 0;  // per second of the time range
  double p50_ms = kNone, p90_ms = kNone, p95_ms = kNone, p99_ms = kNone, max_ms = kNone;
};

struct ServiceTotals {
  std::string service;
  Totals totals;
};

// How long things took, by service and interval.
struct Latency {
  struct Row {
    std::string service;
    std::int64_t time_ns = 0;  // begin of the interval
    Totals totals;
  };
  std::int64_t interval_ns = 0;
  std::vector<Row> rows;       // by service and time
  double took_ms = 0;
};

struct TotalsPoint {
  std::int64_t time_ns = 0;
  Totals totals;
};

struct ServicePage {
  std::string service;
  Totals totals;                                           // from histograms
  std::int64_t interval_ns = 0;
  std::vector<TotalsPoint> series;                         // each bucket; from histograms when they are of whole minutes
  std::vector<std::pair<std::string, Totals>> operations;  // by requests, at most kOperationsMax
  std::vector<std::pair<std::string, Totals>> versions;    // by requests
};

struct ServiceMap {
  struct Node {
    std::string name;
    std::string kind;  // edge, service, database, external
  };
  struct Edge {
    std::string from, to;
    Totals totals;
  };
  std::vector<Node> nodes;  // by name
  std::vector<Edge> edges;  // by from, to
};

struct Overview {
  struct Point {
    std::int64_t time_ns = 0;
    Totals edge;
    std::uint64_t logs = 0, spans = 0;
  };
  std::int64_t interval_ns = 0;
  std::vector<Point> series;
  Totals edge;
};

struct MetricName {
  std::string name, unit;
  base::MetricKind kind = base::MetricKind::kGauge;
  std::uint64_t series = 0;
};

struct MetricSeries {
  struct Line {
    std::map<std::string, std::string> labels;
    std::vector<std::pair<std::int64_t, double>> points;  // Unix milliseconds of the bucket's start, value
  };
  std::string name;
  std::int64_t interval_ns = 0;
  std::vector<Line> series;
};

struct SqlAnswer {
  store::Table table;
  double took_ms = 0;
};

// The log record `record` of a batch as a row, with its id.
LogRow log_row(const base::Batch& batch, std::size_t record);
// The id a row's content gives.
std::string log_id(const LogRow& row);

}  // namespace ringwall::query
