// The core: everything one machine runs, joined.
//
//   sources ─▶ collector (spool) ─▶ store + live tail ─▶ query ─▶ api
//   edge ─▶ nginx, instances, health
//
// Crash-only: it may be killed at any instruction and started again on the same state directory.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace ringwall::cli {

struct CoreOptions {
  std::string state;             // absolute
  std::string declaration_path;  // the file a person edits; SIGHUP reads it again
};

// Exit code by which the core asks its supervisor for a fresh start at once, after a change that needs one.
inline constexpr int kExitRestart = 75;

// Runs until SIGTERM or SIGINT, then drains; the exit code.
Result<int> run_core(const CoreOptions& options);

}  // namespace ringwall::cli
