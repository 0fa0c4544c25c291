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
#include "policy/data_files.h"
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

// Reads and compiles the rules, and the descriptions of APIs.  Errors name the rule file and line, or the policy whose exclusion is
// wrong.  What `previous` was made of is used again.  `data`: where files of lists and places go; null: they stay in memory.
Result<FirewallPlan> firewall_plan(const declare::Declaration& declaration, const std::string& base_directory,
                                   const std::shared_ptr<const policy::PolicySet>& previous = nullptr, policy::DataFiles* data = nullptr);
// The same plan with other files of data, `plan.policies.files`: rules are not read again.
Result<void> recompile(FirewallPlan& plan, const policy::DataFiles& data);

// Whether both have the same rules and descriptions of APIs, by the content of their files.
bool same_rules(const FirewallPlan& a, const FirewallPlan& b);

std::string place_name(const declare::Host& host, const declare::Route& route);

}  // namespace ringwall::edge
