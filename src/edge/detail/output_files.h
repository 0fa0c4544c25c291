// Keeps the output files of instances from filling the disk.
#pragma once

#include <cstdint>
#include <string>

namespace ringwall::edge::detail {

// Above the first the beginning is given back to the file system, and the second is kept.
inline constexpr std::uint64_t kOutputBytesMax = 64u << 20;
inline constexpr std::uint64_t kOutputBytesKept = 32u << 20;

// The instance holds the file open, and a reader follows it by offset; so nothing is moved or cut.  The
// beginning becomes a hole instead (fallocate(2), FALLOC_FL_PUNCH_HOLE): offsets stay true, no line is lost
// between a copy and a truncation, and the disk gets its blocks back.  The reader is expected to be within the
// part that is kept. Returns the bytes given back; 0 also where the file system knows no holes.
std::uint64_t limit_output(const std::string& path, std::uint64_t bytes_max = kOutputBytesMax,
                           std::uint64_t bytes_kept = kOutputBytesKept);

}  // namespace ringwall::edge::detail
