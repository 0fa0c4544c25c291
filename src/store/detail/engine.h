// What the store needs of DuckDB beyond the public Duck: files it writes, records it reads back, rows it lends.
#pragma once

#include <duckdb.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "blob/blob.h"
#include "store/detail/rows_function.h"
#include "store/duck.h"

namespace ringwall::store {

// An object that COPY fills; the store commits it once the statement has succeeded.
struct StagedObject {
  std::string path;  // for SQL: rwstage://…
  std::unique_ptr<blob::Writer> writer;
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
};

class Engine : public Duck {
 public:
  virtual const std::shared_ptr<RowSources>& row_sources() = 0;

  // Makes `key` on blob the target of COPY … TO `path`.  The object belongs to the caller until commit.
  virtual Result<std::shared_ptr<StagedObject>> stage(const std::string& key) = 0;

  // Runs a SELECT and gives each chunk of its result, flattened, to `each`; stops at the first error.
  virtual Result<void> stream(std::string_view sql, const std::vector<Value>& parameters, std::chrono::milliseconds deadline,
                              const std::function<Result<void>(duckdb_data_chunk)>& each) = 0;
};

// The Engine behind a Duck of Duck::open(); kInvalid for any other.
Result<Engine*> engine_of(Duck& duck);

// 'text' as a SQL literal.
std::string sql_quote(std::string_view text);

}  // namespace ringwall::store
