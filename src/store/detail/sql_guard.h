// Which statements of a user may run.  Includes duckdb.hpp: only for duck.cpp.
#pragma once

#include <duckdb.hpp>

#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::store {

inline constexpr std::size_t kUntrustedSqlBytesMax = 64u << 10;

// Parses `sql` and gives back its single SELECT when it reads nothing but `views`, its own CTEs, VALUES and
// range()/generate_series()/unnest(); kInvalid for a syntax error, kDenied for anything else, kLimit when too long.
//
// This is the first of two walls.  The second is the instance it runs in: no local file system, no extensions,
// external access disabled and the configuration locked.
Result<std::unique_ptr<duckdb::SQLStatement>> guard_select(std::string_view sql, const std::set<std::string>& views);

}  // namespace ringwall::store
