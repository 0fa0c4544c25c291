#include "store/latency.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace ringwall::store {

namespace {

// The upper bounds of the 32 buckets between 1 and 2.
struct Bounds {
  std::array<double, 33> upper;
  Bounds() {
    for (int i = 0; i <= 32; ++i) upper[static_cast<std::size_t>(i)] = std::exp2(i / 32.0);
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
  auto i = static_cast<std::size_t>((mantissa - 1) * 32);
  while (mantissa > bounds.upper[i]) ++i;
  return std::min((exponent - 1) * 32 + static_cast<int>(i), kLatencyBucketsMax - 1);
}

void LatencyHistogram::widen(int first, int last) {
  if (counts_.empty()) first_ = first;
  if (first < first_) {
    counts_.insert(counts_.begin(), static_cast<std::size_t>(first_ - first), 0);
    first_ = first;
  }
  if (last >= first_ + static_cast<int>(counts_.size())) counts_.resize(static_cast<std::size_t>(last - first_ + 1));
}

void LatencyHistogram::add(std::int64_t duration_ns, bool error) {
  const int bucket = bucket_of(duration_ns);
  widen(bucket, bucket);
  ++counts_[static_cast<std::size_t>(bucket - first_)];
  ++count_;
  errors_ += error ? 1 : 0;
  max_ns_ = std::max(max_ns_, duration_ns);
}

void LatencyHistogram::add_buckets(std::span<const Bucket> buckets) {
  if (buckets.empty()) return;
  widen(buckets.front().bucket, buckets.back().bucket);
  for (const auto& [bucket, count] : buckets) {
    counts_[static_cast<std::size_t>(bucket - first_)] += count;
    count_ += count;
  }
}

void LatencyHistogram::add_totals(std::uint64_t errors, std::int64_t max_ns) {
  errors_ += errors;
  max_ns_ = std::max(max_ns_, max_ns);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  if (!other.counts_.empty()) widen(other.first_, other.first_ + static_cast<int>(other.counts_.size()) - 1);
  other.each_bucket([this](int bucket, std::uint64_t count) { counts_[static_cast<std::size_t>(bucket - first_)] += count; });
  count_ += other.count_;
  add_totals(other.errors_, other.max_ns_);
}

double LatencyHistogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_))));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen < rank) continue;
    const auto bucket = first_ + static_cast<int>(i);
    // Nothing took longer than the maximum, though the middle of its bucket may be above it.
    return bucket == 0 ? 1 : std::min(std::exp2((bucket - 0.5) / 32), static_cast<double>(max_ns_));
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

std::string latency_condition(base::Signal signal) { return signal == base::Signal::kLog ? "duration_ns IS NOT NULL" : "duration_ns IS NOT NULL AND kind IN (2, 5)"; }

std::string failure_condition(base::Signal signal) {
  return std::string("(coalesce(status >= 500, FALSE) OR ") + (signal == base::Signal::kLog ? "severity >= 17)" : "outcome = 2)");
}

}  // namespace ringwall::store
