// The columns of the three relations, and how a base::Batch fills them.
//
// The order here is the order in SQL and in the Parquet files (docs/formats/store.md).  A file written by an older
// version is read by column name, so columns may be added but neither renamed nor retyped.
#pragma once

#include <duckdb.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/record.h"

namespace ringwall::store {

enum class ColumnId : std::uint8_t {
  kTs, kTsNs, kService, kEnv, kVersion, kHost, kRegion, kSource,
  kSeverity, kTraceId, kSpanId, kParentSpanId, kName, kKind, kOutcome, kOutcomeText, kStatus, kDurationNs,
  kMessage, kUnit, kValue, kHistogram, kEvents, kLinks, kAttributes, kResource,
};

enum class ColumnType : std::uint8_t { kTimestamp, kTinyint, kSmallint, kBigint, kDouble, kUuid, kVarchar, kMap };

struct ColumnDef {
  ColumnId id;
  const char* name;
  ColumnType type;
};

std::span<const ColumnDef> columns_of(base::Signal signal);
// "ts, ts_ns, service, …"
const std::string& column_list(base::Signal signal);

// One record of one batch.
struct RowRef {
  const base::Batch* batch;
  std::uint32_t row;
};

// Fills one column of a chunk with `rows` (at most duckdb_vector_size()).  Text is not copied: the batches have to
// outlive the statement that reads the chunk.  Text that is not UTF-8 is repaired into a copy.
void fill_column(const ColumnDef& column, std::span<const RowRef> rows, duckdb_vector vector);

// `microseconds * 1000 + nanoseconds` parts of a time; floor division, so that times before 1970 keep their order.
std::int64_t microseconds_of(std::int64_t time_ns);
std::int16_t nanoseconds_of(std::int64_t time_ns);

}  // namespace ringwall::store
