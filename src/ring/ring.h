// The core's side of `run/edge.ring`: creates the file before nginx starts and reads what workers wrote.
// The bytes are described in ring_layout.h, the workers' side is writer.h.
//
//   auto reader = RW_TRY(ring::Reader::open_or_create(path, {}));
//   RW_TRY(reader.seek(i, last_spooled_position));       // once, after a restart; see below
//   for (;;) {                                           // every few milliseconds
//     for (i = 0; i < reader.ring_count(); ++i)
//       while (auto entry = reader.next(i)) batch.add(*entry);      // payload points into the file
//     spool.append(batch, positions);  spool.sync();                // durable first
//     for (each ring that gave something) reader.commit(i, its last entry's position);
//     reader.release_dead();
//   }
//
// next() moves only this object's cursor; commit() gives the bytes back to the worker.  A crash between the
// two repeats the entries, which is why the spool keeps (epoch, ring, position) with them: after a restart
// seek() skips what it already has.  One thread at a time; one reader process at a time (open takes a lock).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ring/ring_layout.h"

namespace ringwall::ring {

struct Options {
  std::uint32_t ring_count = 64;        // one per nginx worker; old and new ones overlap during a reload
  std::uint64_t ring_bytes = 2u << 20;  // a power of two; about 4000 records, 200 ms of a very busy worker
};

struct Entry {
  std::string_view payload;    // an edge record, not yet validated; dies with the commit() that passes it
  std::uint64_t position = 0;  // after this record: what to commit() and to remember
};

struct Drops {
  std::uint64_t full = 0, no_ring = 0, oversize = 0;  // by workers, since the file was created
  std::uint64_t corrupt_bytes = 0;                    // skipped by this reader: frames that make no sense
};

class Reader {
 public:
  // Opens the file of this boot, whatever its dimensions, or makes a new one with a new epoch when there is
  // none, its header is wrong or it is from an earlier boot.  nginx keeps what it mapped, so never delete the
  // file while nginx runs.  kUnavailable when another process reads it, kInvalid for impossible options.
  static Result<Reader> open_or_create(const std::string& path, const Options& options);

  Reader(Reader&& other) noexcept;
  Reader& operator=(Reader&& other) noexcept;
  ~Reader();

  std::uint64_t epoch() const;
  std::uint32_t ring_count() const;
  std::uint64_t ring_bytes() const;
  Drops drops() const;

  // The next record of this ring, or nothing.  A frame that makes no sense ends this lap of the ring: the
  // cursor jumps to head and the bytes are counted in drops().corrupt_bytes.
  std::optional<Entry> next(std::uint32_t ring);

  // Where the cursor and the tail of this ring stand.
  std::uint64_t cursor(std::uint32_t ring) const;
  std::uint64_t tail(std::uint32_t ring) const;

  // Everything up to `position` is durable elsewhere; the worker may overwrite it.
  void commit(std::uint32_t ring, std::uint64_t position);

  // Goes on after `position`, the last one that is durable.  At or before tail: begins at tail.  kCorrupt
  // beyond head: the position is not of this file (compare epochs first).
  Result<void> seek(std::uint32_t ring, std::uint64_t position);

  // Frees drained rings of processes that are gone.  Returns how many.
  std::uint32_t release_dead();

  // Rings with an owner that lives.
  std::uint32_t rings_in_use() const;

 private:
  static constexpr std::uint64_t kNoGap = ~std::uint64_t{0};
  struct Lane {
    std::uint64_t cursor;
    // Bytes that made no sense; tail passes them as soon as everything before them is committed.
    std::uint64_t gap_from, gap_to;
  };

  Reader() = default;
  Control& control(std::uint32_t ring) const;
  const char* data(std::uint32_t ring) const;
  FileHeader& header() const;
  void close_gap(std::uint32_t ring);

  int fd_ = -1;
  char* base_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::uint32_t ring_count_ = 0;  // copied at open: the file's header is shared memory
  std::uint64_t ring_bytes_ = 0;
  std::uint64_t corrupt_bytes_ = 0;
  std::vector<Lane> lane_;
};

}  // namespace ringwall::ring
