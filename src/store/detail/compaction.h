// Merging small files of one hour into one with the same order.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "store/detail/engine.h"
#include "store/detail/file_set.h"
#include "store/detail/file_writer.h"

namespace ringwall::store {

inline constexpr std::size_t kMergeFilesMin = 8;         // of one level, while their hour still runs
inline constexpr std::size_t kMergeFilesMax = 64;
inline constexpr std::uint64_t kMergeRowsMax = 4'000'000;  // of the file that comes out
inline constexpr std::uint64_t kSmallRows = 1'000'000;     // a file below is merged once its hour is over
inline constexpr std::int64_t kHourSettledNs = 10LL * 60 * 1'000'000'000;  // late records have arrived by then

// Rows in memory at once while merging; with them goes about three times their text.
// A slice with more text is not merged: rows of 30 KB would be gigabytes.
inline constexpr std::size_t kMergeSliceBytesMax = 256u << 20;
inline constexpr std::uint64_t kMergeSliceRows = 200'000;
// A second with more rows is not merged, which keeps the promise about memory.
inline constexpr std::uint64_t kMergeSecondRowsMax = 1'000'000;

// Which of the live files of a signal to merge next; empty when there is nothing to do.
std::vector<FileEntry> choose_merge(const std::vector<FileEntry>& live, std::int64_t now_ns);

// Gives the rows of `inputs` in order, a slice of time after the other.  `may_go_on` is asked before each slice: it
// waits while the machine has better things to do, and ends the merge with an error at shutdown.
Result<std::unique_ptr<SliceSource>> open_merge(Engine& engine, base::Signal signal, std::vector<FileEntry> inputs,
                                                std::function<Result<void>()> may_go_on);

}  // namespace ringwall::store
