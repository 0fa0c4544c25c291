// The doors to the world: time and files.  Code takes them by reference, so that a test can put a simulated one
// in their place (base/sim.h) that jumps the clock, fails the n-th operation or loses what was not synced.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::base {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t now_ns() = 0;        // Unix time
  virtual std::int64_t monotonic_ns() = 0;  // for intervals
};
Clock& real_clock();

// A file that only grows.  One writer.
class AppendFile {
 public:
  virtual ~AppendFile() = default;
  virtual Result<void> append(std::string_view bytes) = 0;
  // Returns once everything appended survives a power cut (fdatasync).
  virtual Result<void> sync() = 0;
};

class Files {
 public:
  virtual ~Files() = default;
  // Opens for appending; creates it, its name made durable by syncing the folder.
  virtual Result<std::unique_ptr<AppendFile>> open_append(const std::string& path) = 0;
  virtual Result<std::string> read(const std::string& path) = 0;
  virtual Result<std::string> read_range(const std::string& path, std::uint64_t offset, std::uint64_t bytes) = 0;
  virtual Result<std::uint64_t> size(const std::string& path) = 0;
  // Writes a temporary file, syncs it and renames it over `path`: readers see the old or the new content, whole.
  virtual Result<void> write_atomic(const std::string& path, std::string_view bytes, unsigned mode = 0600) = 0;
  virtual Result<void> truncate(const std::string& path, std::uint64_t bytes) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> make_directories(const std::string& path) = 0;
  // Names in a folder, sorted, without "." and "..".
  virtual Result<std::vector<std::string>> list(const std::string& path) = 0;
};
Files& real_files();

}  // namespace ringwall::base
