// Reading the declaration for a subcommand: the file, its findings on stderr, and where its state is.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/context.h"
#include "declare/parse.h"

namespace ringwall::cli {

struct Loaded {
  bool ok = false;          // without findings; otherwise they were printed
  std::string text, path;   // absolute path
  std::string base;         // its folder: relative paths in it start there
  std::string state;        // absolute
  declare::Parsed parsed;
};

// Fails only when the file cannot be read.
Result<Loaded> load(const std::string& file, const Context& context);
// The same for a text that was read already; nothing is printed.
Loaded understand(std::string text, const std::string& shown_name, const std::string& base);

// A path of the declaration as an absolute one.
std::string resolve(const std::string& base, const std::string& path);

}  // namespace ringwall::cli
