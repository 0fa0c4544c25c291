#include "store/detail/latency_rollup.h"

#include <zstd.h>

#include <algorithm>
#include <vector>

#include "store/detail/order.h"

namespace ringwall::store {

namespace {

constexpr int kLevel = 3;

void put(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
}

struct Cursor {
  std::string_view left;
  bool good = true;
  std::uint64_t next() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (left.empty()) break;
      const auto byte = static_cast<unsigned char>(left.front());
      left.remove_prefix(1);
      value |= std::uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    good = false;
    return 0;
  }
  std::string_view text(std::uint64_t size) {
    if (size > left.size()) return good = false, std::string_view();
    const auto out = left.substr(0, size);
    left.remove_prefix(size);
    return out;
  }
};

}  // namespace

void RollupBuilder::add(const base::Batch& batch, std::size_t row) {
  if (!has_latency(batch, row)) return;
  const auto service = batch.view(batch.resources[batch.resource[row]].service);
  const auto minute = floor_div(batch.time_ns[row], kMinuteNs);
  if (last_ == nullptr || minute != last_minute_ || service != last_service_) {
    last_service_ = service;
    last_minute_ = minute;
    last_ = &cells_[{last_service_, minute}];
  }
  last_->add(batch.duration_ns[row], is_failure(batch, row));
}

std::string RollupBuilder::finish() const {
  if (cells_.empty()) return {};
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
    std::uint64_t buckets = 0;
    histogram.each_bucket([&](int, std::uint64_t) { ++buckets; });
    put(body, buckets);
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
  std::string out(ZSTD_compressBound(plain.size()), '\0');
  const auto size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), kLevel);
  RW_ASSERT(ZSTD_isError(size) == 0);  // room for the worst case was given
  out.resize(size);
  return out;
}

Result<void> read_rollup(std::string_view section, const std::function<void(std::string_view, std::int64_t, const LatencyHistogram&)>& each) {
  if (section.empty()) return {};
  const auto corrupt = [](const char* what) { return fail(Errc::kCorrupt, std::string("latency rollup: ") + what); };
  const auto size = ZSTD_getFrameContentSize(section.data(), section.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kRollupBytesMax) return corrupt("its size is wrong");
  std::string plain(size, '\0');
  const auto got = ZSTD_decompress(plain.data(), plain.size(), section.data(), section.size());
  if (ZSTD_isError(got) != 0 || got != size) return corrupt("it does not decompress");
  Cursor cursor{plain};
  std::vector<std::string_view> services;
  const auto service_count = cursor.next();
  if (service_count > plain.size()) return corrupt("too many services");
  for (std::uint64_t i = 0; i < service_count && cursor.good; ++i) services.push_back(cursor.text(cursor.next()));
  const auto cells = cursor.next();
  std::uint64_t last_service = ~std::uint64_t{0};
  std::int64_t minute = 0;
  for (std::uint64_t i = 0; i < cells && cursor.good; ++i) {
    const auto service = cursor.next();
    if (service >= services.size()) return corrupt("it names a service it does not have");
    if (service != last_service) minute = 0;
    last_service = service;
    minute = static_cast<std::int64_t>(static_cast<std::uint64_t>(minute) + cursor.next());
    const auto errors = cursor.next(), max_ns = cursor.next(), buckets = cursor.next();
    if (buckets > kLatencyBucketsMax) return corrupt("too many buckets");
    LatencyHistogram histogram;
    std::uint64_t bucket = 0;
    for (std::uint64_t b = 0; b < buckets && cursor.good; ++b) {
      bucket += cursor.next();
      const auto count = cursor.next();
      if (bucket >= kLatencyBucketsMax || count == 0) return corrupt("a bucket is out of range");
      histogram.add_bucket(static_cast<int>(bucket), count);
    }
    histogram.add_totals(errors, static_cast<std::int64_t>(max_ns & 0x7fffffffffffffff));
    if (cursor.good) each(services[service], minute, histogram);
  }
  if (!cursor.good || !cursor.left.empty()) return corrupt("it ends in the wrong place");
  return {};
}

}  // namespace ringwall::store
