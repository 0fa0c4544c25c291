// One stored request judged by rules: what it would be answered, and which values each rule matched.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tune/exchange.h"
#include "tune/rules.h"
#include "waf/engine.h"

namespace ringwall::tune::detail {

inline constexpr std::size_t kHitsMax = 100;            // of a rule in one request
inline constexpr std::size_t kHitBytesMax = 64 << 10;   // of a value

// A value that a rule matched.
struct Hit {
  const waf::Rule* rule = nullptr;  // of a chain: the one of its rules
  waf::Variable variable = waf::Variable::kArgs;
  std::string name, raw, seen;      // as it came, and as the operator saw it
  std::string target() const;       // "ARGS:content", as selectors are written
};

struct RuleMatch {
  std::uint64_t rule_id = 0;
  const waf::Rule* rule = nullptr;  // of the compiled set
  int phase = 0, severity = -1;
  bool refuses = false;
  std::string message, data, variable, value;
  std::vector<std::string> tags;
  std::vector<Hit> hits;  // only when values are kept
  bool finds = true;      // it looks at the exchange itself and not only at what other rules counted
};

struct Judged {
  bool judged = false;  // false: no place judges it
  bool refused = false;
  int status = 0;
  std::uint64_t refused_by = 0;
  int score = 0;        // inbound anomaly score
  std::vector<RuleMatch> matches;  // of phases 1 to 3, in order; a rule at most once
};

enum class Keep : std::uint8_t { kIds, kTexts, kValues };

// Belongs to one thread; keeps the rules alive.
class Judge {
 public:
  explicit Judge(Rules rules);
  ~Judge();

  const Rules& rules() const { return rules_; }
  Judged run(const Stored& stored, Keep keep);
  // The value of a TX variable after the last run.
  std::string_view tx(std::string_view name) const { return transaction_->tx(name); }

 private:
  class Collector;
  const Rules rules_;
  std::unique_ptr<waf::Transaction> transaction_;
  std::unique_ptr<Collector> collector_;
};

// Whether a rule looks at the exchange: those that only add up have nothing but TX to look at.
bool finds(const waf::Rule& rule);
// Phase 3 says something of a request that was let through, and only when the answer's headers are there.
bool answer_known(const Stored& stored);

}  // namespace ringwall::tune::detail
