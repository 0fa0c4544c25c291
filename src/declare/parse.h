// Reads a declaration and says everything that is wrong with it at once.
//
//   ringwall: error: ringwall.yaml:14:5: edge.limts: unknown key
//   ringwall: hint: did you mean limits?
//
// YAML 1.2 as yaml-cpp reads it, one document, UTF-8.  Unknown and repeated keys are errors, and so are keys that would
// have no effect.  Limits: kTextBytesMax, kDepthMax,
// kNodesMax (anchors are expanded and count), kDiagnosticsMax (one more finding says that others follow).
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "declare/declaration.h"

namespace ringwall::declare {

// yaml-cpp may need 250 bytes of memory for one of text.
inline constexpr std::size_t kTextBytesMax = 256u << 10;
inline constexpr std::size_t kDepthMax = 32;
inline constexpr std::size_t kNodesMax = 50'000;
inline constexpr std::size_t kDiagnosticsMax = 50;

struct Diagnostic {
  std::string file;
  int line = 0, column = 0;  // from 1; 0: not in this file
  std::string path;          // "edge.hosts[0].routes[1].service"; empty: the text itself
  std::string message;
  std::string hint;          // the next step; may be empty
  std::string found, expected;  // the value and what its key wants, where that is what is wrong; else empty
};
// "ringwall.yaml:14:5: edge.limts: unknown key"
std::string show(const Diagnostic& diagnostic);

// From 1.
struct Place {
  int line = 1, column = 1;
};

struct Parsed {
  Declaration declaration;              // meaningful without diagnostics
  std::vector<Diagnostic> diagnostics;  // in the order of the text
  std::string file;
  std::map<std::string, Place> places;  // of each path that is written in the text
  bool ok() const { return diagnostics.empty(); }
};

// An error that came after parsing.  Where it begins with a path, "edge.hosts[0].waf.exclusions[1]: no rule ...", it stands where that does, or
// else the nearest thing around it; others have line 0 and no path.
Diagnostic located(const Parsed& parsed, const Error& error);

// Whether a file can be read; given, so that tests need no files.  Empty: nothing is looked at.
using Readable = std::function<bool(const std::string& path)>;

Parsed parse(std::string_view text, const std::string& file_name, const Readable& readable = {});

// The whole declaration as JSON with every key, defaults included: what is stored, compared and read back.
std::string normal_form(const Declaration& declaration);
Result<Declaration> from_normal_form(std::string_view json);

// JSON Schema, draft 2020-12, for editors.
std::string json_schema();
// docs/declaration.md, and the declaration it shows first.
std::string reference();
std::string reference_example();

}  // namespace ringwall::declare
