// What is wrong with a declaration, beyond the form of single values.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "declare/describe.h"
#include "declare/parse.h"
#include "declare/yaml.h"

namespace ringwall::declare::detail {

// The findings of one text, and where each path stood in it.
struct Findings {
  std::string file;
  std::vector<Diagnostic> diagnostics;
  std::map<std::string, std::pair<int, int>> marks;  // path -> line, column

  void add(const Node& node, const std::string& path, std::string message, std::string hint);
  void add_at(int line, int column, const std::string& path, std::string message, std::string hint);
  void mark(const std::string& path, const Node& node);
  void add_for(const std::string& path, std::string message, std::string hint);
};

struct Problem {
  std::string message, hint;  // no message: none
};
// The form of one text.
Problem check_text(Text kind, const std::string& text);

// How parts fit together: names that exist, addresses that do not collide, files that are there.
void check_relations(const Declaration& declaration, Findings& findings, const Readable& readable);

}  // namespace ringwall::declare::detail
