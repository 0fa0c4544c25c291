// Files that grow: log lines are followed through rotation by rename, copytruncate and deletion.
//
// A file is known by its inode and time of birth, not by its name or beginning; where the file system tells no birth,
// by inode and device.  Its source is "file:" and that identity, with ":n" behind it once it was truncated n times.
// Its position is the offset behind the last line handed over, in the upper 44 bits, and a check of up to 1 KiB before
// it in the lower 20.  It advances only when the collector has the lines durably, and after a restart reading goes on
// there: no line is lost or doubled.
//
//   renamed       the open file is read to its end, and kept until it was quiet for kQuietAfter while the new one is
//                 read; what was renamed while nobody looked is found in its folder by its identity
//   copytruncate  a file that became shorter, or whose bytes before our offset changed, begins a new generation at 0;
//                 what was unread of the old content is read from the newest sibling that has our bytes at our offset.
//                 What a program writes between copying and truncating is lost by the rotation itself, as is a file
//                 that was filled and emptied again, or begun and renamed, between two steps.
//   copies        a new file that repeats a followed one in all it has is its copy and not read again, nor is one that
//                 an earlier run left behind; programs that begin their logs alike are read as soon as they differ
//   compressed    .gz, .zst, .xz and .bz2 siblings are passed over
//   cut line      a last line without its newline waits for the rest; of a file that lost its name, for kQuietAfter
//   multi-line    lines that do not match `multiline_start` belong to the record before, up to kRecordBytesMax; a record
//                 is complete when the next begins, or after kRecordQuiet
//
// step() does a bounded amount of work; a thread of the caller's calls it.  Not thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/world.h"
#include "collect/collector.h"

namespace ringwall::collect {

inline constexpr std::size_t kRecordBytesMax = 1u << 20;    // longer ones are cut and carry the attribute `truncated`
inline constexpr std::size_t kReadBytes = 1u << 20;         // read of one file in one step
inline constexpr std::size_t kFilesMax = 1024;           // further ones wait, and the log says so
inline constexpr std::size_t kIdentityBytes = 256;          // of the beginning, compared to find copies
inline constexpr std::chrono::seconds kQuietAfter{5};
inline constexpr std::chrono::milliseconds kRecordQuiet{1000};

struct FileTail {
  std::string path;  // absolute; the last part may hold * and ?
  std::string service, env, version, host, region;
  std::string format = "auto", multiline_start;
  std::map<std::string, std::string> tags;
};

class FileTailer {
 public:
  virtual ~FileTailer() = default;
  // kInvalid when a multiline_start does not compile.
  static Result<std::unique_ptr<FileTailer>> make(std::vector<FileTail> tails, Collector& collector, base::Clock& clock);
  // Looks for files, reads what is new, hands it over and waits for durability.  True when something was read.
  virtual bool step() = 0;
  // How much of the file now at `path` the collector has durably, from its beginning; 0 when it is not followed.
  virtual std::uint64_t durable(const std::string& path) const = 0;
};

}  // namespace ringwall::collect
