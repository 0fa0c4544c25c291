#include "declare/shown.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "declare/parse.h"
#include "declare/yaml.h"

namespace ringwall::declare {

namespace {

using detail::Node;

constexpr std::string_view kShownKeys[] = {"application", "environment", "region", "edge", "waf"};
constexpr const char* kOnTheMachine = "edit the file and use `ringwall apply` on the machine";

bool is_shown(std::string_view key) { return std::find(std::begin(kShownKeys), std::end(kShownKeys), key) != std::end(kShownKeys); }

// With their line ends.
std::vector<std::string_view> lines_with_ends(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size() - 1) + 1;
    lines.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return lines;
}

// One key of the outermost level with all its lines, to the next key or the end.
struct Section {
  std::string key;
  std::size_t first = 0, end = 0;  // lines, from 0
  bool hidden() const { return !is_shown(key); }
  std::string stand_in() const { return fmt::format("{}: # {} lines that are not shown\n", key, end - first); }
};

Result<Node> tree_of(std::string_view text) {
  if (text.size() > kTextBytesMax) return fail(Errc::kLimit, fmt::format("a declaration of more than {} bytes", kTextBytesMax));
  Node root;
  detail::YamlError error;
  if (!detail::read_yaml(text, root, error)) return fail(Errc::kInvalid, fmt::format("line {}, column {}: {}", error.line, error.column, error.message), error.hint);
  if (root.kind != Node::Kind::kMap) return fail(Errc::kInvalid, "the declaration is not a map", kOnTheMachine);
  return root;
}

Result<std::vector<Section>> sections_of(const Node& root, std::size_t lines) {
  std::vector<Section> sections;
  for (const auto& entry : root.map) {
    const auto first = static_cast<std::size_t>(std::max(entry.key.line, 1)) - 1;
    if (entry.key.kind != Node::Kind::kScalar || entry.key.column != 1 || (!sections.empty() && first <= sections.back().first)) {
      return fail(Errc::kInvalid, fmt::format("line {}: a key of the outermost level does not begin its line", entry.key.line), kOnTheMachine);
    }
    if (!sections.empty()) sections.back().end = first;
    sections.push_back({entry.key.scalar, first, lines});
  }
  return sections;
}

bool same_meaning(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.quoted != b.quoted || a.scalar != b.scalar || a.list.size() != b.list.size() || a.map.size() != b.map.size()) return false;
  for (std::size_t i = 0; i < a.list.size(); ++i) {
    if (!same_meaning(a.list[i], b.list[i])) return false;
  }
  for (std::size_t i = 0; i < a.map.size(); ++i) {
    if (!same_meaning(a.map[i].key, b.map[i].key) || !same_meaning(a.map[i].value, b.map[i].value)) return false;
  }
  return true;
}

// `whole` is `part` with its stand-ins replaced: the shown keys mean the same in both, the hidden ones are null in `part`.
bool only_hidden_differ(const Node& part, const Node& whole) {
  if (part.map.size() != whole.map.size()) return false;
  for (std::size_t i = 0; i < part.map.size(); ++i) {
    const auto &a = part.map[i], &b = whole.map[i];
    if (!same_meaning(a.key, b.key)) return false;
    if (is_shown(a.key.scalar) ? !same_meaning(a.value, b.value) : a.value.kind != Node::Kind::kNull) return false;
  }
  return true;
}

}  // namespace

Result<std::string> shown_part(std::string_view text) {
  const auto lines = lines_with_ends(text);
  const auto root = RW_TRY(tree_of(text));
  const auto sections = RW_TRY(sections_of(root, lines.size()));
  std::string out;
  const auto copy = [&](std::size_t first, std::size_t end) {
    for (auto i = first; i < end; ++i) out += lines[i];
  };
  copy(0, sections.empty() ? lines.size() : sections[0].first);
  for (const auto& section : sections) {
    if (section.hidden()) out += section.stand_in();
    else copy(section.first, section.end);
  }
  const auto part = tree_of(out);
  if (!part.ok() || !only_hidden_differ(*part, root)) return fail(Errc::kInvalid, "the edge or the firewall uses an anchor of a part that is not shown", kOnTheMachine);
  return out;
}

Result<std::string> with_hidden_part(std::string_view text, std::string_view edited) {
  const auto old_lines = lines_with_ends(text);
  const auto sections = RW_TRY(sections_of(RW_TRY(tree_of(text)), old_lines.size()));
  // First what was sent by itself: whatever is said of it cannot tell of hidden lines.
  const auto part = RW_TRY(tree_of(edited));
  const auto lines = lines_with_ends(edited);
  const auto edited_sections = RW_TRY(sections_of(part, lines.size()));
  std::string out;
  std::size_t next = 0;
  for (const auto& section : sections) {
    if (!section.hidden()) continue;
    const auto is_it = [&](const Section& candidate) { return candidate.key == section.key; };
    const auto found = std::find_if(edited_sections.begin(), edited_sections.end(), is_it);
    const auto stand_in = section.stand_in();
    const bool in_place = found != edited_sections.end() && std::count_if(edited_sections.begin(), edited_sections.end(), is_it) == 1 && found->first >= next && lines[found->first] == stand_in;
    if (!in_place) return fail(Errc::kInvalid, fmt::format("the line '{}' must stay as and where it was", stand_in.substr(0, stand_in.size() - 1)), kOnTheMachine);
    for (; next < found->first; ++next) out += lines[next];
    ++next;
    for (auto i = section.first; i < section.end; ++i) out += old_lines[i];
    if (!out.empty() && out.back() != '\n') out += '\n';
  }
  for (; next < lines.size(); ++next) out += lines[next];
  const auto whole = tree_of(out);
  if (!whole.ok() || !only_hidden_differ(part, *whole)) return fail(Errc::kInvalid, "the change reaches into parts that are not shown", kOnTheMachine);
  return out;
}

}  // namespace ringwall::declare
