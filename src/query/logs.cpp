// Log pages, the histogram above them and the facets beside them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/hash.h"
#include "query/detail/table.h"
#include "query/query.h"

namespace ringwall::query {

namespace {

using base::Signal;

// Records of the same nanosecond are told apart by what is in them.
constexpr std::string_view kTieBreaker =
    "(hash(service, host, source, env, version, severity, trace_id, span_id, status, duration_ns, message, attributes, resource) >> 1)::BIGINT";

constexpr std::size_t kTableRowsMax = 1'000'000;
constexpr std::int64_t kFirstWaveNs = 1'000'000'000;
constexpr std::int64_t kWidestWaveNs = 400LL * 86'400'000'000'000;

// Where a page ended: the last record given, by time and tie-breaker, and how many records with both of these have
// been given already (they are equal, so their order among themselves does not matter).
struct PagePosition {
  TimeRange range;
  std::int64_t time_ns = 0, tie = 0;
  std::uint64_t given = 0;
  std::uint64_t question = 0;  // hash of search and order
  std::int64_t width_ns = kFirstWaveNs;  // of time in which a page of records was found: where to begin looking
};

std::uint64_t question_hash(const LogsQuestion& q) { return base::hash64(q.search, q.ascending ? 1 : 0) >> 1; }

std::string encode_cursor(const PagePosition& p) {
  return fmt::format("1.{:x}.{:x}.{:x}.{:x}.{:x}.{:x}.{:x}", static_cast<std::uint64_t>(p.range.from_ns), static_cast<std::uint64_t>(p.range.to_ns),
                     static_cast<std::uint64_t>(p.time_ns), static_cast<std::uint64_t>(p.tie), p.given, p.question,
                     static_cast<std::uint64_t>(p.width_ns));
}

Result<PagePosition> decode_cursor(std::string_view text, const LogsQuestion& question) {
  const auto wrong = [] { return fail(Errc::kInvalid, "the cursor is not one of this search", "ask for the first page again"); };
  std::uint64_t numbers[8] = {};
  for (std::size_t i = 0; i < 8; ++i) {
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), numbers[i], 16);
    if (code != std::errc{}) return wrong();
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (i < 7) {
      if (text.empty() || text[0] != '.') return wrong();
      text.remove_prefix(1);
    }
  }
  PagePosition p;
  p.range = {static_cast<std::int64_t>(numbers[1]), static_cast<std::int64_t>(numbers[2])};
  p.time_ns = static_cast<std::int64_t>(numbers[3]);
  p.tie = static_cast<std::int64_t>(numbers[4]);
  p.given = numbers[5];
  p.question = numbers[6];
  p.width_ns = static_cast<std::int64_t>(numbers[7]);
  if (!text.empty() || numbers[0] != 1 || p.question != question_hash(question) || p.time_ns < p.range.from_ns ||
      p.time_ns >= p.range.to_ns || p.given > (1u << 30) || p.width_ns < kFirstWaveNs || p.width_ns > kWidestWaveNs) {
    return wrong();
  }
  return p;
}

std::int64_t floor_us(std::int64_t ns) { return ns / 1000 - (ns % 1000 < 0 ? 1 : 0); }

// Stretches of time that grow until one of them holds enough.
class Waves {
 public:
  Waves(TimeRange range, bool ascending, std::int64_t first_ns) : left_(range), ascending_(ascending), width_(first_ns) {}
  bool done() const { return left_.from_ns >= left_.to_ns; }
  TimeRange next() {
    // In 128 bits nothing overflows, however wide the range is.
    const auto width = static_cast<std::int64_t>(std::min<__int128>(width_, static_cast<__int128>(left_.to_ns) - left_.from_ns));
    width_ = std::min<std::int64_t>(width_, kWidestWaveNs / 4) * 4;
    TimeRange out = left_;
    if (ascending_) {
      left_.from_ns = out.to_ns = out.from_ns + width;
    } else {
      left_.to_ns = out.from_ns = out.to_ns - width;
    }
    return out;
  }

 private:
  TimeRange left_;
  bool ascending_;
  std::int64_t width_;
};

}  // namespace

Result<TimeRange> Query::range(std::string_view from, std::string_view to) { return parse_time_range(from, to, clock_.now_ns()); }

Result<Query::Selection> Query::select(const Condition& condition, Signal signal, TimeRange range) {
  const auto predicate = predicate_of(condition, signal);
  Selection out;
  out.relation = RW_TRY(store_.relation(signal, range.from_ns, range.to_ns, predicate.hints));
  out.from_where = fmt::format(" FROM {} WHERE {}", out.relation.sql, predicate.sql);
  out.parameters = predicate.parameters;
  return out;
}

Result<store::Table> Query::run(const std::string& sql, const std::vector<store::Value>& parameters) {
  auto table = RW_TRY(duck_.run(sql, parameters, {.rows_max = kTableRowsMax, .deadline = kStatementDeadline}));
  // Half an answer would look like a whole one.
  if (table.truncated) return fail(Errc::kLimit, fmt::format("the answer has more than {} rows", kTableRowsMax), "ask for a shorter time range");
  return table;
}

Result<LogsPage> Query::logs(const LogsQuestion& question) {
  const auto begun = clock_.monotonic_ns();
  const auto condition = RW_TRY(understand(question.search, Signal::kLog));
  const std::size_t limit = std::clamp<std::size_t>(question.limit, 1, kPageRowsMax);
  const bool up = question.ascending;
  const std::string_view order = up ? "ts, ts_ns, tie" : "ts DESC, ts_ns DESC, tie DESC";

  PagePosition position{.range = question.range, .question = question_hash(question)};
  TimeRange left = question.range;
  if (!question.cursor.empty()) {
    position = RW_TRY(decode_cursor(question.cursor, question));
    left = position.range;
    // The instant of the cursor itself is looked at again: more of its records may wait.
    (up ? left.from_ns : left.to_ns) = up ? position.time_ns : position.time_ns + 1;
  }

  LogsPage page;
  std::vector<std::int64_t> ties;
  bool more = false;
  Waves waves(left, up, position.width_ns);
  while (!waves.done() && !more) {
    const auto wave = waves.next();
    const auto selection = RW_TRY(select(condition, Signal::kLog, wave));
    if (selection.empty()) continue;
    const bool at_cursor = !question.cursor.empty() && position.time_ns >= wave.from_ns && position.time_ns < wave.to_ns;
    std::string resume, offset;
    if (at_cursor) {
      const auto us = floor_us(position.time_ns);
      resume = fmt::format(" AND (ts <> make_timestamp({}::BIGINT) OR ts_ns <> {} OR {} {} {})", us, position.time_ns - us * 1000,
                           kTieBreaker, up ? ">=" : "<=", position.tie);
      offset = fmt::format(" OFFSET {}", position.given);
    }
    const std::size_t wanted = limit + 1 - page.rows.size();
    const auto table = RW_TRY(run(fmt::format("SELECT {}, tie FROM (SELECT *, {} AS tie{}{} ORDER BY {} LIMIT {}{}) ORDER BY {}", log_columns(),
                                              kTieBreaker, selection.from_where, resume, order, wanted, offset, order),
                                  selection.parameters));
    for (const auto& row : table.rows) {
      if (page.rows.size() == limit) {
        more = true;
        break;
      }
      Cells cells(row);
      page.rows.push_back(read_log(cells));
      ties.push_back(cells.integer());
    }
  }

  if (more) {
    const auto& last = page.rows.back();
    std::uint64_t given = 0;
    for (std::size_t i = page.rows.size(); i > 0 && page.rows[i - 1].time_ns == last.time_ns && ties[i - 1] == ties.back(); --i) ++given;
    const bool same_as_before = !question.cursor.empty() && last.time_ns == position.time_ns && ties.back() == position.tie;
    position.given = given + (same_as_before ? position.given : 0);
    const std::int64_t covered = std::abs(page.rows.front().time_ns - last.time_ns);
    position.width_ns = std::clamp(std::min(covered, kWidestWaveNs / 2) * 2, kFirstWaveNs, kWidestWaveNs);
    position.time_ns = last.time_ns;
    position.tie = ties.back();
    page.next = encode_cursor(position);
  }
  std::unordered_map<std::string, int> times;
  for (auto& row : page.rows) {
    const int count = ++times[row.id];
    if (count > 1) row.id += fmt::format("-{}", count);
  }
  page.took_ms = since_ms(begun);
  return page;
}

Result<Histogram> Query::histogram(std::string_view search, TimeRange range, std::size_t count) {
  const auto condition = RW_TRY(understand(search, Signal::kLog));
  const auto buckets = make_buckets(range, count);
  Histogram out;
  out.interval_ns = buckets.interval_ns;
  out.buckets.resize(buckets.count);
  for (std::size_t i = 0; i < buckets.count; ++i) out.buckets[i].time_ns = buckets.start_ns(i);
  const auto selection = RW_TRY(select(condition, Signal::kLog, range));
  if (selection.empty()) return out;
  const auto table = RW_TRY(run(fmt::format("SELECT {} AS bucket, (severity + 3) // 4 AS level, count(*){} GROUP BY bucket, level",
                                            bucket_expression(buckets), selection.from_where),
                                selection.parameters));
  for (const auto& row : table.rows) {
    Cells cells(row);
    const auto bucket = cells.count();
    const auto level = cells.integer();
    const auto records = cells.count();
    if (bucket >= out.buckets.size()) continue;
    out.buckets[bucket].total += records;
    if (level >= 1 && level <= 6) out.buckets[bucket].counts[level - 1] += records;
  }
  return out;
}

Result<std::vector<Facet>> Query::facets(std::string_view search, TimeRange range, const std::vector<std::string>& fields,
                                         std::size_t limit) {
  if (fields.empty() || fields.size() > kFacetFieldsMax) {
    return fail(Errc::kLimit, fmt::format("{} fields; 1 to {} can be counted at once", fields.size(), kFacetFieldsMax));
  }
  const auto condition = RW_TRY(understand(search, Signal::kLog));
  auto selection = RW_TRY(select(condition, Signal::kLog, range));
  std::vector<Facet> out;
  std::string inner, sets, names, cases;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    std::string expression;
    if (fields[i] == "level") {
      expression = "CASE (severity + 3) // 4 WHEN 1 THEN 'trace' WHEN 2 THEN 'debug' WHEN 3 THEN 'info' WHEN 4 THEN 'warn' "
                   "WHEN 5 THEN 'error' WHEN 6 THEN 'fatal' END";
    } else if (fields[i] == "status") {
      expression = "status::VARCHAR";
    } else {
      expression = RW_TRY(label_expression(fields[i], selection.parameters));
    }
    inner += fmt::format("{}{} AS f{}", i == 0 ? "" : ", ", expression, i);
    sets += fmt::format("{}(f{})", i == 0 ? "" : ", ", i);
    names += fmt::format("{}f{}", i == 0 ? "" : ", ", i);
    // GROUPING has a 1 for each name that is not part of the set, the first name highest.
    const std::uint64_t all = (std::uint64_t{1} << fields.size()) - 1;
    cases += fmt::format(" WHEN {} THEN {}", all & ~(std::uint64_t{1} << (fields.size() - 1 - i)), i);
    out.push_back({fields[i], {}});
  }
  if (selection.empty()) return out;
  const auto table = RW_TRY(run(
      fmt::format("SELECT field, value, records FROM ("
                  "SELECT CASE GROUPING({2}){3} END AS field, coalesce({2}) AS value, count(*) AS records"
                  " FROM (SELECT {0}{4}) GROUP BY GROUPING SETS ({1})) WHERE value <> ''"
                  " QUALIFY row_number() OVER (PARTITION BY field ORDER BY records DESC, value) <= {5} ORDER BY field, records DESC, value",
                  inner, sets, names, cases, selection.from_where,
                  std::clamp<std::size_t>(limit, 1, kFacetValuesMax)),
      selection.parameters));
  for (const auto& row : table.rows) {
    Cells cells(row);
    const auto field = cells.count();
    auto value = cells.text();
    out[field].values.emplace_back(std::move(value), cells.count());
  }
  return out;
}

}  // namespace ringwall::query
