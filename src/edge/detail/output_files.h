// Keeps the output files of instances from filling the disk.
#pragma once

#include <cstdint>
#include <string>

namespace ringwall::edge::detail {

// Above the first the beginning is given back to the file system, and the second is kept.
inline constexpr std::uint64_t kOutputBytesMax = 64u << 20;
inline constexpr std::uint64_t kOutputBytesKept = 32u << 20;
// A reader compares what lies before its offset with what it knows, so some of what it has read stays too.
inline constexpr std::uint64_t kReaderLooksBack = 64u << 10;

// The instance holds the file open, and a reader follows it by offset; so nothing is moved or cut.  The
// beginning becomes a hole instead (fallocate(2), FALLOC_FL_PUNCH_HOLE): offsets stay true, no line is lost
// between a copy and a truncation, and the disk gets its blocks back.  Only what its
// reader has made durable elsewhere (`durable_bytes` from the beginning) is given back. Returns the bytes given back; 0 also where the file system knows no holes.
std::uint64_t limit_output(const std::string& path, std::uint64_t durable_bytes, std::uint64_t bytes_max = kOutputBytesMax,
                           std::uint64_t bytes_kept = kOutputBytesKept);

}  // namespace ringwall::edge::detail
