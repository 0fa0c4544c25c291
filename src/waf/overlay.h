// What one place of an application (a host, a route) adds to a rule set that all places share: a mode, values of TX that
// settings of the Core Rule Set look at (a paranoia level, a threshold), and exclusions.
//
// Small and made in microseconds, so that a thousand hosts cost one rule set.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "waf/rule.h"

namespace ringwall::waf {

enum class Mode : std::uint8_t {
  kAsRules,  // what SecRuleEngine says
  kOff,
  kLog,      // rules run and are logged, nothing is refused
  kBlock,
};

// Rules that do not apply, or do not look at some variables.
struct Exclusion {
  std::string rules;              // ids and ranges "942100,920300-920399", or "tag:attack-sqli", or "msg:text"
  std::vector<Selector> targets;  // "ARGS:content"; empty: the rules as a whole
  std::string path;               // REQUEST_FILENAME begins with it, or with "= /path" is it; empty: everywhere
};

// Whether a reader could find a parent folder in this path, which was decoded once: a segment "..", between slashes or backslashes, with
// parameters ("..;a"), or in a second percent encoding.  What is bound to a path below is then not certain to be of that path.
bool names_parent(std::string_view path);

struct Adjustments {
  Mode mode = Mode::kAsRules;
  std::vector<std::pair<std::string, std::string>> tx;  // "blocking_paranoia_level" to "2"
  std::vector<Exclusion> exclusions;
};

// Adjustments joined to one rule set; made by RuleSet::overlay (engine.h).
class Overlay {
 public:
  virtual ~Overlay() = default;
};

}  // namespace ringwall::waf
