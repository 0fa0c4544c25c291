#include "declare/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/text.h"
#include "declare/parse.h"

namespace ringwall::declare::detail {

namespace {

// Raised inside yaml-cpp's callbacks, caught in read_yaml.
struct Stop {
  YamlError error;
};

constexpr std::string_view kTabMessage = "a tab indents this line";
constexpr std::string_view kTabHint = "YAML indents with spaces only";
constexpr std::string_view kStringTag = "tag:yaml.org,2002:str";

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// The column of a tab among the white space `line` begins with, before `until`; 0: there is none.
int indenting_tab(std::string_view line, std::size_t until) {
  const auto first = std::min(line.find_first_not_of(" \t"), line.size());
  if (first < until) return 0;
  const auto tab = line.substr(0, until).find('\t');
  return tab == std::string_view::npos ? 0 : static_cast<int>(tab) + 1;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(Node& root, const std::vector<std::string_view>& lines) : root_(root), lines_(lines) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(make(mark, Node::Kind::kNull), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw Stop{{mark.line + 1, mark.column + 1, "an alias to something that is not finished yet", ""}};
    count(it->second.size, mark);
    if (stack_.size() + static_cast<std::size_t>(it->second.height) - 1 > kDepthMax) too_deep(mark);
    Node copy = it->second;
    copy.line = mark.line + 1;
    copy.column = mark.column + 1;
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    Node node = make(mark, Node::Kind::kScalar);
    if (tag != kStringTag) refuse(tag, mark);
    node.scalar = value;
    node.quoted = tag == "!" || tag == kStringTag;
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value style) override {
    open(make(mark, Node::Kind::kList), tag, anchor, style, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value style) override {
    open(make(mark, Node::Kind::kMap), tag, anchor, style, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool flow = false;
    bool has_key = false;
    Node key;
  };

  Node make(const YAML::Mark& mark, Node::Kind kind) {
    count(1, mark);
    look_for_tab(mark, kind);
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }
  // yaml-cpp takes a tab for a space here and there, and the line for part of another map than it looks like.  Inside
  // brackets and texts of several lines a tab is fine.
  void look_for_tab(const YAML::Mark& mark, Node::Kind kind) const {
    if (kind == Node::Kind::kNull || (!stack_.empty() && stack_.back().flow)) return;
    if (mark.line < 0 || static_cast<std::size_t>(mark.line) >= lines_.size() || mark.column < 0) return;
    const int tab = indenting_tab(lines_[static_cast<std::size_t>(mark.line)], static_cast<std::size_t>(mark.column));
    if (tab != 0) throw Stop{{mark.line + 1, tab, std::string(kTabMessage), std::string(kTabHint)}};
  }
  static void refuse(const std::string& tag, const YAML::Mark& mark) {
    if (tag.empty() || tag == "?" || tag == "!") return;
    throw Stop{{mark.line + 1, mark.column + 1, "tags have no meaning here", "remove the word that begins with !"}};
  }
  [[noreturn]] static void too_deep(const YAML::Mark& mark) {
    throw Stop{{mark.line + 1, mark.column + 1, fmt::format("nested deeper than {} levels", kDepthMax), ""}};
  }
  void count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > kNodesMax) {
      throw Stop{{mark.line + 1, mark.column + 1, fmt::format("more than {} values, aliases expanded", kNodesMax), "split the declaration, or use fewer aliases"}};
    }
  }
  void open(Node node, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value style, const YAML::Mark& mark) {
    refuse(tag, mark);
    if (stack_.size() == kDepthMax) too_deep(mark);
    Open opened;
    opened.node = std::move(node);
    opened.anchor = anchor;
    opened.flow = style == YAML::EmitterStyle::Flow;
    stack_.push_back(std::move(opened));
  }
  void close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(done.node), done.anchor);
  }
  void add(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& top = stack_.back();
    top.node.height = std::max(top.node.height, node.height + 1);
    top.node.size += node.size;
    if (top.node.kind == Node::Kind::kList) {
      top.node.list.push_back(std::move(node));
    } else if (!top.has_key) {
      top.key = std::move(node);
      top.has_key = true;
    } else {
      // yaml-cpp marks a value that is not there at whatever comes next.
      if (node.kind == Node::Kind::kNull) node.line = top.key.line, node.column = top.key.column;
      top.node.map.push_back({std::move(top.key), std::move(node)});
      top.has_key = false;
    }
  }

  Node& root_;
  const std::vector<std::string_view>& lines_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
};

YamlError error_at(std::string_view text, std::size_t offset, std::string message, std::string hint) {
  const auto before = text.substr(0, offset);
  const auto line = std::count(before.begin(), before.end(), '\n');
  const auto line_begin = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return {static_cast<int>(line) + 1, static_cast<int>(offset - line_begin) + 1, std::move(message), std::move(hint)};
}

// Bytes that are no text.  False: `error` says where.
bool is_text(std::string_view text, YamlError& error) {
  if (text.size() > kTextBytesMax) return error = {1, 1, fmt::format("larger than {} bytes", kTextBytesMax), ""}, false;
  if (const auto zero = text.find('\0'); zero != std::string_view::npos) {
    return error = error_at(text, zero, "not a text: it holds a zero byte", ""), false;
  }
  if (!base::valid_utf8(text)) {
    // The first byte that had to be replaced.
    const auto repaired = base::to_utf8(text);
    const auto at = std::mismatch(text.begin(), text.end(), repaired.begin(), repaired.end()).first - text.begin();
    return error = error_at(text, static_cast<std::size_t>(at), "not UTF-8", "save the file as UTF-8"), false;
  }
  return true;
}

// yaml-cpp's words for a tab puzzle people: where one indents the line it stumbled over, or the one before, that is told.
YamlError explain(const YAML::Exception& exception, const std::vector<std::string_view>& lines) {
  const int at = exception.mark.line;
  for (const int line : {at, at - 1}) {
    if (line < 0 || static_cast<std::size_t>(line) >= lines.size()) continue;
    const auto text = lines[static_cast<std::size_t>(line)];
    const auto content = text.find_first_not_of(" \t");
    if (content == std::string_view::npos || text[content] == '#') continue;
    if (const int tab = indenting_tab(text, content); tab != 0) return {line + 1, tab, std::string(kTabMessage), std::string(kTabHint)};
  }
  // The words may quote a byte of the file, which may be one that a terminal acts on, or a part of a character.
  std::string words;
  for (const char c : base::to_utf8(exception.msg)) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) words += fmt::format("\\x{:02x}", c);
    else words += c;
  }
  return {std::max(1, at + 1), std::max(1, exception.mark.column + 1), "not YAML: " + words, ""};
}

}  // namespace

bool read_yaml(std::string_view text, Node& root, YamlError& error) {
  if (!is_text(text, error)) return false;
  const auto lines = lines_of(text);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(root, lines);
    if (!parser.HandleNextDocument(builder) || root.kind == Node::Kind::kNull) {
      root = Node{};
      root.kind = Node::Kind::kMap;
      root.line = root.column = 1;
    }
    Node second;
    TreeBuilder second_builder(second, lines);
    if (parser.HandleNextDocument(second_builder)) {
      return error = {std::max(1, second.line), std::max(1, second.column), "a second document", "a declaration is one document; remove what follows ---"}, false;
    }
    return true;
  } catch (const Stop& stop) {
    error = stop.error;
  } catch (const YAML::Exception& exception) {
    error = explain(exception, lines);
  }
  return false;
}

}  // namespace ringwall::declare::detail
