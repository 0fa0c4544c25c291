#include "store/detail/rows_function.h"

#include <algorithm>
#include <array>
#include <string>

namespace ringwall::store {

namespace {

struct BindState {
  std::shared_ptr<const RowSource> source;
};

struct ScanState {
  std::shared_ptr<const RowSource> source;
  std::unique_ptr<RowCursor> cursor;
  std::vector<idx_t> columns;  // index into columns_of(), in the order of the chunk
};

template <class T>
void destroy(void* pointer) {
  delete static_cast<T*>(pointer);
}

class LogicalType {
 public:
  explicit LogicalType(ColumnType type) {
    switch (type) {
      case ColumnType::kTimestamp: type_ = duckdb_create_logical_type(DUCKDB_TYPE_TIMESTAMP); break;
      case ColumnType::kTinyint: type_ = duckdb_create_logical_type(DUCKDB_TYPE_TINYINT); break;
      case ColumnType::kSmallint: type_ = duckdb_create_logical_type(DUCKDB_TYPE_SMALLINT); break;
      case ColumnType::kBigint: type_ = duckdb_create_logical_type(DUCKDB_TYPE_BIGINT); break;
      case ColumnType::kDouble: type_ = duckdb_create_logical_type(DUCKDB_TYPE_DOUBLE); break;
      case ColumnType::kUuid: type_ = duckdb_create_logical_type(DUCKDB_TYPE_UUID); break;
      case ColumnType::kVarchar: type_ = duckdb_create_logical_type(DUCKDB_TYPE_VARCHAR); break;
      case ColumnType::kMap: {
        const LogicalType text(ColumnType::kVarchar);
        type_ = duckdb_create_map_type(text.get(), text.get());
        break;
      }
    }
  }
  LogicalType(const LogicalType&) = delete;
  LogicalType& operator=(const LogicalType&) = delete;
  ~LogicalType() { duckdb_destroy_logical_type(&type_); }
  duckdb_logical_type get() const { return type_; }

 private:
  duckdb_logical_type type_ = nullptr;
};

void rows_bind(duckdb_bind_info info) {
  const auto& sources = *static_cast<std::shared_ptr<RowSources>*>(duckdb_bind_get_extra_info(info));
  auto parameter = duckdb_bind_get_parameter(info, 0);
  const auto id = static_cast<std::uint64_t>(duckdb_get_int64(parameter));
  duckdb_destroy_value(&parameter);
  auto source = sources->find(id);
  if (source == nullptr) {
    duckdb_bind_set_error(info, "rw_rows: these records are not in memory any more");
    return;
  }
  for (const auto& column : columns_of(source->signal())) {
    const LogicalType type(column.type);
    duckdb_bind_add_result_column(info, column.name, type.get());
  }
  duckdb_bind_set_cardinality(info, source->rows_estimate(), false);
  duckdb_bind_set_bind_data(info, new BindState{std::move(source)}, destroy<BindState>);
}

void rows_init(duckdb_init_info info) {
  const auto* bound = static_cast<const BindState*>(duckdb_init_get_bind_data(info));
  auto state = std::make_unique<ScanState>();
  state->source = bound->source;
  state->cursor = bound->source->cursor();
  for (idx_t i = 0; i < duckdb_init_get_column_count(info); ++i) {
    state->columns.push_back(duckdb_init_get_column_index(info, i));
  }
  duckdb_init_set_max_threads(info, static_cast<idx_t>(bound->source->threads_max()));
  duckdb_init_set_init_data(info, state.release(), destroy<ScanState>);
}

void rows_next(duckdb_function_info info, duckdb_data_chunk chunk) {
  auto* state = static_cast<ScanState*>(duckdb_function_get_init_data(info));
  std::array<RowRef, 2048> room;
  const auto filled = state->cursor->next(std::span(room).first(std::min<std::size_t>(room.size(), duckdb_vector_size())));
  const auto columns = columns_of(state->source->signal());
  for (std::size_t i = 0; i < state->columns.size(); ++i) {
    // count(*) asks for no column at all, which DuckDB expresses as a number past the last one.
    if (state->columns[i] >= columns.size()) continue;
    fill_column(columns[state->columns[i]], std::span(room).first(filled), duckdb_data_chunk_get_vector(chunk, i));
  }
  duckdb_data_chunk_set_size(chunk, filled);
}

// Walks batches in blocks; each next() takes blocks until the room holds rows of the time range.
class Scan final : public RowSource {
 public:
  Scan(base::Signal signal, std::vector<std::shared_ptr<const base::Batch>> batches, std::int64_t from_ns, std::int64_t to_ns)
      : signal_(signal), batches_(std::move(batches)), from_ns_(from_ns), to_ns_(to_ns) {
    for (const auto& batch : batches_) {
      rows_ += batch->size();
      ends_.push_back(rows_);
    }
  }
  base::Signal signal() const override { return signal_; }
  std::size_t rows_estimate() const override { return rows_; }
  int threads_max() const override { return rows_ > kRowsPerThread ? 4 : 1; }
  std::unique_ptr<RowCursor> cursor() const override { return std::make_unique<Cursor>(*this); }

 private:
  static constexpr std::size_t kRowsPerThread = 30'000;

  class Cursor final : public RowCursor {
   public:
    explicit Cursor(const Scan& scan) : scan_(scan) {}
    std::size_t next(std::span<RowRef> room) override {
      for (;;) {
        const auto begin = next_.fetch_add(room.size());
        if (begin >= scan_.rows_) return 0;
        const auto filled = scan_.collect(begin, std::min(begin + room.size(), scan_.rows_), room);
        if (filled > 0) return filled;
      }
    }

   private:
    const Scan& scan_;
    std::atomic<std::size_t> next_{0};
  };

  std::size_t collect(std::size_t begin, std::size_t end, std::span<RowRef> room) const {
    auto which = static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), begin) - ends_.begin());
    std::size_t filled = 0;
    while (begin < end) {
      const auto& batch = *batches_[which];
      const auto first = ends_[which] - batch.size();
      const auto stop = std::min(end, ends_[which]);
      for (auto at = begin; at < stop; ++at) {
        const auto time = batch.time_ns[at - first];
        if (time >= from_ns_ && time < to_ns_) room[filled++] = {&batch, static_cast<std::uint32_t>(at - first)};
      }
      begin = stop;
      ++which;
    }
    return filled;
  }

  const base::Signal signal_;
  const std::vector<std::shared_ptr<const base::Batch>> batches_;
  const std::int64_t from_ns_, to_ns_;
  std::vector<std::size_t> ends_;
  std::size_t rows_ = 0;
};

}  // namespace

RowSources::Added RowSources::add(const std::shared_ptr<RowSources>& self, std::shared_ptr<const RowSource> source) {
  const std::lock_guard lock(self->mutex_);
  const auto id = self->next_++;
  self->sources_[id] = std::move(source);
  // The pin's deleter forgets the id; it keeps the registry itself alive too.
  auto pin = std::shared_ptr<const void>(static_cast<const void*>(self.get()), [self, id](const void*) {
    std::shared_ptr<const RowSource> dropped;  // destroyed after the lock
    const std::lock_guard relock(self->mutex_);
    const auto at = self->sources_.find(id);
    dropped = std::move(at->second);
    self->sources_.erase(at);
  });
  return {id, std::move(pin)};
}

std::shared_ptr<const RowSource> RowSources::find(std::uint64_t id) const {
  const std::lock_guard lock(mutex_);
  const auto at = sources_.find(id);
  return at == sources_.end() ? nullptr : at->second;
}

bool register_rows_function(duckdb_connection connection, const std::shared_ptr<RowSources>& sources) {
  auto function = duckdb_create_table_function();
  const LogicalType id(ColumnType::kBigint);
  duckdb_table_function_set_name(function, "rw_rows");
  duckdb_table_function_add_parameter(function, id.get());
  duckdb_table_function_set_extra_info(function, new std::shared_ptr<RowSources>(sources), destroy<std::shared_ptr<RowSources>>);
  duckdb_table_function_set_bind(function, rows_bind);
  duckdb_table_function_set_init(function, rows_init);
  duckdb_table_function_set_function(function, rows_next);
  duckdb_table_function_supports_projection_pushdown(function, true);
  const bool registered = duckdb_register_table_function(connection, function) == DuckDBSuccess;
  duckdb_destroy_table_function(&function);
  return registered;
}

std::shared_ptr<const RowSource> make_scan(base::Signal signal, std::vector<std::shared_ptr<const base::Batch>> batches,
                                           std::int64_t from_ns, std::int64_t to_ns) {
  return std::make_shared<Scan>(signal, std::move(batches), from_ns, to_ns);
}

}  // namespace ringwall::store
