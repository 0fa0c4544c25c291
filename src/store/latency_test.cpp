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
  std::string told;
  const auto rollup = read_rollup(builder.finish());
  REQUIRE(rollup.ok());
  for (const auto& cell : rollup->cells) {
    LatencyHistogram histogram;
    rollup->add_to(histogram, cell);
    told += rollup->services[cell.service] + "@" + std::to_string(cell.minute) + ":" + std::to_string(histogram.count()) + "/" + std::to_string(histogram.errors()) + "<=" + std::to_string(histogram.max_ns()) + " ";
  }
  CHECK(told == "a@0:2/1<=7000000 b@-1:1/0<=8 b@1:1/0<=1000 ");
}

TEST_CASE("latency rollup: damage is refused") {
  RollupBuilder builder;
  const auto batch = batch_of({{"b", 61'000'000'000, 1000, 200}, {"a", 59'000'000'000, 5, 500}});
  for (std::size_t row = 0; row < batch.size(); ++row) builder.add(batch, row);
  const auto good = builder.finish();
  REQUIRE(read_rollup(good).ok());
  CHECK(read_rollup("").ok());  // a file without durations
  for (std::size_t kept = 1; kept < good.size(); ++kept) CHECK_FALSE(read_rollup(std::string_view(good).substr(0, kept)).ok());
}
