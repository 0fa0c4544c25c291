// The spool: batches on disk before anybody is told they were accepted.  Format: docs/formats/spool.md.
//
//   file    := "RWSPOOL1" epoch:u64 first_sequence:u64 crc:u32 record*   00000000000000000001.spool; little-endian
//   record  := "RWR1" length:u32 crc:u32 body                            CRC-32C over body; length is body's
//   body    := sequence:u64 group:u64 position:u64 digest:2*u64 source_bytes:u16 source payload
//   payload := a zstd frame of base::encode(batch)
//
// Records that were written and synced together carry the sequence of their first one as `group`.  The last group of
// the last file may be cut or damaged: a crash interrupted it, nobody was told it is there, and open() cuts it off.
// A damaged place with a whole record of a later group behind it had been synced, as had every file before the last:
// the disk lost data, and open() refuses (kCorrupt, file and offset).
//
// Not thread-safe: the collector's commit thread is its only user.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.h"
#include "base/record.h"
#include "base/result.h"
#include "base/world.h"

namespace ringwall::collect {

inline constexpr std::size_t kSpoolBodyBytesMax = 256u << 20;
inline constexpr std::size_t kSourceBytesMax = 512;

// The payload of a batch; called on the submitting thread, so that both cores compress.
Result<std::string> compress_batch(const base::Batch& batch);
// Fails with kCorrupt, and with kLimit when the frame says it is larger than a batch may be.
Result<base::Batch> decompress_batch(std::string_view payload);

// One record's fields, with views into the bytes it was read from.
struct SpoolRecord {
  std::uint64_t sequence = 0, group = 0, position = 0;
  base::Digest digest;
  std::string_view source, payload;
};
struct SpoolHead {
  std::uint64_t epoch = 0, first_sequence = 0;
};
// Checks the head of a file; `offset` is set behind it.  Fails with kCorrupt.
Result<SpoolHead> read_head(std::string_view segment, std::size_t& offset);
// The record at `offset`, which is advanced past it.  kNotFound at the end, kCorrupt when it is cut or damaged.
Result<SpoolRecord> read_record(std::string_view segment, std::size_t& offset);

class Spool {
 public:
  struct Options {
    std::string directory;
    std::uint64_t segment_bytes_max = 64ull << 20;
    std::uint64_t checkpoint = 0;  // sequences up to here are published: not replayed
    std::uint64_t epoch = 0;       // of this opening, written into new files: tells which run wrote them
  };
  using Replay = std::function<Result<void>(const SpoolRecord&)>;
  // Gives every whole record beyond the checkpoint to `replay`, in order; one file is in memory at a time.
  static Result<std::unique_ptr<Spool>> open(base::Files& files, Options options, const Replay& replay);

  // Appends to the group being gathered and gives the sequence it will have; nothing is durable before commit().
  std::uint64_t add(std::uint64_t position, const base::Digest& digest, std::string_view source, std::string_view payload);
  // Writes the group and syncs it.  After a failure none of it counts, its sequences are given out again, and the
  // file is cut back to what was durable before anything else is written.
  Result<void> commit();

  // Removes files whose records are all at or below `sequence`.
  void release(std::uint64_t sequence);

  std::uint64_t last_sequence() const { return last_sequence_; }
  std::uint64_t bytes() const;
  std::size_t segments() const { return segments_.size(); }

 private:
  struct Segment {
    std::string path;
    std::uint64_t first = 0, last = 0;  // sequences; last < first: none yet
    std::uint64_t bytes = 0;            // durable
  };
  Spool(base::Files& files, Options options) : files_(files), options_(std::move(options)) {}
  Result<void> recover(const Replay& replay);
  Result<void> recover_file(const std::string& name, bool last_file, const Replay& replay);
  Result<void> begin_file();
  Result<void> write();

  base::Files& files_;
  Options options_;
  std::vector<Segment> segments_;           // oldest first; the last one is written to when file_ is open
  std::unique_ptr<base::AppendFile> file_;  // null: a new segment is begun at the next commit
  std::string buffer_;                      // the group being gathered
  std::uint64_t added_ = 0;                 // records in it
  std::uint64_t last_sequence_ = 0;         // durable
  bool cut_needed_ = false;                 // the current file may hold bytes of a failed commit
};

}  // namespace ringwall::collect
