// A YAML or JSON text as a tree whose values know their line.
//
// YAML 1.2 as yaml-cpp reads it, one document, aliases expanded.  JSON is what begins with '{'; its strings and numbers are read as
// the bodies of requests are.  No key may stand twice in a map.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::openapi {

inline constexpr std::size_t kDocumentBytesMax = 16u << 20;
inline constexpr std::size_t kDocumentDepthMax = 100;
inline constexpr std::size_t kDocumentNodesMax = 1'000'000;  // aliases expanded

struct Node {
  enum class Kind { kNull, kBoolean, kNumber, kString, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 0, column = 0;         // from 1
  std::string text;                 // of a string, a number, "true" or "false"
  std::vector<std::string> keys;    // of a map, in their order
  std::vector<Node> items;          // of a list; of a map the values of its keys
  const Node* find(std::string_view key) const;  // null: not a map, or not in it
};

struct Document {
  std::string name;  // for messages
  Node root;
};

// Fails with kInvalid or kLimit; the message begins "api.yaml:14:5: ".
Result<Document> read_document(std::string_view text, const std::string& name);
Result<Document> read_json_document(std::string_view text, const std::string& name);
Result<Document> read_yaml_document(std::string_view text, const std::string& name);
// As JSON on one line, numbers as they were written.
std::string write_json(const Node& node);

}  // namespace ringwall::openapi
