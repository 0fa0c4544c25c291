// Who calls whom, from the spans alone.
#include <fmt/format.h>

#include <algorithm>

#include "query/detail/table.h"
#include "query/query.h"

namespace ringwall::query {

namespace {

using base::Signal;

// A caller's span begins before what it calls and may begin before the range.
constexpr std::int64_t kCallReachNs = 60LL * 1'000'000'000;

// Attribute names of OpenTelemetry's conventions, new before old.
constexpr std::string_view kDatabaseSystem = "coalesce(attributes['db.system.name'], attributes['db.system'])";
constexpr std::string_view kDatabaseName = "coalesce(attributes['db.namespace'], attributes['db.name'])";
constexpr std::string_view kPeerAddress =
    "coalesce(attributes['server.address'], attributes['net.peer.name'], attributes['http.host'], attributes['peer.service'])";

}  // namespace

Result<ServiceMap> Query::map(TimeRange range) {
  ServiceMap out;
  const auto relation = RW_TRY(store_.relation(Signal::kSpan, range.from_ns, range.to_ns));
  if (relation.files == 0 && relation.young_rows == 0) return out;
  const auto wide = RW_TRY(store_.relation(Signal::kSpan, range.from_ns - kCallReachNs, range.to_ns + kCallReachNs));

  std::map<std::string, std::string> nodes;
  const auto services = RW_TRY(run(fmt::format("SELECT DISTINCT service FROM {} WHERE service <> ''", relation.sql)));
  for (const auto& row : services.rows) {
    const auto name = Cells(row).text();
    nodes[name] = name == "edge" ? "edge" : "service";
  }

  const auto read_edges = [&](const std::string& sql, std::string_view kind) -> Result<void> {
    const auto table = RW_TRY(run(sql));
    for (const auto& row : table.rows) {
      Cells cells(row);
      auto from = cells.text(), to = cells.text();
      if (!kind.empty()) nodes.emplace(to, kind);  // a service of that name stays a service
      if (out.edges.size() < kMapEdgesMax) out.edges.push_back({std::move(from), std::move(to), read_totals(cells, seconds_of(range))});
    }
    return {};
  };
  const auto select_totals = fmt::format("SELECT caller, callee, {} FROM (SELECT caller, callee, {} FROM (", kTotalsColumns, totals_aggregates());

  RW_TRY(read_edges(fmt::format("{}SELECT p.service AS caller, c.service AS callee, c.outcome, c.status, c.duration_ns "
                                "FROM {} c JOIN {} p ON c.trace_id = p.trace_id AND c.parent_span_id = p.span_id "
                                "WHERE c.kind IN (2, 5) AND c.service <> p.service AND c.service <> '' AND p.service <> '') GROUP BY caller, callee)",
                                select_totals, relation.sql, wide.sql),
                    ""));
  RW_TRY(read_edges(fmt::format("{0}SELECT service AS caller, {1} || coalesce('/' || nullif({2}, ''), '') AS callee, outcome, status, duration_ns "
                                "FROM {3} WHERE kind = 3 AND service <> '' AND {1} <> '') GROUP BY caller, callee)",
                                select_totals, kDatabaseSystem, kDatabaseName, relation.sql),
                    "database"));
  RW_TRY(read_edges(fmt::format("{0}SELECT s.service AS caller, s.callee, s.outcome, s.status, s.duration_ns FROM "
                                "(SELECT *, {1} AS callee FROM {2} WHERE kind = 3 AND service <> '' AND {3} IS NULL AND {1} <> '') s "
                                "WHERE NOT EXISTS (SELECT 1 FROM {4} c WHERE c.trace_id = s.trace_id AND c.parent_span_id = s.span_id "
                                "AND c.kind IN (2, 5))) GROUP BY caller, callee)",
                                select_totals, kPeerAddress, relation.sql, kDatabaseSystem, wide.sql),
                    "external"));

  std::sort(out.edges.begin(), out.edges.end(), [](const auto& a, const auto& b) { return std::pair(a.from, a.to) < std::pair(b.from, b.to); });
  for (const auto& edge : out.edges) {
    nodes.emplace(edge.from, edge.from == "edge" ? "edge" : "service");  // its own span began before the range
    nodes.emplace(edge.to, "service");
  }
  for (const auto& [name, kind] : nodes) out.nodes.push_back({name, kind});
  return out;
}

}  // namespace ringwall::query
