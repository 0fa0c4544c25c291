#include "cli/supervisor.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/log.h"
#include "base/world.h"
#include "cli/context.h"
#include "cli/core.h"

namespace ringwall::cli {

namespace {

using namespace std::chrono_literals;

constexpr auto kBackoffMin = 100ms;
constexpr auto kBackoffMax = 5000ms;
constexpr int kStopAttemptsMax = 3;
constexpr std::int64_t kStableNs = 60'000'000'000;

Result<pid_t> start_core(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::kUnavailable, fmt::format("start the core: {}", std::strerror(errno)));
  if (pid > 0) return pid;
  // A core without its supervisor would not be restarted, so it goes with it; what it started stays and is adopted.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(kExitFailed);
  // The core takes these with sigtimedwait().  Blocked across exec, one that comes before it gets that far waits for it
  // instead of killing it.
  sigset_t kept;
  sigemptyset(&kept);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&kept, number);
  ::sigprocmask(SIG_SETMASK, &kept, nullptr);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

}  // namespace

Result<int> supervise(const SupervisorOptions& options) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  // Signals are taken one by one from sigtimedwait(), never in a handler.
  sigset_t watched;
  sigemptyset(&watched);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);

  auto& clock = base::real_clock();
  std::chrono::milliseconds backoff = kBackoffMin;
  bool stopping = false;
  int stop_attempts = 0;
  for (;;) {
    const auto started = clock.monotonic_ns();
    const pid_t core = RW_TRY(start_core(options.core_command));
    // Only a core can drain and end what an earlier one started.
    if (stopping) ::kill(core, SIGTERM);
    int status = 0;
    for (bool alive = true; alive;) {
      const timespec wait{0, 200'000'000};
      const int number = ::sigtimedwait(&watched, nullptr, &wait);
      if (number == SIGTERM || number == SIGINT) {
        stopping = true;
        ::kill(core, SIGTERM);
      } else if (number == SIGHUP) {
        ::kill(core, SIGHUP);
      }
      int child_status = 0;
      for (pid_t child; (child = ::waitpid(-1, &child_status, WNOHANG)) > 0;) {
        if (child == core) alive = false, status = child_status;
      }
      if (alive && options.tick) options.tick();
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (WIFEXITED(status) && (code == kExitUsage || code == kExitOk)) return code;
    if (stopping && ++stop_attempts == kStopAttemptsMax) return code;
    if (WIFEXITED(status) && code == kExitRestart) {
      backoff = kBackoffMin;
      continue;
    }
    if (clock.monotonic_ns() - started > kStableNs) backoff = kBackoffMin;
    base::log_event(base::Level::kError, "supervisor.core_died",
                    {{"exit", std::to_string(code)}, {"restart_in_ms", std::to_string(backoff.count())}});
    // Waits for the back-off or for being told to stop, whichever is first.
    const timespec wait{backoff.count() / 1000, (backoff.count() % 1000) * 1'000'000};
    sigset_t ending = watched;
    sigdelset(&ending, SIGCHLD);
    sigdelset(&ending, SIGHUP);
    if (!stopping && ::sigtimedwait(&ending, nullptr, &wait) > 0) stopping = true;
    backoff = std::min<std::chrono::milliseconds>(backoff * 2, kBackoffMax);
  }
}

}  // namespace ringwall::cli
