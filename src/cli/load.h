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

// With the file, line and column in front of the message, where it begins with a path of the declaration.
Error located(const Loaded& loaded, Error error);

// A path of the declaration as an absolute one.
std::string resolve(const std::string& base, const std::string& path);

}  // namespace ringwall::cli
