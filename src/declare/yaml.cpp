#include "declare/yaml.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <sstream>

#include "declare/parse.h"

namespace ringwall::declare::detail {

namespace {

// Raised inside yaml-cpp's callbacks, caught in read_yaml.
struct Stop {
  YamlError error;
};

class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Node& root) : root_(root) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (scalar_slot(mark, Node::Kind::kNull, anchor)) return;
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto it = anchors_.find(anchor);
    if (it == anchors_.end()) throw Stop{{mark.line + 1, mark.column + 1, "an alias to something that is not finished yet", ""}};
    count(size_of(it->second), mark);
    Node copy = it->second;
    copy.line = mark.line + 1;
    copy.column = mark.column + 1;
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    Node node = make(mark, Node::Kind::kScalar);
    node.scalar = value;
    node.quoted = tag == "!";
    add(std::move(node), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(make(mark, Node::Kind::kList), anchor, mark);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
    open(make(mark, Node::Kind::kMap), anchor, mark);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    Node key;
  };

  Node make(const YAML::Mark& mark, Node::Kind kind) {
    count(1, mark);
    Node node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }
  bool scalar_slot(const YAML::Mark& mark, Node::Kind kind, YAML::anchor_t anchor) {
    add(make(mark, kind), anchor);
    return true;
  }
  void count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > kNodesMax) {
      throw Stop{{mark.line + 1, mark.column + 1, fmt::format("more than {} values, aliases expanded", kNodesMax), "split the declaration, or use fewer aliases"}};
    }
  }
  static std::size_t size_of(const Node& node) {
    std::size_t size = 1;
    for (const auto& item : node.list) size += size_of(item);
    for (const auto& [key, value] : node.map) size += 1 + size_of(value);
    return size;
  }
  void open(Node node, YAML::anchor_t anchor, const YAML::Mark& mark) {
    if (stack_.size() == kDepthMax) throw Stop{{mark.line + 1, mark.column + 1, fmt::format("nested deeper than {} levels", kDepthMax), ""}};
    stack_.push_back({std::move(node), anchor, false, {}});
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
    if (top.node.kind == Node::Kind::kList) {
      top.node.list.push_back(std::move(node));
    } else if (!top.has_key) {
      top.key = std::move(node);
      top.has_key = true;
    } else {
      top.node.map.emplace_back(std::move(top.key), std::move(node));
      top.has_key = false;
    }
  }

  Node& root_;
  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t nodes_ = 0;
};

// yaml-cpp recurses for nested flow collections before its events reach us, so brackets are counted first.
bool too_deep(std::string_view text, YamlError& error) {
  std::size_t depth = 0;
  int line = 1, column = 0;
  for (const char c : text) {
    ++column;
    if (c == '\n') ++line, column = 0;
    if (c == '[' || c == '{') ++depth;
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (depth > kDepthMax * 4) return error = {line, column, fmt::format("nested deeper than {} levels", kDepthMax), ""}, true;
  }
  return false;
}

// The first tab that indents, since yaml-cpp's message for it puzzles people.
bool tab_indents(std::string_view text, YamlError& error) {
  int line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const auto end = std::min(text.find('\n', begin), text.size());
    const auto content = text.substr(begin, end - begin);
    const auto first = content.find_first_not_of(' ');
    if (first != std::string_view::npos && content[first] == '\t' && content.find_first_not_of(" \t") != std::string_view::npos &&
        content[content.find_first_not_of(" \t")] != '#') {
      return error = {line, static_cast<int>(first) + 1, "a tab indents this line", "YAML indents with spaces only"}, true;
    }
    begin = end + 1;
  }
  return false;
}

}  // namespace

bool read_yaml(std::string_view text, Node& root, YamlError& error) {
  if (text.size() > kTextBytesMax) return error = {1, 1, fmt::format("larger than {} bytes", kTextBytesMax), ""}, false;
  if (text.find('\0') != std::string_view::npos) return error = {1, 1, "not a text: it holds a zero byte", ""}, false;
  if (tab_indents(text, error) || too_deep(text, error)) return false;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(root);
    if (!parser.HandleNextDocument(builder) || root.kind == Node::Kind::kNull) {
      root = Node{};
      root.kind = Node::Kind::kMap;
      root.line = root.column = 1;
    }
    Node second;
    TreeBuilder second_builder(second);
    if (parser.HandleNextDocument(second_builder)) {
      return error = {std::max(1, second.line), std::max(1, second.column), "a second document", "a declaration is one document; remove what follows ---"}, false;
    }
    return true;
  } catch (const Stop& stop) {
    error = stop.error;
  } catch (const YAML::Exception& exception) {
    error = {exception.mark.line + 1, exception.mark.column + 1, "not YAML: " + exception.msg, ""};
  }
  return false;
}

}  // namespace ringwall::declare::detail
