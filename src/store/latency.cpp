#include "store/latency.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/text.h"

namespace ringwall::store {

namespace {

// The upper bounds of the buckets between 1 and 2.
struct Bounds {
  std::array<double, kLatencyBucketsPerOctave + 1> upper;
  Bounds() {
    for (int i = 0; i <= kLatencyBucketsPerOctave; ++i) upper[static_cast<std::size_t>(i)] = std::exp2(static_cast<double>(i) / kLatencyBucketsPerOctave);
  }
};

constexpr std::uint8_t kServer = 2, kConsumer = 5, kFailed = 2, kErrorLevel = 17;

}  // namespace

int LatencyHistogram::bucket_of(std::int64_t duration_ns) {
  static const Bounds bounds;
  if (duration_ns <= 1) return 0;
  const auto value = static_cast<double>(duration_ns);
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent) * 2;  // 1 <= mantissa < 2
  // The linear guess is at most three buckets low.
  auto i = static_cast<std::size_t>((mantissa - 1) * kLatencyBucketsPerOctave);
  while (mantissa > bounds.upper[i]) ++i;
  return std::min((exponent - 1) * kLatencyBucketsPerOctave + static_cast<int>(i), kLatencyBucketsMax - 1);
}

void LatencyHistogram::add(std::int64_t duration_ns, bool error) {
  add_bucket(bucket_of(duration_ns), 1);
  add_totals(error ? 1 : 0, duration_ns);
}

void LatencyHistogram::insert_bucket(std::uint64_t index, std::uint64_t count) {
  count_ += count;
  const auto at = std::lower_bound(buckets_.begin(), buckets_.end(), index, [](const Bucket& b, std::uint64_t wanted) { return b.index < wanted; });
  if (at->index == index) {
    at->count += count;
  } else {
    buckets_.insert(at, {index, count});
  }
}

void LatencyHistogram::add_totals(std::uint64_t errors, std::int64_t max_ns) {
  errors_ += errors;
  max_ns_ = std::max(max_ns_, max_ns);
}

void LatencyHistogram::merge(LatencyHistogram other) {
  if (buckets_.empty() && errors_ == 0 && max_ns_ == 0) return std::swap(*this, other);
  auto at = buckets_.begin();
  for (const auto& bucket : other.buckets_) {
    while (at != buckets_.end() && at->index < bucket.index) ++at;
    if (at != buckets_.end() && at->index == bucket.index) {
      at->count += bucket.count;
    } else {
      at = buckets_.insert(at, bucket);
    }
  }
  count_ += other.count_;
  add_totals(other.errors_, other.max_ns_);
}

double LatencyHistogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (const auto& bucket : buckets_) {
    seen += bucket.count;
    if (seen < rank) continue;
    const auto middle = bucket.index == 0 ? 1.0 : std::exp2((static_cast<double>(bucket.index) - 0.5) / kLatencyBucketsPerOctave);
    // Nothing took longer than the maximum, though the middle of its bucket may be above it.
    return std::min(middle, static_cast<double>(max_ns_));
  }
  return static_cast<double>(max_ns_);
}

bool has_latency(const base::Batch& batch, std::size_t row) {
  if (batch.signal == base::Signal::kMetric || batch.duration_ns[row] == base::kDurationUnset) return false;
  return batch.signal == base::Signal::kLog || batch.kind[row] == kServer || batch.kind[row] == kConsumer;
}

bool is_failure(const base::Batch& batch, std::size_t row) {
  if (batch.status[row] >= 500) return true;
  return batch.signal == base::Signal::kLog ? batch.severity[row] >= kErrorLevel : batch.outcome[row] == kFailed;
}

std::string latency_condition(base::Signal signal) {
  return signal == base::Signal::kLog ? "duration_ns IS NOT NULL" : "duration_ns IS NOT NULL AND " + std::string(kRequestCondition);
}

std::string failure_condition(base::Signal signal) {
  return signal == base::Signal::kLog ? "(coalesce(status >= 500, FALSE) OR severity >= 17)" : std::string(kSpanFailedCondition);
}

std::string service_name(std::string_view text) { return base::valid_utf8(text) ? std::string(text) : base::to_utf8(text); }

}  // namespace ringwall::store
