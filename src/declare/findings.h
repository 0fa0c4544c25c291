// What was found wrong in one text, and where each part of it stood.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "declare/parse.h"
#include "declare/yaml.h"

namespace ringwall::declare::detail {

struct Problem {
  std::string message, hint;  // no message: none
};

// Foreign text inside a message: one line, no control characters that would reach a terminal, at most 60 bytes.
std::string shown(std::string_view text);

class Findings {
 public:
  explicit Findings(std::string file) : file_(std::move(file)) {}

  // A value that is not what its key wants.  What was found is the node.
  void mismatch(const Node& node, const std::string& path, const std::string& expected, std::string hint = {});
  // Any other mistake in the form of `node`.
  void add(const Node& node, const std::string& path, Problem problem, std::string expected = {});
  void add_at(int line, int column, const std::string& path, Problem problem);
  // Two parts that do not fit; stands where the value of `path` does, or else the nearest thing around it.
  void relation(const std::string& path, std::string message, std::string hint = {});

  void mark(const std::string& path, const Node& node) { marks_[path] = {node.line, node.column}; }
  bool marked(const std::string& path) const { return marks_.contains(path); }
  std::map<std::string, Place> take_marks() { return std::move(marks_); }
  int line_of(const std::string& path) const;

  // The form of `path` is wrong without a finding of its own: a misspelt key probably meant it.
  void distrust(const std::string& path) { wrong_.insert(path); }
  // The form is right here and in all that is around it; in all that is inside, too.
  bool trusted(std::string_view path) const;
  bool trusted_inside(std::string_view path) const;

  bool full() const { return diagnostics_.size() >= kDiagnosticsMax; }
  // In the order of the text; the last one says so when there were more.
  std::vector<Diagnostic> take();

 private:
  void push(Diagnostic diagnostic);

  std::string file_;
  std::vector<Diagnostic> diagnostics_;
  std::map<std::string, Place> marks_;  // by path
  std::set<std::string, std::less<>> wrong_;
  bool more_ = false;
};

}  // namespace ringwall::declare::detail
