// Files that grow: log lines are followed through rotation by rename, copytruncate and deletion.
//
// A file is known by device, inode and a hash of its first bytes, not by its name.  Its source is "file:" and that
// identity; its position is the offset behind the last line handed over.  The offset advances only when the collector
// has the lines durably, and after a restart reading goes on at the collector's position: no line is lost or doubled.
//
//   renamed       the open file is read to its end, and kept until it was quiet for kQuietAfter while the new one is read
//   copytruncate  a file that became shorter, or whose bytes before our offset changed, begins a new generation at 0;
//                 what was unread of the old content is read from the sibling whose bytes at our offset continue ours.
//                 What a program writes between copying and truncating is lost by the rotation itself, as is a file
//                 that was filled and emptied again between two steps.
//   copies        a new file that repeats a followed one up to our offset is its copy and not read again (known while
//                 this process runs; a pattern that matches copies reads one again after a restart)
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
inline constexpr std::size_t kFilesMax = 1024;
inline constexpr std::size_t kIdentityBytes = 256;          // of the beginning, hashed
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
};

}  // namespace ringwall::collect
