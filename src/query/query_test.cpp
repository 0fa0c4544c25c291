// Every question against a naive model that goes over all records one by one.
#include "query/query.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "query/json.h"
#include "query/match.h"
#include "query/test_support.h"

using namespace ringwall;
using namespace ringwall::query;
using base::Signal;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'790'000'000 * kSecond + 123'456'789;  // not a whole microsecond
constexpr std::int64_t kSpread = 3600 * kSecond;

// Records of the last hour; some share a nanosecond, some are equal in everything.
base::Batch make_logs(Random& random, std::size_t records, std::int64_t now_ns = kNow) {
  constexpr std::string_view kServices[] = {"edge", "shop", "stock"};
  constexpr std::string_view kHosts[] = {"web-1", "web-2", ""};
  constexpr std::string_view kMessages[] = {"payment accepted", "payment refused: card expired", "timeout after 3 s", "GET /cart"};
  constexpr std::string_view kRoutes[] = {"/cart", "/pay", "/item/{id}"};
  constexpr std::uint16_t kStatus[] = {0, 200, 404, 503};
  base::BatchBuilder builder(Signal::kLog);
  for (std::size_t i = 0; i < records; ++i) {
    if (i % 5 == 0) {
      builder.resource(random.of(kServices), "test", "1", random.of(kHosts), "eu", "otlp");
      builder.resource_attribute("k8s.pod.name", random.of(kHosts));
    }
    std::int64_t time = now_ns - 1 - static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kSpread)));
    if (random.one_in(3)) time = now_ns - 60 * kSecond * static_cast<std::int64_t>(1 + random.below(4));  // whole minutes ago: many at once
    builder.record(time, random.of(kMessages));
    auto& batch = builder.batch();
    batch.severity.back() = static_cast<std::uint8_t>(random.below(25));
    batch.status.back() = random.of(kStatus);
    if (random.one_in(3)) batch.trace_id.back() = {0, 1 + random.below(50)};
    if (random.one_in(2)) builder.attribute("http.route", random.of(kRoutes));
  }
  return builder.take();
}

struct SpanModel {
  std::int64_t time_ns, duration_ns;
  std::string service, name, version;
  std::uint8_t kind, outcome;
  std::uint16_t status;
  std::uint64_t trace, span, parent;
  std::string database, address;
  bool request() const { return kind == 2 || kind == 5; }
  bool error() const { return outcome == 2 || status >= 500; }
};

// Traces of an edge span, a shop span below it, and what the shop calls: a service, a database, an outside address.
std::vector<SpanModel> make_spans(Random& random, std::size_t traces) {
  std::vector<SpanModel> out;
  std::uint64_t next_span = 1;
  for (std::uint64_t trace = 1; trace <= traces; ++trace) {
    const std::int64_t begin = kNow - 5 * kSecond - static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(kSpread - 10 * kSecond)));
    const auto add = [&](std::string service, std::string name, std::uint8_t kind, std::uint64_t parent, std::int64_t delay) -> SpanModel& {
      const bool failed = random.one_in(7);
      out.push_back({begin + delay, static_cast<std::int64_t>(random.below(900'000'000)), std::move(service), std::move(name), random.one_in(2) ? "1" : "2",
                     kind, static_cast<std::uint8_t>(failed && random.one_in(2) ? 2 : 0), static_cast<std::uint16_t>(failed ? 503 : kind == 2 ? 200 : 0),
                     trace, next_span++, parent, "", ""});
      return out.back();
    };
    const auto edge = add("edge", "GET /cart", 2, 0, 0).span;
    const auto shop = add("shop", random.one_in(2) ? "GET /cart" : "POST /pay", 2, edge, 1000).span;
    if (random.one_in(2)) {
      const auto client = add("shop", "GET", 3, shop, 2001);
      out.back().address = "stock.internal";
      if (random.one_in(2)) add("stock", "GET /stock", 2, client.span, 3001);  // otherwise nobody answered: an outside address
    }
    if (random.one_in(2)) {
      add("shop", "SELECT", 3, shop, 4000);
      out.back().database = "postgresql";
      out.back().address = "db.internal";
    }
    if (random.one_in(4)) add("mailer", "send", 5, shop, 5000);
  }
  return out;
}

base::Batch batch_of(const std::vector<SpanModel>& spans) {
  base::BatchBuilder builder(Signal::kSpan);
  for (const auto& s : spans) {
    builder.resource(s.service, "test", s.version, "h", "eu", "otlp");
    builder.record(s.time_ns, s.name);
    auto& b = builder.batch();
    b.duration_ns.back() = s.duration_ns;
    b.kind.back() = s.kind;
    b.outcome.back() = s.outcome;
    b.status.back() = s.status;
    b.trace_id.back() = {7, s.trace};
    b.span_id.back() = s.span;
    b.parent_span_id.back() = s.parent;
    if (!s.database.empty()) {
      builder.attribute("db.system", s.database);
      builder.attribute("db.name", "shop");
    }
    if (!s.address.empty()) builder.attribute("server.address", s.address);
  }
  return builder.take();
}

double quantile(std::vector<std::int64_t> values, double q) {
  if (values.empty()) return Totals::kNone;
  std::sort(values.begin(), values.end());
  const double at = static_cast<double>(values.size() - 1) * q;
  const auto low = static_cast<std::size_t>(std::floor(at));
  const auto high = std::min(low + 1, values.size() - 1);
  const double a = static_cast<double>(values[low]), b = static_cast<double>(values[high]);
  return (a + (b - a) * (at - std::floor(at))) / 1e6;
}

Totals totals_of(const std::vector<SpanModel>& spans, const std::function<bool(const SpanModel&)>& wanted) {
  Totals out;
  std::vector<std::int64_t> durations;
  for (const auto& s : spans) {
    if (!wanted(s)) continue;
    ++out.requests;
    out.errors += s.error() ? 1u : 0u;
    durations.push_back(s.duration_ns);
  }
  out.p50_ms = quantile(durations, 0.5);
  out.p90_ms = quantile(durations, 0.9);
  out.p95_ms = quantile(durations, 0.95);
  out.p99_ms = quantile(durations, 0.99);
  out.max_ms = quantile(durations, 1);
  return out;
}

bool near(double a, double b) { return (std::isnan(a) && std::isnan(b)) || std::abs(a - b) <= 1e-6 * std::max(1.0, std::abs(b)); }

void check_totals(const Totals& got, const Totals& want) {
  CHECK(got.requests == want.requests);
  CHECK(got.errors == want.errors);
  CHECK(near(got.p50_ms, want.p50_ms));
  CHECK(near(got.p90_ms, want.p90_ms));
  CHECK(near(got.p95_ms, want.p95_ms));
  CHECK(near(got.p99_ms, want.p99_ms));
  CHECK(near(got.max_ms, want.max_ms));
}

// Of histograms: the value of rank ceil(q n), at most 1.1 % off.
void check_sketched(const Totals& got, std::vector<std::int64_t> durations, std::uint64_t errors) {
  std::sort(durations.begin(), durations.end());
  const auto close = [&](double ms, double q) {
    const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(durations.size())));
    return std::abs(ms * 1e6 / static_cast<double>(durations[std::max<std::size_t>(rank, 1) - 1]) - 1) < 0.011;
  };
  REQUIRE(got.requests == durations.size());
  CHECK(got.errors == errors);
  CHECK(close(got.p50_ms, 0.5));
  CHECK(close(got.p90_ms, 0.9));
  CHECK(close(got.p95_ms, 0.95));
  CHECK(close(got.p99_ms, 0.99));
  CHECK(near(got.max_ms, static_cast<double>(durations.back()) / 1e6));
}

bool inside(std::int64_t time_ns, TimeRange range) { return time_ns >= range.from_ns && time_ns < range.to_ns; }

// Everything of a record that a page shows, its id included except for the number of equals.
std::string whole(const LogRow& row) {
  std::string json;
  LogRow plain = row;
  plain.id = log_id(row);
  append_json(json, plain);
  return json;
}

std::vector<std::string> all_pages(Query& query, LogsQuestion question, const std::function<void()>& between = [] {}) {
  std::vector<std::string> out;
  std::int64_t last = question.ascending ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
  for (;;) {
    const auto page = query.logs(question).value();
    CHECK(page.rows.size() <= question.limit);
    for (const auto& row : page.rows) {
      CHECK((question.ascending ? row.time_ns >= last : row.time_ns <= last));
      last = row.time_ns;
      out.push_back(whole(row));
    }
    if (page.next.empty()) return out;
    question.cursor = page.next;
    between();
  }
}

constexpr std::string_view kSearches[] = {"", "payment", "service:shop level:>=warn", "-status:* \"card expired\"", "@http.route:/* -host:web-1"};

}  // namespace

TEST_CASE("query: an empty store answers every question") {
  TestStore test("empty", kNow);
  auto& q = *test.query;
  const auto range = q.range("now-1m", "").value();
  CHECK(to_json(q.logs({.search = "a", .range = range}).value()) == R"({"rows":[],"next":null,"took_ms":0})");
  CHECK(q.histogram("", range, 3).value().buckets.size() == 3);
  CHECK(q.facets("", range, {"service", "@a"}, 10).value().size() == 2);
  CHECK(q.traces({.range = range}).value().traces.empty());
  CHECK(q.trace("0123456789abcdef0123456789abcdef").error().code == Errc::kNotFound);
  CHECK(q.trace("12").error().code == Errc::kInvalid);
  CHECK(q.services(range).value().empty());
  CHECK(q.service("x", range, 2).value().series.size() == 2);
  CHECK(q.map(range).value().nodes.empty());
  CHECK(q.overview(range, 4).value().series.size() == 4);
  CHECK(q.metrics(range).value().empty());
  CHECK(q.metric({.name = "m", .range = range}).value().series.empty());
  CHECK(q.sql("SELECT count(*) FROM logs", 10).value().table.rows.size() == 1);
}

// Goal: pages of any size, both ways, together are exactly the matching records, equal ones included, while others
// are added; half of the records are in files, half in memory.
TEST_CASE("query: pages of logs lose and repeat nothing while records arrive") {
  Random random(11);
  TestStore test("pages", kNow);
  std::vector<base::Batch> batches;
  for (int i = 0; i < 4; ++i) {
    batches.push_back(make_logs(random, 120));
    test.accept(batches.back());
    test.accept(batches.back());  // each record has an equal
    if (i == 1) REQUIRE(test.store->flush().ok());
  }
  const TimeRange range{kNow - kSpread / 2, kNow};
  for (const auto search : kSearches) {
    const auto condition = understand(search, Signal::kLog).value();
    std::vector<std::string> want;
    for (const auto& batch : batches) {
      for (std::size_t i = 0; i < batch.size(); ++i) {
        if (!inside(batch.time_ns[i], range) || !matches(condition, batch, i)) continue;
        want.insert(want.end(), 2, whole(log_row(batch, i)));
      }
    }
    std::sort(want.begin(), want.end());
    CHECK(want.size() > 20);
    for (const bool ascending : {false, true}) {
      for (const std::size_t limit : {search.size() > 20 ? 1u : 13u, 1000u}) {
        CAPTURE(search);
        CAPTURE(ascending);
        CAPTURE(limit);
        auto got = all_pages(*test.query, {.search = std::string(search), .range = range, .limit = limit, .ascending = ascending});
        std::sort(got.begin(), got.end());
        CHECK(got == want);
      }
    }
    // Newer records come in at the head while pages go back in time: none of them belongs to these pages.
    auto got = all_pages(*test.query, {.search = std::string(search), .range = range, .limit = 40}, [&] {
      base::BatchBuilder builder(Signal::kLog);
      builder.record(kNow, "payment card expired");
      test.accept(builder.take());
    });
    std::sort(got.begin(), got.end());
    CHECK(got == want);
  }
}

TEST_CASE("query: ids of a page differ, and a cursor belongs to its search") {
  TestStore test("cursor", kNow);
  base::BatchBuilder builder(Signal::kLog);
  for (int i = 0; i < 5; ++i) builder.record(kNow - 1, "same");
  test.accept(builder.take());
  const TimeRange range{kNow - kSecond, kNow};
  const auto page = test.query->logs({.search = "same", .range = range, .limit = 3}).value();
  std::set<std::string> ids;
  for (const auto& row : page.rows) ids.insert(row.id);
  CHECK(ids.size() == 3);
  REQUIRE(!page.next.empty());
  CHECK(test.query->logs({.search = "same", .range = range, .limit = 3, .cursor = page.next}).value().rows.size() == 2);
  CHECK(test.query->logs({.search = "other", .range = range, .cursor = page.next}).error().code == Errc::kInvalid);
  CHECK(test.query->logs({.search = "same", .range = range, .ascending = true, .cursor = page.next}).error().code == Errc::kInvalid);
  for (const std::string& wrong : std::vector<std::string>{"x", "1.2", page.next.substr(1), page.next + "0.", "1.1.2.3.4.5.6"}) {
    CAPTURE(wrong);
    CHECK(test.query->logs({.search = "same", .range = range, .cursor = wrong}).error().code == Errc::kInvalid);
  }
  CHECK(test.query->logs({.search = "a:b", .range = range}).error().message == "byte 0: 'a' is not a field");
}

TEST_CASE("query: histogram and facets count what a model counts") {
  Random random(12);
  TestStore test("counts", kNow);
  const auto first = make_logs(random, 900), second = make_logs(random, 600);
  test.accept(first);
  REQUIRE(test.store->flush().ok());
  test.accept(second);
  // The first begins inside a microsecond, the second on one.
  for (const TimeRange range : {TimeRange{kNow - kSpread / 2, kNow}, TimeRange{kNow - kNow % 1000 - kSpread / 3, kNow - 61 * kSecond}}) {
    for (const auto search : kSearches) {
      CAPTURE(search);
      const auto condition = understand(search, Signal::kLog).value();
      const auto got = test.query->histogram(search, range, 37).value();
      Histogram want;
      want.interval_ns = got.interval_ns;
      want.buckets.resize(got.buckets.size());
      std::map<std::string, std::map<std::string, std::uint64_t>> facets;
      for (const auto* batch : {&first, &second}) {
        for (std::size_t i = 0; i < batch->size(); ++i) {
          if (!inside(batch->time_ns[i], range) || !matches(condition, *batch, i)) continue;
          auto& bucket = want.buckets[static_cast<std::size_t>((batch->time_ns[i] - range.from_ns) / got.interval_ns)];
          ++bucket.total;
          if (batch->severity[i] != 0) ++bucket.counts[(batch->severity[i] - 1) / 4];
          const auto row = log_row(*batch, i);
          ++facets["service"][row.service];
          ++facets["host"][row.host];
          ++facets["level"][std::string(base::level_name(row.severity))];
          ++facets["status"][row.status.has_value() ? std::to_string(*row.status) : ""];
          ++facets["@http.route"][std::string(batch->attribute(i, "http.route"))];
          ++facets["@k8s.pod.name"][std::string(batch->view(batch->resource_values[batch->resources[batch->resource[i]].attributes_begin]))];
        }
      }
      REQUIRE(got.buckets.size() == 37);
      for (std::size_t i = 0; i < got.buckets.size(); ++i) {
        CHECK(got.buckets[i].time_ns == range.from_ns + static_cast<std::int64_t>(i) * got.interval_ns);
        CHECK(got.buckets[i].total == want.buckets[i].total);
        for (int level = 0; level < 6; ++level) CHECK(got.buckets[i].counts[level] == want.buckets[i].counts[level]);
      }
      for (const auto& fields : std::vector<std::vector<std::string>>{{"level"}, {"service", "host", "level", "status", "@http.route", "@k8s.pod.name"}}) {
        const auto counted = test.query->facets(search, range, fields, 3).value();
        REQUIRE(counted.size() == fields.size());
        for (std::size_t i = 0; i < fields.size(); ++i) {
          CAPTURE(fields[i]);
          std::vector<std::pair<std::string, std::uint64_t>> expected;
          for (const auto& [value, count] : facets[fields[i]]) {
            if (!value.empty()) expected.emplace_back(value, count);
          }
          std::stable_sort(expected.begin(), expected.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
          expected.resize(std::min<std::size_t>(expected.size(), 3));
          CHECK(counted[i].field == fields[i]);
          CHECK(counted[i].values == expected);
        }
      }
    }
  }
  CHECK(test.query->facets("", {0, kNow}, {"message"}, 3).error().code == Errc::kInvalid);
  CHECK(test.query->facets("", {0, kNow}, {}, 3).error().code == Errc::kLimit);
  CHECK(test.query->facets("", {0, kNow}, std::vector<std::string>(kFacetFieldsMax, "host"), 3).ok());
  CHECK(test.query->facets("", {0, kNow}, std::vector<std::string>(kFacetFieldsMax + 1, "host"), 3).error().code == Errc::kLimit);
}

TEST_CASE("query: services, one service and the edge as a model sees them") {
  Random random(13);
  TestStore test("services", kNow);
  const auto spans = make_spans(random, 400);
  test.accept(batch_of({spans.begin(), spans.begin() + 500}));
  REQUIRE(test.store->flush().ok());
  test.accept(batch_of({spans.begin() + 500, spans.end()}));
  test.accept(make_logs(random, 300));
  const TimeRange range{kNow - kSpread * 3 / 4, kNow - kSpread / 10};
  const double seconds = static_cast<double>(range.to_ns - range.from_ns) / 1e9;

  std::set<std::string> names;
  for (const auto& s : spans) {
    if (s.request() && inside(s.time_ns, range)) names.insert(s.service);
  }
  const auto services = test.query->services(range).value();
  CHECK(services.size() == names.size());
  for (const auto& service : services) {
    CAPTURE(service.service);
    std::vector<std::int64_t> durations;
    const auto want = totals_of(spans, [&](const auto& s) {
      const bool wanted = s.request() && s.service == service.service && inside(s.time_ns, range);
      if (wanted) durations.push_back(s.duration_ns);
      return wanted;
    });
    check_sketched(service.totals, durations, want.errors);
    CHECK(near(service.totals.rate, static_cast<double>(want.requests) / seconds));
    CHECK(want.errors > 0);
  }

  const auto latency = test.query->latency(Signal::kSpan, range, 1min).value();
  std::uint64_t requests = 0;
  for (const auto& row : latency.rows) {
    std::vector<std::int64_t> durations;
    const TimeRange bucket{std::max(row.time_ns, range.from_ns), std::min(row.time_ns + latency.interval_ns, range.to_ns)};
    const auto want = totals_of(spans, [&](const auto& s) {
      const bool wanted = s.request() && s.service == row.service && inside(s.time_ns, bucket);
      if (wanted) durations.push_back(s.duration_ns);
      return wanted;
    });
    check_sketched(row.totals, durations, want.errors);
    requests += row.totals.requests;
  }
  CHECK(requests == totals_of(spans, [&](const auto& s) { return s.request() && inside(s.time_ns, range); }).requests);
  CHECK_FALSE(test.query->latency(Signal::kMetric, range, 1min).ok());
  CHECK(test.query->latency(Signal::kSpan, range, kLatencyIntervalMin).ok());
  CHECK_FALSE(test.query->latency(Signal::kSpan, range, kLatencyIntervalMin - 1ms).ok());
  CHECK(test.query->latency(Signal::kSpan, range, kLatencyIntervalMax).ok());
  CHECK_FALSE(test.query->latency(Signal::kSpan, range, kLatencyIntervalMax + 1ms).ok());

  const auto shop = [&](TimeRange of) {
    return [&spans, of](std::vector<std::int64_t>* durations) {
      return totals_of(spans, [&](const auto& s) {
        const bool wanted = s.request() && s.service == "shop" && inside(s.time_ns, of);
        if (wanted && durations != nullptr) durations->push_back(s.duration_ns);
        return wanted;
      });
    };
  };
  const auto page = test.query->service("shop", range, 7).value();
  std::vector<std::int64_t> of_shop;
  const auto of_page = shop(range)(&of_shop);
  check_sketched(page.totals, of_shop, of_page.errors);
  CHECK(near(page.totals.rate, static_cast<double>(of_page.requests) / seconds));
  REQUIRE(page.series.size() == 7);
  for (const auto& point : page.series) {
    const TimeRange bucket{point.time_ns, std::min(point.time_ns + page.interval_ns, range.to_ns)};
    check_totals(point.totals, shop(bucket)(nullptr));
  }

  // Buckets of whole minutes are from histograms.
  constexpr std::int64_t kFive = 300 * kSecond;
  const TimeRange minutes{range.from_ns / kFive * kFive + kFive, range.from_ns / kFive * kFive + 5 * kFive};
  const auto stepped = test.query->service("shop", minutes, 4).value();
  CHECK(stepped.interval_ns == kFive);
  std::uint64_t in_series = 0;
  for (const auto& point : stepped.series) {
    std::vector<std::int64_t> durations;
    const auto want = shop({point.time_ns, point.time_ns + kFive})(&durations);
    in_series += want.requests;
    if (want.requests == 0) {
      CHECK(std::isnan(point.totals.p50_ms));
      continue;
    }
    check_sketched(point.totals, durations, want.errors);
    CHECK(near(point.totals.rate, static_cast<double>(want.requests) / 300));
  }
  CHECK(stepped.totals.requests == in_series);
  CHECK(stepped.totals.requests == shop(minutes)(nullptr).requests);
  CHECK(test.query->service("nobody", minutes, 4).value().totals.requests == 0);
  CHECK(std::isnan(test.query->service("nobody", minutes, 4).value().totals.p95_ms));

  REQUIRE(page.operations.size() == 2);
  for (const auto& [name, totals] : page.operations) {
    check_totals(totals, totals_of(spans, [&](const auto& s) { return s.request() && s.service == "shop" && s.name == name && inside(s.time_ns, range); }));
  }
  REQUIRE(page.versions.size() == 2);
  CHECK(page.versions[0].second.requests >= page.versions[1].second.requests);

  const auto overview = test.query->overview(range, 5).value();
  std::vector<std::int64_t> of_edge;
  const auto edge = totals_of(spans, [&](const auto& s) {
    const bool wanted = s.service == "edge" && inside(s.time_ns, range);
    if (wanted) of_edge.push_back(s.duration_ns);
    return wanted;
  });
  check_sketched(overview.edge, of_edge, edge.errors);
  std::uint64_t logs = 0, all_spans = 0;
  for (const auto& point : overview.series) {
    logs += point.logs;
    all_spans += point.spans;
  }
  CHECK(logs == test.query->logs({.range = range, .limit = 1000}).value().rows.size());
  CHECK(all_spans == static_cast<std::uint64_t>(std::count_if(spans.begin(), spans.end(), [&](const auto& s) { return inside(s.time_ns, range); })));
}

TEST_CASE("query: the map has an edge for every pair that calls") {
  Random random(14);
  TestStore test("map", kNow);
  const auto spans = make_spans(random, 300);
  test.accept(batch_of(spans));
  REQUIRE(test.store->flush().ok());
  const TimeRange range{kNow - kSpread / 2, kNow};
  std::map<std::uint64_t, const SpanModel*> by_id;
  std::set<std::uint64_t> answered;  // spans with a request below them
  for (const auto& s : spans) {
    by_id[s.span] = &s;
    if (s.request()) answered.insert(s.parent);
  }
  std::map<std::pair<std::string, std::string>, std::vector<SpanModel>> want;
  for (const auto& s : spans) {
    if (!inside(s.time_ns, range)) continue;
    if (s.request() && s.parent != 0 && by_id[s.parent]->service != s.service) want[{by_id[s.parent]->service, s.service}].push_back(s);
    if (s.kind == 3 && !s.database.empty()) want[{s.service, "postgresql/shop"}].push_back(s);
    if (s.kind == 3 && s.database.empty() && !answered.contains(s.span)) want[{s.service, s.address}].push_back(s);
  }
  const auto map = test.query->map(range).value();
  CHECK(want.size() == 5);
  REQUIRE(map.edges.size() == want.size());
  for (const auto& edge : map.edges) {
    CAPTURE(edge.from);
    CAPTURE(edge.to);
    check_totals(edge.totals, totals_of(want[{edge.from, edge.to}], [](const auto&) { return true; }));
  }
  std::map<std::string, std::string> kinds;
  for (const auto& node : map.nodes) kinds[node.name] = node.kind;
  CHECK(kinds == std::map<std::string, std::string>{{"edge", "edge"}, {"shop", "service"}, {"stock", "service"}, {"mailer", "service"},
                                                    {"postgresql/shop", "database"}, {"stock.internal", "external"}});
}

TEST_CASE("query: a trace is whole, and the list of traces says what is in each") {
  Random random(15);
  TestStore test("traces", kNow);
  const auto spans = make_spans(random, 200);
  test.accept(batch_of({spans.begin(), spans.begin() + 301}));
  REQUIRE(test.store->flush().ok());
  test.accept(batch_of({spans.begin() + 301, spans.end()}));
  base::BatchBuilder logs(Signal::kLog);
  logs.resource("edge", "", "", "", "", "edge");
  logs.record(kNow - kSecond, "GET /cart 200");
  logs.batch().trace_id.back() = {7, 50};
  logs.record(kNow - kSecond, "no trace");
  test.accept(logs.take());

  const auto trace = test.query->trace(base::hex(base::TraceId{7, 50})).value();
  std::vector<const SpanModel*> of_trace;
  for (const auto& s : spans) {
    if (s.trace == 50) of_trace.push_back(&s);
  }
  REQUIRE(trace.spans.size() == of_trace.size());
  for (std::size_t i = 0; i < of_trace.size(); ++i) {  // they were made in the order of time
    CHECK(trace.spans[i].span_id == of_trace[i]->span);
    CHECK(trace.spans[i].time_ns == of_trace[i]->time_ns);
    CHECK(trace.spans[i].duration_ns == of_trace[i]->duration_ns);
    CHECK(trace.spans[i].parent_span_id == of_trace[i]->parent);
  }
  REQUIRE(trace.logs.size() == 1);
  CHECK(trace.logs[0].source == "edge");
  CHECK(!trace.truncated);

  struct Asked {
    std::string_view search;
    double min_ms;
    std::size_t limit;
    std::function<bool(const SpanModel&)> wanted;
  };
  const Asked questions[] = {
      {"", 0, 500, [](const SpanModel&) { return true; }},
      {"", 0, 20, [](const SpanModel&) { return true; }},
      {"service:stock", 0, 500, [](const SpanModel& s) { return s.service == "stock"; }},
      {"error:true kind:consumer", 0, 500, [](const SpanModel& s) { return s.error() && s.kind == 5; }},
      {"service:mailer", 850, 500, [](const SpanModel& s) { return s.service == "mailer"; }},
      {"", 880, 5, [](const SpanModel&) { return true; }},
  };
  const TimeRange range{kNow - kSpread * 2 / 3, kNow};
  for (const auto& asked : questions) {
    CAPTURE(asked.search);
    CAPTURE(asked.min_ms);
    // Newest matching span of each trace, and the traces in that order.
    std::map<std::uint64_t, std::int64_t> newest;
    std::map<std::uint64_t, std::vector<const SpanModel*>> by_trace;
    for (const auto& s : spans) {
      by_trace[s.trace].push_back(&s);
      if (inside(s.time_ns, range) && asked.wanted(s)) newest[s.trace] = std::max(newest[s.trace], s.time_ns / 1000);
    }
    std::vector<std::pair<std::int64_t, std::uint64_t>> order;
    for (const auto& [id, time] : newest) {
      std::int64_t begin = std::numeric_limits<std::int64_t>::max(), end = 0;
      for (const auto* s : by_trace[id]) begin = std::min(begin, s->time_ns), end = std::max(end, s->time_ns + s->duration_ns);
      if (static_cast<double>(end - begin) >= asked.min_ms * 1e6) order.emplace_back(-time, id);
    }
    std::sort(order.begin(), order.end());
    order.resize(std::min(order.size(), asked.limit));
    const auto list = test.query->traces({.search = std::string(asked.search), .range = range, .limit = asked.limit, .min_duration_ms = asked.min_ms}).value();
    CHECK(!order.empty());
    REQUIRE(list.traces.size() == order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      const auto& got = list.traces[i];
      const auto& members = by_trace[order[i].second];
      CHECK(got.trace_id == base::TraceId{7, order[i].second});
      CHECK(got.spans == members.size());
      CHECK(got.root_service == "edge");
      CHECK(got.root_name == "GET /cart");
      CHECK(got.time_ns == members[0]->time_ns);
      CHECK(got.http_status == members[0]->status);
      CHECK(got.errors == static_cast<std::uint64_t>(std::count_if(members.begin(), members.end(), [](const auto* s) { return s->error(); })));
      std::set<std::string> names;
      for (const auto* s : members) names.insert(s->service);
      std::string json;
      for (const auto& name : names) json += (json.empty() ? "[\"" : ",\"") + name + "\"";
      CHECK(got.services_json == json + "]");
    }
  }
}

TEST_CASE("query: metrics as gauges, counters, deltas and histograms") {
  TestStore test("metrics", kNow);
  const std::int64_t begin = kNow - 100 * kSecond;
  base::BatchBuilder builder(Signal::kMetric);
  const auto sample = [&](std::string_view host, std::int64_t second, std::string_view name, base::MetricKind kind, double value, std::string_view histogram = "") {
    builder.resource("shop", "", "", host, "", "otlp");
    builder.record(begin + second * kSecond, name);
    auto& batch = builder.batch();
    batch.metric_kind.back() = static_cast<std::uint8_t>(kind);
    batch.value.back() = value;
    batch.unit.back() = builder.put("By");
    if (!histogram.empty()) batch.histogram.back() = builder.put(histogram);
    builder.attribute("disk", "sda");
  };
  using base::MetricKind;
  // Buckets of 50 s.  The counter of a begins anew at 60 s; its first sample lies before the range.
  for (const auto& [second, value] : {std::pair{-10, 100.0}, {10, 150.0}, {40, 200.0}, {60, 30.0}, {90, 80.0}}) sample("a", second, "requests", MetricKind::kCounter, value);
  for (const auto& [second, value] : {std::pair{5, 1000.0}, {45, 1025.0}, {95, 1075.0}}) sample("b", second, "requests", MetricKind::kCounter, value);
  for (const auto& [second, value] : {std::pair{1, 2.0}, {2, 4.0}, {51, 10.0}}) sample("a", second, "heat", MetricKind::kGauge, value);
  sample("b", 3, "heat", MetricKind::kGauge, 9);
  for (const auto& [second, value] : {std::pair{1, 100.0}, {2, 150.0}}) sample("a", second, "sent", MetricKind::kDelta, value);
  sample("a", 4, "latency", MetricKind::kHistogram, 30, R"({"count":10,"sum":30,"bounds":[],"counts":[10]})");
  test.accept(builder.take());
  REQUIRE(test.store->flush().ok());

  const TimeRange range{begin, kNow};
  const auto names = test.query->metrics(range).value();
  REQUIRE(names.size() == 4);
  CHECK(names[0].name == "heat");
  CHECK(names[0].series == 2);
  CHECK(names[0].unit == "By");
  CHECK(names[2].name == "requests");
  CHECK(names[2].kind == MetricKind::kCounter);

  const auto shown = [&](std::string_view name, std::vector<std::string> by) {
    const auto answer = test.query->metric({.name = std::string(name), .range = range, .buckets = 2, .by = std::move(by)}).value();
    std::string out;
    for (const auto& line : answer.series) {
      for (const auto& [label, value] : line.labels) out += label + "=" + value + " ";
      for (const auto& [ms, value] : line.points) out += fmt::format("{}:{:g} ", (ms - begin / 1'000'000) / 1000, value);
    }
    return out;
  };
  CHECK(shown("heat", {}) == "0:5 50:10 ");
  CHECK(shown("heat", {"host"}) == "host=a 0:3 50:10 host=b 0:9 ");
  CHECK(shown("requests", {"host"}) == "host=a 0:2 50:1.6 host=b 0:0.5 50:1 ");
  CHECK(shown("requests", {"service", "@disk"}) == "@disk=sda service=shop 0:2.5 50:2.6 ");
  CHECK(shown("sent", {}) == "0:5 ");
  CHECK(shown("latency", {}) == "0:3 ");
  CHECK(shown("absent", {}) == "");
  CHECK(test.query->metric({.name = "heat", .range = range, .by = {"colour"}}).error().code == Errc::kInvalid);
}

TEST_CASE("query: SQL of users over the three views") {
  TestStore test("sql", kNow);
  base::BatchBuilder log(Signal::kLog), span(Signal::kSpan), metric(Signal::kMetric);
  log.resource("shop", "prod", "2", "h", "eu", "otlp");
  log.record(1'500'000'000'123'456'789, "it's \"x\"");
  log.batch().severity.back() = 17;
  log.batch().trace_id.back() = {0xfedcba9876543210, 1};
  log.batch().span_id.back() = ~0ull;
  log.batch().duration_ns.back() = 1'500'000;
  log.attribute("k", "v");
  span.record(1'500'000'000'000'000'000, "GET");
  span.batch().kind.back() = 2;
  span.batch().outcome.back() = 2;
  span.batch().span_id.back() = 0x1f;
  metric.record(1'500'000'000'000'000'000, "m");
  metric.batch().metric_kind.back() = 1;
  test.accept(log.take());
  REQUIRE(test.store->flush().ok());
  test.accept(span.take());
  test.accept(metric.take());
  const auto rows = [&](std::string_view sql) {
    const auto answer = test.query->sql(sql, 100);
    if (!answer.ok()) return answer.error().message;
    const auto json = to_json(*answer);
    const auto begin = json.find("\"rows\":") + 7;
    return json.substr(begin, json.find(",\"truncated\"") - begin);
  };
  CHECK(rows("SELECT ts, ts_ns, level, trace_id, span_id, duration_ms, message, attributes['k'], status FROM logs") ==
        R"([["2017-07-14T02:40:00.123456000Z",789,"error","fedcba98765432100000000000000001","ffffffffffffffff",1.5,"it's \"x\"","v",null]])");
  CHECK(rows("SELECT name, kind, status, span_id, parent_span_id, http_status FROM spans") == R"([["GET","server","error","000000000000001f",null,null]])");
  CHECK(rows("SELECT name, kind, value FROM metrics") == R"([["m","counter",0]])");
  CHECK(rows("SELECT count(*) FROM logs WHERE ts > now() - INTERVAL 1 HOUR") == "[[0]]");
  CHECK(rows("SELECT l.service FROM logs l JOIN spans s ON true WHERE s.name = 'GET'") == R"([["shop"]])");
  CHECK(test.query->sql("SELECT * FROM range(10)", 3).value().table.truncated);
  CHECK(test.query->sql("SELECT nothing FROM logs", 3).error().code == Errc::kInvalid);
  CHECK(test.query->sql("DROP TABLE logs", 3).error().code == Errc::kDenied);
}
