// The text of run/processes.json.  Pure.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ringwall::edge::detail {

inline constexpr std::size_t kProcessesMax = 4096;

struct ProcessEntry {
  pid_t pid = 0;  // 0: not running, kept for its port
  std::uint64_t start_ticks = 0;
  std::string spec;
  std::uint16_t port = 0;
  bool operator==(const ProcessEntry&) const = default;
};

struct ProcessTable {
  std::string boot;
  std::map<std::string, ProcessEntry> processes;
  bool operator==(const ProcessTable&) const = default;
};

std::string process_table_text(const ProcessTable& table);
// kCorrupt on anything process_table_text() would not write; kLimit above kProcessesMax.
Result<ProcessTable> parse_process_table(std::string_view text);

}  // namespace ringwall::edge::detail
