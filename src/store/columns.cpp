#include "store/detail/columns.h"

#include <cstring>

#include "base/text.h"

namespace ringwall::store {

namespace {

using base::Batch;
using base::Slice;
using Id = ColumnId;
using Type = ColumnType;

constexpr ColumnDef kLogColumns[] = {
    {Id::kTs, "ts", Type::kTimestamp},          {Id::kTsNs, "ts_ns", Type::kSmallint},
    {Id::kService, "service", Type::kVarchar},  {Id::kEnv, "env", Type::kVarchar},
    {Id::kVersion, "version", Type::kVarchar},  {Id::kHost, "host", Type::kVarchar},
    {Id::kRegion, "region", Type::kVarchar},    {Id::kSource, "source", Type::kVarchar},
    {Id::kSeverity, "severity", Type::kTinyint}, {Id::kTraceId, "trace_id", Type::kUuid},
    {Id::kSpanId, "span_id", Type::kBigint},    {Id::kStatus, "status", Type::kSmallint},
    {Id::kDurationNs, "duration_ns", Type::kBigint}, {Id::kMessage, "message", Type::kVarchar},
    {Id::kAttributes, "attributes", Type::kMap}, {Id::kResource, "resource", Type::kMap},
};

constexpr ColumnDef kSpanColumns[] = {
    {Id::kTs, "ts", Type::kTimestamp},          {Id::kTsNs, "ts_ns", Type::kSmallint},
    {Id::kService, "service", Type::kVarchar},  {Id::kEnv, "env", Type::kVarchar},
    {Id::kVersion, "version", Type::kVarchar},  {Id::kHost, "host", Type::kVarchar},
    {Id::kRegion, "region", Type::kVarchar},    {Id::kSource, "source", Type::kVarchar},
    {Id::kTraceId, "trace_id", Type::kUuid},    {Id::kSpanId, "span_id", Type::kBigint},
    {Id::kParentSpanId, "parent_span_id", Type::kBigint}, {Id::kName, "name", Type::kVarchar},
    {Id::kKind, "kind", Type::kTinyint},        {Id::kOutcome, "outcome", Type::kTinyint},
    {Id::kOutcomeText, "outcome_text", Type::kVarchar}, {Id::kStatus, "status", Type::kSmallint},
    {Id::kDurationNs, "duration_ns", Type::kBigint}, {Id::kEvents, "events", Type::kVarchar},
    {Id::kLinks, "links", Type::kVarchar},      {Id::kAttributes, "attributes", Type::kMap},
    {Id::kResource, "resource", Type::kMap},
};

constexpr ColumnDef kMetricColumns[] = {
    {Id::kTs, "ts", Type::kTimestamp},          {Id::kTsNs, "ts_ns", Type::kSmallint},
    {Id::kService, "service", Type::kVarchar},  {Id::kEnv, "env", Type::kVarchar},
    {Id::kVersion, "version", Type::kVarchar},  {Id::kHost, "host", Type::kVarchar},
    {Id::kRegion, "region", Type::kVarchar},    {Id::kSource, "source", Type::kVarchar},
    {Id::kName, "name", Type::kVarchar},        {Id::kKind, "kind", Type::kTinyint},
    {Id::kUnit, "unit", Type::kVarchar},        {Id::kValue, "value", Type::kDouble},
    {Id::kHistogram, "histogram", Type::kVarchar}, {Id::kAttributes, "attributes", Type::kMap},
    {Id::kResource, "resource", Type::kMap},
};

bool plain_ascii(const char* at, std::size_t bytes) {
  std::uint64_t high = 0;
  for (; bytes >= 8; at += 8, bytes -= 8) {
    std::uint64_t word;
    std::memcpy(&word, at, 8);
    high |= word;
  }
  for (; bytes > 0; ++at, --bytes) high |= static_cast<unsigned char>(*at);
  return (high & 0x8080808080808080ULL) == 0;
}

// Writes the string header in place and lets it point into the arena, which saves a copy per value.
// The layout is duckdb_string_t's: up to 12 bytes inline, else length, 4 bytes prefix, pointer.
void set_text(duckdb_vector vector, duckdb_string_t* data, std::size_t at, std::string_view text) {
  if (!plain_ascii(text.data(), text.size()) && !base::valid_utf8(text)) {
    const auto repaired = base::to_utf8(text);
    duckdb_vector_assign_string_element_len(vector, at, repaired.data(), repaired.size());
    return;
  }
  auto& out = data[at].value;
  if (text.size() <= sizeof(out.inlined.inlined)) {
    out.inlined.length = static_cast<std::uint32_t>(text.size());
    std::memset(out.inlined.inlined, 0, sizeof(out.inlined.inlined));
    if (!text.empty()) std::memcpy(out.inlined.inlined, text.data(), text.size());
  } else {
    out.pointer.length = static_cast<std::uint32_t>(text.size());
    std::memcpy(out.pointer.prefix, text.data(), sizeof(out.pointer.prefix));
    out.pointer.ptr = const_cast<char*>(text.data());
  }
}

// NULLs of one vector; the validity mask is only made when the first NULL comes.
class Nulls {
 public:
  explicit Nulls(duckdb_vector vector) : vector_(vector) {}
  void set(std::size_t at) {
    if (mask_ == nullptr) {
      duckdb_vector_ensure_validity_writable(vector_);
      mask_ = duckdb_vector_get_validity(vector_);
    }
    duckdb_validity_set_row_invalid(mask_, at);
  }

 private:
  duckdb_vector vector_;
  std::uint64_t* mask_ = nullptr;
};

template <class T>
T* data_of(duckdb_vector vector) {
  return static_cast<T*>(duckdb_vector_get_data(vector));
}

template <class Get>
void fill_text(std::span<const RowRef> rows, duckdb_vector vector, Get get) {
  auto* data = data_of<duckdb_string_t>(vector);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Batch& batch = *rows[i].batch;
    set_text(vector, data, i, batch.view(get(batch, rows[i].row)));
  }
}

template <class Get>
void fill_text_or_null(std::span<const RowRef> rows, duckdb_vector vector, Get get) {
  auto* data = data_of<duckdb_string_t>(vector);
  Nulls nulls(vector);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Batch& batch = *rows[i].batch;
    const Slice slice = get(batch, rows[i].row);
    if (slice.empty()) nulls.set(i);
    set_text(vector, data, i, batch.view(slice));
  }
}

template <class T, class Get>
void fill_number(std::span<const RowRef> rows, duckdb_vector vector, Get get) {
  auto* data = data_of<T>(vector);
  for (std::size_t i = 0; i < rows.size(); ++i) data[i] = static_cast<T>(get(*rows[i].batch, rows[i].row));
}

template <class T, class Get>
void fill_number_or_null(std::span<const RowRef> rows, duckdb_vector vector, std::int64_t absent, Get get) {
  auto* data = data_of<T>(vector);
  Nulls nulls(vector);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto value = get(*rows[i].batch, rows[i].row);
    data[i] = static_cast<T>(value);
    if (static_cast<std::int64_t>(value) == absent) nulls.set(i);
  }
}

void fill_trace_id(std::span<const RowRef> rows, duckdb_vector vector) {
  auto* data = data_of<duckdb_hugeint>(vector);
  Nulls nulls(vector);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto id = rows[i].batch->trace_id[rows[i].row];
    // DuckDB keeps a UUID as a signed number with the highest bit flipped, so that order is the order of its text.
    data[i].upper = static_cast<std::int64_t>(id.high ^ (1ULL << 63));
    data[i].lower = id.low;
    if (!id.valid()) nulls.set(i);
  }
}

// MAP(VARCHAR, VARCHAR) is a list of (key, value); a key that comes twice keeps its first value, as maps must.
class MapFiller {
 public:
  MapFiller(duckdb_vector vector, std::size_t pairs) : vector_(vector) {
    entries_ = data_of<duckdb_list_entry>(vector);
    duckdb_list_vector_reserve(vector, pairs);
    const auto pair = duckdb_list_vector_get_child(vector);
    keys_ = duckdb_struct_vector_get_child(pair, 0);
    values_ = duckdb_struct_vector_get_child(pair, 1);
    key_data_ = data_of<duckdb_string_t>(keys_);
    value_data_ = data_of<duckdb_string_t>(values_);
  }
  void begin(std::size_t row) { entries_[row] = {used_, 0}; }
  void add(std::size_t row, const Batch& batch, Slice key, Slice value, std::span<const Slice> keys_before) {
    const auto name = batch.view(key);
    for (const auto before : keys_before) {
      if (before.length == key.length && batch.view(before) == name) return;
    }
    set_text(keys_, key_data_, used_, name);
    set_text(values_, value_data_, used_, batch.view(value));
    ++used_;
    ++entries_[row].length;
  }
  void finish() { duckdb_list_vector_set_size(vector_, used_); }

 private:
  duckdb_vector vector_, keys_, values_;
  duckdb_list_entry* entries_;
  duckdb_string_t *key_data_, *value_data_;
  std::uint64_t used_ = 0;
};

void fill_pairs(MapFiller& filler, std::size_t row, const Batch& batch, const std::vector<Slice>& keys,
                const std::vector<Slice>& values, std::uint32_t begin, std::uint32_t end) {
  filler.begin(row);
  for (auto k = begin; k < end; ++k) {
    filler.add(row, batch, keys[k], values[k], std::span(keys).subspan(begin, k - begin));
  }
}

void fill_attributes(std::span<const RowRef> rows, duckdb_vector vector) {
  std::size_t pairs = 0;
  for (const auto& r : rows) pairs += r.batch->attributes_end[r.row] - r.batch->attributes_begin(r.row);
  MapFiller filler(vector, pairs);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Batch& b = *rows[i].batch;
    fill_pairs(filler, i, b, b.attribute_keys, b.attribute_values, b.attributes_begin(rows[i].row),
               b.attributes_end[rows[i].row]);
  }
  filler.finish();
}

void fill_resource(std::span<const RowRef> rows, duckdb_vector vector) {
  std::size_t pairs = 0;
  const auto resource_of = [](const RowRef& r) -> const base::Resource& { return r.batch->resources[r.batch->resource[r.row]]; };
  for (const auto& r : rows) pairs += resource_of(r).attributes_end - resource_of(r).attributes_begin;
  MapFiller filler(vector, pairs);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Batch& b = *rows[i].batch;
    const auto& resource = resource_of(rows[i]);
    fill_pairs(filler, i, b, b.resource_keys, b.resource_values, resource.attributes_begin, resource.attributes_end);
  }
  filler.finish();
}

template <Slice base::Resource::*Member>
void fill_tag(std::span<const RowRef> rows, duckdb_vector vector) {
  fill_text(rows, vector, [](const Batch& b, std::uint32_t r) { return b.resources[b.resource[r]].*Member; });
}

}  // namespace

std::int64_t microseconds_of(std::int64_t time_ns) {
  return time_ns / 1000 - (time_ns % 1000 < 0 ? 1 : 0);
}

std::int16_t nanoseconds_of(std::int64_t time_ns) {
  return static_cast<std::int16_t>((time_ns % 1000 + 1000) % 1000);
}

std::span<const ColumnDef> columns_of(base::Signal signal) {
  switch (signal) {
    case base::Signal::kLog: return kLogColumns;
    case base::Signal::kSpan: return kSpanColumns;
    case base::Signal::kMetric: return kMetricColumns;
  }
  return kLogColumns;
}

const std::string& column_list(base::Signal signal) {
  const auto make = [](base::Signal of) {
    std::string out;
    for (const auto& column : columns_of(of)) out += (out.empty() ? "" : ", ") + std::string(column.name);
    return out;
  };
  static const std::string lists[] = {make(base::Signal::kLog), make(base::Signal::kSpan), make(base::Signal::kMetric)};
  return lists[static_cast<std::size_t>(signal)];
}

void fill_column(const ColumnDef& column, std::span<const RowRef> rows, duckdb_vector vector) {
  switch (column.id) {
    case Id::kTs: return fill_number<std::int64_t>(rows, vector, [](const Batch& b, auto r) { return microseconds_of(b.time_ns[r]); });
    case Id::kTsNs: return fill_number<std::int16_t>(rows, vector, [](const Batch& b, auto r) { return nanoseconds_of(b.time_ns[r]); });
    case Id::kService: return fill_tag<&base::Resource::service>(rows, vector);
    case Id::kEnv: return fill_tag<&base::Resource::env>(rows, vector);
    case Id::kVersion: return fill_tag<&base::Resource::version>(rows, vector);
    case Id::kHost: return fill_tag<&base::Resource::host>(rows, vector);
    case Id::kRegion: return fill_tag<&base::Resource::region>(rows, vector);
    case Id::kSource: return fill_tag<&base::Resource::source>(rows, vector);
    case Id::kSeverity: return fill_number<std::int8_t>(rows, vector, [](const Batch& b, auto r) { return b.severity[r]; });
    case Id::kTraceId: return fill_trace_id(rows, vector);
    case Id::kSpanId: return fill_number_or_null<std::int64_t>(rows, vector, 0, [](const Batch& b, auto r) { return b.span_id[r]; });
    case Id::kParentSpanId:
      return fill_number_or_null<std::int64_t>(rows, vector, 0, [](const Batch& b, auto r) { return b.parent_span_id[r]; });
    case Id::kName:
    case Id::kMessage: return fill_text(rows, vector, [](const Batch& b, auto r) { return b.text[r]; });
    case Id::kKind:
      return fill_number<std::int8_t>(rows, vector, [](const Batch& b, auto r) {
        return b.signal == base::Signal::kMetric ? b.metric_kind[r] : b.kind[r];
      });
    case Id::kOutcome: return fill_number<std::int8_t>(rows, vector, [](const Batch& b, auto r) { return b.outcome[r]; });
    case Id::kOutcomeText: return fill_text_or_null(rows, vector, [](const Batch& b, auto r) { return b.outcome_text[r]; });
    case Id::kStatus: return fill_number_or_null<std::int16_t>(rows, vector, 0, [](const Batch& b, auto r) { return b.status[r]; });
    case Id::kDurationNs:
      return fill_number_or_null<std::int64_t>(rows, vector, base::kDurationUnset, [](const Batch& b, auto r) { return b.duration_ns[r]; });
    case Id::kUnit: return fill_text(rows, vector, [](const Batch& b, auto r) { return b.unit[r]; });
    case Id::kValue: return fill_number<double>(rows, vector, [](const Batch& b, auto r) { return b.value[r]; });
    case Id::kHistogram: return fill_text_or_null(rows, vector, [](const Batch& b, auto r) { return b.histogram[r]; });
    case Id::kEvents: return fill_text_or_null(rows, vector, [](const Batch& b, auto r) { return b.events[r]; });
    case Id::kLinks: return fill_text_or_null(rows, vector, [](const Batch& b, auto r) { return b.links[r]; });
    case Id::kAttributes: return fill_attributes(rows, vector);
    case Id::kResource: return fill_resource(rows, vector);
  }
}

}  // namespace ringwall::store
