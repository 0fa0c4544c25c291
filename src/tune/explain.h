// Why one request was judged so: each rule that matched, each value it matched, and what became of the value on the way to the
// operator.  The request is judged again from its record; where that says otherwise than the record, both are told.
//
// Errors: kNotFound when no place of the rules judges the request.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tune/rules.h"

namespace ringwall::tune {

inline constexpr std::size_t kExplainedBytesMax = 4096;  // of each value shown

struct ExplainedStep {
  std::string transformation, value;  // after it
};

struct ExplainedValue {
  std::string target;                // "ARGS:q"
  std::string file;                  // of the rule of a chain that looked at it
  int line = 0;
  std::string raw;                   // as it came
  std::vector<ExplainedStep> steps;  // every transformation of the rule, in order
  std::string operation;             // "@rx …", "!@ge 5 (%{tx.threshold})"
  std::string found;                 // the part of the value that matched; empty: the value as a whole
};

struct ExplainedRule {
  std::uint64_t rule_id = 0;
  std::string message, data, file;
  int line = 0, phase = 0, severity = -1;
  bool refuses = false;              // it decided
  bool adds_up = false;              // it looks at nothing but scores
  bool recorded = false, now = false;
  std::string lost;                  // why it is recorded and does not match now
  bool by_description = false;       // of an API, which is not asked again
  std::vector<std::string> scores;   // "inbound_anomaly_score_pl1 +5"
  int score = 0;                     // their sum
  std::vector<ExplainedValue> values;  // of a rule that matches now; otherwise what was recorded
};

struct Explanation {
  Stored stored;
  std::string place;
  bool refused_then = false;         // or would have been, where the firewall only logs
  bool refused_by_description = false;  // of an API: the rules alone are asked again
  bool refused_now = false;
  int status_now = 0, score_now = 0;
  std::uint64_t refused_by = 0;
  bool same = false;                 // verdict and rules of phases 1 and 2 (3 where it can be known)
  std::vector<ExplainedRule> rules;  // in the order in which they matched
};

Result<Explanation> explain(const Rules& rules, const Stored& stored);

}  // namespace ringwall::tune
