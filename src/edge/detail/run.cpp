#include "edge/detail/run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "edge/detail/spawn.h"

namespace ringwall::edge::detail {

Result<Ran> run(const std::vector<std::string>& command, std::chrono::milliseconds limit) {
  if (command.empty()) return fail(Errc::kInvalid, "the command is empty");
  const auto program = RW_TRY(find_program(command.front(), ""));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    return fail(Errc::kUnavailable, fmt::format("pipe: {}", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  std::vector<char*> arguments;
  for (const auto& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    return fail(Errc::kUnavailable, fmt::format("cannot run {}: {}", program, std::strerror(error)));
  }

  Ran ran;
  const auto deadline = std::chrono::steady_clock::now() + limit;
  bool in_time = true;
  for (;;) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    pollfd one{ends[0], POLLIN, 0};
    if (left <= 0 || ::poll(&one, 1, static_cast<int>(left)) == 0) {
      in_time = false;
      ::kill(pid, SIGKILL);
      break;
    }
    std::array<char, 4096> bytes{};
    const auto got = ::read(ends[0], bytes.data(), bytes.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    ran.output.append(bytes.data(),
                      std::min(static_cast<std::size_t>(got), kRunOutputBytesMax - ran.output.size()));
  }
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!in_time)
    return fail(Errc::kUnavailable, fmt::format("{} did not end within {} ms", program, limit.count()));
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

}  // namespace ringwall::edge::detail
