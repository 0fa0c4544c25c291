// One trace, and the list of traces.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "query/detail/table.h"
#include "query/query.h"

namespace ringwall::query {

namespace {

using base::Signal;

// Every time the store can hold, without the ends at which arithmetic overflows.
constexpr TimeRange kAllTime{.from_ns = 0, .to_ns = 8'000'000'000'000'000'000};
// Spans of one trace lie at most so far from the one that was found.
constexpr std::int64_t kTraceReachNs = 3600LL * 1'000'000'000;
constexpr std::int64_t kTraceWaveFirstNs = 10LL * 1'000'000'000;
constexpr std::size_t kTraceCandidatesMax = 1000;

std::string id_list(const std::vector<base::TraceId>& ids, std::vector<store::Value>& parameters) {
  std::string out;
  for (const auto& id : ids) {
    parameters.emplace_back(base::hex(id));
    out += fmt::format("{}${}::UUID", out.empty() ? "" : ", ", parameters.size());
  }
  return out;
}

}  // namespace

Result<Trace> Query::trace(std::string_view text) {
  Trace out;
  if (!base::parse_trace_id(text, out.trace_id) || !out.trace_id.valid()) {
    return fail(Errc::kInvalid, fmt::format("'{}' is not a trace id", text), "a trace id is 32 hexadecimal digits");
  }
  Condition condition;
  condition.kind = Condition::Kind::kTraceId;
  condition.trace_id = out.trace_id;
  const auto spans = RW_TRY(select(condition, Signal::kSpan, kAllTime));
  if (!spans.empty()) {
    const auto table = RW_TRY(run(fmt::format("SELECT {}{} ORDER BY ts, ts_ns, duration_ns DESC, span_id LIMIT {}", span_columns(),
                                              spans.from_where, kTraceSpansMax + 1),
                                  spans.parameters));
    for (const auto& row : table.rows) {
      Cells cells(row);
      out.spans.push_back(read_span(cells));
    }
  }
  const auto logs = RW_TRY(select(condition, Signal::kLog, kAllTime));
  if (!logs.empty()) {
    const auto table = RW_TRY(run(fmt::format("SELECT {}{} ORDER BY ts, ts_ns, message LIMIT {}", log_columns(), logs.from_where, kTraceLogsMax + 1),
                                  logs.parameters));
    for (const auto& row : table.rows) {
      Cells cells(row);
      out.logs.push_back(read_log(cells));
    }
  }
  if (out.spans.empty() && out.logs.empty()) {
    return fail(Errc::kNotFound, fmt::format("no trace {}", base::hex(out.trace_id)), "its records may be older than the retention, or not here yet");
  }
  out.truncated = out.spans.size() > kTraceSpansMax || out.logs.size() > kTraceLogsMax;
  out.spans.resize(std::min(out.spans.size(), kTraceSpansMax));
  out.logs.resize(std::min(out.logs.size(), kTraceLogsMax));
  return out;
}

Result<TraceList> Query::traces(const TracesQuestion& question) {
  const auto begun = clock_.monotonic_ns();
  const auto condition = RW_TRY(understand(question.search, Signal::kSpan));
  const std::size_t limit = std::clamp<std::size_t>(question.limit, 1, kTracesMax);
  const double min_ns = question.min_duration_ms * 1e6;
  const std::size_t candidates_max = min_ns > 0 ? kTraceCandidatesMax : limit;

  // Newest first: by the newest matching span of each trace, in stretches of time, as for logs.
  TraceList out;
  std::set<std::pair<std::uint64_t, std::uint64_t>> seen;
  std::int64_t to_ns = question.range.to_ns, width = kTraceWaveFirstNs;
  while (to_ns > question.range.from_ns && out.traces.size() < limit) {
    if (clock_.monotonic_ns() - begun > std::chrono::nanoseconds(kStatementDeadline).count()) {
      return fail(Errc::kLimit, "too few traces last so long", "ask for a shorter time range");
    }
    const auto from_ns = to_ns - std::min(width, to_ns - question.range.from_ns);
    const auto selection = RW_TRY(select(condition, Signal::kSpan, {from_ns, to_ns}));
    if (selection.empty()) {
      to_ns = from_ns;
      width = std::min<std::int64_t>(width * 4, 100LL * 86'400'000'000'000);
      continue;
    }
    const auto found = RW_TRY(run(fmt::format("SELECT trace_id::VARCHAR, max(epoch_us(ts)) AS newest{} AND trace_id IS NOT NULL "
                                              "GROUP BY trace_id ORDER BY newest DESC, trace_id LIMIT {}",
                                              selection.from_where, candidates_max + seen.size()),
                                  selection.parameters));
    std::vector<base::TraceId> candidates;
    for (const auto& row : found.rows) {
      Cells cells(row);
      const auto id = cells.trace_id();
      if (seen.insert({id.high, id.low}).second) candidates.push_back(id);
    }
    if (!candidates.empty()) {
      std::vector<store::Value> parameters;
      const auto ids = id_list(candidates, parameters);
      const auto relation = RW_TRY(store_.relation(Signal::kSpan, std::max<std::int64_t>(0, from_ns - kTraceReachNs), to_ns + kTraceReachNs,
                                                   {.trace_id = candidates.size() == 1 ? std::optional(candidates[0]) : std::nullopt}));
      // The root is the span without a parent, or else the first one; struct order says so.
      const auto table = RW_TRY(run(
          fmt::format("SELECT trace_id::VARCHAR, begun // 1000, begun % 1000, ended - begun, root.service, root.name, root.status, spans, errors, "
                      "to_json(services)::VARCHAR FROM ("
                      "SELECT trace_id, min(epoch_us(ts) * 1000 + ts_ns) AS begun, max(epoch_us(ts) * 1000 + ts_ns + duration_ns) AS ended, "
                      "arg_min({{'service': service, 'name': name, 'status': status}}, "
                      "{{'child': parent_span_id IS NOT NULL, 'at': epoch_us(ts) * 1000 + ts_ns, 'span': span_id}}) AS root, "
                      "count(*) AS spans, count(*) FILTER (WHERE outcome = 2 OR coalesce(status >= 500, FALSE)) AS errors, "
                      "list_sort(list(DISTINCT service)) AS services FROM {} WHERE trace_id IN ({}) GROUP BY trace_id)",
                      relation.sql, ids),
          parameters));
      std::vector<TraceSummary> summaries;
      for (const auto& row : table.rows) {
        Cells cells(row);
        TraceSummary t;
        t.trace_id = cells.trace_id();
        t.time_ns = cells.time_ns();
        t.duration_ns = cells.integer();
        t.root_service = cells.text();
        t.root_name = cells.text();
        t.http_status = cells.integer_or_null();
        t.spans = cells.count();
        t.errors = cells.count();
        t.services_json = cells.text();
        if (static_cast<double>(t.duration_ns) >= min_ns) summaries.push_back(std::move(t));
      }
      const auto rank = [&](const TraceSummary& t) { return std::find(candidates.begin(), candidates.end(), t.trace_id) - candidates.begin(); };
      std::sort(summaries.begin(), summaries.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
      for (auto& t : summaries) {
        if (out.traces.size() < limit) out.traces.push_back(std::move(t));
      }
    }
    // A full answer may have left out candidates of this stretch: look again, past those seen.
    if (found.rows.size() < candidates_max + seen.size() - candidates.size()) {
      to_ns = from_ns;
      width = std::min<std::int64_t>(width * 4, 100LL * 86'400'000'000'000);
    } else if (candidates.empty()) {
      to_ns = from_ns;
    }
  }
  out.took_ms = since_ms(begun);
  return out;
}

}  // namespace ringwall::query
