#include "cli/firewall_answers.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "edge/firewall.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;

Json exclusions_json(const std::vector<declare::WafExclusion>& list) {
  Json out = Json::array();
  for (const auto& one : list) out.push_back({{"rules", one.rules}, {"targets", one.targets}, {"path", one.path}, {"reason", one.reason}});
  return out;
}

Result<std::string> text_at(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end()) return std::string();
  if (!found->is_string()) return fail(Errc::kInvalid, fmt::format("{}: not a text", key));
  return found->get<std::string>();
}

Result<declare::WafExclusion> exclusion_of(const Json& object) {
  if (!object.is_object()) return fail(Errc::kInvalid, "exclusions: not a list of maps");
  declare::WafExclusion out{RW_TRY(text_at(object, "rules")), {}, RW_TRY(text_at(object, "path")), RW_TRY(text_at(object, "reason"))};
  const auto targets = object.find("targets");
  if (targets == object.end()) return out;
  if (!targets->is_array()) return fail(Errc::kInvalid, "targets: not a list of texts");
  for (const auto& target : *targets) {
    if (!target.is_string()) return fail(Errc::kInvalid, "targets: not a list of texts");
    out.targets.push_back(target.get<std::string>());
  }
  return out;
}

}  // namespace

std::string firewall_json(const declare::Declaration& declaration, const std::string& hash) {
  const auto& waf = declaration.waf;
  Json hosts = Json::array();
  for (const auto& host : declaration.edge.hosts) {
    Json routes = Json::array();
    const auto& of_host = host.waf.mode == "inherit" ? waf.mode : host.waf.mode;
    for (const auto& route : host.routes) {
      // Switched off as a whole, nothing below is looked at.
      const auto& in_force = waf.mode == "off" || route.waf.mode == "inherit" ? of_host : route.waf.mode;
      routes.push_back({{"path", route.path},
                        {"service", route.service},
                        {"place", edge::place_name(host, route)},
                        {"mode", route.waf.mode},
                        {"in_force", waf.mode == "off" ? "off" : in_force},
                        {"exclusions", exclusions_json(route.waf.exclusions)}});
    }
    hosts.push_back({{"names", host.names}, {"mode", host.waf.mode}, {"in_force", waf.mode == "off" ? "off" : of_host}, {"exclusions", exclusions_json(host.waf.exclusions)}, {"routes", std::move(routes)}});
  }
  return Json{{"hash", hash}, {"mode", waf.mode}, {"paranoia", waf.paranoia}, {"inbound_threshold", waf.inbound_threshold}, {"exclusions", exclusions_json(waf.exclusions)}, {"hosts", std::move(hosts)}}.dump();
}

Result<declare::FirewallEdit> firewall_edit_of(const Json& body) {
  declare::FirewallEdit edit{RW_TRY(text_at(body, "host")), RW_TRY(text_at(body, "route")), RW_TRY(text_at(body, "mode")), {}};
  if (const auto list = body.find("exclusions"); list != body.end()) {
    if (!list->is_array()) return fail(Errc::kInvalid, "exclusions: not a list of maps");
    for (const auto& one : *list) edit.exclusions.push_back(RW_TRY(exclusion_of(one)));
  }
  if (edit.mode.empty() && edit.exclusions.empty()) return fail(Errc::kInvalid, "the edit has neither a mode nor exclusions");
  return edit;
}

}  // namespace ringwall::cli
