// From the tree of a document to a Program: what the parts of the compiler share.
#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "openapi/detail/program.h"

namespace ringwall::openapi::detail {

// A place in the document: a node, and the pointer to it.
struct Spot {
  const Node* node = nullptr;
  std::string pointer;
  explicit operator bool() const { return node != nullptr; }
};

class Reporter {
 public:
  void error(const Spot& at, std::string message) { add(errors, at, std::move(message)); }
  void warning(const Spot& at, std::string message) { add(warnings, at, std::move(message)); }
  std::vector<Remark> errors, warnings;

 private:
  static void add(std::vector<Remark>& to, const Spot& at, std::string message);
};

// The value of a key, or none.
Spot member(const Spot& map, std::string_view key);
// The i-th of a list or a map.
Spot child(const Spot& parent, std::size_t i);
// A map where one is needed; an error otherwise.
bool is_map(const Spot& spot, Reporter& reporter, std::string_view what);
bool is_true(const Spot& map, std::string_view key, Reporter& reporter);
std::string text_of(const Spot& map, std::string_view key, Reporter& reporter);

// Follows local references until something that is none.  Without a node: it was an error, and is reported.
class References {
 public:
  References(const Node& root, Reporter& reporter) : root_(root), reporter_(reporter) {}
  Spot follow(Spot spot);
  Spot target(const std::string& reference, const Spot& at);

 private:
  const Node& root_;
  Reporter& reporter_;
  std::unordered_map<std::string, Spot> known_;
};

// Schemas are numbered when they are first met and compiled from a queue, so that recursive ones end.
class SchemaCompiler {
 public:
  SchemaCompiler(Schemas& out, References& references, Reporter& reporter, bool version_31);
  std::uint32_t number_of(const Spot& spot);
  // Compiles what was met; afterwards schemas are whole.
  void finish();
  const Node* source_of(std::uint32_t schema) const { return spots_[schema].node; }

 private:
  void compile(std::uint32_t number);
  void keyword(Schema& schema, const Spot& at, const Spot& whole, const std::string& key);
  bool text_keyword(Schema& schema, const Spot& at, const std::string& key);
  bool number_keyword(Schema& schema, const Spot& at, const Spot& whole, const std::string& key);
  bool array_keyword(Schema& schema, const Spot& at, const std::string& key);
  bool object_keyword(Schema& schema, const Spot& at, const std::string& key);
  bool composing_keyword(Schema& schema, const Spot& at, const std::string& key);
  void reference(Schema& schema, const Spot& at, const Spot& whole);
  void types(Schema& schema, const Spot& at);
  void constants(Schema& schema, const Spot& at, bool list);
  void properties(Schema& schema, const Spot& at);
  void required(Schema& schema, const Spot& at);
  void discriminator(Schema& schema, const Spot& at, const Spot& whole);
  std::vector<std::uint32_t> list_of_schemas(const Spot& at, bool composes);
  std::uint64_t count(const Spot& at);
  std::optional<Bound> bound(const Spot& at, bool exclusive);
  const Pattern* pattern(const Spot& at, const std::string& text);
  std::vector<std::string> names(const Spot& at);
  Property& property(Schema& schema, const std::string& name);
  // How deep schemas about one value are composed, which also finds those that come back to themselves.
  std::size_t composition_depth(std::uint32_t number, std::size_t depth);
  std::uint8_t taken(std::uint32_t number);

  Schemas& out_;
  References& references_;
  Reporter& reporter_;
  const bool version_31_;
  std::deque<Spot> spots_;  // by number
  std::size_t compiled_ = 1;
  std::unordered_map<const Node*, std::uint32_t> numbers_;
  std::unordered_map<std::string, const Pattern*> patterns_;
  std::vector<std::uint8_t> depths_;  // 0: not known, kOpen: being looked at
  std::vector<std::uint8_t> taken_known_;
};

}  // namespace ringwall::openapi::detail
