#include "store/latency.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "store/detail/latency_rollup.h"

using namespace ringwall;
using namespace ringwall::store;

namespace {

// The value of rank ceil(q * n), which a histogram's bucket holds.
double exact(std::vector<std::int64_t> values, double q) {
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<std::size_t>(std::ceil(q * static_cast<double>(values.size())));
  return static_cast<double>(values[std::max<std::size_t>(rank, 1) - 1]);
}

std::string show(const RollupBuilder& builder) {
  const auto section = builder.finish();
  if (!section.has_value()) return "none";
  const auto rollup = read_rollup(*section);
  if (!rollup.ok()) return rollup.error().message;
  std::string out;
  for (const auto& cell : rollup->cells) {
    out += rollup->services[cell.service] + "@" + std::to_string(cell.minute) + ":" + std::to_string(cell.histogram.count()) + "/" +
           std::to_string(cell.histogram.errors()) + "<=" + std::to_string(cell.histogram.max_ns()) + " ";
  }
  return out;
}

base::Batch batch_of(const std::vector<std::tuple<const char*, std::int64_t, std::int64_t, int>>& rows) {
  base::BatchBuilder builder(base::Signal::kLog);
  for (const auto& [service, time, duration, status] : rows) {
    builder.resource(service, "test", "1", "h", "eu", "otlp");
    builder.record(time, "x");
    builder.batch().duration_ns.back() = duration;
    builder.batch().status.back() = static_cast<std::uint16_t>(status);
  }
  return builder.take();
}

}  // namespace

TEST_CASE("latency: a bucket holds what its bounds say") {
  for (const std::int64_t value : {std::int64_t{1}, std::int64_t{2}, std::int64_t{3}, std::int64_t{1000}, std::int64_t{1'000'000'007}, std::int64_t{1} << 62, std::int64_t{0x7fffffffffffffff}}) {
    CAPTURE(value);
    const int bucket = LatencyHistogram::bucket_of(value);
    CHECK(static_cast<double>(value) <= std::exp2(bucket / 32.0) * (1 + 1e-12));
    if (bucket > 0) CHECK(static_cast<double>(value) > std::exp2((bucket - 1) / 32.0) * (1 - 1e-12));
  }
  CHECK(LatencyHistogram::bucket_of(0) == 0);
  CHECK(LatencyHistogram::bucket_of(-5) == 0);
}

TEST_CASE("latency: what took no time has a place, and no quantile is above the maximum") {
  LatencyHistogram histogram;
  for (const std::int64_t value : {-7, 0, 0}) histogram.add(value, false);
  CHECK(histogram.count() == 3);
  CHECK(histogram.quantile(1) == 0);
  CHECK(histogram.max_ns() == 0);
  histogram.add(1, false);
  CHECK(histogram.quantile(1) == 1);
  histogram.add(1000, true);
  CHECK(histogram.quantile(1) == doctest::Approx(1000).epsilon(0.011));
  CHECK(histogram.quantile(1) <= 1000);
  CHECK(histogram.quantile(0.5) == 1);  // 1 ns and less are alike
  LatencyHistogram empty;
  empty.merge(histogram);
  empty.merge(LatencyHistogram());
  CHECK(empty.count() == 5);
  CHECK(empty.errors() == 1);
}

TEST_CASE("latency: quantiles are at most 1.1 % off, merged or not") {
  std::mt19937_64 random(11);
  std::lognormal_distribution<double> times(15, 2);
  std::vector<std::int64_t> values;
  LatencyHistogram whole, left, right;
  for (int i = 0; i < 20'000; ++i) {
    values.push_back(static_cast<std::int64_t>(times(random)));
    whole.add(values.back(), i % 10 == 0);
    (i % 3 == 0 ? left : right).add(values.back(), i % 10 == 0);
  }
  left.merge(right);
  for (const double q : {0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0}) {
    CAPTURE(q);
    CHECK(std::abs(whole.quantile(q) / exact(values, q) - 1) < 0.011);
    CHECK(left.quantile(q) == whole.quantile(q));
  }
  CHECK(left.count() == 20'000);
  CHECK(left.errors() == 2'000);
  CHECK(left.max_ns() == *std::max_element(values.begin(), values.end()));
  CHECK(LatencyHistogram().quantile(0.5) == 0);
}

TEST_CASE("latency rollup: what was written is read, by service and minute") {
  RollupBuilder builder;
  const auto batch = batch_of({{"b", 61'000'000'000, 1000, 200}, {"a", 59'000'000'000, 5, 500}, {"a", 0, 7'000'000, 200}, {"b", -1, 8, 200}, {"a", 1, base::kDurationUnset, 500}});
  for (std::size_t row = 0; row < batch.size(); ++row) builder.add(batch, row);
  CHECK(show(builder) == "a@0:2/1<=7000000 b@-1:1/0<=8 b@1:1/0<=1000 ");
  CHECK(show(RollupBuilder()) == "");
}

TEST_CASE("latency rollup: a section of the first version that had one") {
  // Zstd (not compressed) of: services 1 "a"; cells 1: service 0, minute 5, errors 1, maximum 300, buckets 2: 0 twice, 264 once.
  constexpr unsigned char kSection[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x0f, 0x79, 0x00, 0x00, 1, 1, 'a', 1, 0, 5, 1, 0xac, 0x02, 2, 0, 2, 0x88, 0x02, 1};
  const std::string_view section(reinterpret_cast<const char*>(kSection), sizeof(kSection));
  const auto rollup = read_rollup(section);
  REQUIRE(rollup.ok());
  REQUIRE(rollup->cells.size() == 1);
  const auto& histogram = rollup->cells[0].histogram;
  CHECK(rollup->cells[0].minute == 5);
  CHECK(histogram.count() == 3);
  CHECK(histogram.quantile(0.5) == 1);
  CHECK(histogram.quantile(1) == doctest::Approx(300).epsilon(0.011));
}

TEST_CASE("latency rollup: as many cells as the limit says, then none") {
  RollupBuilder builder;
  base::BatchBuilder rows(base::Signal::kLog);
  for (std::size_t minute = 0; minute <= kRollupCellsMax; ++minute) {
    rows.record(static_cast<std::int64_t>(minute) * kMinuteNs, "x");
    rows.batch().duration_ns.back() = 1;
  }
  const auto batch = rows.take();
  for (std::size_t row = 0; row < kRollupCellsMax; ++row) builder.add(batch, row);
  const auto section = builder.finish();
  REQUIRE(section.has_value());
  const auto rollup = read_rollup(*section);
  REQUIRE(rollup.ok());
  CHECK(rollup->cells.size() == kRollupCellsMax);
  builder.add(batch, kRollupCellsMax);
  CHECK_FALSE(builder.finish().has_value());
}

TEST_CASE("latency rollup: damage is refused") {
  RollupBuilder builder;
  const auto batch = batch_of({{"b", 61'000'000'000, 1000, 200}, {"a", 59'000'000'000, 5, 500}});
  for (std::size_t row = 0; row < batch.size(); ++row) builder.add(batch, row);
  const auto good = builder.finish().value();
  REQUIRE(read_rollup(good).ok());
  CHECK(read_rollup("").ok());  // a file without durations
  for (std::size_t kept = 1; kept < good.size(); ++kept) CHECK_FALSE(read_rollup(std::string_view(good).substr(0, kept)).ok());
}
