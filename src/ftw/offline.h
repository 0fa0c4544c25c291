// Runs tests against the engine alone: the request is read the way a tolerant server reads it, and the answer is what the
// test's own backend (coreruleset's albedo) would give.
#pragma once

#include <memory>

#include "ftw/ftw.h"
#include "waf/engine.h"

namespace ringwall::ftw {

Runner offline_runner(std::shared_ptr<const waf::RuleSet> rules);

}  // namespace ringwall::ftw
