// Policies: what the firewall does at which place of the application, and the rules it does it with.
//
//   policy file := JSON {"rules": FILE, "files": {PATH: FILE}, "policies": [{"name", "mode", "tx": {…}, "exclusions": [{"rules", "targets", "path"}],
//                                                          "limits": [limits.h], "bots": {"deny_score", "note_score", "honeypots"},
//                                                          "lists": [lists.h], "openapi": model.h}]}
//
// FILE is the name of a file beside the policy file: of a bundle (bundle.h), or of data that rules and lists know by PATH
// (data_files.h).  The core writes both, workers load them; a set is immutable and
// shared by threads.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "places/shared_bytes.h"
#include "policy/bots.h"
#include "policy/limits.h"
#include "policy/lists.h"
#include "policy/model.h"
#include "waf/engine.h"

namespace ringwall::policy {

inline constexpr std::size_t kPoliciesMax = 100'000;

struct PlacedExclusion {
  std::string rules;                 // as waf::Exclusion::rules
  std::vector<std::string> targets;  // "ARGS:content"
  std::string path;
  bool operator==(const PlacedExclusion&) const = default;
};

struct PolicyText {
  std::string name;
  waf::Mode mode = waf::Mode::kAsRules;
  std::vector<std::pair<std::string, std::string>> tx;
  std::vector<PlacedExclusion> exclusions;
  std::vector<LimitText> limits;
  std::vector<ListText> lists;
  std::optional<ModelText> model;
  BotText bots = {};
  bool operator==(const PolicyText&) const = default;
};

struct PolicyFile {
  std::string rules;
  std::vector<PolicyText> policies;
  std::map<std::string, std::string> files;  // what rules, lists and models come from, to the name of the file beside this one
};

std::string write_policy_file(const PolicyFile& file);
// `path` is for messages.
Result<PolicyFile> read_policy_file(std::string_view json, const std::string& path);

// Reads a file of the folder both are in: workers hold it open, because they may not go there by its path.
using Reader = std::function<Result<std::string>(const std::string& name)>;
Reader folder_reader(const std::string& folder);
// The same for data, which is not copied.
using Mapper = std::function<Result<places::SharedBytes>(const std::string& name)>;
Mapper folder_mapper(const std::string& folder);

struct Policy {
  std::string name;
  waf::Mode mode = waf::Mode::kAsRules;
  std::shared_ptr<const waf::Overlay> overlay;
  std::vector<Limit> limits;
  std::vector<List> lists;
  std::optional<PlacedModel> model;
  PolicyText text;  // what it was made of: a set that has the same takes the overlay over
};

struct ReadBundle;  // bundle.h

class PolicySet {
 public:
  // Loads a policy file and its bundle.  Rules of `previous` are kept when the bundle is the same, and what they are made of is used
  // again when it is not.  Without a mapper, policies name no data.  `bundle`: what it was made of, where the caller has just read it; its
  // source is taken.  Errors name the file at fault.
  static Result<std::shared_ptr<const PolicySet>> load(const Reader& read, const std::string& name, const std::shared_ptr<const PolicySet>& previous = nullptr, const Mapper& map = {},
                                                       ReadBundle* bundle = nullptr);

  const std::shared_ptr<const waf::RuleSet>& rules() const { return rules_; }
  // Null when there is none of this name.
  const Policy* find(std::string_view name) const;
  std::size_t size() const { return policies_.size(); }

 private:
  using Files = std::map<std::string, std::string>;
  Result<void> compile_rules(const Reader& read, const Mapper& map, const std::shared_ptr<const PolicySet>& previous, ReadBundle* bundle);
  Result<waf::RuleSetSource> source_of_bundle(const Reader& read, const Mapper& map);
  Result<AddressSetPtr> list_file(const std::string& path, const Mapper& map, const PolicySet* previous);
  Result<std::string> name_of_data(const std::string& path) const;

  std::string bundle_;  // its name, which stands for its content
  Files files_, rule_files_;                        // path to name: all, and those the rules asked for
  std::map<std::string, AddressSetPtr> list_files_;  // by name
  AddressSets sets_;
  std::shared_ptr<const waf::RuleSet> rules_;
  std::vector<Policy> policies_;  // sorted by name
  Models models_;
};

std::string_view name_of(waf::Mode mode);  // "rules", "off", "log", "block"

}  // namespace ringwall::policy
