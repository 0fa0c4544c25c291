#include "query/query.h"

#include <doctest/doctest.h>

#include "query/json.h"
#include "query/test_support.h"

using namespace ringwall;
using namespace ringwall::query;

TEST_CASE("query: an empty store answers every question") {
  constexpr std::int64_t kNow = 1'790'000'000'000'000'000;
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
