// The latency section of a sidecar: one histogram per service and minute of the file.
//
//   section := zstd of  services:varint (length:varint bytes)*  cells:varint cell*
//   cell    := service:varint minute:varint errors:varint max_ns:varint buckets:varint (step:varint count:varint)*
//
// Varints are LEB128.  Services are in the order of their names, cells by service and minute; minute is since 1970, of the first
// cell of a service, then the distance from the one before; step is the bucket's distance from the one before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/latency.h"

namespace ringwall::store {

// An hour of more than a thousand services; a file with more is written without a section, and read when it is asked about.
inline constexpr std::size_t kRollupCellsMax = 65'536;
inline constexpr std::size_t kRollupBytesMax = 64 << 20;  // decompressed

class RollupBuilder {
 public:
  void add(const base::Batch& batch, std::size_t row);
  // Empty when no row took time; nothing beyond the limits.
  std::optional<std::string> finish() const;

 private:
  LatencyHistogram& cell(std::string_view service, std::int64_t minute);
  std::map<std::pair<std::string, std::int64_t>, LatencyHistogram> cells_;
  // Rows come ordered by service, so the next one is mostly of the same cell.
  std::string last_service_;
  std::int64_t last_minute_ = 0;
  LatencyHistogram* last_ = nullptr;
  bool too_many_ = false;
};

struct Rollup {
  struct Cell {
    std::size_t service;  // of `services`
    std::int64_t minute;  // since 1970
    LatencyHistogram histogram;
  };
  std::vector<std::string> services;
  std::vector<Cell> cells;
};

// kCorrupt for what RollupBuilder does not write.
Result<Rollup> read_rollup(std::string_view section);

}  // namespace ringwall::store
