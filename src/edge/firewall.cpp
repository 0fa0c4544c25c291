#include "edge/firewall.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/hash.h"
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

waf::Mode mode_of(std::string_view mode) { return mode == "block" ? waf::Mode::kBlock : mode == "log" ? waf::Mode::kLog : waf::Mode::kOff; }

class PolicyMaker {
 public:
  explicit PolicyMaker(const declare::Waf& waf) : mode_(waf.mode), detection_(waf.detection_paranoia), paranoia_(waf.paranoia) {
    // The names of version 4 and of version 3.
    for (const auto* prefix : {"inbound", "outbound"}) set(fmt::format("{}_anomaly_score_threshold", prefix), std::to_string(prefix[0] == 'i' ? waf.inbound_threshold : waf.outbound_threshold));
    merge(waf.settings);
    exclude(waf.exclusions);
    limit(waf.limits);
    protect(waf.logins);
    policy_.bots = {waf.bots.deny_score, waf.bots.note_score, waf.bots.honeypots};
  }
  void narrow(const declare::WafPlace& place) {
    if (place.mode != "inherit") mode_ = place.mode;
    if (place.paranoia != 0) paranoia_ = place.paranoia;
    merge(place.settings);
    exclude(place.exclusions);
    limit(place.limits);
    protect(place.logins);
  }
  policy::PolicyText finish(std::string name) {
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
  void merge(const std::map<std::string, std::string>& settings) {
    for (const auto& [name, value] : settings) set(name, value);
  }
  void exclude(const std::vector<declare::WafExclusion>& exclusions) {
    for (const auto& one : exclusions) policy_.exclusions.push_back({one.rules, one.targets, one.path});
  }

  void limit(const std::vector<declare::WafLimit>& limits) {
    for (const auto& one : limits) {
      policy_.limits.push_back({one.name, one.key, one.path, one.methods, one.statuses, one.requests, one.period.count(), one.burst, one.concurrent, one.distinct, one.location, one.bots});
    }
  }
  void protect(const std::vector<declare::WafLogin>& logins) {
    for (const auto& one : logins) {
      const auto limits = policy::limits_of({one.name, one.path, one.account, one.methods, one.failed.statuses, one.failed.location, one.period.count(), one.failures_per_account,
                                             one.failures_per_address, one.accounts_per_address, one.addresses_per_account});
      policy_.limits.insert(policy_.limits.end(), limits.begin(), limits.end());
    }
  }

  policy::PolicyText policy_;
  std::string mode_;
  int detection_, paranoia_;
};

}  // namespace

std::string place_name(const declare::Host& host, const declare::Route& route) {
  return fmt::format("{} {}", host.names.empty() ? "*" : host.names[0], route.path);
}

Result<FirewallPlan> firewall_plan(const declare::Declaration& declaration, const std::string& base_directory, const std::shared_ptr<const policy::PolicySet>& previous) {
  FirewallPlan plan;
  plan.on = declaration.waf.mode != "off";
  if (!plan.on) return plan;
  const auto main = (fs::path(base_directory) / "ringwall-waf.conf").lexically_normal().string();
  plan.bundle = RW_TRY_CTX("waf", policy::make_bundle_of(main_text(declaration.waf, base_directory), main, waf::real_files(), &plan.warnings));
  // What the core rule set uses in vain is nothing its user could mend; `ringwall waf check` says it.
  if (const auto& crs = declaration.waf.core_rule_set; !crs.empty()) {
    std::erase_if(plan.warnings, [inside = (fs::path(base_directory) / crs).lexically_normal().string() + "/"](const std::string& warning) { return warning.starts_with(inside); });
  }
  plan.bundle_name = fmt::format("rules-{:016x}", base::hash64(plan.bundle));
  plan.policies.rules = plan.bundle_name;
  for (const auto& host : declaration.edge.hosts) {
    for (const auto& route : host.routes) {
      PolicyMaker maker(declaration.waf);
      maker.narrow(host.waf);
      maker.narrow(route.waf);
      plan.policies.policies.push_back(maker.finish(place_name(host, route)));
    }
  }
  const auto text = policy::write_policy_file(plan.policies);
  const policy::Reader read = [&](const std::string& name) -> Result<std::string> { return name == kPoliciesFile ? text : plan.bundle; };
  plan.set = RW_TRY_CTX("waf", policy::PolicySet::load(read, kPoliciesFile, previous));
  return plan;
}

}  // namespace ringwall::edge
