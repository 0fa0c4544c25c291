// The bytes of `run/edge.ring`: how nginx workers hand records to the core without ever waiting.
//
//   file    := header:4096 control[ring_count]:256 each, padded to 4096   data[ring_count]:ring_bytes each
//   header  := FileHeader                      little-endian throughout
//   control := Control                         one per ring; three cache lines, one per writer of it
//   data    := byte ring; position p lies at offset p mod ring_bytes
//   frame   := length:u32 check:u32 payload    padded with whatever was there to a multiple of 8
//              length = payload bytes, or kSkip: the rest of this lap is empty, go on at its end
//              check  = low 32 bits of the frame's position, so a frame of an older lap is never taken for new
//
// `head` and `tail` are byte positions that only ever grow for the life of the file.  Exactly one process
// writes a ring (`owner`), exactly one reads all of them.  A frame exists from the moment `head` is stored
// (release) past it, and that happens after its last byte was written: a writer killed at any instruction
// leaves either the whole record or none.  A record never straddles the end of a lap; the writer leaves a skip.
//
// `owner` is one 64-bit word, so taking a ring is one compare-and-swap:
//   bits 0..21  process id (pid_max is at most 2^22)      bits 22..63  start time, clock ticks since boot
//   0           nobody
// A ring whose owner is gone may be taken over by the next writer at once, whether drained or not: positions
// continue, and only the reader moves `tail`.
//
// (epoch, ring index, position after the record) names a record for ever; that is the key of exactly-once.
// A file belongs to one boot of the machine: after a power cut its pages may be from different moments.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace ringwall::ring {

static_assert(std::endian::native == std::endian::little, "the shared files are little-endian");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

inline constexpr std::uint64_t kRingMagic = 0x31474e4952575200;  // "\0RWRING1"
inline constexpr std::uint32_t kRingVersion = 1;
inline constexpr std::uint32_t kRingCountMax = 1024;
inline constexpr std::uint64_t kRingBytesMin = 64 << 10;  // holds two of the largest records and more
inline constexpr std::uint64_t kRingBytesMax = 256 << 20;
inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::uint32_t kFrameHeaderBytes = 8;
inline constexpr std::uint32_t kPayloadBytesMax = 16 << 10;  // more is counted in dropped_oversize
inline constexpr std::uint32_t kSkip = 0xffffffff;
inline constexpr std::uint64_t kNobody = 0;
inline constexpr unsigned kOwnerPidBits = 22;

struct FileHeader {
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t ring_count;
  std::uint64_t ring_bytes;  // a power of two
  std::uint64_t epoch;       // random, never 0; tells this file from every other
  std::uint8_t boot_id[16];  // /proc/sys/kernel/random/boot_id at creation
  std::uint8_t reserved[16];
  // On a line of their own.  Since creation; never reset.
  alignas(64) std::atomic<std::uint64_t> dropped_full;  // the reader was too slow
  std::atomic<std::uint64_t> dropped_no_ring;           // every ring had a living owner
  std::atomic<std::uint64_t> dropped_oversize;          // larger than kPayloadBytesMax
};
static_assert(sizeof(FileHeader) == 128 && offsetof(FileHeader, dropped_full) == 64);

struct Control {
  alignas(64) std::atomic<std::uint64_t> owner;  // by whoever claims, releases or buries
  alignas(64) std::atomic<std::uint64_t> head;   // by the owner
  alignas(64) std::atomic<std::uint64_t> tail;   // by the reader
  std::uint8_t reserved[64];
};
static_assert(sizeof(Control) == 256);

struct FrameHeader {
  std::uint32_t length;
  std::uint32_t check;
};
static_assert(sizeof(FrameHeader) == kFrameHeaderBytes);

constexpr std::uint64_t frame_bytes(std::uint64_t payload) {
  return (kFrameHeaderBytes + payload + 7) & ~std::uint64_t{7};
}

constexpr std::uint64_t control_offset(std::uint32_t ring) {
  return kPageBytes + sizeof(Control) * std::uint64_t{ring};
}

constexpr std::uint64_t data_offset(std::uint32_t ring_count, std::uint64_t ring_bytes, std::uint32_t ring) {
  const auto controls =
      (sizeof(Control) * std::uint64_t{ring_count} + kPageBytes - 1) & ~(std::uint64_t{kPageBytes} - 1);
  return kPageBytes + controls + ring_bytes * ring;
}

constexpr std::uint64_t file_bytes(std::uint32_t ring_count, std::uint64_t ring_bytes) {
  return data_offset(ring_count, ring_bytes, ring_count);
}

}  // namespace ringwall::ring
