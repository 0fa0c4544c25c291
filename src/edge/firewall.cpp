#include "edge/firewall.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/hash.h"
#include "edge/detail/models.h"
#include "policy/bundle.h"
#include "policy/logins.h"

namespace ringwall::edge {

namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kAnswerBytes = 524'288;
constexpr std::uint64_t kNoFilesBytes = 131'072;  // of a body without its uploads

// What a rule set relies on and does not say itself: bodies by their type, errors refused.  The ids are of the range for local use.
constexpr std::string_view kFoundation = R"(SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit {body}
SecRequestBodyNoFilesLimit {no_files}
SecRequestBodyLimitAction Reject
SecRequestBodyJsonDepthLimit 512
SecArgumentsLimit 1000
SecResponseBodyAccess {answers}
SecResponseBodyMimeType text/plain text/html text/xml
SecResponseBodyLimit {answer_bytes}
SecResponseBodyLimitAction ProcessPartial
SecAuditEngine RelevantOnly
SecRule REQUEST_HEADERS:Content-Type "@rx ^(?:application(?:/soap\+|/)|text/)xml" "id:88000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "@rx ^application/(?:[a-z0-9.-]+\+)?json" "id:88001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:88002,phase:2,t:none,log,deny,status:400,msg:'The request body cannot be understood',logdata:'%{{reqbody_error_msg}}',severity:2"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:88003,phase:2,t:none,log,deny,status:400,msg:'The multipart body is not well-formed',severity:2"
SecRule MULTIPART_UNMATCHED_BOUNDARY "@eq 1" "id:88004,phase:2,t:none,log,deny,status:400,msg:'The multipart body has a line that looks like a boundary',severity:2"
)";

std::string main_text(const declare::Waf& waf, const std::string& base) {
  auto out = fmt::format(fmt::runtime(kFoundation), fmt::arg("body", waf.body_bytes_max), fmt::arg("no_files", kNoFilesBytes), fmt::arg("answers", waf.inspect_answers ? "On" : "Off"),
                         fmt::arg("answer_bytes", kAnswerBytes));
  const auto absolute = [&](const std::string& path) { return (fs::path(base) / path).lexically_normal().string(); };
  // Before the rules, which may name databases of their own.
  for (const auto& file : waf.places) out += fmt::format("SecGeoLookupDb \"{}\"\n", absolute(file));
  for (const auto& file : waf.rules) out += fmt::format("Include \"{}\"\n", absolute(file));
  if (waf.core_rule_set.empty()) return out;
  const auto crs = absolute(waf.core_rule_set);
  std::error_code ignored;
  // Debian's package says itself what belongs to it, in /etc too.
  if (fs::exists(crs + "/owasp-crs.load", ignored)) return out + fmt::format("Include \"{}/owasp-crs.load\"\n", crs);
  out += fmt::format("Include \"{}/{}\"\n", crs, fs::exists(crs + "/crs-setup.conf", ignored) ? "crs-setup.conf" : "crs-setup.conf.example");
  for (const auto* part : {"plugins/*-config.conf", "plugins/*-before.conf"}) out += fmt::format("IncludeOptional \"{}/{}\"\n", crs, part);
  out += fmt::format("Include \"{}/rules/*.conf\"\nIncludeOptional \"{}/plugins/*-after.conf\"\n", crs, crs);
  return out;
}

// Applications whose exclusions are in force somewhere.
std::set<std::string> applications_of(const declare::Declaration& declaration) {
  std::set<std::string> all;
  const auto add = [&](const std::vector<std::string>& names) { all.insert(names.begin(), names.end()); };
  add(declaration.waf.applications);
  for (const auto& host : declaration.edge.hosts) {
    add(host.waf.applications);
    for (const auto& route : host.routes) add(route.waf.applications);
  }
  return all;
}

// Version 3 has the exclusions of all its applications in files of its own; to version 4 somebody has to add a plugin.  Which is not there
// would be missed only when people are refused.
Result<void> expect_exclusions(const std::string& application, const declare::Waf& waf, const std::string& base) {
  if (waf.core_rule_set.empty()) return fail(Errc::kInvalid, fmt::format("waf.applications: the exclusions for {} are the core rule set's, and there is none", application), "name waf.core_rule_set");
  const auto crs = (fs::path(base) / waf.core_rule_set).lexically_normal().string();
  std::error_code ignored;
  if (fs::exists(fmt::format("{}/plugins/{}-rule-exclusions-before.conf", crs, application), ignored)) return {};
  auto part = fmt::format("-{}-EXCLUSION-RULES.conf", application);
  std::transform(part.begin(), part.end() - 5, part.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
  bool third = false;
  for (const auto& entry : fs::directory_iterator(crs + "/rules", ignored)) {
    const auto name = entry.path().filename().string();
    if (!name.starts_with("REQUEST-903.")) continue;
    if (name.ends_with(part)) return {};
    third = true;
  }
  return fail(Errc::kNotFound, fmt::format("waf.applications: the core rule set in {} has no exclusions for {}", crs, application),
              third ? "name what they are about in waf.exclusions; `ringwall waf tune` proposes them"
                    : fmt::format("put {0}-rule-exclusions-*.conf of https://github.com/coreruleset/{0}-rule-exclusions-plugin into its folder plugins/", application));
}

waf::Mode mode_of(std::string_view mode) { return mode == "block" ? waf::Mode::kBlock : mode == "log" ? waf::Mode::kLog : waf::Mode::kOff; }

// Parts of policies, as an error of them begins, to what a declaration calls them.
using Origins = std::map<std::string, std::string>;

class PolicyMaker {
 public:
  // applications: all that are named anywhere; where one is not named its exclusions are off, also those of a plugin.
  PolicyMaker(const declare::Waf& waf, const std::string& base, const std::set<std::string>& applications)
      : base_(base), mode_(waf.mode), detection_(waf.detection_paranoia), paranoia_(waf.paranoia) {
    for (const auto& one : applications) set(fmt::format("{}-rule-exclusions-plugin_enabled", one), "0");
    serve(waf.applications);
    // The names of version 4 and of version 3.
    for (const auto* prefix : {"inbound", "outbound"}) set(fmt::format("{}_anomaly_score_threshold", prefix), std::to_string(prefix[0] == 'i' ? waf.inbound_threshold : waf.outbound_threshold));
    merge(waf.settings);
    exclude(waf.exclusions, "waf");
    limit(waf.limits, "waf");
    list(waf.lists, "waf");
    protect(waf.logins, "waf");
    policy_.bots = {waf.bots.deny_score, waf.bots.note_score, waf.bots.honeypots};
  }
  // `here`: the path of the place's host or route.
  void narrow(const declare::WafPlace& place, const std::string& here) {
    const auto path = here + ".waf";
    if (!place.openapi.file.empty()) openapi_ = place.openapi;
    if (place.mode != "inherit") mode_ = place.mode;
    if (place.paranoia != 0) paranoia_ = place.paranoia;
    serve(place.applications);
    merge(place.settings);
    exclude(place.exclusions, path);
    limit(place.limits, path);
    list(place.lists, path);
    protect(place.logins, path);
  }
  // The document is read by `models`.
  Result<policy::PolicyText> finish(std::string name, detail::ModelFiles& models, Origins& origins) {
    for (const auto& [kind, paths] : {std::pair("exclusions", &exclusions_from_), {"limits", &limits_from_}, {"lists", &lists_from_}}) {
      for (std::size_t i = 0; i < paths->size(); ++i) origins[fmt::format("policy '{}': {}[{}]: ", name, kind, i)] = (*paths)[i];
    }
    if (!openapi_.file.empty()) policy_.model = RW_TRY(models.model_of(openapi_));
    const auto level = std::to_string(paranoia_), detection = std::to_string(std::max(paranoia_, detection_));
    for (const auto* key : {"blocking_paranoia_level", "paranoia_level"}) policy_.tx.insert(policy_.tx.begin(), {key, level});
    for (const auto* key : {"detection_paranoia_level", "executing_paranoia_level"}) policy_.tx.insert(policy_.tx.begin(), {key, detection});
    policy_.name = std::move(name);
    policy_.mode = mode_of(mode_);
    return std::move(policy_);
  }

 private:
  void set(const std::string& name, const std::string& value) {
    for (auto& [known, old] : policy_.tx) {
      if (known == name) return void(old = value);
    }
    policy_.tx.emplace_back(name, value);
  }
  // The names of version 3 and of the plugins of version 4.
  void serve(const std::vector<std::string>& applications) {
    for (const auto& one : applications) {
      set("crs_exclusions_" + one, "1");
      set(one + "-rule-exclusions-plugin_enabled", "1");
    }
  }
  void merge(const std::map<std::string, std::string>& settings) {
    for (const auto& [name, value] : settings) set(name, value);
  }
  void exclude(const std::vector<declare::WafExclusion>& exclusions, const std::string& path) {
    for (std::size_t i = 0; i < exclusions.size(); ++i) {
      policy_.exclusions.push_back({exclusions[i].rules, exclusions[i].targets, exclusions[i].path});
      exclusions_from_.push_back(fmt::format("{}.exclusions[{}]", path, i));
    }
  }
  void limit(const std::vector<declare::WafLimit>& limits, const std::string& path) {
    for (std::size_t i = 0; i < limits.size(); ++i) {
      const auto& one = limits[i];
      policy_.limits.push_back({one.name, one.key, one.path, one.methods, one.statuses, one.requests, one.period.count(), one.burst, one.concurrent, one.distinct, one.location, one.bots});
      limits_from_.push_back(fmt::format("{}.limits[{}]", path, i));
    }
  }
  void protect(const std::vector<declare::WafLogin>& logins, const std::string& path) {
    for (std::size_t i = 0; i < logins.size(); ++i) {
      const auto& one = logins[i];
      const auto limits = policy::limits_of({one.name, one.path, one.account, one.methods, one.failed.statuses, one.failed.location, one.period.count(), one.failures_per_account,
                                             one.failures_per_address, one.accounts_per_address, one.addresses_per_account});
      policy_.limits.insert(policy_.limits.end(), limits.begin(), limits.end());
      limits_from_.insert(limits_from_.end(), limits.size(), fmt::format("{}.logins[{}]", path, i));
    }
  }

  // The nearest come first: what a route says of a client counts before what all places say.
  void list(const std::vector<declare::WafList>& lists, const std::string& path) {
    std::vector<policy::ListText> texts;
    std::vector<std::string> from;
    for (std::size_t i = 0; i < lists.size(); ++i) {
      const auto& one = lists[i];
      const auto file = one.file.empty() ? "" : (fs::path(base_) / one.file).lexically_normal().string();
      texts.push_back({one.name, one.action, one.addresses, file, one.countries, one.path, one.skip_limits, one.skip_rules});
      from.push_back(fmt::format("{}.lists[{}]", path, i));
    }
    policy_.lists.insert(policy_.lists.begin(), texts.begin(), texts.end());
    lists_from_.insert(lists_from_.begin(), from.begin(), from.end());
  }

  const std::string& base_;
  policy::PolicyText policy_;
  std::vector<std::string> exclusions_from_, limits_from_, lists_from_;  // where the declaration has each
  declare::WafOpenapi openapi_;
  std::string mode_;
  int detection_, paranoia_;
};

}  // namespace

std::string place_name(const declare::Host& host, const declare::Route& route) {
  return fmt::format("{} {}", host.names.empty() ? "*" : host.names[0], route.path);
}

namespace {

policy::Reader reader_of(const FirewallPlan& plan) {
  return [text = policy::write_policy_file(plan.policies), &plan](const std::string& name) -> Result<std::string> {
    const auto model = plan.models.find(name);
    return model != plan.models.end() ? model->second : name == kPoliciesFile ? text : plan.bundle;
  };
}

}  // namespace

namespace {

Error as_declared(Error error, const Origins& origins) {
  for (const auto& [begin, path] : origins) {
    if (!error.message.starts_with(begin)) continue;
    error.message = path + ": " + error.message.substr(begin.size());
    return error;
  }
  error.message = "waf: " + error.message;
  return error;
}

}  // namespace

bool same_rules(const FirewallPlan& a, const FirewallPlan& b) {
  return a.bundle_name == b.bundle_name && std::equal(a.models.begin(), a.models.end(), b.models.begin(), b.models.end(), [](const auto& x, const auto& y) { return x.first == y.first; });
}

Result<FirewallPlan> firewall_plan(const declare::Declaration& declaration, const std::string& base_directory, const std::shared_ptr<const policy::PolicySet>& previous, policy::DataFiles* data) {
  FirewallPlan plan;
  plan.on = declaration.waf.mode != "off";
  if (!plan.on) return plan;
  const auto applications = applications_of(declaration);
  for (const auto& one : applications) RW_TRY(expect_exclusions(one, declaration.waf, base_directory));
  policy::DataFiles in_memory(base::real_files(), "");
  if (data == nullptr) data = &in_memory;
  data->forget();
  const auto main = (fs::path(base_directory) / "ringwall-waf.conf").lexically_normal().string();
  auto read = RW_TRY_CTX("waf", policy::read_bundle_of(main_text(declaration.waf, base_directory), main, data->rule_files()));
  plan.bundle = std::move(read.bytes);
  plan.warnings = std::move(read.source.warnings);
  // What the core rule set uses in vain is nothing its user could mend; `ringwall waf check` says it.
  if (const auto& crs = declaration.waf.core_rule_set; !crs.empty()) {
    std::erase_if(plan.warnings, [inside = (fs::path(base_directory) / crs).lexically_normal().string() + "/"](const std::string& warning) { return warning.starts_with(inside); });
  }
  plan.bundle_name = fmt::format("rules-{:016x}", base::hash64(plan.bundle));
  plan.policies.rules = plan.bundle_name;
  detail::ModelFiles models(base_directory, *data);
  Origins origins;
  for (std::size_t h = 0; h < declaration.edge.hosts.size(); ++h) {
    const auto& host = declaration.edge.hosts[h];
    const auto here = fmt::format("edge.hosts[{}]", h);
    for (std::size_t r = 0; r < host.routes.size(); ++r) {
      const auto& route = host.routes[r];
      PolicyMaker maker(declaration.waf, base_directory, applications);
      maker.narrow(host.waf, here);
      maker.narrow(route.waf, fmt::format("{}.routes[{}]", here, r));
      plan.policies.policies.push_back(RW_TRY(maker.finish(place_name(host, route), models, origins)));
    }
  }
  std::map<std::string, std::string> asked;  // path of a list's file to the list
  for (const auto& one : plan.policies.policies) {
    for (const auto& list : one.lists) {
      if (!list.file.empty()) asked.emplace(list.file, list.name);
    }
  }
  for (const auto& [path, list] : asked) (void)RW_TRY_CTX(fmt::format("waf: list '{}'", list), data->put(policy::DataFiles::Kind::kList, path));
  plan.policies.files = data->names();
  plan.policies.files.insert(models.names().begin(), models.names().end());
  plan.models = models.take(plan.warnings);
  auto set = policy::PolicySet::load(reader_of(plan), kPoliciesFile, previous, data->mapper(), &read);
  if (!set.ok()) return as_declared(set.error(), origins);
  plan.set = std::move(*set);
  return plan;
}

Result<void> recompile(FirewallPlan& plan, const policy::DataFiles& data) {
  plan.set = RW_TRY_CTX("waf", policy::PolicySet::load(reader_of(plan), kPoliciesFile, plan.set, data.mapper()));
  return {};
}

}  // namespace ringwall::edge
