#include "store/detail/file_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/log.h"
#include "store/detail/columns.h"
#include "store/detail/engine.h"

namespace ringwall::store {

namespace {

// More ranges than this cost more in planning than they save in reading; the file is then read whole.
constexpr std::size_t kRangesPerFileMax = 16;

struct RowRange {
  std::uint64_t begin, end;
};

// The groups that may hold the keys, neighbours joined; nothing when the file is to be read whole.
struct GroupChoice {
  bool whole = true;
  std::vector<RowRange> ranges;
};

GroupChoice choose_groups(const Sidecar& sidecar, const std::vector<std::uint64_t>& keys) {
  GroupChoice choice;
  std::size_t hits = 0;
  for (std::size_t g = 0; g < sidecar.groups(); ++g) {
    if (!sidecar.group_may_hold(g, keys)) continue;
    ++hits;
    const std::uint64_t begin = std::uint64_t{g} * sidecar.group_rows();
    const auto end = std::min(sidecar.rows(), begin + sidecar.group_rows());
    if (!choice.ranges.empty() && choice.ranges.back().end == begin) {
      choice.ranges.back().end = end;
    } else {
      choice.ranges.push_back({begin, end});
    }
  }
  choice.whole = hits == sidecar.groups() || choice.ranges.size() > kRangesPerFileMax;
  return choice;
}

}  // namespace

std::shared_ptr<const Sidecar> SidecarCache::get(const catalog::File& file) {
  if (file.sidecar_key.empty()) return nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto at = cached_.find(file.sidecar_key);
    if (at != cached_.end()) {
      recency_.splice(recency_.end(), recency_, at->second.recency);
      return at->second.sidecar;
    }
  }
  auto bytes = blob_.read(file.sidecar_key);
  auto sidecar = bytes.ok() ? Sidecar::parse(std::move(bytes).value()) : Result<Sidecar>(bytes.error());
  if (sidecar.ok() && sidecar->rows() != file.rows) sidecar = fail(Errc::kCorrupt, "sidecar: it belongs to another file");
  if (!sidecar.ok()) {
    base::log_event(base::Level::kWarn, "store.sidecar_unreadable", {{"key", file.sidecar_key}, {"error", sidecar.error().message}});
    return nullptr;
  }
  auto shared = std::make_shared<const Sidecar>(std::move(sidecar).value());
  const std::lock_guard lock(mutex_);
  insert_locked(file.sidecar_key, shared);
  return shared;
}

void SidecarCache::put(const std::string& key, Sidecar sidecar) {
  const std::lock_guard lock(mutex_);
  insert_locked(key, std::make_shared<const Sidecar>(std::move(sidecar)));
}

void SidecarCache::drop(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto at = cached_.find(key);
  if (at == cached_.end()) return;
  bytes_ -= at->second.sidecar->bytes();
  recency_.erase(at->second.recency);
  cached_.erase(at);
}

void SidecarCache::insert_locked(const std::string& key, std::shared_ptr<const Sidecar> sidecar) {
  if (cached_.count(key) != 0) return;
  bytes_ += sidecar->bytes();
  cached_[key] = {std::move(sidecar), recency_.insert(recency_.end(), key)};
  while (bytes_ > bytes_max_ && recency_.size() > 1) {
    const auto oldest = cached_.find(recency_.front());
    bytes_ -= oldest->second.sidecar->bytes();
    cached_.erase(oldest);
    recency_.pop_front();
  }
}

bool may_have_service(const catalog::File& file, const std::vector<std::string>& services) {
  return services.empty() || file.services.empty() || std::any_of(services.begin(), services.end(), [&](const std::string& name) {
    return std::binary_search(file.services.begin(), file.services.end(), name);
  });
}

std::string time_condition(std::int64_t from_ns, std::int64_t to_ns) {
  // Columns hold microseconds and the rest of the nanoseconds; the first alone lets row groups be left out.
  const auto from_us = microseconds_of(from_ns), to_us = microseconds_of(to_ns);
  const auto from_rest = nanoseconds_of(from_ns), to_rest = nanoseconds_of(to_ns);
  std::string out = fmt::format(" WHERE ts >= make_timestamp({}) AND ts {} make_timestamp({})", from_us, to_rest == 0 ? "<" : "<=", to_us);
  if (from_rest != 0) out += fmt::format(" AND (ts > make_timestamp({}) OR ts_ns >= {})", from_us, from_rest);
  if (to_rest != 0) out += fmt::format(" AND (ts < make_timestamp({}) OR ts_ns < {})", to_us, to_rest);
  return out;
}

std::string read_parquet_sql(const std::vector<FileEntry>& files) {
  std::string list;
  for (const auto& file : files) list += (list.empty() ? "" : ", ") + sql_quote("rwblob://" + file->key);
  return "read_parquet([" + list + "])";
}

FilePlan plan_files(base::Signal signal, const std::vector<FileEntry>& live, std::int64_t from_ns, std::int64_t to_ns,
                    const Hints& hints, SidecarCache& sidecars) {
  FilePlan plan;
  const auto keys = keys_of(hints);
  const auto& columns = column_list(signal);
  std::vector<FileEntry> inside, across;  // of the time range
  for (const auto& file : live) {
    if (file->tmax_ns < from_ns || file->tmin_ns >= to_ns) continue;
    if (!may_have_service(*file, hints.services)) {
      ++plan.pruned;
      continue;
    }
    const bool is_inside = file->tmin_ns >= from_ns && file->tmax_ns < to_ns;
    const auto sidecar = keys.empty() ? nullptr : sidecars.get(*file);
    if (sidecar != nullptr) {
      if (!sidecar->file_may_hold(keys)) {
        ++plan.pruned;
        continue;
      }
      const auto choice = choose_groups(*sidecar, keys);
      if (choice.ranges.empty()) {
        ++plan.pruned;
        continue;
      }
      if (!choice.whole) {
        // One SELECT per range: DuckDB leaves out row groups for a single range, not for an OR of several.
        for (const auto& range : choice.ranges) {
          plan.selects.push_back(fmt::format("SELECT {} FROM (SELECT * FROM read_parquet({}, file_row_number=true) WHERE "
                                             "file_row_number BETWEEN {} AND {}){}",
                                             columns, sql_quote("rwblob://" + file->key), range.begin, range.end - 1,
                                             is_inside ? "" : time_condition(from_ns, to_ns)));
          plan.bytes += file->bytes * (range.end - range.begin) / std::max<std::uint64_t>(file->rows, 1);
        }
        plan.files.push_back(file);
        continue;
      }
    }
    (is_inside ? inside : across).push_back(file);
    plan.bytes += file->bytes;
    plan.files.push_back(file);
  }
  // Files that lie wholly inside need no look at their times.
  if (!inside.empty()) plan.selects.push_back(fmt::format("SELECT {} FROM {}", columns, read_parquet_sql(inside)));
  if (!across.empty()) {
    plan.selects.push_back(fmt::format("SELECT {} FROM {}{}", columns, read_parquet_sql(across), time_condition(from_ns, to_ns)));
  }
  return plan;
}

}  // namespace ringwall::store
