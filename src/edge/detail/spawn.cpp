#include "edge/detail/spawn.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace ringwall::edge::detail {

namespace {

class Pipe {
 public:
  bool open() { return ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
  ~Pipe() {
    close_read();
    close_write();
  }
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_read() { close(ends_[0]); }
  void close_write() { close(ends_[1]); }

 private:
  static void close(int& fd) {
    if (fd >= 0) ::close(fd);
    fd = -1;
  }
  std::array<int, 2> ends_{-1, -1};
};

struct Identity {
  bool change = false;
  uid_t user = 0;
  gid_t group = 0;
  std::vector<gid_t> groups;
};

Result<Identity> identity_of(const std::string& user) {
  Identity identity;
  if (user.empty()) return identity;
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return fail(Errc::kNotFound, fmt::format("there is no user '{}'", user));
  }
  if (entry.pw_uid == ::geteuid()) return identity;
  if (::geteuid() != 0) return fail(Errc::kDenied, fmt::format("only root can run a program as '{}'", user));
  identity = {true, entry.pw_uid, entry.pw_gid, std::vector<gid_t>(64)};
  for (;;) {
    int count = static_cast<int>(identity.groups.size());
    const bool fits = ::getgrouplist(user.c_str(), entry.pw_gid, identity.groups.data(), &count) >= 0;
    identity.groups.resize(static_cast<std::size_t>(count));
    if (fits) return identity;
  }
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!added.contains(std::string(text.substr(0, text.find('='))))) out.emplace_back(text);
  }
  for (const auto& [name, value] : added) out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Prepared {
  const char* program;
  char** arguments;
  char** environment;
  const char* directory;
  const Identity* identity;
  int input, output, go, report;
  const int* inherited;
  std::size_t inherited_count;
};

// Between fork and exec in a program with threads only async-signal-safe calls are allowed (fork(2)): no
// allocation, no locks.  Everything was prepared before.
[[noreturn]] void become(const Prepared& p) {
  const auto give_up = [&] {
    const int number = errno;
    [[maybe_unused]] const auto ignored = ::write(p.report, &number, sizeof number);
    ::_exit(127);
  };
  ::setsid();
  char byte = 0;
  if (::read(p.go, &byte, 1) != 1) ::_exit(127);  // whoever started us is gone
  for (int number = 1; number < NSIG; ++number) {
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::dup2(p.input, 0) < 0 || ::dup2(p.output, 1) < 0 || ::dup2(p.output, 2) < 0) give_up();
  ::close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
  for (std::size_t i = 0; i < p.inherited_count; ++i) {
    if (::fcntl(p.inherited[i], F_SETFD, 0) != 0) give_up();
  }
  if (p.directory != nullptr && ::chdir(p.directory) != 0) give_up();
  if (p.identity->change && (::setgroups(p.identity->groups.size(), p.identity->groups.data()) != 0 ||
                             ::setgid(p.identity->group) != 0 || ::setuid(p.identity->user) != 0)) {
    give_up();
  }
  ::execve(p.program, p.arguments, p.environment);
  give_up();
  ::_exit(127);
}

Error cannot_run(const std::string& program, int number) {
  const auto code = number == ENOENT                      ? Errc::kNotFound
                    : number == EACCES || number == EPERM ? Errc::kDenied
                                                          : Errc::kUnavailable;
  return fail(code, fmt::format("cannot run {}: {}", program, std::strerror(number)));
}

}  // namespace

Result<std::string> find_program(const std::string& name, const std::string& working_directory) {
  if (name.empty()) return fail(Errc::kInvalid, "the command is empty");
  if (name.find('/') != std::string::npos) {
    return name.front() == '/' || working_directory.empty() ? name : working_directory + "/" + name;
  }
  const char* path = ::getenv("PATH");
  // Daemons of the system live in sbin, which plain users often do not have in their PATH.
  const std::string folders =
      std::string(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path) + ":/usr/sbin:/usr/local/sbin";
  for (std::size_t begin = 0; begin <= folders.size();) {
    const auto end = std::min(folders.find(':', begin), folders.size());
    const auto candidate = folders.substr(begin, end - begin) + "/" + name;
    if (end > begin && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    begin = end + 1;
  }
  return fail(Errc::kNotFound, fmt::format("there is no program '{}'", name));
}

Result<pid_t> spawn(const Spawn& what, const std::function<Result<void>(pid_t)>& record) {
  if (what.command.empty()) return fail(Errc::kInvalid, "the command is empty");
  const auto program = RW_TRY(find_program(what.command.front(), what.working_directory));
  const auto identity = RW_TRY(identity_of(what.user));
  const auto environment = merged_environment(what.environment);
  auto argument_pointers = pointers(what.command);
  auto environment_pointers = pointers(environment);

  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int output = ::open(what.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  Pipe go, report;
  if (input < 0 || output < 0 || !go.open() || !report.open()) {
    const int number = errno;
    if (input >= 0) ::close(input);
    if (output >= 0) ::close(output);
    return fail(Errc::kUnavailable, fmt::format("open {}: {}", what.output, std::strerror(number)));
  }
  const Prepared prepared{program.c_str(),
                          argument_pointers.data(),
                          environment_pointers.data(),
                          what.working_directory.empty() ? nullptr : what.working_directory.c_str(),
                          &identity,
                          input,
                          output,
                          go.read_end(),
                          report.write_end(),
                          what.inherited.data(),
                          what.inherited.size()};
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(go.write_end());  // else we would wait for ourselves when the parent dies
    become(prepared);
  }
  const int fork_error = errno;
  ::close(input);
  ::close(output);
  if (pid < 0) return fail(Errc::kUnavailable, fmt::format("fork: {}", std::strerror(fork_error)));
  report.close_write();

  auto recorded = record(pid);
  if (recorded.ok()) {
    // Our copy of the read end is still open, so a child that died meanwhile gives no SIGPIPE.
    [[maybe_unused]] const auto written = ::write(go.write_end(), "g", 1);
  }
  go.close_write();
  int number = 0;
  // Nothing to read: the pipe was closed by a successful exec.
  const bool failed = ::read(report.read_end(), &number, sizeof number) == sizeof number;
  if (recorded.ok() && !failed) return pid;
  ::waitpid(pid, nullptr, 0);
  if (!recorded.ok()) return std::move(recorded).error();
  return cannot_run(program, number);
}

}  // namespace ringwall::edge::detail
