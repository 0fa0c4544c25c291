#include "declare/diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>

#include "declare/values.h"

namespace ringwall::declare {

namespace {

using Json = nlohmann::ordered_json;

// What names an item of a list of maps; empty: the list is compared as one value.
std::string identity(const Json& item) {
  if (!item.is_object()) return "";
  for (const char* key : {"name", "address", "path"}) {
    if (item.contains(key)) return item[key].get<std::string>();
  }
  if (item.contains("names") && !item["names"].empty()) return item["names"][0].get<std::string>();
  return "";
}

// The members of a map, or the named items of a list.  False: a plain value.
bool children(const Json& value, std::vector<std::pair<std::string, const Json*>>& out) {
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) out.emplace_back("." + key, &item);
    return true;
  }
  if (!value.is_array() || value.empty() || identity(value[0]).empty()) return false;
  for (const auto& item : value) out.emplace_back("[" + identity(item) + "]", &item);
  return true;
}

// What a program put into a declaration may be no UTF-8, and must not throw here.
std::string dumped(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::replace); }

// Values of a service's environment are often secrets, and plans are read by many.
std::string text(const std::string& path, const Json& value) {
  if (path.starts_with("services[")) {
    const auto key = path.substr(std::min(path.find(']') + 1, path.size()));
    if (key.starts_with(".env.")) return "***";
    auto shown = value;
    auto* env = key == ".env" ? &shown : shown.is_object() && shown.contains("env") ? &shown["env"] : nullptr;
    if (env != nullptr && env->is_object()) {
      for (auto& [name, secret] : env->items()) secret = "***";
      return dumped(shown);
    }
  }
  return value.is_string() ? value.get<std::string>() : dumped(value);
}

bool begins_with_any(std::string_view key, std::initializer_list<std::string_view> names) {
  for (const auto name : names) {
    if (key == name || (key.starts_with(name) && (key[name.size()] == '.' || key[name.size()] == '['))) return true;
  }
  return false;
}

// A service with a command is run here; one with addresses is only told to nginx.
bool runs_here(const Json* service) {
  return service != nullptr && service->is_object() && service->contains("command") && !(*service)["command"].empty();
}

// The effect follows from where the change is, and from whether Ringwall runs the service it belongs to.
std::string effect_of(const std::string& path, const Json* from, const Json* to, bool here) {
  if (path == "waf.mode" && (from == nullptr || *from == "off" || to == nullptr || *to == "off")) return "reload edge";
  if (begins_with_any(path, {"waf"}) || (begins_with_any(path, {"edge"}) && path.find("].waf") != std::string::npos)) return "swap firewall rules";
  if (begins_with_any(path, {"edge"})) return "reload edge";
  if (begins_with_any(path, {"telemetry.files"})) return "follow files anew";
  if (!begins_with_any(path, {"services"})) return "restart core";
  // The identity of the service is a name, which holds no bracket.
  const auto close = path.find(']');
  if (close == std::string::npos || close + 1 >= path.size()) {
    if (runs_here(from)) return "stop instances";
    return runs_here(to) ? "start instances" : "reload edge";
  }
  const auto key = std::string_view(path).substr(close + 2);
  if (begins_with_any(key, {"command"}) && (from == nullptr || from->empty())) return "start instances";
  if (begins_with_any(key, {"command"}) && (to == nullptr || to->empty())) return "stop instances";
  if (here && key == "count") return "start or stop instances";
  if (here && begins_with_any(key, {"command", "port", "working_directory", "env", "user", "version", "stop_timeout"})) return "restart instances";
  if (begins_with_any(key, {"depends_on"})) return "none until the next start";
  return begins_with_any(key, {"logs", "version"}) ? "follow files anew" : "reload edge";
}

class Differ {
 public:
  std::vector<Change> changes;

  // `here`: inside a service that Ringwall runs.
  void compare(const Json* from, const Json* to, const std::string& path, bool here) {
    if (from != nullptr && to != nullptr && *from == *to) return;
    std::vector<std::pair<std::string, const Json*>> old_children, new_children;
    const bool whole_item = path.ends_with(']') && (from == nullptr || to == nullptr);
    const bool old_open = from != nullptr && children(*from, old_children);
    const bool new_open = to != nullptr && children(*to, new_children);
    // A list whose last item went, or whose first one came, is still a list of named items.
    const auto empty_list = [](const Json* value) { return value != nullptr && value->is_array() && value->empty(); };
    const bool open = !whole_item && ((old_open && new_open) || (old_open && empty_list(to)) || (new_open && empty_list(from)));
    if (!open) {
      const std::string action = from == nullptr ? "add" : to == nullptr ? "remove" : "change";
      const auto shown = path.starts_with('.') ? path.substr(1) : path;
      changes.push_back({action, shown, from == nullptr ? "" : text(shown, *from), to == nullptr ? "" : text(shown, *to), effect_of(shown, from, to, here)});
      return;
    }
    const auto find = [](const auto& list, const std::string& name) -> const Json* {
      for (const auto& [key, value] : list) {
        if (key == name) return value;
      }
      return nullptr;
    };
    if (path.ends_with(".lists")) compare_order(old_children, new_children, path);
    here = here || runs_here(to);
    for (const auto& [name, value] : new_children) compare(find(old_children, name), value, path + name, here);
    for (const auto& [name, value] : old_children) {
      if (find(new_children, name) == nullptr) compare(value, nullptr, path + name, here);
    }
  }

 private:
  // Of lists that are looked at one after the other: those that both have, when they stand otherwise.
  void compare_order(const std::vector<std::pair<std::string, const Json*>>& old_items, const std::vector<std::pair<std::string, const Json*>>& new_items, const std::string& path) {
    const auto common = [](const auto& items, const auto& others) {
      Json out = Json::array();
      for (const auto& [name, item] : items) {
        const bool there = std::any_of(others.begin(), others.end(), [&name = name](const auto& other) { return other.first == name; });
        if (there) out.push_back(name.substr(1, name.size() - 2));
      }
      return out;
    };
    const auto from = common(old_items, new_items), to = common(new_items, old_items);
    const auto shown = path.starts_with('.') ? path.substr(1) : path;
    if (from != to) changes.push_back({"change", shown, from.dump(), to.dump(), effect_of(shown, &from, &to, false)});
  }
};

// Files of addresses and places that the firewall reads.
std::set<std::string> data_files_of(const Declaration& declaration) {
  std::set<std::string> out(declaration.waf.places.begin(), declaration.waf.places.end());
  const auto add = [&](const std::vector<WafList>& lists) {
    for (const auto& one : lists) {
      if (!one.file.empty()) out.insert(one.file);
    }
  };
  add(declaration.waf.lists);
  for (const auto& host : declaration.edge.hosts) {
    add(host.waf.lists);
    for (const auto& route : host.routes) add(route.waf.lists);
  }
  return out;
}

}  // namespace

std::vector<Change> diff(const Declaration& from, const Declaration& to) {
  const auto old_json = detail::value_of(from, {}), new_json = detail::value_of(to, {});
  Differ differ;
  differ.compare(&old_json, &new_json, "", false);
  return std::move(differ.changes);
}

// A place as it was, but for the file it names: which files are read is not for everybody to say.
static WafPlace with_file(WafPlace place, const WafPlace& file_of) {
  place.openapi.file = file_of.openapi.file;
  return place;
}

bool changes_firewall_alone(const Declaration& from, const Declaration& to) {
  // Compared are the declarations themselves, not the paths of changes: those hold names that somebody chose.
  Declaration rest = to;
  rest.waf = from.waf;
  rest.waf.core_rule_set = to.waf.core_rule_set;
  rest.waf.rules = to.waf.rules;
  for (std::size_t h = 0; h < std::min(from.edge.hosts.size(), rest.edge.hosts.size()); ++h) {
    const auto& old_host = from.edge.hosts[h];
    auto& host = rest.edge.hosts[h];
    host.waf = with_file(old_host.waf, host.waf);
    for (std::size_t r = 0; r < std::min(old_host.routes.size(), host.routes.size()); ++r) host.routes[r].waf = with_file(old_host.routes[r].waf, host.routes[r].waf);
  }
  // A message about a file that is no list quotes it, so which files are read is for who has the machine.
  const auto known = data_files_of(from), wanted = data_files_of(to);
  return diff(from, rest).empty() && std::includes(known.begin(), known.end(), wanted.begin(), wanted.end());
}

}  // namespace ringwall::declare
