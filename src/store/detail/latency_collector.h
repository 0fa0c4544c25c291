// Adds up the histograms of a question from where its records are: memory, the sidecars of files, and scans of the rest.
//
// Whole minutes of the range come from sidecars; `whole` files, whose histograms are not known, and the ragged ends of the
// others are scanned.  Every record is in exactly one of these, because a sidecar and a scan of the same file share no minute.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/detail/engine.h"
#include "store/detail/file_set.h"
#include "store/detail/latency_rollup.h"
#include "store/latency.h"

namespace ringwall::store {

class LatencyCollector {
 public:
  // `services`: only these; empty: all.
  LatencyCollector(base::Signal signal, std::int64_t from_ns, std::int64_t to_ns, std::int64_t step_ns, const std::vector<std::string>& services);

  // Whether the range has whole minutes and steps are made of such.
  bool wants_rollups() const { return step_ns_ % kMinuteNs == 0 && first_minute_ < end_minute_; }
  Result<void> add(const base::Batch& batch);
  // What the sidecar knows of whole minutes; the rest of the file, or all of it without one, is left to a scan.
  Result<void> add(const FileEntry& file, SidecarCache& sidecars);

  struct Scan {
    std::vector<FileEntry> files;
    std::int64_t from_ns, to_ns;
  };
  std::vector<Scan> scans() const;
  // Adds what `from_item` holds.
  Result<void> add(Engine& engine, const std::string& from_item);

  std::vector<LatencyRow> take();

 private:
  bool wanted(std::string_view service) const;
  std::int64_t step_of(std::int64_t time_ns) const;
  std::int64_t begin_of(std::int64_t step) const;
  // kLimit instead of more than kLatencyRowsMax.
  Result<LatencyHistogram*> cell(std::string_view service, std::int64_t step);

  const base::Signal signal_;
  const std::int64_t from_ns_, to_ns_, step_ns_;
  const std::vector<std::string>& services_;
  std::int64_t first_minute_, end_minute_;  // whole minutes of the range: [first, end)
  using Steps = std::map<std::int64_t, LatencyHistogram>;  // by number of the step
  std::map<std::string, Steps, std::less<>> cells_;        // by service
  std::pair<const std::string, Steps>* last_ = nullptr;    // of cells_; neighbours are mostly of the same service
  std::size_t cell_count_ = 0;
  std::vector<FileEntry> whole_, ragged_;   // files to scan in all, and at the ends of the range
};

}  // namespace ringwall::store
