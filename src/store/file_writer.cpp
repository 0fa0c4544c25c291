#include "store/detail/file_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "base/text.h"
#include "store/detail/latency_rollup.h"
#include "store/detail/order.h"

namespace ringwall::store {

namespace {

// Lends slices to COPY and notes on the way what the catalog and the sidecar have to know.
class WriterSource final : public RowSource {
 public:
  WriterSource(const FileSpec& spec, std::unique_ptr<SliceSource> slices) : spec_(spec), slices_(std::move(slices)) {}

  base::Signal signal() const override { return spec_.signal; }
  std::size_t rows_estimate() const override { return spec_.rows; }
  int threads_max() const override { return 1; }
  // COPY runs once, so there is one cursor, and what it notes is the file's.
  std::unique_ptr<RowCursor> cursor() const override { return std::make_unique<Cursor>(notes_, *slices_); }

  struct Notes {
    std::uint64_t rows = 0;
    std::int64_t tmin_ns = std::numeric_limits<std::int64_t>::max(), tmax_ns = std::numeric_limits<std::int64_t>::min();
    std::set<std::string, std::less<>> services;
    const base::Resource* last_resource = nullptr;
    SidecarBuilder sidecar;
    RollupBuilder latency;
    Result<void> failed;
  };
  Notes& notes() const { return notes_; }

 private:
  class Cursor final : public RowCursor {
   public:
    Cursor(Notes& notes, SliceSource& slices) : notes_(notes), slices_(slices) {}

    std::size_t next(std::span<RowRef> room) override {
      std::size_t filled = 0;
      while (filled < room.size()) {
        // Rows already handed out point into their slice, of which only the one before is kept: a chunk takes from
        // one slice.
        if (at_ == slice_.rows.size() && (filled > 0 || !take_slice())) break;
        const auto count = std::min(room.size() - filled, slice_.rows.size() - at_);
        for (std::size_t i = 0; i < count; ++i) note(room[filled + i] = slice_.rows[at_ + i]);
        filled += count;
        at_ += count;
      }
      return filled;
    }

   private:
    bool take_slice() {
      if (ended_) return false;
      auto slice = slices_.next();
      if (!slice.ok()) notes_.failed = std::move(slice).error();
      if (!notes_.failed.ok() || slice->rows.empty()) {
        ended_ = true;
        return false;
      }
      // A chunk may still point into the slice before while this one begins.
      before_ = std::move(slice_);
      slice_ = std::move(slice).value();
      at_ = 0;
      notes_.last_resource = nullptr;  // a later batch may lie where an earlier one was
      return true;
    }

    void note(const RowRef& row) {
      const auto& batch = *row.batch;
      const auto time = batch.time_ns[row.row];
      ++notes_.rows;
      notes_.tmin_ns = std::min(notes_.tmin_ns, time);
      notes_.tmax_ns = std::max(notes_.tmax_ns, time);
      const auto& resource = batch.resources[batch.resource[row.row]];
      if (&resource != notes_.last_resource) {
        notes_.last_resource = &resource;
        const auto service = batch.view(resource.service);
        if (notes_.services.find(service) == notes_.services.end()) notes_.services.insert(service_name(service));
      }
      notes_.sidecar.add(batch.view(batch.text[row.row]), batch.trace_id[row.row]);
      notes_.latency.add(batch, row.row);
    }

    Notes& notes_;
    SliceSource& slices_;
    RowSlice slice_, before_;
    std::size_t at_ = 0;
    bool ended_ = false;
  };

  const FileSpec& spec_;
  const std::unique_ptr<SliceSource> slices_;
  mutable Notes notes_;
};

}  // namespace

std::string partition_prefix(base::Signal signal, std::int64_t partition) {
  // Hours whose start is before the first time that fits into 64 bits of nanoseconds take that one's name.
  const auto first = std::numeric_limits<std::int64_t>::min() / kHourNs;
  const auto text = base::rfc3339(std::max(partition, first) * kHourNs);
  return fmt::format("{}{}/{}/{}/", kTelemetryPrefix, base::signal_name(signal), text.substr(0, 10), text.substr(11, 2));
}

Result<WrittenFile> write_file(Engine& engine, blob::Blob& blob, const FileSpec& spec, std::unique_ptr<SliceSource> slices) {
  const auto key = partition_prefix(spec.signal, spec.partition) + spec.name;
  auto source = std::make_shared<const WriterSource>(spec, std::move(slices));
  auto& notes = source->notes();
  auto staged = RW_TRY(engine.stage(key + ".parquet"));
  {
    const auto added = RowSources::add(engine.row_sources(), source);
    const auto sql = fmt::format("COPY (SELECT {} FROM rw_rows({})) TO {} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {}, "
                                 "USE_TMP_FILE false)",
                                 column_list(spec.signal), added.id, sql_quote(staged->path), kGroupRows);
    auto copied = engine.run(sql, {}, {.deadline = std::chrono::hours(1)});
    if (!notes.failed.ok()) return std::move(notes.failed).error();
    if (!copied.ok()) return std::move(copied).error();
  }
  if (notes.rows != spec.rows) {
    return fail(Errc::kInternal, fmt::format("{}: {} rows were written where there are {}", key, notes.rows, spec.rows));
  }
  RW_TRY(staged->writer->commit());

  auto sidecar_bytes = notes.sidecar.finish(notes.latency.finish());
  if (auto put = blob.put(key + ".tix", sidecar_bytes); !put.ok()) {
    // Without this a disk that fails again and again would fill with orphans; a crash here leaves one for the sweep.
    (void)blob.remove(key + ".parquet");
    return std::move(put).error();
  }

  WrittenFile written;
  auto& file = written.file;
  file.signal = spec.signal;
  file.partition = spec.partition;
  file.tmin_ns = notes.tmin_ns;
  file.tmax_ns = notes.tmax_ns;
  file.level = spec.level;
  file.rows = notes.rows;
  file.bytes = staged->bytes;
  file.row_groups = (notes.rows + kGroupRows - 1) / kGroupRows;
  file.key = key + ".parquet";
  file.crc = staged->crc;
  file.sidecar_key = key + ".tix";
  file.sidecar_bytes = sidecar_bytes.size();
  file.services.assign(notes.services.begin(), notes.services.end());
  file.created_ns = spec.created_ns;
  written.sidecar = RW_TRY(Sidecar::parse(std::move(sidecar_bytes)));
  return written;
}

}  // namespace ringwall::store
