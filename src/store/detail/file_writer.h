// Makes one file of the store: Parquet through COPY, and its sidecar, both on blob.
//
// Nothing is in the catalog yet when it returns; a crash or a failure on the way leaves at most orphans on blob.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/record.h"
#include "blob/blob.h"
#include "catalog/catalog.h"
#include "store/detail/engine.h"
#include "store/detail/sidecar.h"

namespace ringwall::store {

// Rows in their final order, a piece at a time.
struct RowSlice {
  std::vector<std::shared_ptr<const base::Batch>> batches;  // what `rows` points into
  std::vector<RowRef> rows;
};

class SliceSource {
 public:
  virtual ~SliceSource() = default;
  // An empty slice ends it.
  virtual Result<RowSlice> next() = 0;
};

struct FileSpec {
  base::Signal signal = base::Signal::kLog;
  std::int64_t partition = 0;
  int level = 0;
  std::uint64_t rows = 0;        // what the source has to give in all; anything else is kInternal
  std::int64_t created_ns = 0;
  std::string name;              // the last part of the key, without its ending
};

struct WrittenFile {
  catalog::File file;
  Sidecar sidecar;
};

// "telemetry/logs/2026-11-23/06/" of an hour.
std::string partition_prefix(base::Signal signal, std::int64_t partition);
inline constexpr const char* kTelemetryPrefix = "telemetry/";

Result<WrittenFile> write_file(Engine& engine, blob::Blob& blob, const FileSpec& spec, std::unique_ptr<SliceSource> slices);

}  // namespace ringwall::store
