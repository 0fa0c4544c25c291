// A condition as a predicate of SQL over the store's relations.
//
// Nothing of what a user wrote becomes SQL text: it goes into parameters, numbered from `first_parameter`.
#pragma once

#include <string>
#include <vector>

#include "query/condition.h"
#include "store/store.h"

namespace ringwall::query {

struct Predicate {
  std::string sql;                       // "TRUE" when everything matches
  std::vector<store::Value> parameters;  // of $first, $first+1, …
  store::Hints hints;                    // what every matching record has
};

// The predicate is true for records that match and false or NULL for others.
Predicate predicate_of(const Condition& condition, base::Signal signal, std::size_t first_parameter = 1);

}  // namespace ringwall::query
