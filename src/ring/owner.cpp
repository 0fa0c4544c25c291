#include "ring/owner.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace ringwall::ring {
namespace {

enum class Look { kAlive, kGone, kUnknown };

std::size_t read_small(const char* path, char* out, std::size_t room, int& error) noexcept {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    error = errno;
    return 0;
  }
  const auto n = ::read(fd, out, room);
  error = n < 0 ? errno : 0;
  ::close(fd);
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

// proc(5): "pid (comm) state ppid ... starttime" where starttime is field 22 and comm may hold anything, so
// fields are counted from the last ')'.
Look look(int pid, std::uint64_t& word) noexcept {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  char text[1024];
  int error = 0;
  const std::string_view stat(text, read_small(path, text, sizeof text, error));
  if (stat.empty()) return error == ENOENT || error == ESRCH ? Look::kGone : Look::kUnknown;
  const auto close = stat.rfind(')');
  if (close == std::string_view::npos || close + 2 >= stat.size()) return Look::kUnknown;
  const char state = stat[close + 2];
  if (state == 'Z' || state == 'X' || state == 'x') return Look::kGone;
  auto at = close + 2;
  for (int field = 3; field < 22; ++field) {
    at = stat.find(' ', at);
    if (at == std::string_view::npos) return Look::kUnknown;
    ++at;
  }
  std::uint64_t ticks = 0;
  for (; at < stat.size() && stat[at] >= '0' && stat[at] <= '9'; ++at)
    ticks = ticks * 10 + static_cast<unsigned>(stat[at] - '0');
  word = ticks << kOwnerPidBits | static_cast<std::uint64_t>(pid);
  return Look::kAlive;
}

}  // namespace

std::uint64_t owner_of(int pid) noexcept {
  std::uint64_t word = kNobody;
  return look(pid, word) == Look::kAlive ? word : kNobody;
}

bool owner_lives(std::uint64_t owner) noexcept {
  if (owner == kNobody) return false;
  std::uint64_t word = kNobody;
  switch (look(owner_pid(owner), word)) {
    case Look::kGone:
      return false;
    case Look::kUnknown:
      return true;
    case Look::kAlive:
      break;
  }
  return word == owner;
}

void read_boot_id(std::uint8_t (&out)[16]) noexcept {
  char text[64];
  int error = 0;
  const auto n = read_small("/proc/sys/kernel/random/boot_id", text, sizeof text, error);
  std::memset(out, 0, sizeof out);
  unsigned nibbles = 0;
  for (std::size_t i = 0; i < n && nibbles < 32; ++i) {
    const char c = text[i];
    unsigned value = 0;
    if (c >= '0' && c <= '9') {
      value = static_cast<unsigned>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      value = static_cast<unsigned>(c - 'a') + 10;
    } else {
      continue;
    }
    out[nibbles / 2] = static_cast<std::uint8_t>(out[nibbles / 2] << 4 | value);
    ++nibbles;
  }
}

}  // namespace ringwall::ring
