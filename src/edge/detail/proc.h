// What /proc says about processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringwall::edge::detail {

struct ProcStat {
  std::string name;  // at most 15 bytes
  char state = 0;    // 'Z': ended, not yet waited for
  pid_t parent = 0, group = 0, session = 0;
  std::uint64_t start_ticks = 0;  // since boot; with the pid it names a process for as long as the machine runs
};

// Parses /proc/PID/stat (proc(5)).  The name may hold spaces and ')'.
std::optional<ProcStat> parse_stat(std::string_view text);
std::optional<ProcStat> read_stat(pid_t pid);

// Living processes of a group, without those that ended.
std::vector<pid_t> group_members(pid_t group);
// Whether one of them was started with this variable ("NAME=value") in its environment.
bool group_has_mark(pid_t group, std::string_view variable);
// Living children of a process that call themselves nginx workers and are not on their way out.
std::vector<pid_t> nginx_workers(pid_t master);
// Groups of living nginx processes that have this file mapped.
std::vector<pid_t> nginx_groups_mapping(std::string_view path);

// A descriptor that polls readable once the process ended, or -1 when it is gone or not the one that started
// then.
int open_process(pid_t pid, std::uint64_t start_ticks);

// Changes with every boot; process ids and start times mean nothing across it.
std::string boot_id();

}  // namespace ringwall::edge::detail
