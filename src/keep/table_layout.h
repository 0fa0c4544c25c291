// The bytes of `keep.table`: records that nginx's workers share and that outlive them.
//
//   file   := header:4096 shard[shard_count]:65536 each      little-endian throughout
//   shard  := lock and lists:128 bucket[512]:u16 cell[503]:128 each
//   cell   := Cell; cells are named 1 .. 503, 0 is none
//   record := the head cell and, by `rest`, as many more as its key and value need: their `bytes` one behind the other hold
//             key, zeros up to a multiple of 8, value, zeros up to a multiple of 8
//
// A record belongs to the shard and the bucket its hash names, and is there from the moment a link (a bucket or another
// head's `next`) names its head.  That link is stored after everything the record needs, and what it no longer names is
// given back after it: a process killed at any instruction leaves the old record, the new one or none, and cells nobody names,
// which whoever takes the lock over collects (detail/shard.h).  One aligned word of a value may also be changed where it is.
//
// All zero is an empty shard, so that a new file is one page and a hole.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ringwall::keep {

static_assert(std::endian::native == std::endian::little, "the shared files are little-endian");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

inline constexpr std::uint64_t kTableMagic = 0x315045454b575200;  // "\0RWKEEP1"
inline constexpr std::uint32_t kTableVersion = 1;
inline constexpr std::size_t kTableHeaderBytes = 4096;
inline constexpr std::size_t kShardBytes = 64 << 10;
inline constexpr std::uint32_t kShardsMax = 1 << 20;  // 64 GiB
inline constexpr std::uint16_t kBuckets = 512;
inline constexpr std::uint16_t kCells = 503;          // what fits
inline constexpr std::size_t kCellBytes = 96;         // of a record, in one cell

inline constexpr std::size_t kKeyBytesMax = 128;          // of longer keys the beginning and a hash are kept
inline constexpr std::size_t kValueBytesMax = 8 << 10;
inline constexpr std::size_t kRecordCellsMax = (kKeyBytesMax + kValueBytesMax + kCellBytes - 1) / kCellBytes;

// Since creation; never reset.
struct Counters {
  std::atomic<std::uint64_t> busy;        // a lock was not had: no state that time
  std::atomic<std::uint64_t> taken_over;  // locks of processes that had died
  std::atomic<std::uint64_t> repaired;    // shards that were found damaged while they were used
  std::atomic<std::uint64_t> lost;        // records that were not whole when a shard was repaired or checked
  std::atomic<std::uint64_t> evicted;     // records that had to make room before their time
  std::atomic<std::uint64_t> too_large;   // values beyond kValueBytesMax
};

struct TableHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t shard_count;
  std::uint64_t seed;         // of the hash: nobody outside can aim at a shard
  std::uint8_t boot_id[16];   // of the boot under which all shards were last checked
  std::uint8_t reserved[24];
  alignas(64) Counters counters;
};
static_assert(sizeof(TableHeader) == 128);

enum class CellKind : std::uint8_t { kFree = 0, kHead = 1, kRest = 2 };

struct Cell {
  std::uint16_t next;  // of a head: the next in its bucket; of a free one: the next free one
  std::uint16_t rest;  // the next cell of the same record
  CellKind kind;
  // Of heads alone:
  std::uint8_t key_bytes;
  std::uint16_t value_bytes;
  std::uint64_t hash;
  std::int64_t expires_ns;
  std::uint32_t check;  // CRC-32C of space, key and value; looked at only after a reboot
  std::uint8_t space;   // keys of different spaces are different
  std::uint8_t reserved[3];
  char bytes[kCellBytes];
};
static_assert(sizeof(Cell) == 128 && offsetof(Cell, bytes) == 32);

struct Shard {
  // Nobody (0) or whom Owners::self names.
  std::atomic<std::uint64_t> lock;
  std::uint8_t reserved_lock[56];
  std::uint16_t free_head, free_count;
  std::uint16_t fresh;  // cells above this one were never used
  std::uint16_t hand;   // where the search for what can be evicted goes on
  std::uint8_t reserved_lists[56];
  std::uint16_t buckets[kBuckets];
  Cell cells[kCells];
};
static_assert(sizeof(Shard) == kShardBytes && offsetof(Shard, free_head) == 64 && offsetof(Shard, cells) == 1152);

constexpr std::uint64_t table_bytes(std::uint32_t shard_count) {
  return kTableHeaderBytes + kShardBytes * std::uint64_t{shard_count};
}

}  // namespace ringwall::keep
