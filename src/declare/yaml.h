// YAML text as a tree that remembers where everything stood.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ringwall::declare::detail {

struct Entry;

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  bool quoted = false;  // a scalar in quotes is a text whatever it looks like
  std::string scalar;
  int line = 0, column = 0;  // from 1; a value that is not there stands where its key does
  int height = 1;            // levels of lists and maps, this one included
  std::size_t size = 1;      // nodes, this one included
  std::vector<Node> list;
  std::vector<Entry> map;    // in the order of the text, repeated keys included
};

struct Entry {
  Node key, value;
};

struct YamlError {
  int line = 0, column = 0;
  std::string message, hint;
};

// The one document of `text`, or the first thing that keeps it from being one.  An empty document is an empty map.
// Tags other than !!str are refused: what they would mean is for nobody here to say.
bool read_yaml(std::string_view text, Node& root, YamlError& error);

}  // namespace ringwall::declare::detail
