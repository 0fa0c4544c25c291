// Whether a recorded match may be lost only because what matched is not in the record.
#pragma once

#include <cstdint>

#include "tune/exchange.h"

namespace ringwall::tune::detail {

bool may_be_missing(const Stored& stored, std::uint64_t rule_id);

}  // namespace ringwall::tune::detail
