// The store: records become searchable the moment they are accepted, and Parquet files on blob a little later.
//
//   accept() ─▶ memtable (searched through a DuckDB table function) ─▶ Parquet + sidecar filter on blob
//                └─ one catalog transaction {files, spool checkpoint, source positions, digests} ─▶ checkpoint()
//
// A relation() sees every accepted record exactly once: a file takes the place of the memtable rows it was made of
// in one step, under one lock.  A crash before the transaction leaves an orphan object, swept later, and the spool
// replays the records; a crash after it finds them below the checkpoint and skips them.
//
// Columns of the relations (SQL types; ids of 64 bits are BIGINT with the same bits, since Iceberg has no unsigned types):
//   all      ts TIMESTAMP (UTC, microseconds), ts_ns SMALLINT (0..999, nanoseconds within the microsecond), service, env,
//            version, host, region, source VARCHAR, attributes MAP(VARCHAR, VARCHAR), resource MAP(VARCHAR, VARCHAR)
//   logs     severity TINYINT, trace_id UUID, span_id BIGINT, status SMALLINT, duration_ns BIGINT, message VARCHAR
//   spans    trace_id UUID, span_id BIGINT, parent_span_id BIGINT (NULL: root), name VARCHAR, kind TINYINT, outcome TINYINT,
//            outcome_text VARCHAR, status SMALLINT, duration_ns BIGINT, events VARCHAR (JSON), links VARCHAR (JSON)
//   metrics  name VARCHAR, kind TINYINT (MetricKind), unit VARCHAR, value DOUBLE, histogram VARCHAR (JSON)
// Absent trace_id, span_id, status, duration_ns, events, links, histogram and outcome_text are NULL; other absent text is ''.
//
// Layout on blob: docs/formats/store.md.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/record.h"
#include "base/world.h"
#include "blob/blob.h"
#include "catalog/catalog.h"
#include "store/duck.h"
#include "store/latency.h"

namespace ringwall::store {

// Whether the store flushes and maintains by itself; without threads, tests and tools call flush() and maintain().
enum class Threads { kOwn, kNone };

struct StoreOptions {
  std::size_t flush_rows = 245'760;                // a memtable becomes a file at this many rows,
  std::size_t flush_bytes = 64u << 20;             // this many bytes,
  std::chrono::milliseconds flush_age{60'000};     // or this age, whichever comes first
  std::size_t memory_bytes_max = 512u << 20;       // accept() waits above it until a flush made room
  std::chrono::milliseconds retention{395LL * 86'400'000};  // hot + archive; whole files older than this are removed
  std::chrono::milliseconds reader_grace{60'000};  // replaced objects stay at least this long, and while a Relation reads them
  std::chrono::milliseconds orphan_age{86'400'000};  // objects no catalog row names are removed when they are this old
  Threads threads = Threads::kOwn;
};

// A durable batch.  `position` is where its source stands after it; `digest` (zero: none) identifies a retried request.
struct Accepted {
  std::uint64_t sequence = 0;  // of the spool; strictly increasing
  std::string source;
  std::uint64_t position = 0;
  base::Digest digest;
  std::shared_ptr<const base::Batch> batch;
};

// What a query knows about the rows it wants; files that cannot hold such rows are left out.
struct Hints {
  std::vector<std::string> words;        // lower-case words (letters, digits, '_'), each somewhere in the text
  std::vector<std::string> fragments;    // substrings of the text, any case, at least 3 bytes each
  std::optional<base::TraceId> trace_id;
  std::vector<std::string> services;     // one of these; empty: any
};

// A FROM item for SQL and what keeps it readable.  Keep it alive until the statement has run.
struct Relation {
  std::string sql;               // "(SELECT … )": rows of the signal within [from, to), NOT yet filtered by the hints
  std::shared_ptr<const void> pin;
  std::size_t files = 0, files_pruned = 0;
  std::uint64_t bytes = 0;       // of the files read
  std::size_t young_rows = 0;    // rows read from memory
};

struct SignalStats {
  std::uint64_t files = 0, bytes = 0, rows = 0, young_rows = 0;
};

class Store {
 public:
  virtual ~Store() = default;
  // Starts threads that flush, merge small files and remove what retention says (Threads::kOwn).  `on_published` is told
  // each new checkpoint, on the thread that published it.
  static Result<std::unique_ptr<Store>> open(const StoreOptions& options, blob::Blob& blob, catalog::Catalog& catalog, Duck& duck,
                                             base::Clock& clock, std::function<void(std::uint64_t)> on_published);

  // From the spool, in order of sequence; searchable when it returns.  Sequences at or below checkpoint() are ignored.
  virtual void accept(Accepted accepted) = 0;

  // Every sequence up to here is in files and catalog.
  virtual std::uint64_t checkpoint() const = 0;
  // Position of each source and the digests of the last ten minutes, as of the checkpoint: for the spool's recovery.
  virtual Result<std::map<std::string, std::uint64_t>> positions() const = 0;
  virtual Result<std::vector<base::Digest>> digests() const = 0;

  // Rows of `signal` with from_ns <= time < to_ns.
  virtual Result<Relation> relation(base::Signal signal, std::int64_t from_ns, std::int64_t to_ns, const Hints& hints = {}) = 0;

  // Histograms of how long things took (latency.h), by service and step, of every record with from_ns <= time < to_ns and, when
  // some are named, of one of the services; by service and time.  Steps begin at multiples of `step_ns` since 1970; 0: one step,
  // which begins at from_ns.  Whole minutes come from beside the files, what is left at both ends is scanned; a step that is
  // not a multiple of a minute scans all.  kInvalid for metrics, kLimit for more than kLatencyRowsMax rows.
  virtual Result<std::vector<LatencyRow>> latency(base::Signal signal, std::int64_t from_ns, std::int64_t to_ns, std::int64_t step_ns,
                                                  const std::vector<std::string>& services = {}) = 0;

  // Publishes everything accepted so far; for tests, benchmarks and an orderly stop.
  virtual Result<void> flush() = 0;
  // One round of what otherwise happens every few seconds: retention, merging, removal of replaced objects and orphans.
  virtual Result<void> maintain() = 0;
  virtual std::map<base::Signal, SignalStats> stats() const = 0;
};

}  // namespace ringwall::store
