// Starting a program that is to outlive us.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace ringwall::edge::detail {

struct Spawn {
  std::vector<std::string> command;                // the program, looked up in PATH, and its arguments
  std::map<std::string, std::string> environment;  // added to ours, or replacing
  std::string working_directory;                   // empty: ours
  std::string user;                                // empty: ours; needs root otherwise
  std::string output;                              // stdout and stderr are appended to this file
  std::vector<int> inherited;  // stay open in the child under their numbers; everything else is closed
};

// The child leads its own session, so a terminal's signals do not reach it, and has its output in a file, so
// our death does not give it SIGPIPE.  It runs the program only after `record(pid)` succeeded: when we die
// before, the child sees the pipe close and ends, and no process exists that nobody knows of.
//
// kNotFound, kDenied or kUnavailable with what the system said when the program cannot be run.
Result<pid_t> spawn(const Spawn& what, const std::function<Result<void>(pid_t)>& record);

// "/usr/bin/node" for "node"; text with a slash as it is.  kNotFound names the command.
Result<std::string> find_program(const std::string& name, const std::string& working_directory);

}  // namespace ringwall::edge::detail
