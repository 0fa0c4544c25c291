#include "openapi/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "openapi/detail/json.h"

namespace ringwall::openapi {

namespace {

// Lines of offsets that only grow.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  void place(std::size_t offset, Node& node) {
    for (; at_ < offset; ++at_) {
      if (text_[at_] != '\n') continue;
      ++line_;
      begin_ = at_ + 1;
    }
    node.line = line_;
    node.column = static_cast<int>(offset - begin_) + 1;
  }

 private:
  std::string_view text_;
  std::size_t at_ = 0, begin_ = 0;
  int line_ = 1;
};

Node make_node(const detail::Value* value, Lines& lines) {
  Node node;
  lines.place(value->offset, node);
  const auto* at = value + 1;
  switch (value->kind) {
    case detail::Kind::kNull: break;
    case detail::Kind::kBoolean:
      node.kind = Node::Kind::kBoolean;
      node.text = value->truth ? "true" : "false";
      break;
    case detail::Kind::kNumber:
    case detail::Kind::kString:
    case detail::Kind::kText:
      node.kind = value->kind == detail::Kind::kNumber ? Node::Kind::kNumber : Node::Kind::kString;
      node.text = std::string(value->text);
      break;
    case detail::Kind::kArray:
      node.kind = Node::Kind::kList;
      for (std::uint32_t i = 0; i < value->count; ++i, at = after(at)) node.items.push_back(make_node(at, lines));
      break;
    case detail::Kind::kObject:
      node.kind = Node::Kind::kMap;
      for (std::uint32_t i = 0; i < value->count; ++i, at = after(at + 1)) {
        node.keys.emplace_back(at->text);
        node.items.push_back(make_node(at + 1, lines));
      }
      break;
  }
  return node;
}

void append_json(std::string& out, const Node& node) {
  switch (node.kind) {
    case Node::Kind::kNull: out += "null"; return;
    case Node::Kind::kBoolean:
    case Node::Kind::kNumber: out += node.text; return;
    case Node::Kind::kString: base::append_json_string(out, node.text); return;
    case Node::Kind::kList:
    case Node::Kind::kMap: break;
  }
  const bool map = node.kind == Node::Kind::kMap;
  out += map ? '{' : '[';
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    if (i != 0) out += ',';
    if (map) {
      base::append_json_string(out, node.keys[i]);
      out += ':';
    }
    append_json(out, node.items[i]);
  }
  out += map ? '}' : ']';
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  const auto at = std::find(keys.begin(), keys.end(), key);
  return at == keys.end() ? nullptr : &items[static_cast<std::size_t>(at - keys.begin())];
}

Result<Document> read_json_document(std::string_view text, const std::string& name) {
  if (text.size() > kDocumentBytesMax) return fail(Errc::kLimit, fmt::format("{}: larger than {} bytes", name, kDocumentBytesMax));
  detail::Tape tape;
  const auto fault = detail::read_json(text, tape, kDocumentDepthMax);
  if (!fault.what.empty()) {
    Lines lines(text);
    Node at;
    lines.place(std::min(fault.offset, text.size()), at);
    return fail(Errc::kInvalid, fmt::format("{}:{}:{}: the document {}", name, at.line, at.column, fault.what));
  }
  if (tape.size() > kDocumentNodesMax) return fail(Errc::kLimit, fmt::format("{}: more than {} values", name, kDocumentNodesMax));
  Lines lines(text);
  return Document{name, make_node(tape.values.data(), lines)};
}

std::string write_json(const Node& node) {
  std::string out;
  append_json(out, node);
  return out;
}

}  // namespace ringwall::openapi
