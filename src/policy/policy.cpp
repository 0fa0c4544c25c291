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

bool mode_of(std::string_view name, waf::Mode& out) {
  const auto* known = std::find_if(std::begin(kModes), std::end(kModes), [&](const auto& one) { return one.second == name; });
  if (known != std::end(kModes)) out = known->first;
  return known != std::end(kModes);
}

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

bool read_flag(const Json& object, const char* key, bool& out) {
  const auto found = object.find(key);
  if (found == object.end()) return true;
  if (!found->is_boolean()) return false;
  out = found->get<bool>();
  return true;
}

bool read_list(const Json& json, ListText& out) {
  if (!json.is_object()) return false;
  for (const auto& [key, text] : {std::pair{"name", &out.name}, {"action", &out.action}, {"file", &out.file}, {"path", &out.path}}) {
    if (!text_of(json, key, *text)) return false;
  }
  return read_texts(json, "addresses", out.addresses) && read_texts(json, "countries", out.countries) && read_flag(json, "skip_limits", out.skip_limits) &&
         read_flag(json, "skip_rules", out.skip_rules);
}

Json list_json(const ListText& list) {
  Json out{{"name", list.name}, {"action", list.action}};
  if (!list.addresses.empty()) out["addresses"] = list.addresses;
  if (!list.file.empty()) out["file"] = list.file;
  if (!list.countries.empty()) out["countries"] = list.countries;
  if (!list.path.empty()) out["path"] = list.path;
  if (list.skip_limits) out["skip_limits"] = true;
  if (list.skip_rules) out["skip_rules"] = true;
  return out;
}

bool read_model(const Json& json, std::optional<ModelText>& out) {
  std::string mode = "rules", parameters = "allow", paths = "refuse";
  auto& model = out.emplace();
  if (!json.is_object() || !text_of(json, "file", model.file) || !text_of(json, "mode", mode) || !text_of(json, "unknown_parameters", parameters) ||
      !text_of(json, "unknown_paths", paths) || !text_of(json, "base_path", model.options.base_path)) {
    return false;
  }
  model.options.refuse_unknown_parameters = parameters == "refuse";
  model.options.refuse_unknown_paths = paths == "refuse";
  return mode_of(mode, model.mode) && !model.file.empty() && model.file.find('/') == std::string::npos;
}

bool read_bots(const Json& json, BotText& out) {
  return json.is_object() && read_number(json, "deny_score", out.deny_score) && read_number(json, "note_score", out.note_score) && read_texts(json, "honeypots", out.honeypots) &&
         out.honeypots.size() <= kHoneypotsMax;
}

bool read_policy(const Json& json, PolicyText& out) {
  std::string mode = "rules";
  if (!json.is_object() || !text_of(json, "name", out.name) || !text_of(json, "mode", mode)) return false;
  if (!mode_of(mode, out.mode)) return false;
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
  if (const auto lists = json.find("lists"); lists != json.end()) {
    if (!lists->is_array() || lists->size() > kListsMax) return false;
    for (const auto& one : *lists) {
      if (!read_list(one, out.lists.emplace_back())) return false;
    }
  }
  const auto model = json.find("openapi");
  return model == json.end() || read_model(*model, out.model);
}

Result<Policy> compile(const PolicyText& text, const waf::RuleSet& rules, const Models& models) {
  waf::Adjustments adjustments{text.mode, text.tx, {}};
  for (std::size_t i = 0; i < text.exclusions.size(); ++i) {
    const auto& one = text.exclusions[i];
    waf::Exclusion exclusion{one.rules, {}, one.path};
    for (const auto& target : one.targets) {
      for (auto& selector : RW_TRY_CTX(fmt::format("exclusions[{}]", i), waf::parse_selectors(target))) exclusion.targets.push_back(std::move(selector));
    }
    adjustments.exclusions.push_back(std::move(exclusion));
  }
  Policy out{text.name, text.mode, RW_TRY(rules.overlay(adjustments)), {}, {}, {}, text};
  for (std::size_t i = 0; i < text.limits.size(); ++i) out.limits.push_back(RW_TRY_CTX(fmt::format("limits[{}]", i), compile_limit(text.limits[i])));
  if (text.model) out.model = PlacedModel{models.at(text.model->file), *text.model};
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
    for (const auto& list : policy.lists) one["lists"].push_back(list_json(list));
    if (const auto& model = policy.model) {
      one["openapi"] = {{"file", model->file}, {"mode", name_of(model->mode)}, {"unknown_parameters", model->options.refuse_unknown_parameters ? "refuse" : "allow"},
                        {"unknown_paths", model->options.refuse_unknown_paths ? "refuse" : "allow"}, {"base_path", model->options.base_path}};
    }
    if (policy.bots != BotText{}) one["bots"] = {{"deny_score", policy.bots.deny_score}, {"note_score", policy.bots.note_score}, {"honeypots", policy.bots.honeypots}};
    out["policies"].push_back(std::move(one));
  }
  if (!file.files.empty()) out["files"] = file.files;
  return out.dump(1) + "\n";
}

Result<PolicyFile> read_policy_file(std::string_view json, const std::string& path) {
  const auto root = Json::parse(json, nullptr, false);
  const auto wrong = [&](std::string_view what) { return fail(Errc::kInvalid, fmt::format("{}: {}", path, what), "Ringwall writes this file when a declaration is applied"); };
  PolicyFile out;
  if (!root.is_object()) return wrong("not a JSON object");
  if (!text_of(root, "rules", out.rules) || out.rules.empty() || out.rules.find('/') != std::string::npos) return wrong("\"rules\" does not name a bundle");
  if (const auto files = root.find("files"); files != root.end()) {
    if (!files->is_object()) return wrong("\"files\" is not a map");
    for (const auto& [path_of, name] : files->items()) {
      if (!name.is_string() || name.get_ref<const std::string&>().empty() || name.get_ref<const std::string&>().find('/') != std::string::npos) return wrong("\"files\" names a file that is not beside it");
      out.files[path_of] = name.get<std::string>();
    }
  }
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

Mapper folder_mapper(const std::string& folder) {
  return [folder](const std::string& name) { return places::map_file(folder + "/" + name); };
}

Result<std::string> PolicySet::name_of_data(const std::string& path) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return fail(Errc::kNotFound, fmt::format("{}: not among the policies' files", path));
  return found->second;
}

Result<void> PolicySet::compile_rules(const Reader& read, const Mapper& map, const std::shared_ptr<const PolicySet>& previous, ReadBundle* bundle) {
  const bool same = previous != nullptr && previous->bundle_ == bundle_ && std::all_of(previous->rule_files_.begin(), previous->rule_files_.end(), [this](const auto& one) {
    const auto now = files_.find(one.first);
    return now != files_.end() && now->second == one.second;
  });
  if (same) {
    rules_ = previous->rules_;
    rule_files_ = previous->rule_files_;
    return {};
  }
  waf::CompileOptions options;
  if (previous != nullptr) options.previous = previous->rules_;
  if (bundle == nullptr) {
    rules_ = RW_TRY(waf::RuleSet::compile(RW_TRY(source_of_bundle(read, map)), options));
    return {};
  }
  for (const auto& path : bundle->data) rule_files_[path] = RW_TRY(name_of_data(path));
  rules_ = RW_TRY(waf::RuleSet::compile(std::move(bundle->source), options));
  return {};
}

Result<waf::RuleSetSource> PolicySet::source_of_bundle(const Reader& read, const Mapper& map) {
  const auto bytes = RW_TRY(read(bundle_));
  auto bundle = RW_TRY_CTX(bundle_, open_bundle(bytes));
  bundle.files.map = [&](const std::string& path) -> Result<places::SharedBytes> {
    const auto name = RW_TRY(name_of_data(path));
    rule_files_[path] = name;
    if (!map) return fail(Errc::kNotFound, fmt::format("{}: there is no data here", path));
    return map(name);
  };
  return waf::read_seclang_file(bundle.main, bundle.files);
}

Result<AddressSetPtr> PolicySet::list_file(const std::string& path, const Mapper& map, const PolicySet* previous) {
  if (path.empty()) return AddressSetPtr();
  const auto name = RW_TRY(name_of_data(path));
  auto& set = list_files_[name];
  if (set == nullptr && previous != nullptr) {
    if (const auto found = previous->list_files_.find(name); found != previous->list_files_.end()) set = found->second;
  }
  if (set != nullptr) return set;
  if (!map) return fail(Errc::kNotFound, fmt::format("{}: there is no data here", path));
  set = std::make_shared<const places::AddressSet>(RW_TRY_CTX(name, places::AddressSet::open(RW_TRY(map(name)))));
  return set;
}

Result<std::shared_ptr<const PolicySet>> PolicySet::load(const Reader& read, const std::string& name, const std::shared_ptr<const PolicySet>& previous, const Mapper& map, ReadBundle* bundle) {
  auto file = RW_TRY(read_policy_file(RW_TRY(read(name)), name));
  auto out = std::make_shared<PolicySet>();
  out->bundle_ = std::move(file.rules);
  out->files_ = std::move(file.files);
  RW_TRY(out->compile_rules(read, map, previous, bundle));
  if (previous != nullptr) out->sets_ = AddressSets(&previous->sets_);
  for (const auto& text : file.policies) {
    if (!text.model || out->models_.contains(text.model->file)) continue;
    const auto& name_of_file = text.model->file;
    const bool known = previous != nullptr && previous->models_.contains(name_of_file);
    out->models_[name_of_file] = known ? previous->models_.at(name_of_file) : RW_TRY(load_model(RW_TRY(read(name_of_file)), name_of_file));
  }
  const bool same_rules = previous != nullptr && previous->rules_ == out->rules_;
  for (const auto& text : file.policies) {
    const auto context = fmt::format("policy '{}'", text.name);
    const auto* known = same_rules ? previous->find(text.name) : nullptr;
    if (known != nullptr && known->text == text) out->policies_.push_back(*known);
    else out->policies_.push_back(RW_TRY_CTX(context, compile(text, *out->rules_, out->models_)));
    // Always anew: the same text may speak of a newer file.
    auto& lists = out->policies_.back().lists;
    lists.clear();
    for (std::size_t i = 0; i < text.lists.size(); ++i) {
      const auto& one = text.lists[i];
      const auto here = [&] { return fmt::format("{}: lists[{}]", context, i); };
      if (!one.countries.empty() && out->rules_->settings().places.empty()) {
        return fail(Errc::kInvalid, fmt::format("{}: list '{}' names countries, and there is no database of places", here(), one.name), "name one in waf.places, or with SecGeoLookupDb");
      }
      lists.push_back(RW_TRY_CTX(here(), compile_list(one, out->sets_, RW_TRY_CTX(here(), out->list_file(one.file, map, previous.get())))));
    }
  }
  out->sets_.forget_before();
  std::sort(out->policies_.begin(), out->policies_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return std::shared_ptr<const PolicySet>(std::move(out));
}

const Policy* PolicySet::find(std::string_view name) const {
  const auto at = std::lower_bound(policies_.begin(), policies_.end(), name, [](const Policy& policy, std::string_view wanted) { return policy.name < wanted; });
  return at != policies_.end() && at->name == name ? &*at : nullptr;
}

}  // namespace ringwall::policy
