// The published files of a signal, and the FROM item that reads those a question may concern.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "blob/blob.h"
#include "catalog/catalog.h"
#include "store/detail/sidecar.h"
#include "store/store.h"

namespace ringwall::store {

// Sidecars in memory, least recently used first out.  Thread-safe.
class SidecarCache {
 public:
  SidecarCache(blob::Blob& blob, std::size_t bytes_max) : blob_(blob), bytes_max_(bytes_max) {}
  // Null when there is none or it cannot be read; the file is then read, so an answer is slower but not wrong.
  std::shared_ptr<const Sidecar> get(const catalog::File& file);
  void put(const std::string& key, Sidecar sidecar);
  void drop(const std::string& key);

 private:
  struct Cached {
    std::shared_ptr<const Sidecar> sidecar;
    std::list<std::string>::iterator recency;
  };
  void insert_locked(const std::string& key, std::shared_ptr<const Sidecar> sidecar);

  blob::Blob& blob_;
  const std::size_t bytes_max_;
  std::mutex mutex_;
  std::unordered_map<std::string, Cached> cached_;  // guarded by mutex_
  std::list<std::string> recency_;                  // guarded by mutex_; front is the oldest
  std::size_t bytes_ = 0;                           // guarded by mutex_
};

// Shared by the live list and by the relations that read it, so that its last reader is known.
using FileEntry = std::shared_ptr<const catalog::File>;

// What of the files a question has to read.
struct FilePlan {
  std::vector<std::string> selects;  // joined by UNION ALL
  std::vector<FileEntry> files;
  std::size_t pruned = 0;
  std::uint64_t bytes = 0;
};

FilePlan plan_files(base::Signal signal, const std::vector<FileEntry>& live, std::int64_t from_ns, std::int64_t to_ns,
                    const Hints& hints, SidecarCache& sidecars);

// False only when none of the file's records is of these services; empty: any will do.
bool may_have_service(const catalog::File& file, const std::vector<std::string>& services);

// " WHERE …" for from_ns <= time < to_ns.
std::string time_condition(std::int64_t from_ns, std::int64_t to_ns);
// "read_parquet(['rwblob://…', …])"
std::string read_parquet_sql(const std::vector<FileEntry>& files);

}  // namespace ringwall::store
