// The visitor that fills the structs from the tree and collects what is wrong.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "declare/check.h"
#include "declare/describe.h"
#include "declare/nearest.h"
#include "declare/parse.h"
#include "declare/yaml.h"

namespace ringwall::declare {

namespace detail {

namespace {

std::string kind_of(const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: return "nothing";
    case Node::Kind::kList: return "a list";
    case Node::Kind::kMap: return "a map";
    case Node::Kind::kScalar: return fmt::format("'{}'", node.scalar.substr(0, 60));
  }
  return "";
}

std::string choices_text(const std::vector<std::string_view>& choices) { return fmt::format("{}", fmt::join(choices, ", ")); }

class Reader {
 public:
  Reader(const Node& map, std::string path, Findings& findings) : map_(map), path_(std::move(path)), findings_(findings) { look_for_repeats(); }

  template <class T>
  void operator()(std::string_view key, T& member, const Rule& rule, std::string_view) {
    names_.push_back(key);
    const Node* node = find(key);
    if (node == nullptr) {
      if (rule.required) findings_.add(map_, join(key), "is missing", "");
      return;
    }
    read(*node, join(key), rule, member);
  }

  // After every key was visited: what nobody asked for is an error.
  void finish(bool top) {
    for (const auto& [key, value] : map_.map) {
      if (std::find(names_.begin(), names_.end(), key.scalar) != names_.end()) continue;
      if (top && std::find(std::begin(kReserved), std::end(kReserved), key.scalar) != std::end(kReserved)) {
        findings_.add(key, key.scalar, "is reserved for a later version of ringwall and does nothing yet", "remove it");
        continue;
      }
      const auto guess = nearest(key.scalar, names_);
      findings_.add(key, join(key.scalar), "unknown key",
                    guess.empty() ? fmt::format("known here: {}", fmt::join(names_, ", ")) : fmt::format("did you mean {}?", guess));
    }
  }

  template <class T>
  static void read_struct(const Node& node, const std::string& path, T& value, Findings& findings, bool top = false) {
    if (node.kind != Node::Kind::kMap) {
      findings.add(node, path, fmt::format("expected a map of keys, found {}", kind_of(node)), "");
      return;
    }
    findings.mark(path, node);
    Reader reader(node, path, findings);
    describe(reader, value);
    reader.finish(top);
  }

 private:
  void look_for_repeats() {
    for (std::size_t i = 0; i < map_.map.size(); ++i) {
      const Node& key = map_.map[i].first;
      for (std::size_t j = 0; j < i; ++j) {
        if (map_.map[j].first.scalar != key.scalar) continue;
        findings_.add(key, join(key.scalar), fmt::format("is given twice, first in line {}", map_.map[j].first.line), "keep one of them");
        break;
      }
    }
  }
  const Node* find(std::string_view key) const {
    for (const auto& [name, value] : map_.map) {
      if (name.kind == Node::Kind::kScalar && name.scalar == key) return &value;
    }
    return nullptr;
  }
  std::string join(std::string_view key) const { return path_.empty() ? std::string(key) : path_ + "." + std::string(key); }

  bool expect_scalar(const Node& node, const std::string& path, std::string_view what) {
    if (node.kind == Node::Kind::kScalar) return true;
    findings_.add(node, path, fmt::format("expected {}, found {}", what, kind_of(node)), "");
    return false;
  }

  void read(const Node& node, const std::string& path, const Rule& rule, std::string& member) {
    if (!expect_scalar(node, path, "a text")) return;
    findings_.mark(path, node);
    if (!rule.choices.empty() && std::find(rule.choices.begin(), rule.choices.end(), node.scalar) == rule.choices.end()) {
      return wrong_choice(node, path, rule);
    }
    if (const auto problem = check_text(rule.text, node.scalar); !problem.message.empty()) {
      // An optional text may be given as '' to say "none".
      if (!(node.scalar.empty() && !rule.required && rule.text != Text::kRegex)) {
        findings_.add(node, path, problem.message, problem.hint);
        return;
      }
    }
    if (rule.required && node.scalar.empty()) return findings_.add(node, path, "must not be empty", "");
    member = node.scalar;
  }

  void read(const Node& node, const std::string& path, const Rule&, bool& member) {
    if (!expect_scalar(node, path, "true or false")) return;
    findings_.mark(path, node);
    if (!node.quoted && (node.scalar == "true" || node.scalar == "false")) {
      member = node.scalar == "true";
    } else {
      findings_.add(node, path, fmt::format("expected true or false, found {}", kind_of(node)), node.quoted ? "write it without quotes" : "");
    }
  }

  bool in_range(const Node& node, const std::string& path, std::int64_t value, const Rule& rule, const std::string& minimum, const std::string& maximum) {
    if (value >= rule.minimum && value <= rule.maximum) return true;
    findings_.add(node, path, fmt::format("'{}' is out of range", node.scalar), fmt::format("between {} and {}", minimum, maximum));
    return false;
  }

  template <class Integer>
  void read_number(const Node& node, const std::string& path, const Rule& rule, Integer& member) {
    if (!expect_scalar(node, path, "a number")) return;
    findings_.mark(path, node);
    std::int64_t value = 0;
    const char* end = node.scalar.data() + node.scalar.size();
    const auto parsed = std::from_chars(node.scalar.data(), end, value);
    if (node.quoted || parsed.ec != std::errc{} || parsed.ptr != end) {
      findings_.add(node, path, fmt::format("expected a whole number, found {}", kind_of(node)), "");
    } else if (in_range(node, path, value, rule, std::to_string(rule.minimum), std::to_string(rule.maximum))) {
      member = static_cast<Integer>(value);
    }
  }
  void read(const Node& node, const std::string& path, const Rule& rule, int& member) { read_number(node, path, rule, member); }

  void read(const Node& node, const std::string& path, const Rule& rule, std::uint64_t& member) {
    if (!rule.bytes) return read_number(node, path, rule, member);
    if (!expect_scalar(node, path, "a size")) return;
    findings_.mark(path, node);
    const auto parsed = base::parse_bytes(node.scalar);
    if (!parsed.ok()) {
      findings_.add(node, path, fmt::format("expected a size, found {}", kind_of(node)), "write a number and KiB, MiB or GiB, as in 64MiB");
    } else if (in_range(node, path, static_cast<std::int64_t>(*parsed), rule, base::bytes_text(static_cast<std::uint64_t>(rule.minimum)),
                        base::bytes_text(static_cast<std::uint64_t>(rule.maximum)))) {
      member = *parsed;
    }
  }

  void read(const Node& node, const std::string& path, const Rule& rule, milliseconds& member) {
    if (!expect_scalar(node, path, "a duration")) return;
    findings_.mark(path, node);
    const auto parsed = base::parse_duration(node.scalar);
    if (!parsed.ok()) {
      findings_.add(node, path, fmt::format("expected a duration, found {}", kind_of(node)), "write a number and ms, s, m, h, d or y, as in 30s");
    } else if (in_range(node, path, parsed->count(), rule, base::duration_text(milliseconds(rule.minimum)), base::duration_text(milliseconds(rule.maximum)))) {
      member = *parsed;
    }
  }

  void wrong_choice(const Node& node, const std::string& path, const Rule& rule) {
    const auto guess = nearest(node.scalar, rule.choices);
    findings_.add(node, path, fmt::format("expected one of {}; found {}", choices_text(rule.choices), kind_of(node)),
                  guess.empty() ? "" : fmt::format("did you mean {}?", guess));
  }

  template <class Enum>
    requires std::is_enum_v<Enum>
  void read(const Node& node, const std::string& path, const Rule& rule, Enum& member) {
    if (!expect_scalar(node, path, fmt::format("one of {}", choices_text(rule.choices)))) return;
    findings_.mark(path, node);
    const auto it = std::find(rule.choices.begin(), rule.choices.end(), node.scalar);
    if (it == rule.choices.end()) return wrong_choice(node, path, rule);
    member = static_cast<Enum>(it - rule.choices.begin());
  }

  template <class T>
  void read(const Node& node, const std::string& path, const Rule& rule, std::vector<T>& member) {
    if (node.kind != Node::Kind::kList) {
      findings_.add(node, path, fmt::format("expected a list, found {}", kind_of(node)), "begin each item with '- ', or write [a, b]");
      return;
    }
    findings_.mark(path, node);
    if (rule.required && node.list.empty()) return findings_.add(node, path, "must not be empty", "");
    member.clear();
    for (std::size_t i = 0; i < node.list.size(); ++i) {
      T item{};
      read(node.list[i], fmt::format("{}[{}]", path, i), rule, item);
      member.push_back(std::move(item));
    }
  }

  void read(const Node& node, const std::string& path, const Rule&, std::map<std::string, std::string>& member) {
    if (node.kind != Node::Kind::kMap) {
      findings_.add(node, path, fmt::format("expected a map of texts, found {}", kind_of(node)), "");
      return;
    }
    findings_.mark(path, node);
    Reader repeats(node, path, findings_);
    for (const auto& [key, value] : node.map) {
      if (!expect_scalar(value, path + "." + key.scalar, "a text")) continue;
      member[key.scalar] = value.scalar;
    }
  }

  template <class T>
    requires requires(Reader& reader, T& value) { describe(reader, value); }
  void read(const Node& node, const std::string& path, const Rule&, T& member) {
    read_struct(node, path, member, findings_);
  }

  const Node& map_;
  std::string path_;
  Findings& findings_;
  std::vector<std::string_view> names_;
};

}  // namespace

void Findings::add(const Node& node, const std::string& path, std::string message, std::string hint) {
  add_at(node.line, node.column, path, std::move(message), std::move(hint));
}

void Findings::add_at(int line, int column, const std::string& path, std::string message, std::string hint) {
  if (diagnostics.size() == kDiagnosticsMax) return;
  diagnostics.push_back({file, line, column, path, std::move(message), std::move(hint)});
}

void Findings::mark(const std::string& path, const Node& node) { marks[path] = {node.line, node.column}; }

void Findings::add_for(const std::string& path, std::string message, std::string hint) {
  // A key that is not in the text is reported where its nearest parent stands.
  auto at = path;
  auto it = marks.find(at);
  while (it == marks.end() && !at.empty()) {
    const auto cut = at.find_last_of(".[");
    at = cut == std::string::npos ? "" : at.substr(0, cut);
    it = marks.find(at);
  }
  const auto [line, column] = it == marks.end() ? std::pair(1, 1) : it->second;
  add_at(line, column, path, std::move(message), std::move(hint));
}

}  // namespace detail

std::string show(const Diagnostic& d) {
  return fmt::format("{}:{}:{}: {}{}{}", d.file, d.line, d.column, d.path, d.path.empty() ? "" : ": ", d.message);
}

Parsed parse(std::string_view text, const std::string& file_name, const Readable& readable) {
  Parsed parsed;
  detail::Findings findings;
  findings.file = file_name;
  detail::Node root;
  detail::YamlError error;
  if (!detail::read_yaml(text, root, error)) {
    findings.add_at(error.line, error.column, "", error.message, error.hint);
  } else {
    detail::Reader::read_struct(root, "", parsed.declaration, findings, true);
    // Relations between parts are looked at only when each part is what it should be.
    if (findings.diagnostics.empty()) detail::check_relations(parsed.declaration, findings, readable);
  }
  parsed.diagnostics = std::move(findings.diagnostics);
  std::stable_sort(parsed.diagnostics.begin(), parsed.diagnostics.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return std::tie(a.line, a.column) < std::tie(b.line, b.column); });
  return parsed;
}

}  // namespace ringwall::declare
