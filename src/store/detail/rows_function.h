// The table function rw_rows(id): records in memory as a relation of DuckDB.  It serves queries (young records) and
// the writer of Parquet files (records in their final order) alike.
#pragma once

#include <duckdb.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/record.h"
#include "store/detail/columns.h"

namespace ringwall::store {

// One execution's way through a source.  Thread-safe when the source says it may have several threads.
class RowCursor {
 public:
  virtual ~RowCursor() = default;
  // Fills up to `room.size()` rows; 0 at the end.  The rows stay valid until the source is released.
  virtual std::size_t next(std::span<RowRef> room) = 0;
};

class RowSource {
 public:
  virtual ~RowSource() = default;
  virtual base::Signal signal() const = 0;
  virtual std::size_t rows_estimate() const = 0;
  virtual int threads_max() const = 0;  // 1: order matters
  virtual std::unique_ptr<RowCursor> cursor() const = 0;
};

// Which id stands for which source.  Thread-safe.
class RowSources {
 public:
  // `id` is valid until the returned pin is gone.
  struct Added {
    std::uint64_t id = 0;
    std::shared_ptr<const void> pin;
  };
  static Added add(const std::shared_ptr<RowSources>& self, std::shared_ptr<const RowSource> source);
  std::shared_ptr<const RowSource> find(std::uint64_t id) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::shared_ptr<const RowSource>> sources_;  // guarded by mutex_
  std::uint64_t next_ = 1;                                             // guarded by mutex_
};

// Registers rw_rows for every connection of the database; false when DuckDB refuses.
bool register_rows_function(duckdb_connection connection, const std::shared_ptr<RowSources>& sources);

// Records of several batches with from_ns <= time < to_ns, in no order.
std::shared_ptr<const RowSource> make_scan(base::Signal signal, std::vector<std::shared_ptr<const base::Batch>> batches,
                                           std::int64_t from_ns, std::int64_t to_ns);

}  // namespace ringwall::store
