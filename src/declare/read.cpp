// The visitor that fills the structs from the tree and collects what is wrong.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_map>

#include "base/text.h"
#include "declare/check.h"
#include "declare/describe.h"
#include "declare/findings.h"
#include "declare/form.h"
#include "declare/nearest.h"
#include "declare/parse.h"
#include "declare/yaml.h"

namespace ringwall::declare {

namespace detail {

namespace {

std::string choices_text(const std::vector<std::string_view>& choices) { return fmt::format("one of {}", fmt::join(choices, ", ")); }

// What somebody who wrote "node server.js" where a list belongs could have written.
std::string as_list(std::string_view text, bool words) {
  std::string out;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = words ? std::min(text.find(' ', begin), text.size()) : text.size();
    const auto word = text.substr(begin, end - begin);
    begin = end + 1;
    if (word.empty()) continue;
    const bool plain = word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/") == word.npos;
    const std::string_view quote = plain ? "" : word.find('"') == word.npos ? "\"" : "'";
    out += fmt::format("{}{}{}{}", out.empty() ? "" : ", ", quote, shown(word), quote);
  }
  return fmt::format("write it as a list, as in [{}]", out);
}

class Reader {
 public:
  Reader(const Node& map, std::string path, Findings& findings) : map_(map), path_(std::move(path)), findings_(findings) { index_keys(); }

  template <class T>
  void operator()(std::string_view key, T& member, const Rule& rule, std::string_view) {
    names_.push_back(key);
    const Node* node = find(key);
    if (node != nullptr) {
      read(*node, join(key), rule, member);
    } else if (rule.required) {
      missing_.push_back(key);
    }
  }

  // After every key was visited: what nobody asked for is an error.
  void finish() {
    for (const auto& [key, value] : map_.map) {
      if (key.kind != Node::Kind::kScalar || std::find(names_.begin(), names_.end(), key.scalar) != names_.end()) continue;
      unknown(key);
    }
    for (const auto key : missing_) findings_.add(map_, join(key), {"is missing", ""});
  }

  template <class T>
  static void read_struct(const Node& node, const std::string& path, T& value, Findings& findings) {
    if (node.kind != Node::Kind::kMap) return findings.mismatch(node, path, "a map of keys");
    findings.mark(path, node);
    Reader reader(node, path, findings);
    describe(reader, value);
    reader.finish();
  }

 private:
  void index_keys() {
    for (const auto& [key, value] : map_.map) {
      if (key.kind != Node::Kind::kScalar) {
        findings_.mismatch(key, path_, "a text as the key");
      } else if (const auto [it, first] = keys_.try_emplace(key.scalar, &key, &value); !first) {
        findings_.add(key, join(shown(key.scalar)),
                      {fmt::format("is given twice, first in line {}", it->second.first->line), "keep one of them"});
      }
    }
  }

  const Node* find(std::string_view key) const {
    const auto it = keys_.find(key);
    return it == keys_.end() ? nullptr : it->second.second;
  }

  void unknown(const Node& key) {
    // Names are compared only while somebody will read the answer.
    if (findings_.full()) return findings_.add(key, path_, {"unknown key", ""});
    const auto path = join(shown(key.scalar));
    for (const auto& reserved : kReserved) {
      if (reserved.path != path) continue;
      return findings_.add(key, path, {"is reserved for a later version of ringwall and does nothing yet", std::string(reserved.hint)});
    }
    if (key.scalar == "<<") {
      return findings_.add(key, path, {"keys are not merged here", "give the whole map an alias, as in env: *common, or repeat the keys"});
    }
    const auto guess = nearest(key.scalar, names_);
    if (guess.empty()) return findings_.add(key, path, {"unknown key", fmt::format("known here: {}", fmt::join(names_, ", "))});
    findings_.add(key, path, {"unknown key", fmt::format("did you mean {}?", guess)});
    findings_.distrust(join(guess));
    std::erase(missing_, guess);
  }

  std::string join(std::string_view key) const { return path_.empty() ? std::string(key) : path_ + "." + std::string(key); }

  bool expect_scalar(const Node& node, const std::string& path, const std::string& what) {
    findings_.mark(path, node);
    if (node.kind == Node::Kind::kScalar) return true;
    findings_.mismatch(node, path, what);
    return false;
  }

  bool good_text(const Node& node, const std::string& path, const Rule& rule) {
    if (rule.empty_ok && node.scalar.empty()) return true;
    auto problem = check_text(rule.text, node.scalar);
    if (problem.message.empty()) return true;
    findings_.add(node, path, std::move(problem));
    return false;
  }

  void read(const Node& node, const std::string& path, const Rule& rule, std::string& member) {
    if (!expect_scalar(node, path, "a text")) return;
    if (!rule.choices.empty()) {
      if (choice(node, path, rule) != rule.choices.size()) member = node.scalar;
    } else if (good_text(node, path, rule)) {
      member = node.scalar;
    }
  }

  void read(const Node& node, const std::string& path, const Rule&, bool& member) {
    if (!expect_scalar(node, path, "true or false")) return;
    if (!node.quoted && (node.scalar == "true" || node.scalar == "false")) {
      member = node.scalar == "true";
    } else {
      findings_.mismatch(node, path, "true or false", node.quoted ? "write it without quotes" : "");
    }
  }

  bool in_range(const Node& node, const std::string& path, std::int64_t value, const Rule& rule, const std::string& minimum, const std::string& maximum) {
    if (value >= rule.minimum && value <= rule.maximum) return true;
    auto expected = fmt::format("between {} and {}", minimum, maximum);
    findings_.add(node, path, {fmt::format("'{}' is out of range", shown(node.scalar)), expected}, expected);
    return false;
  }

  template <class Integer>
  void read_number(const Node& node, const std::string& path, const Rule& rule, Integer& member) {
    if (!expect_scalar(node, path, "a whole number")) return;
    std::int64_t value = 0;
    const char* end = node.scalar.data() + node.scalar.size();
    const auto parsed = std::from_chars(node.scalar.data(), end, value);
    if (node.quoted || parsed.ec == std::errc::invalid_argument || parsed.ptr != end) {
      findings_.mismatch(node, path, "a whole number", node.quoted ? "write it without quotes" : "");
    } else if (in_range(node, path, parsed.ec == std::errc{} ? value : rule.minimum - 1, rule, std::to_string(rule.minimum), std::to_string(rule.maximum))) {
      member = static_cast<Integer>(value);
    }
  }
  void read(const Node& node, const std::string& path, const Rule& rule, int& member) { read_number(node, path, rule, member); }

  void read(const Node& node, const std::string& path, const Rule& rule, std::uint64_t& member) {
    if (!rule.bytes) return read_number(node, path, rule, member);
    if (!expect_scalar(node, path, "a size")) return;
    const auto parsed = base::parse_bytes(node.scalar);
    if (!parsed.ok()) {
      findings_.mismatch(node, path, "a size", "write a number and KiB, MiB or GiB, as in 64MiB");
    } else if (in_range(node, path, static_cast<std::int64_t>(*parsed), rule, base::bytes_text(static_cast<std::uint64_t>(rule.minimum)),
                        base::bytes_text(static_cast<std::uint64_t>(rule.maximum)))) {
      member = *parsed;
    }
  }

  void read(const Node& node, const std::string& path, const Rule& rule, milliseconds& member) {
    if (!expect_scalar(node, path, "a duration")) return;
    const auto parsed = base::parse_duration(node.scalar);
    if (!parsed.ok()) {
      findings_.mismatch(node, path, "a duration", "write a number and ms, s, m, h, d or y, as in 30s");
    } else if (in_range(node, path, parsed->count(), rule, base::duration_text(milliseconds(rule.minimum)), base::duration_text(milliseconds(rule.maximum)))) {
      member = *parsed;
    }
  }

  // The index of what was chosen; the number of choices when it is none of them.
  std::size_t choice(const Node& node, const std::string& path, const Rule& rule) {
    const auto it = std::find(rule.choices.begin(), rule.choices.end(), node.scalar);
    if (it == rule.choices.end()) {
      const auto guess = nearest(node.scalar, rule.choices);
      findings_.mismatch(node, path, choices_text(rule.choices), guess.empty() ? "" : fmt::format("did you mean {}?", guess));
    }
    return static_cast<std::size_t>(it - rule.choices.begin());
  }

  template <class Enum>
    requires std::is_enum_v<Enum>
  void read(const Node& node, const std::string& path, const Rule& rule, Enum& member) {
    if (!expect_scalar(node, path, choices_text(rule.choices))) return;
    const auto index = choice(node, path, rule);
    if (index != rule.choices.size()) member = static_cast<Enum>(index);
  }

  template <class T>
  void read(const Node& node, const std::string& path, const Rule& rule, std::vector<T>& member) {
    findings_.mark(path, node);
    if (node.kind != Node::Kind::kList) {
      const bool text = node.kind == Node::Kind::kScalar && std::is_same_v<T, std::string>;
      return findings_.mismatch(node, path, "a list", text ? as_list(node.scalar, path.ends_with(".command")) : "begin each item with '- ', or write [a, b]");
    }
    if (rule.required && node.list.empty()) return findings_.add(node, path, {"must not be empty", ""});
    member.clear();
    for (std::size_t i = 0; i < node.list.size(); ++i) {
      T item{};
      read(node.list[i], fmt::format("{}[{}]", path, i), rule, item);
      member.push_back(std::move(item));
    }
  }

  void read(const Node& node, const std::string& path, const Rule& rule, std::map<std::string, std::string>& member) {
    findings_.mark(path, node);
    if (node.kind != Node::Kind::kMap) return findings_.mismatch(node, path, "a map of texts");
    const Reader keys(node, path, findings_);
    for (const auto& [key, value] : node.map) {
      if (key.kind != Node::Kind::kScalar) continue;
      const auto place = path + "." + shown(key.scalar);
      if (!good_text(key, place, rule) || !expect_scalar(value, place, "a text") || !good_text(value, place, {})) continue;
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
  std::unordered_map<std::string_view, std::pair<const Node*, const Node*>> keys_;  // the first of each name: key and value
  std::vector<std::string_view> names_, missing_;
};

}  // namespace
}  // namespace detail

Parsed parse(std::string_view text, const std::string& file_name, const Readable& readable) {
  Parsed parsed;
  detail::Findings findings(file_name);
  detail::Node root;
  detail::YamlError error;
  if (!detail::read_yaml(text, root, error)) {
    findings.add_at(error.line, error.column, "", {error.message, error.hint});
  } else if (root.kind != detail::Node::Kind::kMap) {
    findings.mismatch(root, "", "a map of keys", "begin with application: and its name");
  } else {
    detail::Reader::read_struct(root, "", parsed.declaration, findings);
    detail::check_relations(parsed.declaration, findings, readable);
  }
  parsed.diagnostics = findings.take();
  parsed.places = findings.take_marks();
  parsed.file = file_name;
  return parsed;
}

}  // namespace ringwall::declare
