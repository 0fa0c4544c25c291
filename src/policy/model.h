// Positive models of a policy: which requests an API takes (openapi/openapi.h), and what becomes of others.
//
//   model := JSON {"file", "mode", "unknown_parameters", "unknown_paths", "base_path"}
//
// FILE is the document as JSON, beside the policy file and named by its hash: "model-<hash>".
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "openapi/openapi.h"
#include "waf/engine.h"

namespace ringwall::policy {

struct ModelText {
  std::string file;
  waf::Mode mode = waf::Mode::kAsRules;  // kAsRules: that of its place
  openapi::Options options;
  bool operator==(const ModelText&) const = default;
};

struct PlacedModel {
  std::shared_ptr<const openapi::Model> model;
  ModelText text;
};

// Models by the name of their file.
using Models = std::map<std::string, std::shared_ptr<const openapi::Model>>;

// The document of a file that a worker reads.
Result<std::shared_ptr<const openapi::Model>> load_model(std::string_view json, const std::string& name);

// Rule ids of what a model finds, outside of those that rule sets for everybody use.
inline constexpr std::uint64_t kModelRulePath = 89000, kModelRuleMethod = 89001, kModelRuleContentType = 89002, kModelRuleParameter = 89003, kModelRuleBody = 89004,
                               kModelRuleNotJudged = 89005;
inline constexpr std::string_view kModelTag = "ringwall/openapi";

// What was found, in the form of rules that matched.
std::vector<waf::Match> model_matches(const openapi::Judgement& judgement, bool refused);

}  // namespace ringwall::policy
