// How long things took, as histograms that can be added up: by service and minute beside every file, so that percentiles over
// a day of records cost milliseconds and not a scan.
//
// A histogram is an exponential one with base 2^(1/32) (scale 5 of OTLP's ExponentialHistogram and of Prometheus' native
// histograms): bucket i > 0 counts (2^((i-1)/32), 2^(i/32)] nanoseconds, bucket 0 what took 1 ns or less.  A quantile is the
// middle of its bucket, at most 1.1 % off; counts, errors and the maximum are exact.  Below 1 ns everything is alike, and a
// maximum below 0 is 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/record.h"

namespace ringwall::store {

inline constexpr std::int64_t kMinuteNs = 60'000'000'000;
inline constexpr int kLatencyBucketsPerOctave = 32;
inline constexpr int kLatencyBucketsMax = 63 * kLatencyBucketsPerOctave + 1;
// Histograms that one question may have.
inline constexpr std::size_t kLatencyRowsMax = 200'000;

class LatencyHistogram {
 public:
  void add(std::int64_t duration_ns, bool error);
  // `count` durations of one bucket at once, 0 <= bucket < kLatencyBucketsMax, count > 0.  Quick in order of buckets, as files
  // have them by the million.
  void add_bucket(int bucket, std::uint64_t count) {
    const auto index = static_cast<std::uint64_t>(bucket);
    if (!buckets_.empty() && buckets_.back().index >= index) return insert_bucket(index, count);
    buckets_.push_back({index, count});
    count_ += count;
  }
  void add_totals(std::uint64_t errors, std::int64_t max_ns);
  void merge(LatencyHistogram other);

  std::uint64_t count() const { return count_; }
  std::uint64_t errors() const { return errors_; }
  std::int64_t max_ns() const { return max_ns_; }
  // The value of rank ceil(q * count), 0 < q <= 1; nanoseconds, 0 without records.
  double quantile(double q) const;

  // Calls each(bucket, count) for buckets that are not empty, in order.
  template <class Each>
  void each_bucket(Each each) const {
    for (const auto& bucket : buckets_) each(static_cast<int>(bucket.index), static_cast<std::uint64_t>(bucket.count));
  }
  std::size_t bucket_count() const { return buckets_.size(); }
  void reserve_buckets(std::size_t count) { buckets_.reserve(count); }
  static int bucket_of(std::int64_t duration_ns);

 private:
  // A minute of a service fills about 70 of 2017 buckets, and an answer has thousands of minutes; hence sparse, and small.
  struct Bucket {
    std::uint64_t index : 12, count : 52;
  };
  void insert_bucket(std::uint64_t index, std::uint64_t count);
  std::vector<Bucket> buckets_;  // by index; none is empty
  std::uint64_t count_ = 0, errors_ = 0;
  std::int64_t max_ns_ = 0;
};

// What counts: spans of kind server and consumer, and log records with a duration.  An error is a span that failed, a status of
// 500 and above, and a log record of level error and above.
inline constexpr std::string_view kRequestCondition = "kind IN (2, 5)";
inline constexpr std::string_view kSpanFailedCondition = "(outcome = 2 OR coalesce(status >= 500, FALSE))";
bool has_latency(const base::Batch& batch, std::size_t row);
bool is_failure(const base::Batch& batch, std::size_t row);
// The same two as conditions of SQL; of spans they are made of the two above.
std::string latency_condition(base::Signal signal);
std::string failure_condition(base::Signal signal);

// A service's name as SQL has it: UTF-8.
std::string service_name(std::string_view text);

// One answer of Store::latency().
struct LatencyRow {
  std::string service;
  std::int64_t time_ns = 0;  // begin of the step
  LatencyHistogram histogram;
};

}  // namespace ringwall::store
