// The firewall of a declaration: its rules as one bundle, and a policy for each route.
//
// Policies are named after their place, "shop.example.com /api/", which is also what nginx's configuration says; so a mode or an
// exclusion changes without nginx hearing of it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "declare/declaration.h"
#include "policy/policy.h"

namespace ringwall::edge {

inline constexpr const char* kPoliciesFile = "policies.json";

struct FirewallPlan {
  bool on = false;
  std::string bundle_name, bundle;                // "rules-<hash>" and its bytes
  std::map<std::string, std::string> models;      // "model-<hash>" and its bytes
  policy::PolicyFile policies;
  std::shared_ptr<const policy::PolicySet> set;   // compiled: what workers will make of it
  std::vector<std::string> warnings;              // of the rules beside the core rule set, and of API descriptions
};

// Reads and compiles the rules, and the descriptions of APIs.  Errors name the rule file and line, or the policy whose exclusion is wrong.  What `previous` was made
// of is used again.
Result<FirewallPlan> firewall_plan(const declare::Declaration& declaration, const std::string& base_directory,
                                   const std::shared_ptr<const policy::PolicySet>& previous = nullptr);

std::string place_name(const declare::Host& host, const declare::Route& route);

}  // namespace ringwall::edge
