// One change of what the firewall does, made in a declaration's text: a mode switched, exclusions added.
//
// The lines a person wrote stay as they are, comments and layout too; what is new is one line in their style.  The text that comes
// back means what the old one meant and the change, nothing else: it is read again and compared, and a layout that defeats this
// file (anchors, texts of several lines where a key should go) is refused instead of guessed at.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "declare/declaration.h"

namespace ringwall::declare {

// More in one edit are no answer to one request any more.
inline constexpr std::size_t kEditExclusionsMax = 32;

struct FirewallEdit {
  std::string host;   // a name of it; empty: all places
  std::string route;  // its path as it stands there; empty: the whole host
  std::string mode;   // "off", "log", "block", for a host or a route also "inherit"; empty stays
  std::vector<WafExclusion> exclusions;  // come before those that are there
};

// kNotFound for a host or route that is not there, kInvalid for a text that cannot be edited.  Whether a rule or a target is one is
// for the plan to say.
Result<std::string> edited(std::string_view text, const FirewallEdit& edit);

}  // namespace ringwall::declare
