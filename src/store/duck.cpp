// The one place that opens DuckDB and runs statements; with sql_guard.cpp the only ones that include duckdb.hpp.
#include "store/duck.h"

#include <duckdb.hpp>
#include <duckdb/main/capi/capi_internal.hpp>
#include <duckdb/main/prepared_statement.hpp>
#include <duckdb/main/stream_query_result.hpp>

#include <fmt/format.h>

#include <condition_variable>
#include <limits>
#include <list>
#include <set>
#include <thread>

#include "store/detail/blob_filesystem.h"
#include "store/detail/engine.h"
#include "store/detail/sql_guard.h"

namespace ringwall::store {

namespace {

using duckdb::LogicalTypeId;
using Clock = std::chrono::steady_clock;

// Interrupts statements that outlive their deadline.  It repeats itself, because an interrupt that arrives between
// two phases of a statement is forgotten by DuckDB.
class Watchdog {
 public:
  Watchdog() : thread_([this] { watch(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  class Guarded {
   public:
    Guarded(Watchdog& dog, duckdb::Connection& connection, std::chrono::milliseconds deadline) : dog_(dog) {
      const std::lock_guard lock(dog_.mutex_);
      at_ = dog_.watched_.insert(dog_.watched_.end(), {&connection, Clock::now() + deadline});
      dog_.changed_.notify_all();
    }
    Guarded(const Guarded&) = delete;
    Guarded& operator=(const Guarded&) = delete;
    ~Guarded() {
      const std::lock_guard lock(dog_.mutex_);
      dog_.watched_.erase(at_);
    }

   private:
    Watchdog& dog_;
    std::list<std::pair<duckdb::Connection*, Clock::time_point>>::iterator at_;
  };

 private:
  static constexpr std::chrono::milliseconds kRepeat{20};

  void watch() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      const auto now = Clock::now();
      auto wake = now + std::chrono::hours(1);
      for (auto& [connection, deadline] : watched_) {
        if (deadline <= now) connection->Interrupt();
        wake = std::min(wake, std::max(deadline, now + kRepeat));
      }
      changed_.wait_until(lock, wake);
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<std::pair<duckdb::Connection*, Clock::time_point>> watched_;  // guarded by mutex_
  bool stopping_ = false;                                                 // guarded by mutex_
  std::thread thread_;
};

Error duck_error(const duckdb::ErrorData& error) {
  switch (error.Type()) {
    case duckdb::ExceptionType::INTERRUPT:
      return fail(Errc::kLimit, "the statement took longer than its deadline", "ask for a shorter time range");
    case duckdb::ExceptionType::OUT_OF_MEMORY:
      return fail(Errc::kLimit, error.RawMessage(), "ask for a shorter time range or fewer columns");
    case duckdb::ExceptionType::IO:
      return fail(Errc::kUnavailable, error.RawMessage());
    case duckdb::ExceptionType::PERMISSION:
      return fail(Errc::kDenied, error.RawMessage());
    case duckdb::ExceptionType::INTERNAL:
    case duckdb::ExceptionType::FATAL:
      return fail(Errc::kInternal, error.RawMessage());
    default:
      return fail(Errc::kInvalid, error.Message());
  }
}

template <class T>
Value integer_value(T value) {
  if (value > static_cast<T>(std::numeric_limits<std::int64_t>::max())) return std::to_string(value);
  return static_cast<std::int64_t>(value);
}

template <class T>
const T& cell(const duckdb::Vector& vector, duckdb::idx_t row) {
  return duckdb::FlatVector::GetData<T>(vector)[row];
}

Value value_at(duckdb::DataChunk& chunk, duckdb::idx_t column, duckdb::idx_t row) {
  auto& vector = chunk.data[column];
  if (duckdb::FlatVector::IsNull(vector, row)) return std::monostate();
  switch (vector.GetType().id()) {
    case LogicalTypeId::BOOLEAN: return cell<bool>(vector, row);
    case LogicalTypeId::TINYINT: return std::int64_t{cell<std::int8_t>(vector, row)};
    case LogicalTypeId::SMALLINT: return std::int64_t{cell<std::int16_t>(vector, row)};
    case LogicalTypeId::INTEGER: return std::int64_t{cell<std::int32_t>(vector, row)};
    case LogicalTypeId::BIGINT: return cell<std::int64_t>(vector, row);
    case LogicalTypeId::UTINYINT: return std::int64_t{cell<std::uint8_t>(vector, row)};
    case LogicalTypeId::USMALLINT: return std::int64_t{cell<std::uint16_t>(vector, row)};
    case LogicalTypeId::UINTEGER: return std::int64_t{cell<std::uint32_t>(vector, row)};
    case LogicalTypeId::UBIGINT: return integer_value(cell<std::uint64_t>(vector, row));
    case LogicalTypeId::TIMESTAMP:
    case LogicalTypeId::TIMESTAMP_TZ: return cell<duckdb::timestamp_t>(vector, row).value;
    case LogicalTypeId::FLOAT: return double{cell<float>(vector, row)};
    case LogicalTypeId::DOUBLE: return cell<double>(vector, row);
    case LogicalTypeId::DECIMAL: return chunk.GetValue(column, row).GetValue<double>();
    case LogicalTypeId::VARCHAR: return cell<duckdb::string_t>(vector, row).GetString();
    case LogicalTypeId::HUGEINT: {
      // What sum() of integers gives; nearly always small.
      const auto wide = cell<duckdb::hugeint_t>(vector, row);
      std::int64_t narrow = 0;
      if (duckdb::Hugeint::TryCast(wide, narrow)) return narrow;
      return wide.ToString();
    }
    default: return chunk.GetValue(column, row).ToString();
  }
}

duckdb::Value parameter_of(const Value& value) {
  struct Visitor {
    duckdb::Value operator()(std::monostate) const { return duckdb::Value(); }
    duckdb::Value operator()(bool v) const { return duckdb::Value::BOOLEAN(v); }
    duckdb::Value operator()(std::int64_t v) const { return duckdb::Value::BIGINT(v); }
    duckdb::Value operator()(double v) const { return duckdb::Value::DOUBLE(v); }
    duckdb::Value operator()(const std::string& v) const { return duckdb::Value(v); }
  };
  return std::visit(Visitor{}, value);
}

// DuckDB's own loops spin while other threads do the work, which costs a core for as long as a COPY runs.  These ask
// for a step at a time and rest when there was nothing to do.
constexpr std::chrono::microseconds kRest{50};

Result<duckdb::unique_ptr<duckdb::QueryResult>> start(duckdb::PreparedStatement& prepared, duckdb::vector<duckdb::Value>& values) {
  const bool streams = prepared.GetStatementType() == duckdb::StatementType::SELECT_STATEMENT;
  auto pending = prepared.PendingQuery(values, streams);
  while (!pending->HasError()) {
    const auto step = pending->ExecuteTask();
    if (duckdb::PendingQueryResult::IsResultReady(step)) break;
    if (step != duckdb::PendingExecutionResult::RESULT_NOT_READY) std::this_thread::sleep_for(kRest);
  }
  if (pending->HasError()) return duck_error(pending->GetErrorObject());
  auto result = pending->Execute();
  if (result->HasError()) return duck_error(result->GetErrorObject());
  return result;
}

void wait_for_chunk(duckdb::QueryResult& result) {
  if (result.type != duckdb::QueryResultType::STREAM_RESULT) return;
  auto& stream = result.Cast<duckdb::StreamQueryResult>();
  for (;;) {
    const auto begin = Clock::now();
    const auto step = stream.ExecuteTask();
    if (duckdb::StreamQueryResult::IsChunkReady(step)) return;
    if (step == duckdb::StreamExecutionResult::BLOCKED) {
      stream.WaitForTask();
    } else if (Clock::now() - begin < kRest) {
      // "Not ready" after so short a time means that no task was there.
      std::this_thread::sleep_for(kRest);
    }
  }
}

// Gives each chunk of a prepared statement's result, flat, to `each`, which answers whether it wants more.
Result<void> execute(duckdb::PreparedStatement& prepared, const std::vector<Value>& parameters,
                     const std::function<void(duckdb::QueryResult&)>& head,
                     const std::function<Result<bool>(duckdb::DataChunk&)>& each) {
  if (prepared.HasError()) return duck_error(prepared.error);
  duckdb::vector<duckdb::Value> values;
  for (const auto& parameter : parameters) values.push_back(parameter_of(parameter));
  const auto result = RW_TRY(start(prepared, values));
  head(*result);
  for (;;) {
    duckdb::unique_ptr<duckdb::DataChunk> chunk;
    duckdb::ErrorData error;
    wait_for_chunk(*result);
    if (!result->TryFetch(chunk, error)) return duck_error(error);
    if (chunk == nullptr || chunk->size() == 0) return {};
    chunk->Flatten();
    if (!RW_TRY(each(*chunk))) return {};
  }
}

Result<Table> collect_table(duckdb::PreparedStatement& prepared, const std::vector<Value>& parameters, const RunOptions& options) {
  Table table;
  std::size_t bytes = 0;
  RW_TRY(execute(
      prepared, parameters,
      [&](duckdb::QueryResult& result) {
        for (duckdb::idx_t i = 0; i < result.types.size(); ++i) {
          table.columns.push_back({result.names[i], result.types[i].ToString()});
        }
      },
      [&](duckdb::DataChunk& chunk) -> Result<bool> {
        for (duckdb::idx_t row = 0; row < chunk.size(); ++row) {
          if (table.rows.size() == options.rows_max) {
            table.truncated = true;
            return false;
          }
          auto& cells = table.rows.emplace_back();
          cells.reserve(chunk.ColumnCount());
          for (duckdb::idx_t column = 0; column < chunk.ColumnCount(); ++column) {
            cells.push_back(value_at(chunk, column, row));
            if (const auto* text = std::get_if<std::string>(&cells.back())) bytes += text->size();
          }
          if (bytes > options.bytes_max) {
            return fail(Errc::kLimit, fmt::format("the answer has more than {} bytes", options.bytes_max), "ask for fewer rows or columns");
          }
        }
        return true;
      }));
  return table;
}

Result<void> run_all(duckdb::Connection& connection, const std::vector<std::string>& statements) {
  for (const auto& statement : statements) {
    auto result = connection.Query(statement);
    if (!result->HasError()) continue;
    auto error = duck_error(result->GetErrorObject());
    error.message = statement + ": " + error.message;
    return error;
  }
  return {};
}

// DuckDB throws; nothing of it leaves this file.
template <class Body>
auto guarded(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::exception& error) {
    return duck_error(duckdb::ErrorData(error));
  }
}

class DuckEngine final : public Engine {
 public:
  DuckEngine(const DuckOptions& options, blob::Blob& blob) : options_(options), blob_(blob) {}

  Result<void> prepare() {
    return guarded([&]() -> Result<void> {
      trusted_ = std::make_unique<duckdb::DuckDB>(nullptr);
      trusted_->GetFileSystem().RegisterSubSystem(duckdb::make_uniq<BlobFileSystem>(blob_, stage_));
      return configure(*trusted_, options_.memory_bytes_max / 4 * 3, {});
    });
  }

  Result<Table> run(std::string_view sql, const std::vector<Value>& parameters, const RunOptions& options) override {
    return guarded([&]() -> Result<Table> {
      duckdb::Connection connection(*trusted_);
      const Watchdog::Guarded deadline(watchdog_, connection, options.deadline);
      auto prepared = connection.Prepare(std::string(sql));
      return collect_table(*prepared, parameters, options);
    });
  }

  Result<Table> run_untrusted(std::string_view sql, const std::vector<std::pair<std::string, std::string>>& views,
                              const RunOptions& options) override {
    return guarded([&]() -> Result<Table> {
      std::set<std::string> names;
      for (const auto& [name, select] : views) names.insert(duckdb::StringUtil::Lower(name));
      auto statement = RW_TRY(guard_select(sql, names));
      duckdb::Connection connection(*RW_TRY(untrusted()));
      const Watchdog::Guarded deadline(watchdog_, connection, options.deadline);
      for (const auto& [name, select] : views) {
        // Temporary views belong to this connection alone.
        RW_TRY(run_all(connection, {fmt::format("CREATE TEMP VIEW \"{}\" AS {}", name, select)}));
      }
      auto prepared = connection.Prepare(duckdb::unique_ptr<duckdb::SQLStatement>(statement.release()));
      return collect_table(*prepared, {}, options);
    });
  }

  const std::shared_ptr<RowSources>& row_sources() override { return sources_; }

  Result<std::shared_ptr<StagedObject>> stage(const std::string& key) override {
    auto object = std::make_shared<StagedObject>();
    object->writer = RW_TRY(blob_.create(key));
    object->path = std::string(kStageScheme) + key;
    stage_->drop_expired();
    stage_->add(object);
    return object;
  }

  Result<void> stream(std::string_view sql, const std::vector<Value>& parameters, std::chrono::milliseconds deadline,
                      const std::function<Result<void>(duckdb_data_chunk)>& each) override {
    return guarded([&]() -> Result<void> {
      duckdb::Connection connection(*trusted_);
      const Watchdog::Guarded guard(watchdog_, connection, deadline);
      auto prepared = connection.Prepare(std::string(sql));
      return execute(*prepared, parameters, [](duckdb::QueryResult&) {}, [&](duckdb::DataChunk& chunk) -> Result<bool> {
        RW_TRY(each(reinterpret_cast<duckdb_data_chunk>(&chunk)));
        return true;
      });
    });
  }

 private:
  // Opened by the first statement that needs it.  It has its own memory, so that a greedy statement of a user cannot
  // starve the console.
  Result<duckdb::DuckDB*> untrusted() {
    const std::lock_guard lock(untrusted_mutex_);
    if (untrusted_ == nullptr) {
      auto database = std::make_unique<duckdb::DuckDB>(nullptr);
      database->GetFileSystem().RegisterSubSystem(duckdb::make_uniq<BlobFileSystem>(blob_, nullptr));
      RW_TRY(configure(*database, options_.memory_bytes_max / 4,
                       {"SET allowed_directories=['rwblob://']", "SET enable_external_access=false"}));
      untrusted_ = std::move(database);
    }
    return untrusted_.get();
  }

  Result<void> configure(duckdb::DuckDB& database, std::uint64_t memory_bytes, std::vector<std::string> further) {
    duckdb::Connection connection(database);
    // The C interface's handle of a connection is the connection itself.
    if (!register_rows_function(reinterpret_cast<duckdb_connection>(&connection), sources_)) {
      return fail(Errc::kInternal, "DuckDB refuses the table function rw_rows");
    }
    std::vector<std::string> statements = {
        fmt::format("SET memory_limit='{}B'", memory_bytes),
        "SET temp_directory=''",
        "SET TimeZone='UTC'",
        "SET parquet_metadata_cache=true",
        "SET preserve_insertion_order=true",
        "SET autoinstall_known_extensions=false",
        "SET autoload_known_extensions=false",
        "SET allow_community_extensions=false",
        "SET disabled_filesystems='LocalFileSystem'",
    };
    if (options_.threads > 0) statements.push_back(fmt::format("SET threads={}", options_.threads));
    statements.insert(statements.end(), further.begin(), further.end());
    statements.push_back("SET lock_configuration=true");
    return run_all(connection, statements);
  }

  const DuckOptions options_;
  blob::Blob& blob_;
  const std::shared_ptr<RowSources> sources_ = std::make_shared<RowSources>();
  const std::shared_ptr<Stage> stage_ = std::make_shared<Stage>();
  std::unique_ptr<duckdb::DuckDB> trusted_;
  std::mutex untrusted_mutex_;
  std::unique_ptr<duckdb::DuckDB> untrusted_;  // guarded by untrusted_mutex_ until it is open
  Watchdog watchdog_;
};

}  // namespace

Result<std::unique_ptr<Duck>> Duck::open(const DuckOptions& options, blob::Blob& blob) {
  auto engine = std::make_unique<DuckEngine>(options, blob);
  RW_TRY_CTX("open DuckDB", engine->prepare());
  return std::unique_ptr<Duck>(std::move(engine));
}

Result<Engine*> engine_of(Duck& duck) {
  auto* engine = dynamic_cast<Engine*>(&duck);
  if (engine == nullptr) return fail(Errc::kInvalid, "the store needs the Duck of Duck::open()");
  return engine;
}

std::string sql_quote(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += c;
    out += c;
  }
  return out + "'";
}

}  // namespace ringwall::store
