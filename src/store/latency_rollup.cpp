#include "store/detail/latency_rollup.h"

#include <zstd.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "store/detail/order.h"

namespace ringwall::store {

namespace {

constexpr int kLevel = 3;

void put(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

// Reads zeros once it has failed.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : at_(bytes.data()), end_(at_ + bytes.size()) {}
  bool good() const { return good_; }
  bool at_end() const { return at_ == end_; }

  std::uint64_t next() {
    // Nearly all are small.
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) return static_cast<unsigned char>(*at_++);
    return next_long();
  }
  std::string_view text(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(end_ - at_)) return stop(), std::string_view();
    at_ += size;
    return {at_ - size, size};
  }

 private:
  std::uint64_t next_long() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    stop();
    return 0;
  }
  void stop() {
    good_ = false;
    at_ = end_;
  }
  const char* at_;
  const char* end_;
  bool good_ = true;
};

constexpr std::uint64_t kBucketCountMax = std::uint64_t{1} << 40;  // more than any file has rows; sums stay far from their limit

}  // namespace

LatencyHistogram& RollupBuilder::cell(std::string_view service, std::int64_t minute) {
  if (last_ == nullptr || minute != last_minute_ || service != last_service_) {
    last_service_ = service;
    last_minute_ = minute;
    last_ = &cells_[{service_name(service), minute}];
  }
  return *last_;
}

void RollupBuilder::add(const base::Batch& batch, std::size_t row) {
  if (too_many_ || !has_latency(batch, row)) return;
  cell(batch.view(batch.resources[batch.resource[row]].service), floor_div(batch.time_ns[row], kMinuteNs)).add(batch.duration_ns[row], is_failure(batch, row));
  if (cells_.size() <= kRollupCellsMax) return;
  too_many_ = true;
  cells_.clear();
}

std::optional<std::string> RollupBuilder::finish() const {
  if (too_many_) return std::nullopt;
  if (cells_.empty()) return std::string();
  std::string plain, body;
  std::uint64_t services = 0;
  std::string names;
  const std::string* service = nullptr;
  std::int64_t minute = 0;
  for (const auto& [key, histogram] : cells_) {
    if (service == nullptr || *service != key.first) {
      service = &key.first;
      ++services;
      put(names, key.first.size());
      names += key.first;
      minute = 0;
    }
    put(body, services - 1);
    put(body, static_cast<std::uint64_t>(key.second - minute));
    minute = key.second;
    put(body, histogram.errors());
    put(body, static_cast<std::uint64_t>(std::max<std::int64_t>(histogram.max_ns(), 0)));
    put(body, histogram.bucket_count());
    int before = 0;
    histogram.each_bucket([&](int bucket, std::uint64_t count) {
      put(body, static_cast<std::uint64_t>(bucket - before));
      put(body, count);
      before = bucket;
    });
  }
  put(plain, services);
  plain += names;
  put(plain, cells_.size());
  plain += body;
  if (plain.size() > kRollupBytesMax) return std::nullopt;
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const auto size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), kLevel);
  RW_ASSERT(ZSTD_isError(size) == 0);  // room for the worst case was given
  out.resize(size);
  return out;
}

Result<Rollup> read_rollup(std::string_view section) {
  Rollup rollup;
  if (section.empty()) return rollup;
  const auto corrupt = [](const char* what) { return fail(Errc::kCorrupt, std::string("latency rollup: ") + what); };
  const auto size = ZSTD_getFrameContentSize(section.data(), section.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kRollupBytesMax) return corrupt("its size is wrong");
  std::string plain(size, '\0');
  const auto got = ZSTD_decompress(plain.data(), plain.size(), section.data(), section.size());
  if (ZSTD_isError(got) != 0 || got != size) return corrupt("it does not decompress");
  Cursor cursor(plain);
  const auto services = cursor.next();
  if (services > kRollupCellsMax) return corrupt("too many services");
  for (std::uint64_t i = 0; i < services && cursor.good(); ++i) rollup.services.emplace_back(cursor.text(cursor.next()));
  const auto cells = cursor.next();
  if (cells > kRollupCellsMax) return corrupt("too many cells");
  rollup.cells.reserve(cells);
  std::uint64_t last_service = ~std::uint64_t{0};
  std::int64_t minute = 0;
  for (std::uint64_t i = 0; i < cells && cursor.good(); ++i) {
    const auto service = cursor.next();
    if (service >= rollup.services.size()) return corrupt("it names a service it does not have");
    if (service != last_service) minute = 0;
    last_service = service;
    minute = static_cast<std::int64_t>(static_cast<std::uint64_t>(minute) + cursor.next());
    const auto errors = cursor.next(), max_ns = cursor.next(), bucket_count = cursor.next();
    if (bucket_count > kLatencyBucketsMax) return corrupt("too many buckets");
    if (max_ns > std::numeric_limits<std::int64_t>::max()) return corrupt("a maximum is out of range");
    auto& histogram = rollup.cells.emplace_back(Rollup::Cell{service, minute, {}}).histogram;
    histogram.reserve_buckets(bucket_count);
    std::uint64_t bucket = 0;
    for (std::uint64_t b = 0; b < bucket_count; ++b) {
      const auto step = cursor.next(), count = cursor.next();
      if (step >= kLatencyBucketsMax || (bucket += step) >= kLatencyBucketsMax || count == 0 || count > kBucketCountMax) return corrupt("a bucket is out of range");
      histogram.add_bucket(static_cast<int>(bucket), count);
    }
    histogram.add_totals(errors, static_cast<std::int64_t>(max_ns));
  }
  if (!cursor.good() || !cursor.at_end()) return corrupt("it ends in the wrong place");
  return rollup;
}

}  // namespace ringwall::store
