// The only file that sees yaml-cpp.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>
#include <unordered_set>

#include "base/text.h"
#include "openapi/detail/json.h"
#include "openapi/document.h"

namespace ringwall::openapi {

namespace {

// Raised inside yaml-cpp's callbacks, caught in read_yaml_document.
struct Stop {
  YAML::Mark mark;
  std::string message;
};

struct Sized {
  Node node;
  std::size_t nodes = 1, height = 1;
};

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) { return std::find(words.begin(), words.end(), text) != words.end(); }

// What a plain scalar is in YAML's core schema, as far as JSON has it.
void resolve(Node& node) {
  if (one_of(node.text, {"", "~", "null", "Null", "NULL"})) {
    node.kind = Node::Kind::kNull;
  } else if (one_of(node.text, {"true", "True", "TRUE", "false", "False", "FALSE"})) {
    node.kind = Node::Kind::kBoolean;
    node.text = base::lower_ascii(node.text);
  } else if (detail::Value number; detail::read_number(node.text.starts_with('+') ? node.text.substr(1) : node.text, number)) {
    node.kind = Node::Kind::kNumber;
    if (node.text.starts_with('+')) node.text.erase(0, 1);
  }
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(make(mark, Node::Kind::kNull), anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto known = anchors_.find(anchor);
    if (known == anchors_.end()) throw Stop{mark, "an alias to something that is not finished yet"};
    count(known->second.nodes, mark);
    if (stack_.size() + known->second.height > kDocumentDepthMax) throw Stop{mark, fmt::format("nested deeper than {} levels", kDocumentDepthMax)};
    auto copy = known->second;
    copy.node.line = mark.line + 1;
    copy.node.column = mark.column + 1;
    add(std::move(copy), 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
    auto made = make(mark, Node::Kind::kString);
    made.node.text = value;
    const bool text = tag == "!" || tag == "tag:yaml.org,2002:str";
    if (!text) refuse(tag, mark);
    if (!text && !key_is_next()) resolve(made.node);  // 200: is the key "200"
    add(std::move(made), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override { open(mark, Node::Kind::kList, tag, anchor); }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value) override { open(mark, Node::Kind::kMap, tag, anchor); }
  void OnMapEnd() override { close(); }

  Node root;

 private:
  struct Open {
    Sized made;
    YAML::anchor_t anchor = 0;
    bool has_key = false;
    std::unordered_set<std::string> keys;
  };

  Sized make(const YAML::Mark& mark, Node::Kind kind) {
    count(1, mark);
    Sized out;
    out.node.kind = kind;
    out.node.line = mark.line + 1;
    out.node.column = mark.column + 1;
    mark_ = mark;
    return out;
  }
  bool key_is_next() const { return !stack_.empty() && stack_.back().made.node.kind == Node::Kind::kMap && !stack_.back().has_key; }
  static void refuse(const std::string& tag, const YAML::Mark& mark) {
    if (!tag.empty() && tag != "?" && tag != "!") throw Stop{mark, "tags have no meaning here: remove the word that begins with !"};
  }
  void count(std::size_t nodes, const YAML::Mark& mark) {
    nodes_ += nodes;
    if (nodes_ > kDocumentNodesMax) throw Stop{mark, fmt::format("more than {} values, aliases expanded", kDocumentNodesMax)};
  }
  void open(const YAML::Mark& mark, Node::Kind kind, const std::string& tag, YAML::anchor_t anchor) {
    refuse(tag, mark);
    if (stack_.size() == kDocumentDepthMax) throw Stop{mark, fmt::format("nested deeper than {} levels", kDocumentDepthMax)};
    if (key_is_next()) throw Stop{mark, "a key that is no text"};
    stack_.push_back({make(mark, kind), anchor, false, {}});
  }
  void close() {
    auto done = std::move(stack_.back());
    stack_.pop_back();
    add(std::move(done.made), done.anchor);
  }
  void add(Sized made, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = made;
    if (stack_.empty()) {
      root = std::move(made.node);
      return;
    }
    auto& top = stack_.back();
    if (top.made.node.kind == Node::Kind::kMap && !top.has_key) {
      if (made.node.kind != Node::Kind::kString && made.node.kind != Node::Kind::kNull) throw Stop{mark_, "a key that is no text"};
      if (made.node.text == "<<") throw Stop{mark_, "keys are not merged here: repeat them, or give the whole map an alias"};
      if (!top.keys.insert(made.node.text).second) throw Stop{mark_, fmt::format("the key '{}' stands twice in its map", made.node.text)};
      top.made.node.keys.push_back(std::move(made.node.text));
      top.has_key = true;
      return;
    }
    top.made.nodes += made.nodes;
    top.made.height = std::max(top.made.height, made.height + 1);
    top.made.node.items.push_back(std::move(made.node));
    top.has_key = false;
  }

  std::vector<Open> stack_;
  std::map<YAML::anchor_t, Sized> anchors_;
  std::size_t nodes_ = 0;
  YAML::Mark mark_;
};

// Without what a terminal would act on.
std::string plain(std::string_view text) {
  auto out = base::to_utf8(text);
  for (auto& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return out;
}

}  // namespace

Result<Document> read_yaml_document(std::string_view text, const std::string& name) {
  if (text.size() > kDocumentBytesMax) return fail(Errc::kLimit, fmt::format("{}: larger than {} bytes", name, kDocumentBytesMax));
  if (!base::valid_utf8(text) || text.find('\0') != text.npos) return fail(Errc::kInvalid, fmt::format("{}: not UTF-8 text", name), "save the file as UTF-8");
  const auto wrong = [&](const YAML::Mark& mark, const std::string& message) {
    return fail(Errc::kInvalid, fmt::format("{}:{}:{}: {}", name, std::max(1, mark.line + 1), std::max(1, mark.column + 1), plain(message)));
  };
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder, second;
    parser.HandleNextDocument(builder);
    if (parser.HandleNextDocument(second)) return fail(Errc::kInvalid, fmt::format("{}: holds a second document", name), "remove what follows ---");
    return Document{name, std::move(builder.root)};
  } catch (const Stop& stop) {
    return wrong(stop.mark, stop.message);
  } catch (const YAML::Exception& exception) {
    return wrong(exception.mark, "not YAML: " + exception.msg);
  }
}

Result<Document> read_document(std::string_view text, const std::string& name) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{' ? read_json_document(text, name) : read_yaml_document(text, name);
}

}  // namespace ringwall::openapi
