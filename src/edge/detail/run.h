// Runs a short program to its end and keeps what it wrote.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"

namespace ringwall::edge::detail {

inline constexpr std::size_t kRunOutputBytesMax = 64u << 10;

struct Ran {
  int status = 0;      // exit status; 128 + signal
  std::string output;  // stdout and stderr, cut at kRunOutputBytesMax
};

// kUnavailable when it cannot be started or does not end in time (it is killed then).
Result<Ran> run(const std::vector<std::string>& command, std::chrono::milliseconds limit);

}  // namespace ringwall::edge::detail
