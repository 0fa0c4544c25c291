#include "tune/rules.h"

#include <fmt/format.h>

#include <algorithm>

#include "policy/bundle.h"
#include "policy/data_files.h"

namespace ringwall::tune {

namespace {

// "shop.example.com /api/" in its two parts.
std::pair<std::string_view, std::string_view> parts_of(std::string_view place) {
  const auto blank = place.find(' ');
  return blank == std::string_view::npos ? std::pair(place, std::string_view()) : std::pair(place.substr(0, blank), place.substr(blank + 1));
}

bool names_host(std::string_view pattern, std::string_view host) {
  return pattern == host || (pattern.starts_with("*.") && host.size() > pattern.size() - 1 && host.ends_with(pattern.substr(1)));
}

// How well a route fits: the length of its prefix, more for an exact path; 0: not at all, or only nginx could say (regular expressions).
std::size_t fit_of(std::string_view route, std::string_view path) {
  if (route.starts_with("= ")) return route.substr(2) == path ? path.size() + 2 : 0;
  return path.starts_with(route) ? route.size() + 1 : 0;
}

}  // namespace

Result<Rules> Rules::load(policy::PolicyFile file, std::string bundle, std::map<std::string, std::string> hosts, const policy::Mapper& map) {
  for (auto& one : file.policies) {
    one.mode = one.mode == waf::Mode::kOff ? waf::Mode::kOff : waf::Mode::kBlock;
    one.lists.clear();
    one.model.reset();
  }
  Rules out;
  const auto text = policy::write_policy_file(file);
  out.set_ = RW_TRY(policy::PolicySet::load([&](const std::string& name) -> Result<std::string> { return name == file.rules ? bundle : text; }, "policies", nullptr, map));
  // Once more as it is written: the compiled set does not give its rules away.
  auto opened = RW_TRY(policy::open_bundle(bundle));
  // The set has found them.
  opened.files.map = [&](const std::string& path) { return map(file.files.at(path)); };
  out.source_ = std::make_shared<const waf::RuleSetSource>(RW_TRY(waf::read_seclang_file(opened.main, opened.files)));
  auto by_id = std::make_shared<std::map<std::uint64_t, const waf::Rule*>>();
  for (const auto& item : out.source_->items) {
    if (item.rule && item.rule->actions.id) (*by_id)[*item.rule->actions.id] = &*item.rule;
  }
  out.by_id_ = std::move(by_id);
  out.file_ = std::move(file);
  out.hosts_ = std::move(hosts);
  return out;
}

Result<Rules> Rules::of_file(const std::string& path) {
  policy::DataFiles data(base::real_files(), "");
  auto bundle = RW_TRY(policy::make_bundle(path, data.rule_files()));
  return load({"rules", {{"default", waf::Mode::kBlock, {}, {}}}, data.names()}, std::move(bundle), {}, data.mapper());
}

Result<Rules> Rules::with(const std::vector<policy::PlacedExclusion>& exclusions) const {
  Rules out = *this;
  for (auto& one : out.file_.policies) one.exclusions.insert(one.exclusions.end(), exclusions.begin(), exclusions.end());
  const auto text = policy::write_policy_file(out.file_);
  out.set_ = RW_TRY(policy::PolicySet::load([&](const std::string&) -> Result<std::string> { return text; }, "policies", set_));
  return out;
}

const policy::Policy* Rules::place_of(const Stored& stored) const {
  const auto on = [](const policy::Policy* policy) { return policy != nullptr && policy->mode != waf::Mode::kOff ? policy : nullptr; };
  if (!stored.policy.empty() && set_->find(stored.policy) != nullptr) return on(set_->find(stored.policy));
  if (file_.policies.size() == 1) return on(set_->find(file_.policies[0].name));
  auto host = header_of(stored.headers, "host");
  if (!stored.policy.empty()) host = parts_of(stored.policy).first;
  else host = host.substr(0, host.rfind(':'));
  if (const auto known = hosts_.find(std::string(host)); known != hosts_.end()) host = known->second;
  if (!stored.route.empty()) {
    if (const auto* exact = set_->find(fmt::format("{} {}", host, stored.route)); exact != nullptr) return on(exact);
  }
  const auto path = path_of(stored.uri);
  const auto best_of = [&](const auto& is_host) {
    const policy::PolicyText* best = nullptr;
    std::size_t fit = 0;
    for (const auto& one : file_.policies) {
      const auto [of, route] = parts_of(one.name);
      if (!is_host(of) || fit_of(route, path) <= fit) continue;
      best = &one;
      fit = fit_of(route, path);
    }
    return best;
  };
  const auto* found = best_of([&](std::string_view of) { return names_host(of, host); });
  // The first host is the default of nginx.
  if (found == nullptr && !file_.policies.empty()) found = best_of([&](std::string_view of) { return of == parts_of(file_.policies[0].name).first; });
  return found == nullptr ? nullptr : on(set_->find(found->name));
}

const waf::Rule* Rules::rule(std::uint64_t id) const {
  const auto found = by_id_->find(id);
  return found == by_id_->end() ? nullptr : found->second;
}

bool Rules::refuses(std::uint64_t id) const {
  const auto* found = rule(id);
  if (found == nullptr) return false;
  switch (found->actions.disruptive) {
    case waf::Disruptive::kBlock:
    case waf::Disruptive::kDeny:
    case waf::Disruptive::kDrop:
    case waf::Disruptive::kRedirect:
    case waf::Disruptive::kProxy: return true;
    default: return false;
  }
}

}  // namespace ringwall::tune
