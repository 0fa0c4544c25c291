#include "policy/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/world.h"
#include "policy/bundle.h"

namespace ringwall::policy {

namespace {

using Json = nlohmann::json;

constexpr std::pair<waf::Mode, std::string_view> kModes[] = {
    {waf::Mode::kAsRules, "rules"}, {waf::Mode::kOff, "off"}, {waf::Mode::kLog, "log"}, {waf::Mode::kBlock, "block"}};

// A member that is a text, or "" when it is not there.
bool text_of(const Json& object, const char* key, std::string& out) {
  const auto found = object.find(key);
  if (found == object.end()) return true;
  if (!found->is_string()) return false;
  out = found->get<std::string>();
  return true;
}

bool read_texts(const Json& object, const char* key, std::vector<std::string>& out) {
  const auto found = object.find(key);
  if (found == object.end()) return true;
  if (!found->is_array()) return false;
  for (const auto& text : *found) {
    if (!text.is_string()) return false;
    out.push_back(text.get<std::string>());
  }
  return true;
}

bool read_exclusion(const Json& json, PlacedExclusion& out) {
  if (!json.is_object() || !text_of(json, "rules", out.rules) || !text_of(json, "path", out.path)) return false;
  return read_texts(json, "targets", out.targets);
}

bool read_number(const Json& object, const char* key, std::int64_t& out) {
  const auto found = object.find(key);
  if (found == object.end()) return true;
  if (!found->is_number_integer()) return false;
  out = found->get<std::int64_t>();
  return true;
}

bool read_limit(const Json& json, LimitText& out) {
  if (!json.is_object() || !text_of(json, "name", out.name) || !text_of(json, "key", out.key) || !text_of(json, "path", out.path)) return false;
  if (!text_of(json, "distinct", out.distinct) || !text_of(json, "location", out.location)) return false;
  for (const auto& [key, number] : {std::pair{"requests", &out.requests}, {"period_ms", &out.period_ms}, {"burst", &out.burst}, {"concurrent", &out.concurrent}, {"bots", &out.bots}}) {
    if (!read_number(json, key, *number)) return false;
  }
  if (!read_texts(json, "methods", out.methods)) return false;
  const auto statuses = json.find("statuses");
  if (statuses == json.end()) return true;
  if (!statuses->is_array()) return false;
  for (const auto& status : *statuses) {
    if (!status.is_number_integer()) return false;
    out.statuses.push_back(status.get<int>());
  }
  return true;
}

bool read_bots(const Json& json, BotText& out) {
  return json.is_object() && read_number(json, "deny_score", out.deny_score) && read_number(json, "note_score", out.note_score) && read_texts(json, "honeypots", out.honeypots) &&
         out.honeypots.size() <= kHoneypotsMax;
}

bool read_policy(const Json& json, PolicyText& out) {
  std::string mode = "rules";
  if (!json.is_object() || !text_of(json, "name", out.name) || !text_of(json, "mode", mode)) return false;
  const auto* known = std::find_if(std::begin(kModes), std::end(kModes), [&](const auto& one) { return one.second == mode; });
  if (known == std::end(kModes)) return false;
  out.mode = known->first;
  if (const auto tx = json.find("tx"); tx != json.end()) {
    if (!tx->is_object()) return false;
    for (const auto& [name, value] : tx->items()) {
      if (!value.is_string()) return false;
      out.tx.emplace_back(name, value.get<std::string>());
    }
  }
  if (const auto exclusions = json.find("exclusions"); exclusions != json.end()) {
    if (!exclusions->is_array()) return false;
    for (const auto& one : *exclusions) {
      if (!read_exclusion(one, out.exclusions.emplace_back())) return false;
    }
  }
  if (const auto limits = json.find("limits"); limits != json.end()) {
    if (!limits->is_array()) return false;
    for (const auto& one : *limits) {
      if (!read_limit(one, out.limits.emplace_back())) return false;
    }
  }
  if (const auto bots = json.find("bots"); bots != json.end() && !read_bots(*bots, out.bots)) return false;
  return true;
}

Result<Policy> compile(const PolicyText& text, const waf::RuleSet& rules) {
  waf::Adjustments adjustments{text.mode, text.tx, {}};
  for (const auto& one : text.exclusions) {
    waf::Exclusion exclusion{one.rules, {}, one.path};
    for (const auto& target : one.targets) {
      for (auto& selector : RW_TRY(waf::parse_selectors(target))) exclusion.targets.push_back(std::move(selector));
    }
    adjustments.exclusions.push_back(std::move(exclusion));
  }
  Policy out{text.name, text.mode, RW_TRY(rules.overlay(adjustments)), {}, text};
  for (const auto& one : text.limits) out.limits.push_back(RW_TRY(compile_limit(one)));
  return out;
}

}  // namespace

std::string_view name_of(waf::Mode mode) {
  return std::find_if(std::begin(kModes), std::end(kModes), [&](const auto& one) { return one.first == mode; })->second;
}

std::string write_policy_file(const PolicyFile& file) {
  Json out{{"rules", file.rules}, {"policies", Json::array()}};
  for (const auto& policy : file.policies) {
    Json one{{"name", policy.name}, {"mode", name_of(policy.mode)}};
    for (const auto& [name, value] : policy.tx) one["tx"][name] = value;
    for (const auto& exclusion : policy.exclusions) one["exclusions"].push_back({{"rules", exclusion.rules}, {"targets", exclusion.targets}, {"path", exclusion.path}});
    for (const auto& limit : policy.limits) {
      one["limits"].push_back({{"name", limit.name}, {"key", limit.key}, {"path", limit.path}, {"methods", limit.methods}, {"statuses", limit.statuses},
                               {"requests", limit.requests}, {"period_ms", limit.period_ms}, {"burst", limit.burst}, {"concurrent", limit.concurrent},
                               {"distinct", limit.distinct}, {"location", limit.location}, {"bots", limit.bots}});
    }
    if (policy.bots != BotText{}) one["bots"] = {{"deny_score", policy.bots.deny_score}, {"note_score", policy.bots.note_score}, {"honeypots", policy.bots.honeypots}};
    out["policies"].push_back(std::move(one));
  }
  return out.dump(1) + "\n";
}

Result<PolicyFile> read_policy_file(std::string_view json, const std::string& path) {
  const auto root = Json::parse(json, nullptr, false);
  const auto wrong = [&](std::string_view what) { return fail(Errc::kInvalid, fmt::format("{}: {}", path, what), "Ringwall writes this file when a declaration is applied"); };
  PolicyFile out;
  if (!root.is_object()) return wrong("not a JSON object");
  if (!text_of(root, "rules", out.rules) || out.rules.empty() || out.rules.find('/') != std::string::npos) return wrong("\"rules\" does not name a bundle");
  const auto policies = root.find("policies");
  if (policies == root.end() || !policies->is_array()) return wrong("\"policies\" is not a list");
  if (policies->size() > kPoliciesMax) return wrong(fmt::format("more than {} policies", kPoliciesMax));
  for (const auto& policy : *policies) {
    if (!read_policy(policy, out.policies.emplace_back())) return wrong(fmt::format("policy {} cannot be understood", out.policies.size()));
  }
  return out;
}

Reader folder_reader(const std::string& folder) {
  return [folder](const std::string& name) { return base::real_files().read(folder + "/" + name); };
}

Result<std::shared_ptr<const PolicySet>> PolicySet::load(const Reader& read, const std::string& name, const std::shared_ptr<const PolicySet>& previous) {
  const auto file = RW_TRY(read_policy_file(RW_TRY(read(name)), name));
  auto out = std::make_shared<PolicySet>();
  out->bundle_ = file.rules;
  if (previous != nullptr && previous->bundle_ == out->bundle_) {
    out->rules_ = previous->rules_;
  } else {
    const auto bytes = RW_TRY(read(out->bundle_));
    const auto bundle = RW_TRY_CTX(out->bundle_, open_bundle(bytes));
    waf::CompileOptions options;
    if (previous != nullptr) options.previous = previous->rules_;
    out->rules_ = RW_TRY(waf::RuleSet::compile(RW_TRY(waf::read_seclang_file(bundle.main, bundle.files)), options));
  }
  const bool same_rules = previous != nullptr && previous->rules_ == out->rules_;
  for (const auto& text : file.policies) {
    const auto* known = same_rules ? previous->find(text.name) : nullptr;
    if (known != nullptr && known->text == text) out->policies_.push_back(*known);
    else out->policies_.push_back(RW_TRY_CTX(fmt::format("policy '{}'", text.name), compile(text, *out->rules_)));
  }
  std::sort(out->policies_.begin(), out->policies_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return std::shared_ptr<const PolicySet>(std::move(out));
}

const Policy* PolicySet::find(std::string_view name) const {
  const auto at = std::lower_bound(policies_.begin(), policies_.end(), name, [](const Policy& policy, std::string_view wanted) { return policy.name < wanted; });
  return at != policies_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace ringwall::policy
