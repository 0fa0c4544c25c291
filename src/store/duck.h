// The embedded DuckDB of this process: SQL in, a table of plain values out.
//
// DuckDB reads our blobs through its own file system `rwblob://` (ranged reads, no local files), and young records
// through a table function.  What it throws is turned into a Result here; nothing else in Ringwall includes DuckDB.
//
// Thread-safe: every call takes a connection of its own from a pool.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace ringwall::blob {
class Blob;
}

namespace ringwall::store {

// NULL, BOOLEAN, integers (as text when they do not fit), floating point and DECIMAL as double, and everything else as
// its text.  A TIMESTAMP is microseconds since 1970 as std::int64_t, a MAP or LIST is what to_json() makes of it only when the statement says to_json().
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string>;

struct Column {
  std::string name;
  std::string type;  // DuckDB's name of it: BIGINT, VARCHAR, TIMESTAMP, ...
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Value>> rows;
  bool truncated = false;  // more rows were there than rows_max
};

struct RunOptions {
  std::size_t rows_max = 1'000'000;
  std::size_t bytes_max = 256u << 20;  // of text in the answer, which lies beside DuckDB's own memory; more is kLimit
  std::chrono::milliseconds deadline{30'000};  // then the statement is interrupted: kLimit
};

struct DuckOptions {
  int threads = 0;  // 0: one per core
  std::uint64_t memory_bytes_max = 1ull << 30;
};

class Duck {
 public:
  virtual ~Duck() = default;
  static Result<std::unique_ptr<Duck>> open(const DuckOptions& options, blob::Blob& blob);

  // Runs one statement; `?` and `$1` take the parameters in order.  kInvalid with DuckDB's text when it is wrong.
  virtual Result<Table> run(std::string_view sql, const std::vector<Value>& parameters = {}, const RunOptions& options = {}) = 0;

  // Runs one SELECT of a user: refused (kDenied) is everything that is not a query, and every table but `views`, which are
  // (name, SELECT statement) pairs of our own.
  virtual Result<Table> run_untrusted(std::string_view sql, const std::vector<std::pair<std::string, std::string>>& views,
                                      const RunOptions& options) = 0;
};

}  // namespace ringwall::store
