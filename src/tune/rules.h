// The rules that stored requests are judged by: a compiled rule set, and the policies of the places requests went to.
//
// Every place that is not off judges as if it were in mode block: "refused" below means that the rules refuse it, also where the
// mode `log` lets it through.  Immutable and shared by threads.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "policy/policy.h"
#include "tune/exchange.h"

namespace ringwall::tune {

class Rules {
 public:
  // A policy file and its bundle, as run/waf of a running Ringwall holds them and edge::firewall_plan makes them.
  // `hosts`: further names of a host to the one that its places are named after.  Errors are those of policy::PolicySet::load.
  // `map`: for the databases of places that rules look into.  Lists and limits of the places are no rules, and are left out.
  static Result<Rules> load(policy::PolicyFile file, std::string bundle, std::map<std::string, std::string> hosts = {}, const policy::Mapper& map = {});
  // One SecLang file for all places.  `path` is the file's, absolute.
  static Result<Rules> of_file(const std::string& path);
  // The same rules, and further exclusions in every place; takes milliseconds.
  Result<Rules> with(const std::vector<policy::PlacedExclusion>& exclusions) const;

  // What a request is judged by: the place it was recorded for or else, by host and path, the one it would go to now.  Null: there is
  // none, or it is off.
  const policy::Policy* place_of(const Stored& stored) const;
  // Null when the set has none of this number.
  const waf::Rule* rule(std::uint64_t id) const;
  // Whether the rule, when it matches, refuses the request.
  bool refuses(std::uint64_t id) const;
  const std::shared_ptr<const waf::RuleSet>& set() const { return set_->rules(); }
  const policy::PolicyFile& file() const { return file_; }

 private:
  Rules() = default;

  policy::PolicyFile file_;  // all modes block or off
  std::shared_ptr<const policy::PolicySet> set_;
  std::shared_ptr<const waf::RuleSetSource> source_;
  std::shared_ptr<const std::map<std::uint64_t, const waf::Rule*>> by_id_;  // of source_
  std::map<std::string, std::string> hosts_;
};

}  // namespace ringwall::tune
