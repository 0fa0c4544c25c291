// The smallest process of Ringwall: it keeps the core running and hands signals on.
//
//   ringwall up (supervisor) ─ ringwall core ─ nginx, application instances
//
// It is a sub-reaper: when the core dies, nginx and the instances become its children instead of init's, go on
// serving, and are adopted by the next core.  It does nothing else, so that there is little in it that can fail.
//
//   SIGTERM, SIGINT   handed on; ends when the core has ended (the core drains first)
//   SIGHUP            handed on: the core reads the declaration again
//   the core dies     started again after 100 ms, doubling to 5 s while it keeps dying within a minute
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace ringwall::cli {

struct SupervisorOptions {
  std::vector<std::string> core_command;  // argv of the core; argv[0] is the program's own path
  std::function<void()> tick;             // called a few times a second while the core runs; may be empty
};

// Returns the core's exit code after an orderly end.  Exit code kExitUsage of the core is final: it would only repeat.
Result<int> supervise(const SupervisorOptions& options);

}  // namespace ringwall::cli
