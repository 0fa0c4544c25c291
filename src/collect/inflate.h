// Compressed request bodies: gzip and zlib ("deflate"), several gzip members in a row included, within a limit.
//
// Limits: `bytes_max` of output, kGzipMembersMax (kLimit).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::collect {

inline constexpr int kGzipMembersMax = 1024;

// kInvalid when it is cut or not that format; kLimit when it would be larger than `bytes_max`, found out while
// inflating and never beyond it, whatever the input claims.
Result<std::string> inflate(std::string_view compressed, std::string_view encoding, std::size_t bytes_max);

}  // namespace ringwall::collect
