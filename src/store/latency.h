// How long things took, as histograms that can be added up: by service and minute beside every file, so that percentiles over
// a day of records cost milliseconds and not a scan.
//
// A histogram is an exponential one with base 2^(1/32) (scale 5 of OTLP's ExponentialHistogram and of Prometheus' native
// histograms): bucket i > 0 counts (2^((i-1)/32), 2^(i/32)] nanoseconds, bucket 0 what took 1 ns or less.  A quantile is the
// middle of its bucket, at most 1.1 % off; counts, errors and the maximum are exact.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/record.h"

namespace ringwall::store {

inline constexpr std::int64_t kMinuteNs = 60'000'000'000;
inline constexpr int kLatencyBucketsMax = 63 * 32 + 1;

class LatencyHistogram {
 public:
  void add(std::int64_t duration_ns, bool error);
  // Durations that were counted elsewhere; buckets in ascending order.
  struct Bucket {
    int bucket;
    std::uint64_t count;
  };
  void add_buckets(std::span<const Bucket> buckets);
  void add_totals(std::uint64_t errors, std::int64_t max_ns);
  void merge(const LatencyHistogram& other);

  std::uint64_t count() const { return count_; }
  std::uint64_t errors() const { return errors_; }
  std::int64_t max_ns() const { return max_ns_; }
  // 0 < q <= 1; nanoseconds, 0 without records.
  double quantile(double q) const;

  // Calls each(bucket, count) for buckets that are not empty, in order.
  template <class Each>
  void each_bucket(Each each) const {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] != 0) each(first_ + static_cast<int>(i), counts_[i]);
    }
  }
  static int bucket_of(std::int64_t duration_ns);

 private:
  // Room for [first, last].
  void widen(int first, int last);
  int first_ = 0;                      // bucket of counts_[0]
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0, errors_ = 0;
  std::int64_t max_ns_ = 0;
};

// What counts: spans of kind server and consumer, and log records with a duration.  An error is a span that failed, a status of
// 500 and above, and a log record of level error and above.
bool has_latency(const base::Batch& batch, std::size_t row);
bool is_failure(const base::Batch& batch, std::size_t row);
// The same two as conditions of SQL.
std::string latency_condition(base::Signal signal);
std::string failure_condition(base::Signal signal);

// One answer of Store::latency().
struct LatencyRow {
  std::string service;
  std::int64_t time_ns = 0;  // begin of the step
  LatencyHistogram histogram;
};

}  // namespace ringwall::store
