// Simulated doors to the world, for tests: a disk in memory that fails when told to and forgets what was not synced,
// and a clock that stands still until it is moved.
//
//   sim::Files files;
//   ... write, sync, write ...
//   files.crash(3);        // a power cut: of every file's unsynced tail three bytes reached the disk
//
// An operation is one call that may touch the disk: open, append, sync, truncate, rename, remove, write_atomic, read.
// A failed append leaves half of its bytes in the file, as a full disk does.  Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/world.h"

namespace ringwall::base::sim {

class Clock final : public base::Clock {
 public:
  explicit Clock(std::int64_t now_ns = 1'700'000'000'000'000'000) : now_ns_(now_ns) {}
  std::int64_t now_ns() override { return now_ns_; }
  std::int64_t monotonic_ns() override { return monotonic_ns_; }
  void advance(std::chrono::nanoseconds by) {
    now_ns_ += by.count();
    monotonic_ns_ += by.count();
  }
  // The wall clock alone: somebody set it.
  void jump(std::chrono::nanoseconds by) { now_ns_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_ns_;
  std::atomic<std::int64_t> monotonic_ns_{1'000'000'000};
};

// What a power cut leaves where unsynced bytes had been.
enum class Tail {
  kCut,    // the file ends after the bytes that were kept
  kZeros,  // the file has its length, but the rest is zeros: the size was written before the data
};

class Files final : public base::Files {
 public:
  static constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

  // The n-th operation from now on (0: the next one) fails with kUnavailable, and so do `count` - 1 after it.
  void fail_operation(std::uint64_t n, std::uint64_t count = 1);
  std::uint64_t operations() const;

  // Keeps the first `kept` bytes of the unsynced tail of each file, and what was synced.  Open files are dead after it.
  void crash(std::uint64_t kept, Tail tail = Tail::kCut);
  std::uint64_t unsynced(const std::string& path) const;  // bytes
  // Damages a file behind everybody's back.
  void flip(const std::string& path, std::uint64_t offset);

  Result<std::unique_ptr<AppendFile>> open_append(const std::string& path) override;
  Result<std::string> read(const std::string& path) override;
  Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::uint64_t bytes) override;
  Result<std::uint64_t> size(const std::string& path) override;
  Result<void> write_atomic(const std::string& path, std::string_view bytes, unsigned mode = 0600) override;
  Result<void> truncate(const std::string& path, std::uint64_t bytes) override;
  Result<void> remove(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> make_directories(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& path) override;

 private:
  friend class SimAppendFile;
  struct Node {
    std::string bytes;
    std::size_t synced = 0;
    std::uint64_t epoch = 0;  // of crashes; a handle from before one is dead
  };
  Result<void> operation_locked(std::string_view what, const std::string& path);
  Result<std::shared_ptr<Node>> find_locked(const std::string& path) const;

  mutable std::mutex mutex_;  // guards all that follows
  std::map<std::string, std::shared_ptr<Node>> nodes_;
  std::set<std::string> folders_;
  std::uint64_t operations_ = 0, fail_at_ = kNever, fail_count_ = 0, epoch_ = 0;
};

}  // namespace ringwall::base::sim
