// The order of records in a file.  Similar records lie together, which is a tenth of the bytes, while time stays
// coarse enough for row groups to be left out by it:
//
//   logs      quarter of an hour, service, template of the message, time
//   spans     quarter of an hour, trace, time
//   metrics   quarter of an hour, name, labels, time
//
// The template of a message is the message with every word that holds a digit taken out.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/record.h"
#include "store/detail/columns.h"

namespace ringwall::store {

inline constexpr std::int64_t kHourNs = 3'600'000'000'000;
inline constexpr std::int64_t kQuarterNs = kHourNs / 4;
// Records of more hours than this in one flush share the file of the oldest: a source with a broken clock must not
// make a file per record.
inline constexpr std::size_t kPartitionsPerFlushMax = 32;

std::int64_t floor_div(std::int64_t value, std::int64_t by);
std::uint64_t template_hash(std::string_view message);

// The rows of one hour, in order.
struct OrderedPart {
  std::int64_t partition = 0;  // hours since 1970
  std::vector<RowRef> rows;
};

// The batches have to outlive the answer.
std::vector<OrderedPart> order_rows(base::Signal signal, const std::vector<std::shared_ptr<const base::Batch>>& batches);

}  // namespace ringwall::store
