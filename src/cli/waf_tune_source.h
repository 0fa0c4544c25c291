// Where the tuning commands get rules and stored requests from.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/context.h"
#include "tune/rules.h"

namespace ringwall::cli {

// Of a SecLang file, or of a declaration (.yaml, .yml, .json), whose findings are printed.
Result<tune::Rules> tune_rules_of(const std::string& path, const Context& context);
// Those in force in the running Ringwall; kUnavailable without one, kNotFound when its firewall is off.
Result<tune::Rules> tune_rules_in_force(const Context& context);

struct TuneTraffic {
  std::string file;  // JSON lines, "-" for standard input; empty: the store of the running Ringwall
  std::string from = "now-24h", to = "now", query;
};
// Hands over the records line by line, some thousand at a time.
Result<void> read_traffic(const TuneTraffic& traffic, const Context& context, const std::function<Result<void>(const std::vector<std::string>&)>& take);
// The audit record of one request as `ringwall logs --json` shows it.
Result<std::string> find_audit(const std::string& trace_id, const TuneTraffic& traffic, const Context& context);

}  // namespace ringwall::cli
