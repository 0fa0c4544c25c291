// SQL of users, over views whose columns are what people expect (docs/search.md lists them).
#include <fmt/format.h>

#include <algorithm>

#include "query/detail/table.h"
#include "query/query.h"

namespace ringwall::query {

namespace {

using base::Signal;

constexpr TimeRange kEverything{.from_ns = 0, .to_ns = 8'000'000'000'000'000'000};

constexpr std::string_view kTraceIdText = "replace(trace_id::VARCHAR, '-', '') AS trace_id";

constexpr std::string_view kSpanIdText = "lpad(lower(hex(span_id)), 16, '0') AS span_id";
constexpr std::string_view kParentIdText = "lpad(lower(hex(parent_span_id)), 16, '0') AS parent_span_id";

std::string view_columns(Signal signal) {
  const std::string tags = "ts, ts_ns, service, env, version, host, region, source";
  switch (signal) {
    case Signal::kLog:
      return fmt::format("{}, [NULL, 'trace', 'debug', 'info', 'warn', 'error', 'fatal'][(severity + 3) // 4 + 1] AS level, severity, {}, "
                         "{}, status, duration_ns / 1e6 AS duration_ms, message, attributes, resource",
                         tags, kTraceIdText, kSpanIdText);
    case Signal::kSpan:
      return fmt::format("{}, name, ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1] AS kind, "
                         "['unset', 'ok', 'error'][outcome + 1] AS status, outcome_text AS status_message, status AS http_status, "
                         "duration_ns / 1e6 AS duration_ms, {}, {}, {}, events, links, attributes, resource",
                         tags, kTraceIdText, kSpanIdText, kParentIdText);
    case Signal::kMetric:
      return fmt::format("{}, name, ['gauge', 'counter', 'delta', 'histogram', 'summary'][kind + 1] AS kind, unit, value, histogram, "
                         "attributes, resource", tags);
  }
  return tags;
}

}  // namespace

Result<SqlAnswer> Query::sql(std::string_view statement, std::size_t limit) {
  const auto begun = clock_.monotonic_ns();
  std::vector<store::Relation> relations;  // kept until the statement has run
  std::vector<std::pair<std::string, std::string>> views;
  for (const auto signal : base::kSignals) {
    relations.push_back(RW_TRY(store_.relation(signal, kEverything.from_ns, kEverything.to_ns)));
    views.emplace_back(base::signal_name(signal), fmt::format("SELECT {} FROM {}", view_columns(signal), relations.back().sql));
  }
  SqlAnswer out;
  out.table = RW_TRY(duck_.run_untrusted(statement, views, {.rows_max = std::clamp<std::size_t>(limit, 1, kSqlRowsMax), .deadline = kStatementDeadline}));
  out.took_ms = since_ms(begun);
  return out;
}

}  // namespace ringwall::query
