#include "store/detail/compaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <unordered_map>

#include "store/detail/cell_reader.h"
#include "store/detail/columns.h"
#include "store/detail/order.h"

namespace ringwall::store {

namespace {

constexpr std::int64_t kSecondUs = 1'000'000;
constexpr std::chrono::hours kMergeDeadline{1};  // of a statement

// Turns chunks back into batches; the exact reverse of fill_column().
class BatchCollector {
 public:
  explicit BatchCollector(base::Signal signal) : signal_(signal), builder_(signal) {}

  void add(duckdb_data_chunk chunk) {
    std::map<ColumnId, CellReader> cells;
    const auto columns = columns_of(signal_);
    for (std::size_t i = 0; i < columns.size(); ++i) cells.emplace(columns[i].id, CellReader(duckdb_data_chunk_get_vector(chunk, i)));
    const auto rows = duckdb_data_chunk_get_size(chunk);
    const auto at = [&](ColumnId id) -> const CellReader& { return cells.at(id); };
    const auto& text = at(signal_ == base::Signal::kLog ? ColumnId::kMessage : ColumnId::kName);
    const auto& keys = at(ColumnId::kAttributes);
    const auto names = keys.map_part(0), values = keys.map_part(1);
    for (std::size_t row = 0; row < rows; ++row) {
      if (builder_.full()) finish_batch();
      const auto resource = resource_of(cells, row);
      // Unsigned, because the first microsecond of all begins before the first nanosecond that 64 bits hold.
      const auto time_us = static_cast<std::uint64_t>(at(ColumnId::kTs).number<std::int64_t>(row));
      const auto rest_ns = static_cast<std::uint64_t>(at(ColumnId::kTsNs).number<std::int16_t>(row));
      builder_.record(static_cast<std::int64_t>(time_us * 1000 + rest_ns), text.text(row));
      auto& batch = builder_.batch();
      batch.resource.back() = resource;
      const auto list = keys.list(row);
      for (auto a = list.offset; a < list.offset + list.length; ++a) builder_.attribute(names.text(a), values.text(a));
      if (signal_ == base::Signal::kMetric) {
        batch.metric_kind.back() = static_cast<std::uint8_t>(at(ColumnId::kKind).number<std::int8_t>(row));
        batch.unit.back() = builder_.put(at(ColumnId::kUnit).text(row));
        batch.value.back() = at(ColumnId::kValue).number<double>(row);
        batch.histogram.back() = builder_.put(at(ColumnId::kHistogram).text(row));
        continue;
      }
      const auto id = at(ColumnId::kTraceId).number<duckdb_hugeint>(row, {0, std::numeric_limits<std::int64_t>::min()});
      batch.trace_id.back() = {static_cast<std::uint64_t>(id.upper) ^ (1ULL << 63), id.lower};
      batch.span_id.back() = static_cast<std::uint64_t>(at(ColumnId::kSpanId).number<std::int64_t>(row));
      batch.status.back() = static_cast<std::uint16_t>(at(ColumnId::kStatus).number<std::int16_t>(row));
      batch.duration_ns.back() = at(ColumnId::kDurationNs).number<std::int64_t>(row, base::kDurationUnset);
      if (signal_ == base::Signal::kLog) {
        batch.severity.back() = static_cast<std::uint8_t>(at(ColumnId::kSeverity).number<std::int8_t>(row));
        continue;
      }
      batch.parent_span_id.back() = static_cast<std::uint64_t>(at(ColumnId::kParentSpanId).number<std::int64_t>(row));
      batch.kind.back() = static_cast<std::uint8_t>(at(ColumnId::kKind).number<std::int8_t>(row));
      batch.outcome.back() = static_cast<std::uint8_t>(at(ColumnId::kOutcome).number<std::int8_t>(row));
      batch.outcome_text.back() = builder_.put(at(ColumnId::kOutcomeText).text(row));
      batch.events.back() = builder_.put(at(ColumnId::kEvents).text(row));
      batch.links.back() = builder_.put(at(ColumnId::kLinks).text(row));
    }
  }

  // Memory of what was added.
  std::size_t bytes() { return bytes_ + builder_.batch().bytes(); }

  std::vector<std::shared_ptr<const base::Batch>> take() {
    finish_batch();
    return std::move(batches_);
  }

 private:
  // Equal resources of many rows become one.
  std::uint32_t resource_of(const std::map<ColumnId, CellReader>& cells, std::size_t row) {
    static constexpr ColumnId kTags[] = {ColumnId::kService, ColumnId::kEnv, ColumnId::kVersion,
                                         ColumnId::kHost, ColumnId::kRegion, ColumnId::kSource};
    identity_.clear();
    const auto append = [&](std::string_view part) {
      const auto length = static_cast<std::uint32_t>(part.size());
      identity_.append(reinterpret_cast<const char*>(&length), sizeof(length));
      identity_ += part;
    };
    std::string_view tags[6];
    for (int i = 0; i < 6; ++i) append(tags[i] = cells.at(kTags[i]).text(row));
    const auto& map = cells.at(ColumnId::kResource);
    const auto list = map.list(row);
    const auto names = map.map_part(0), values = map.map_part(1);
    for (auto a = list.offset; a < list.offset + list.length; ++a) {
      append(names.text(a));
      append(values.text(a));
    }
    const auto known = resources_.find(identity_);
    if (known != resources_.end()) return known->second;
    builder_.resource(tags[0], tags[1], tags[2], tags[3], tags[4], tags[5]);
    for (auto a = list.offset; a < list.offset + list.length; ++a) builder_.resource_attribute(names.text(a), values.text(a));
    const auto index = static_cast<std::uint32_t>(builder_.batch().resources.size() - 1);
    resources_[identity_] = index;
    return index;
  }

  void finish_batch() {
    if (builder_.size() > 0) {
      batches_.push_back(std::make_shared<const base::Batch>(builder_.take()));
      bytes_ += batches_.back()->bytes();
    }
    builder_ = base::BatchBuilder(signal_);
    resources_.clear();
  }

  const base::Signal signal_;
  base::BatchBuilder builder_;
  std::unordered_map<std::string, std::uint32_t> resources_;
  std::string identity_;
  std::vector<std::shared_ptr<const base::Batch>> batches_;
  std::size_t bytes_ = 0;  // of batches_
};

class Merge final : public SliceSource {
 public:
  Merge(Engine& engine, base::Signal signal, std::vector<FileEntry> inputs, std::function<Result<void>()> may_go_on)
      : engine_(engine), signal_(signal), inputs_(std::move(inputs)), may_go_on_(std::move(may_go_on)) {}

  // Cuts the time into slices: never across a quarter of an hour, and within one only when it has too many rows.
  Result<void> prepare() {
    const auto histogram = RW_TRY(engine_.run(
        fmt::format("SELECT epoch_us(time_bucket(INTERVAL 1 second, ts)) AS second, count(*) FROM {} GROUP BY second ORDER BY second",
                    read_parquet_sql(inputs_)),
        {}, {.rows_max = kMergeRowsMax, .deadline = kMergeDeadline}));
    std::uint64_t rows = 0;
    for (const auto& row : histogram.rows) {
      const auto second = std::get<std::int64_t>(row[0]);
      const auto count = static_cast<std::uint64_t>(std::get<std::int64_t>(row[1]));
      if (count > kMergeSecondRowsMax) {
        return fail(Errc::kLimit, fmt::format("{} records of one second are more than {}", count, kMergeSecondRowsMax));
      }
      const auto quarter = floor_div(second, kQuarterNs / 1000);
      const bool fits = !cuts_.empty() && rows + count <= kMergeSliceRows && floor_div(cuts_.back().begin_us, kQuarterNs / 1000) == quarter;
      if (!fits) {
        cuts_.push_back({second, 0});
        rows = 0;
      }
      cuts_.back().end_us = second + kSecondUs;
      rows += count;
    }
    return {};
  }

  Result<RowSlice> next() override {
    RowSlice slice;
    if (next_ == cuts_.size()) return slice;
    RW_TRY(may_go_on_());
    const auto& cut = cuts_[next_++];
    BatchCollector collector(signal_);
    RW_TRY(engine_.stream(fmt::format("SELECT {} FROM {} WHERE ts >= make_timestamp({}) AND ts < make_timestamp({})", column_list(signal_),
                                      read_parquet_sql(inputs_), cut.begin_us, cut.end_us),
                          {}, kMergeDeadline,
                          [&](duckdb_data_chunk chunk) -> Result<void> {
                            collector.add(chunk);
                            if (collector.bytes() <= kMergeSliceBytesMax) return {};
                            return fail(Errc::kLimit, fmt::format("a slice of more than {} bytes", kMergeSliceBytesMax));
                          }));
    slice.batches = collector.take();
    for (auto& part : order_rows(signal_, slice.batches)) {
      slice.rows.insert(slice.rows.end(), part.rows.begin(), part.rows.end());
    }
    if (slice.rows.empty()) return fail(Errc::kInternal, "the files to merge changed meanwhile");
    return slice;
  }

 private:
  struct Cut {
    std::int64_t begin_us, end_us;
  };
  Engine& engine_;
  const base::Signal signal_;
  const std::vector<FileEntry> inputs_;
  const std::function<Result<void>()> may_go_on_;
  std::vector<Cut> cuts_;
  std::size_t next_ = 0;
};

// The smallest files first, as long as the result stays within its limits.
std::vector<FileEntry> within_limits(std::vector<FileEntry> files) {
  std::sort(files.begin(), files.end(), [](const FileEntry& a, const FileEntry& b) { return a->rows < b->rows; });
  std::vector<FileEntry> chosen;
  std::uint64_t rows = 0;
  for (auto& file : files) {
    if (chosen.size() == kMergeFilesMax || rows + file->rows > kMergeRowsMax) break;
    rows += file->rows;
    chosen.push_back(std::move(file));
  }
  return chosen;
}

}  // namespace

std::vector<FileEntry> choose_merge(const std::vector<FileEntry>& live, std::int64_t now_ns) {
  std::map<std::int64_t, std::vector<FileEntry>> by_hour;
  for (const auto& file : live) by_hour[file->partition].push_back(file);
  for (auto& [hour, files] : by_hour) {
    const bool settled = floor_div(now_ns - kHourSettledNs, kHourNs) > hour;
    std::map<int, std::vector<FileEntry>> by_level;
    std::vector<FileEntry> small;
    for (const auto& file : files) {
      if (file->rows < kSmallRows) small.push_back(file);
      if (file->rows < kMergeRowsMax / 2) by_level[file->level].push_back(file);
    }
    for (auto& [level, of_level] : by_level) {
      if (of_level.size() < kMergeFilesMin) continue;
      auto chosen = within_limits(std::move(of_level));
      if (chosen.size() >= 2) return chosen;
    }
    if (settled && small.size() >= 2) {
      auto chosen = within_limits(std::move(small));
      if (chosen.size() >= 2) return chosen;
    }
  }
  return {};
}

Result<std::unique_ptr<SliceSource>> open_merge(Engine& engine, base::Signal signal, std::vector<FileEntry> inputs,
                                                std::function<Result<void>()> may_go_on) {
  auto merge = std::make_unique<Merge>(engine, signal, std::move(inputs), std::move(may_go_on));
  RW_TRY(merge->prepare());
  return std::unique_ptr<SliceSource>(std::move(merge));
}

}  // namespace ringwall::store
