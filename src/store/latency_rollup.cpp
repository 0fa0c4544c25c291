#include "store/detail/latency_rollup.h"

#include <zstd.h>

#include <algorithm>

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

Result<Rollup> read_rollup(std::string_view section) {
  Rollup out;
  if (section.empty()) return out;
  const auto corrupt = [](const char* what) { return fail(Errc::kCorrupt, std::string("latency rollup: ") + what); };
  const auto size = ZSTD_getFrameContentSize(section.data(), section.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN || size > kRollupBytesMax) return corrupt("its size is wrong");
  std::string plain(size, '\0');
  const auto got = ZSTD_decompress(plain.data(), plain.size(), section.data(), section.size());
  if (ZSTD_isError(got) != 0 || got != size) return corrupt("it does not decompress");
  Cursor cursor{plain};
  const auto services = cursor.next();
  for (std::uint64_t i = 0; i < services && cursor.good; ++i) out.services.emplace_back(cursor.text(cursor.next()));
  const auto cells = cursor.next();
  for (std::uint64_t i = 0; i < cells && cursor.good; ++i) {
    const auto service = cursor.next(), minute = cursor.next(), errors = cursor.next(), max_ns = cursor.next(), buckets = cursor.next();
    if (service >= out.services.size()) return corrupt("it names a service it does not have");
    if (buckets > kLatencyBucketsMax) return corrupt("too many buckets");
    const bool goes_on = !out.cells.empty() && out.cells.back().service == service;
    Rollup::Cell cell{static_cast<std::uint32_t>(service), 0, errors, static_cast<std::int64_t>(max_ns & 0x7fffffffffffffff), out.buckets.size(), 0};
    cell.minute = static_cast<std::int64_t>(minute + (goes_on ? static_cast<std::uint64_t>(out.cells.back().minute) : 0));
    std::uint64_t bucket = 0;
    for (std::uint64_t b = 0; b < buckets && cursor.good; ++b) {
      const auto step = cursor.next(), count = cursor.next();
      bucket += step;
      if (step >= kLatencyBucketsMax || bucket >= kLatencyBucketsMax || count == 0 || (b > 0 && step == 0)) return corrupt("a bucket is out of range");
      out.buckets.push_back({static_cast<int>(bucket), count});
    }
    cell.end = out.buckets.size();
    out.cells.push_back(cell);
  }
  if (!cursor.good || !cursor.left.empty()) return corrupt("it ends in the wrong place");
  return out;
}

}  // namespace ringwall::store
