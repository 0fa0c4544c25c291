// A condition evaluated on one record, without DuckDB: what the live tail does.  The answer is the one that
// predicate_of() gives for the same record in the store; match_test.cpp compares the two.
#pragma once

#include <cstddef>

#include "base/record.h"
#include "query/condition.h"

namespace ringwall::query {

// `condition` was resolved for the signal of `batch`.
bool matches(const Condition& condition, const base::Batch& batch, std::size_t record);

}  // namespace ringwall::query
