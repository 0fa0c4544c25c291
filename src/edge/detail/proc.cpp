#include "edge/detail/proc.h"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <memory>

#include "base/text.h"
#include "base/world.h"

namespace ringwall::edge::detail {

std::optional<ProcStat> parse_stat(std::string_view text) {
  const auto open = text.find('('), close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  ProcStat stat;
  stat.name = text.substr(open + 1, close - open - 1);
  // After the name: state, ppid, pgrp, session, ... start time is the 20th of these.
  auto rest = text.substr(close + 1);
  for (int field = 0; field < 20; ++field) {
    rest = rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
    const auto word = rest.substr(0, rest.find(' '));
    if (word.empty()) return {};
    std::uint64_t number = 0;
    if (field == 0) {
      stat.state = word[0];
    } else if (field <= 3 || field == 19) {
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
      if (error != std::errc{}) return {};
    }
    switch (field) {
      case 1:
        stat.parent = static_cast<pid_t>(number);
        break;
      case 2:
        stat.group = static_cast<pid_t>(number);
        break;
      case 3:
        stat.session = static_cast<pid_t>(number);
        break;
      case 19:
        stat.start_ticks = number;
        break;
      default:
        break;
    }
    rest.remove_prefix(word.size());
  }
  return stat;
}

std::optional<ProcStat> read_stat(pid_t pid) {
  const auto text = base::real_files().read(fmt::format("/proc/{}/stat", pid));
  if (!text.ok()) return {};
  return parse_stat(text.value());
}

namespace {

template <typename Each>
void each_process(Each each) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
  while (folder) {
    const dirent* entry = ::readdir(folder.get());
    if (entry == nullptr) break;
    const auto pid = static_cast<pid_t>(std::strtol(entry->d_name, nullptr, 10));
    if (pid > 0) each(pid);
  }
}

bool ended(const ProcStat& stat) { return stat.state == 'Z' || stat.state == 'X'; }

}  // namespace

std::vector<pid_t> group_members(pid_t group) {
  std::vector<pid_t> out;
  each_process([&](pid_t pid) {
    if (::getpgid(pid) != group) return;
    const auto stat = read_stat(pid);
    if (stat && !ended(*stat)) out.push_back(pid);
  });
  return out;
}

std::vector<pid_t> nginx_groups_mapping(std::string_view path) {
  std::vector<pid_t> out;
  const auto line_end = fmt::format(" {}\n", path);
  each_process([&](pid_t pid) {
    const auto stat = read_stat(pid);
    if (!stat || stat->name != "nginx" || ended(*stat) || std::find(out.begin(), out.end(), stat->group) != out.end()) return;
    const auto maps = base::real_files().read(fmt::format("/proc/{}/maps", pid));
    if (maps.ok() && maps->find(line_end) != std::string::npos) out.push_back(stat->group);
  });
  return out;
}

bool group_has_mark(pid_t group, std::string_view variable) {
  const auto needle = std::string(1, '\0') + std::string(variable) + '\0';
  for (const auto pid : group_members(group)) {
    const auto text = base::real_files().read(fmt::format("/proc/{}/environ", pid));
    if (text.ok() && (std::string(1, '\0') + text.value() + '\0').find(needle) != std::string::npos)
      return true;
  }
  return false;
}

std::vector<pid_t> nginx_workers(pid_t master) {
  std::vector<pid_t> out;
  for (const auto pid : group_members(master)) {
    const auto stat = read_stat(pid);
    if (!stat || stat->parent != master) continue;
    const auto title = base::real_files().read(fmt::format("/proc/{}/cmdline", pid));
    if (!title.ok()) continue;
    const std::string_view text = title.value();
    if (text.starts_with("nginx: worker process") && text.find("shutting down") == text.npos)
      out.push_back(pid);
  }
  return out;
}

int open_process(pid_t pid, std::uint64_t start_ticks) {
  // The descriptor first: it names one process, so the comparison after it cannot be about another.
  // glibc 2.36 declares pidfd_open without C linkage, so the call is made by number.
  const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return -1;
  const auto stat = read_stat(pid);
  if (stat && stat->start_ticks == start_ticks && !ended(*stat)) return fd;
  ::close(fd);
  return -1;
}

std::string boot_id() {
  const auto text = base::real_files().read("/proc/sys/kernel/random/boot_id");
  return text.ok() ? std::string(base::trim(text.value())) : std::string();
}

}  // namespace ringwall::edge::detail
