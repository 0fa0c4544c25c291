// Adds up the histograms of a question from where its records are: memory, the sidecars of files, and scans of the rest.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "store/detail/file_set.h"
#include "store/latency.h"

namespace ringwall::store {

class LatencyCollector {
 public:
  LatencyCollector(base::Signal signal, std::int64_t from_ns, std::int64_t to_ns, std::int64_t step_ns);

  // Whether the step is made of whole minutes.
  bool wants_rollups() const { return step_ns_ % kMinuteNs == 0 && first_minute_ < end_minute_; }
  void add(const base::Batch& batch);
  // What the sidecar knows of whole minutes; the rest of the file, or all of it without one, is left to a scan.
  void add(const FileEntry& file, const std::shared_ptr<const Sidecar>& sidecar);

  struct Scan {
    std::vector<FileEntry> files;
    std::int64_t from_ns, to_ns;
  };
  std::vector<Scan> scans() const;
  // Counts by service, step and bucket of what `from_item` holds; its answer goes to add().
  std::string sql(const std::string& from_item) const;
  void add(const Table& counted);

  std::vector<LatencyRow> take();

 private:
  LatencyHistogram& cell(std::string_view service, std::int64_t time_ns);

  const base::Signal signal_;
  const std::int64_t from_ns_, to_ns_, step_ns_;
  std::int64_t first_minute_, end_minute_;  // whole minutes of the range: [first, end)
  std::map<std::int64_t, std::map<std::string, LatencyHistogram, std::less<>>> cells_;  // by step
  std::vector<FileEntry> whole_, ragged_;   // files to scan in all, and at the ends of the range
};

}  // namespace ringwall::store
