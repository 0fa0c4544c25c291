// The latency section of a sidecar: one histogram per service and minute of the file.
//
//   section := zstd of  services:varint (length:varint bytes)*  cells:varint cell*
//   cell    := service:varint minute:varint errors:varint max_ns:varint buckets:varint (step:varint count:varint)*
//
// Varints are LEB128.  Services are in the order of their names, cells by service and minute; minute is since 1970, of the first
// cell of a service, then the distance from the one before; step is the bucket's distance from the one before.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/latency.h"

namespace ringwall::store {

inline constexpr std::size_t kRollupBytesMax = 64 << 20;  // decompressed

class RollupBuilder {
 public:
  void add(const base::Batch& batch, std::size_t row);
  std::string finish() const;

 private:
  std::map<std::pair<std::string, std::int64_t>, LatencyHistogram> cells_;
  // Rows come ordered by service, so the next one is mostly of the same cell.
  std::string last_service_;
  std::int64_t last_minute_ = 0;
  LatencyHistogram* last_ = nullptr;
};

// A section as it was read.
struct Rollup {
  struct Cell {
    std::uint32_t service = 0;     // index into `services`
    std::int64_t minute = 0;       // since 1970
    std::uint64_t errors = 0;
    std::int64_t max_ns = 0;
    std::size_t begin = 0, end = 0;  // of its buckets
  };
  std::vector<std::string> services;
  std::vector<Cell> cells;
  std::vector<LatencyHistogram::Bucket> buckets;

  void add_to(LatencyHistogram& histogram, const Cell& cell) const {
    histogram.add_buckets(std::span(buckets).subspan(cell.begin, cell.end - cell.begin));
    histogram.add_totals(cell.errors, cell.max_ns);
  }
};
// kCorrupt for what RollupBuilder does not write.
Result<Rollup> read_rollup(std::string_view section);

}  // namespace ringwall::store
