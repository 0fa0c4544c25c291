// ringwall up | down: starts the ring around the declared application, and stops it.
#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/text.h"
#include "base/world.h"
#include "cli/context.h"
#include "cli/load.h"
#include "cli/supervisor.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

struct UpOptions {
  std::string file = "ringwall.yaml";
  bool detach = false;
  std::chrono::seconds wait{120};
};

// Of a core in the background: the errors it ends with and their hints, each once.
class LastWords {
 public:
  explicit LastWords(std::string log) : log_(std::move(log)) {
    const auto before = base::real_files().size(log_);
    read_to_ = before.ok() ? *before : 0;
  }

  void tell() {
    const auto size = base::real_files().size(log_);
    if (!size.ok() || *size == read_to_) return;
    const auto text = base::real_files().read(log_);
    if (!text.ok()) return;
    for (auto end = text->find('\n', read_to_); end != std::string::npos; end = text->find('\n', read_to_)) {
      const auto line = text->substr(read_to_, end - read_to_);
      read_to_ = end + 1;
      if ((line.starts_with("ringwall: error: ") || line.starts_with("ringwall: hint: ")) && told_.insert(line).second) fmt::print(stderr, "{}\n", line);
    }
  }

 private:
  const std::string log_;
  std::size_t read_to_;
  std::set<std::string> told_;
};

// Follows a start on the control socket and tells the person what became ready, and at the end where everything is.
class Progress {
 public:
  Progress(Context context, std::string state) : context_(std::move(context)), state_(std::move(state)) { context_.state = state_; }

  bool done() const { return done_; }

  // Looks once; cheap enough for a few times a second.
  void look() {
    if (done_) return;
    const auto ready = base::real_files().read(state_ + "/run/up.json");
    const auto body = call(context_, "GET", "/api/v1/status");
    if (!body.ok()) return;
    const auto status = Json::parse(*body, nullptr, false);
    if (status.is_discarded()) return;
    for (const auto& service : status.value("services", Json::array())) {
      int healthy = 0, all = 0;
      for (const auto& instance : service.value("instances", Json::array())) {
        ++all;
        healthy += instance.value("state", "") == "healthy";
      }
      const auto line = fmt::format("{} {}/{} healthy", service.value("name", ""), healthy, all);
      auto& last = told_[service.value("name", "")];
      if (last != line) fmt::print(stderr, "ringwall: {}\n", line);
      last = line;
    }
    if (!ready.ok()) return;
    done_ = true;
    summary(status);
  }

 private:
  void summary(const Json& status) {
    const auto first_token_file = state_ + "/run/first-token";
    const auto token = base::real_files().read(first_token_file);
    const auto urls = status.value("urls", Json::object());
    for (const auto& url : urls.value("edge", Json::array())) fmt::print("application  {}\n", url.get<std::string>());
    fmt::print("console      {}\n", urls.value("console", ""));
    if (token.ok()) {
      // It is stored only as a hash from here on.
      [[maybe_unused]] const auto removed = base::real_files().remove(first_token_file);
      fmt::print("token        {}   (shown once; keep it)\n", base::trim(*token));
    } else {
      fmt::print("token        the one shown at the first start, or a fresh one from: ringwall status --json\n");
    }
    fmt::print("certificate  signed by {}/pki/ca.crt; trust it in your browser to be rid of its warning\n", state_);
    std::fflush(stdout);
  }

  Context context_;
  std::string state_;
  std::map<std::string, std::string> told_;
  bool done_ = false;
};

// Held by the supervisor for its life.  -1 when another one holds it.
Result<int> lock_state(const std::string& state) {
  const auto path = state + "/run/up.lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return fail(Errc::kUnavailable, fmt::format("open {}: {}", path, std::strerror(errno)));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    return -1;
  }
  const auto pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    ::close(fd);
    return fail(Errc::kUnavailable, fmt::format("write {}: {}", path, std::strerror(errno)));
  }
  return fd;
}

// In the background: a session of its own, output into a file.
void detach_from_terminal(const std::string& state) {
  ::setsid();
  const int out = ::open((state + "/logs/ringwall.log").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int in = ::open("/dev/null", O_RDONLY);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  ::close(out);
  ::close(in);
}

Result<int> wait_until_up(Progress& progress, pid_t supervisor, const UpOptions& options, const std::string& state) {
  LastWords last_words(state + "/logs/ringwall.log");
  const auto deadline = std::chrono::steady_clock::now() + options.wait;
  while (!progress.done()) {
    int status = 0;
    if (supervisor > 0 && ::waitpid(supervisor, &status, WNOHANG) == supervisor) {
      return fail(Errc::kInternal, "ringwall ended before it was up", fmt::format("its last words are in {}/logs/ringwall.log", state));
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return fail(Errc::kInternal, fmt::format("not everything is up after {} s", options.wait.count()),
                  fmt::format("see `ringwall status` and {0}/logs/; it goes on trying until `ringwall down --state {0}`", state));
    }
    progress.look();
    last_words.tell();
    std::this_thread::sleep_for(100ms);
  }
  return kExitOk;
}

Result<int> run_up(const UpOptions& options, const Context& context) {
  const auto loaded = RW_TRY(load(options.file, context));
  if (!loaded.ok) return kExitUsage;  // its diagnostics were printed
  const std::string& state = loaded.state;
  auto& files = base::real_files();
  RW_TRY(files.make_directories(state + "/run"));
  RW_TRY(files.make_directories(state + "/logs"));
  remember_state(state);

  Progress progress(context, state);
  const int lock = RW_TRY(lock_state(state));
  if (lock < 0) {
    fmt::print(stderr, "ringwall: already running here; a changed declaration is taken over by: ringwall apply {}\n", options.file);
    return wait_until_up(progress, 0, options, state);
  }
  [[maybe_unused]] const auto stale = files.remove(state + "/run/up.json");
  RW_TRY(files.write_atomic(state + "/run/declaration.yaml", loaded.text, 0600));

  SupervisorOptions supervisor;
  supervisor.core_command = {std::filesystem::read_symlink("/proc/self/exe").string(), "core", "--state", state,
                             loaded.path};
  if (!options.detach) {
    supervisor.tick = [&progress] { progress.look(); };
    return supervise(supervisor);
  }
  const pid_t pid = ::fork();
  if (pid < 0) return fail(Errc::kUnavailable, fmt::format("go to the background: {}", std::strerror(errno)));
  if (pid == 0) {
    detach_from_terminal(state);
    const auto locked = fmt::format("{}\n", ::getpid());
    [[maybe_unused]] const auto written = ::pwrite(lock, locked.data(), locked.size(), 0);
    const auto outcome = supervise(supervisor);
    ::_exit(outcome.ok() ? *outcome : report(outcome.error()));
  }
  return wait_until_up(progress, pid, options, state);
}

Result<int> run_down(const Context& context) {
  const auto state = RW_TRY(find_state(context));
  const auto lock = state + "/run/up.lock";
  const int fd = ::open(lock.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0 || ::flock(fd, LOCK_SH | LOCK_NB) == 0) {
    if (fd >= 0) ::close(fd);
    fmt::print(stderr, "ringwall: nothing runs in {}\n", state);
    return kExitOk;
  }
  const auto text = RW_TRY(base::real_files().read(lock));
  const auto pid = static_cast<pid_t>(std::strtol(text.c_str(), nullptr, 10));
  if (pid <= 1 || ::kill(pid, SIGTERM) != 0) {
    ::close(fd);
    return fail(Errc::kUnavailable, fmt::format("stop process {}: {}", pid, std::strerror(errno)));
  }
  fmt::print(stderr, "ringwall: draining connections and stopping what runs in {}\n", state);
  // The lock is free once the supervisor is gone; the core has drained by then.
  const bool stopped = ::flock(fd, LOCK_SH) == 0;
  ::close(fd);
  return stopped ? kExitOk : kExitFailed;
}

}  // namespace

void add_up(CLI::App& app, Context& context) {
  auto options = std::make_shared<UpOptions>();
  auto* command = app.add_subcommand("up", "run the ring around the declared application");
  command->footer(
      "Examples:\n"
      "  ringwall up ringwall.yaml            in the foreground, until interrupted\n"
      "  ringwall up --detach ringwall.yaml   in the background; returns once everything is healthy\n"
      "Stop it with Ctrl-C or `ringwall down`: connections are drained first.");
  command->add_option("file", options->file, "the declaration")->capture_default_str();
  command->add_flag("-d,--detach", options->detach, "run in the background and return when everything is up");
  command->add_option_function<int>("--wait", [options](int seconds) { options->wait = std::chrono::seconds(seconds); },
                                    "with --detach: give up waiting after so many seconds (120)");
  command->callback([options, &context] {
    const auto outcome = run_up(*options, context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });
}

void add_down(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("down", "drain connections and stop what `ringwall up` started");
  command->footer("Example:\n  ringwall down --state /var/lib/ringwall");
  command->callback([&context] {
    const auto outcome = run_down(context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });
}

}  // namespace ringwall::cli
