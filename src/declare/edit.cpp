#include "declare/edit.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "declare/parse.h"
#include "declare/yaml.h"

namespace ringwall::declare {

namespace {

using detail::Entry;
using detail::Node;

constexpr std::string_view kModes[] = {"off", "log", "block", "inherit"};
constexpr const char* kByHand = "edit the file and use `ringwall apply` on the machine";

const Node* value_of(const Node* map, std::string_view key) {
  if (map == nullptr || map->kind != Node::Kind::kMap) return nullptr;
  for (const auto& entry : map->map) {
    if (entry.key.scalar == key) return &entry.value;
  }
  return nullptr;
}

bool has_name(const Node& host, std::string_view name) {
  const auto* list = value_of(&host, "names");
  return list != nullptr && std::any_of(list->list.begin(), list->list.end(), [&](const Node& one) { return one.scalar == name; });
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

// Plain where nobody could read it otherwise, in quotes where YAML might.
std::string as_yaml(std::string_view text) {
  const auto plain = [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '/' || c == '-'; };
  bool is_plain = !text.empty() && (is_letter_or_digit(text[0]) || text[0] == '/');
  for (std::size_t i = 0; i < text.size() && is_plain; ++i) is_plain = plain(text[i]) || (text[i] == ':' && i + 1 < text.size() && plain(text[i + 1]));
  if (is_plain) return std::string(text);
  std::string out;
  base::append_json_string(out, text);
  return out;
}

std::string as_yaml(const WafExclusion& one) {
  auto out = fmt::format("{{ rules: {}", as_yaml(one.rules));
  for (std::size_t i = 0; i < one.targets.size(); ++i) out += fmt::format("{}{}{}", i == 0 ? ", targets: [" : ", ", as_yaml(one.targets[i]), i + 1 == one.targets.size() ? "]" : "");
  if (!one.path.empty()) out += ", path: " + as_yaml(one.path);
  if (!one.reason.empty()) out += ", reason: " + as_yaml(one.reason);
  return out + " }";
}

// The text, its tree, and one change at a time.
class Editor {
 public:
  explicit Editor(std::string text) : text_(std::move(text)) {}

  Result<void> run(const FirewallEdit& edit) {
    if (!edit.mode.empty()) RW_TRY(set_mode(edit));
    // Each comes first, so the last one is put in first.
    for (auto one = edit.exclusions.rbegin(); one != edit.exclusions.rend(); ++one) RW_TRY(add(edit, as_yaml(*one)));
    return {};
  }
  std::string take() { return std::move(text_); }

 private:
  Result<void> read() {
    root_ = Node{};
    detail::YamlError error;
    if (!detail::read_yaml(text_, root_, error)) return fail(Errc::kInvalid, fmt::format("line {}, column {}: {}", error.line, error.column, error.message), error.hint);
    return {};
  }

  // The map whose key `waf` the edit is about.
  Result<const Node*> place(const FirewallEdit& edit) const {
    if (edit.host.empty()) return &root_;
    const auto* hosts = value_of(value_of(&root_, "edge"), "hosts");
    static const std::vector<Node> kNone;
    const auto& list = hosts != nullptr ? hosts->list : kNone;
    const auto host = std::find_if(list.begin(), list.end(), [&](const Node& one) { return has_name(one, edit.host); });
    if (host == list.end()) return fail(Errc::kNotFound, fmt::format("there is no host '{}'", edit.host), "look at the declaration again");
    if (edit.route.empty()) return &*host;
    if (const auto* routes = value_of(&*host, "routes"); routes != nullptr) {
      for (const auto& route : routes->list) {
        if (const auto* path = value_of(&route, "path"); path != nullptr && path->scalar == edit.route) return &route;
      }
    }
    return fail(Errc::kNotFound, fmt::format("host '{}' has no route '{}'", edit.host, edit.route), "look at the declaration again");
  }

  Result<void> set_mode(const FirewallEdit& edit) {
    RW_TRY(read());
    const auto* map = RW_TRY(place(edit));
    const auto* waf = value_of(map, "waf");
    if (waf == nullptr || waf->kind != Node::Kind::kMap) return begin_waf(*map, waf, fmt::format("mode: {}", edit.mode));
    const auto* mode = value_of(waf, "mode");
    if (mode == nullptr) return insert(*waf, fmt::format("mode: {}", edit.mode), "");
    const auto at = offset(*mode);
    std::size_t end = at;
    if (at < text_.size() && (text_[at] == '"' || text_[at] == '\'')) end = text_.find(text_[at], at + 1) + 1;
    else while (end < text_.size() && is_letter_or_digit(text_[end])) ++end;
    if (end <= at || mode->kind != Node::Kind::kScalar) return unable(*mode);
    text_.replace(at, end - at, edit.mode);
    return {};
  }

  Result<void> add(const FirewallEdit& edit, const std::string& item) {
    RW_TRY(read());
    const auto* map = RW_TRY(place(edit));
    const auto* waf = value_of(map, "waf");
    if (waf == nullptr || waf->kind != Node::Kind::kMap) return begin_waf(*map, waf, fmt::format("exclusions: [{}]", item));
    const auto* list = value_of(waf, "exclusions");
    if (list == nullptr) return insert(*waf, "exclusions:", item);
    if (list->kind != Node::Kind::kList) return unable(*list);
    const auto at = offset(*list);
    if (at < text_.size() && text_[at] == '[') {
      text_.insert(at + 1, list->list.empty() ? item : item + ", ");
      return {};
    }
    const auto begin = line_begin(list->line);
    if (text_.find_first_not_of(' ', begin) != at || text_[at] != '-') return unable(*list);
    text_.insert(begin, fmt::format("{}- {}\n", text_.substr(begin, at - begin), item));
    return {};
  }

  Result<void> begin_waf(const Node& parent, const Node* waf, const std::string& inside) {
    if (waf != nullptr) return unable(*waf);
    if (&parent != &root_) return insert(parent, fmt::format("waf: {{ {} }}", inside), "");
    if (!text_.empty() && text_.back() != '\n') text_ += '\n';
    text_ += fmt::format("\nwaf:\n  {}\n", inside);
    return {};
  }

  // A further key of a map.  With `item` its value is a list of that.
  Result<void> insert(const Node& map, const std::string& line, const std::string& item) {
    if (map.kind != Node::Kind::kMap || offset(map) >= text_.size()) return unable(map);
    if (text_[offset(map)] == '{') {
      text_.insert(offset(map) + 1, fmt::format(" {}{}{}", line, item.empty() ? "" : fmt::format(" [{}]", item), map.map.empty() ? " " : ","));
      return {};
    }
    if (map.map.empty() || map.map[0].key.column < 1) return unable(map);
    const std::string indent(static_cast<std::size_t>(map.map[0].key.column) - 1, ' ');
    const auto whole = line + (item.empty() ? "" : fmt::format("\n{}  - {}", indent, item)) + "\n";
    const auto one_line = [](const Entry& entry) { return entry.value.kind == Node::Kind::kScalar && entry.value.line == entry.key.line; };
    if (one_line(map.map.back())) return insert_at(line_begin(map.map.back().key.line + 1), indent + whole);
    if (map.map.size() > 1) return insert_at(line_begin(map.map[1].key.line), indent + whole);
    return insert_at(offset(map.map[0].key), whole + indent);
  }
  Result<void> insert_at(std::size_t at, const std::string& piece) {
    const bool open = at == text_.size() && !text_.empty() && text_.back() != '\n';
    text_.insert(at, open ? "\n" + piece : piece);
    return {};
  }

  std::size_t line_begin(int line) const {
    std::size_t at = 0;
    for (int i = 1; i < line && at < text_.size(); ++i) at = std::min(text_.find('\n', at), text_.size() - 1) + 1;
    return at;
  }
  std::size_t offset(const Node& node) const { return std::min(line_begin(node.line) + static_cast<std::size_t>(std::max(node.column, 1)) - 1, text_.size()); }
  static Error unable(const Node& node) { return fail(Errc::kInvalid, fmt::format("line {}: this layout cannot be changed from here", node.line), kByHand); }

  std::string text_;
  Node root_;
};

// The same change of what the text means.
bool change_meaning(Declaration& declaration, const FirewallEdit& edit) {
  const auto apply = [&](auto& waf) {
    if (!edit.mode.empty()) waf.mode = edit.mode;
    waf.exclusions.insert(waf.exclusions.begin(), edit.exclusions.begin(), edit.exclusions.end());
    return true;
  };
  if (edit.host.empty()) return apply(declaration.waf);
  for (auto& host : declaration.edge.hosts) {
    if (std::find(host.names.begin(), host.names.end(), edit.host) == host.names.end()) continue;
    if (edit.route.empty()) return apply(host.waf);
    for (auto& route : host.routes) {
      if (route.path == edit.route) return apply(route.waf);
    }
    return false;
  }
  return false;
}

}  // namespace

Result<std::string> edited(std::string_view text, const FirewallEdit& edit) {
  if (edit.exclusions.size() > kEditExclusionsMax) return fail(Errc::kLimit, fmt::format("more than {} exclusions in one edit", kEditExclusionsMax));
  if (edit.host.empty() && !edit.route.empty()) return fail(Errc::kInvalid, "a route without its host");
  // It goes into the text as it is: an alias there would reach what the caller may not see.
  if (!edit.mode.empty() && std::find(std::begin(kModes), std::end(kModes), edit.mode) == std::end(kModes)) return fail(Errc::kInvalid, "mode: expected one of off, log, block, inherit");
  auto wanted = parse(text, "declaration");
  if (!wanted.ok()) return fail(Errc::kInvalid, show(wanted.diagnostics.front()), wanted.diagnostics.front().hint);
  Editor editor{std::string(text)};
  RW_TRY(editor.run(edit));
  auto out = editor.take();
  const auto have = parse(out, "declaration");
  // What the declaration itself refuses, an unknown mode for instance, is said in its words.
  if (!have.ok()) return fail(Errc::kInvalid, show(have.diagnostics.front()), have.diagnostics.front().hint);
  if (!change_meaning(wanted.declaration, edit) || normal_form(have.declaration) != normal_form(wanted.declaration)) return fail(Errc::kInvalid, "the declaration's layout does not allow this change from here", kByHand);
  return out;
}

}  // namespace ringwall::declare
