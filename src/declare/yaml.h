// YAML text as a tree that remembers where everything stood.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace ringwall::declare::detail {

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar in quotes is a text whatever it looks like
  std::string scalar;
  int line = 0, column = 0;  // from 1
  std::vector<Node> list;
  std::vector<std::pair<Node, Node>> map;  // in the order of the text, repeated keys included
};

struct YamlError {
  int line = 0, column = 0;
  std::string message, hint;
};

// The one document of `text`, or what is wrong with it.  An empty document is an empty map.
bool read_yaml(std::string_view text, Node& root, YamlError& error);

}  // namespace ringwall::declare::detail
