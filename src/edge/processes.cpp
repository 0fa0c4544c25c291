#include "edge/processes.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/hash.h"
#include "base/text.h"
#include "edge/detail/backoff.h"
#include "edge/detail/proc.h"
#include "edge/detail/process_table.h"
#include "edge/detail/spawn.h"

namespace ringwall::edge {

std::string spec_hash(const ProcessSpec& spec) {
  std::string text;
  const auto add = [&](std::string_view part) {
    fmt::format_to(std::back_inserter(text), "{}:{}", part.size(), part);
  };
  for (const auto& part : spec.command) add(part);
  for (const auto& [name, value] : spec.environment) add(name), add(value);
  add(spec.working_directory);
  add(spec.user);
  add(spec.output);
  const auto digest = base::digest128(text);
  return fmt::format("{:016x}{:016x}", digest.high, digest.low);
}

namespace {

using std::chrono::milliseconds;

struct Process {
  ProcessSpec spec;
  std::string hash;
  ProcessStatus status = ProcessStatus::kWaiting;
  pid_t pid = 0;
  int pidfd = -1;
  pid_t previous_pid = 0;
  std::int64_t started_ns = 0;   // monotonic
  std::int64_t deadline_ns = 0;  // monotonic; waiting: next start; stopping: SIGKILL
  std::int64_t since_ns = 0;
  std::uint64_t restarts = 0;
  std::string last_error;
  detail::Backoff backoff;
};

std::string describe_exit(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return fmt::format("exit status {}", info.si_status);
  return fmt::format("killed by signal {}", info.si_status);
}

class RealProcesses final : public Processes {
 public:
  RealProcesses(base::Files& files, base::Clock& clock, std::string path, OnEvent on_event)
      : files_(files), clock_(clock), path_(std::move(path)), on_event_(std::move(on_event)) {}

  Result<void> load() {
    table_.boot = detail::boot_id();
    const auto text = files_.read(path_);
    if (!text.ok() && text.error().code != Errc::kNotFound) return text.error();
    if (text.ok()) {
      auto table = RW_TRY_CTX(path_, detail::parse_process_table(text.value()));
      const bool same_boot = table.boot == table_.boot;
      for (auto& [name, entry] : table.processes) {
        if (!same_boot) entry.pid = 0;  // only its port is worth something still
        if (entry.pid != 0) {
          unclaimed_.insert(name);
          recorded_[name] = entry.pid;
        }
        table_.processes[name] = entry;
      }
    }
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0) return fail(Errc::kUnavailable, "eventfd");
    thread_ = std::thread([this] { watch(); });
    return {};
  }

  ~RealProcesses() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake();
    if (thread_.joinable()) thread_.join();
    for (auto& [name, process] : processes_) {
      if (process.pidfd >= 0) ::close(process.pidfd);
    }
    if (wake_fd_ >= 0) ::close(wake_fd_);
  }

  Result<void> start(const ProcessSpec& spec) override {
    std::vector<ProcessEvent> events;
    auto result = [&]() -> Result<void> {
      const std::lock_guard lock(mutex_);
      if (processes_.contains(spec.name))
        return fail(Errc::kExists, fmt::format("process {} runs already", spec.name));
      Process process{.spec = spec, .hash = spec_hash(spec)};
      unclaimed_.erase(spec.name);
      if (!adopt_locked(process, events)) {
        end_recorded_locked(spec.name, spec.group_survives);
        RW_TRY(spawn_locked(process, events));
      }
      processes_.emplace(spec.name, std::move(process));
      return {};
    }();
    wake();
    deliver(events);
    return result;
  }

  void set_inherited(const std::string& name, std::vector<int> inherited,
                     std::map<std::string, std::string> environment) override {
    const std::lock_guard lock(mutex_);
    const auto found = processes_.find(name);
    if (found == processes_.end()) return;
    found->second.spec.inherited = std::move(inherited);
    found->second.spec.inherited_environment = std::move(environment);
  }

  void stop(const std::string& name) override {
    std::vector<ProcessEvent> events;
    {
      const std::lock_guard lock(mutex_);
      begin_stop_locked(name, events);
    }
    wake();
    deliver(events);
  }

  void stop_and_wait(const std::string& name) override {
    stop(name);
    std::unique_lock lock(mutex_);
    gone_.wait(lock, [&] { return !processes_.contains(name); });
  }

  void stop_all_and_wait() override {
    std::vector<ProcessEvent> events;
    {
      const std::lock_guard lock(mutex_);
      std::vector<std::string> names;
      for (const auto& [name, process] : processes_) names.push_back(name);
      for (const auto& name : names) begin_stop_locked(name, events);
    }
    wake();
    deliver(events);
    std::unique_lock lock(mutex_);
    gone_.wait(lock, [&] { return processes_.empty(); });
  }

  std::map<std::string, pid_t> recorded() const override {
    const std::lock_guard lock(mutex_);
    return recorded_;
  }

  std::vector<std::string> unclaimed() const override {
    const std::lock_guard lock(mutex_);
    return {unclaimed_.begin(), unclaimed_.end()};
  }

  void stop_unclaimed() override {
    std::vector<ProcessEvent> events;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& name : std::set<std::string>(unclaimed_)) {
        Process process{.spec = {.name = name}, .hash = table_.processes[name].spec};
        if (adopt_locked(process, events)) {
          processes_.emplace(name, std::move(process));
          begin_stop_locked(name, events);
        } else {
          forget_locked(name);
        }
      }
      unclaimed_.clear();
    }
    wake();
    deliver(events);
  }

  void disown(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    if (unclaimed_.erase(name) != 0) forget_locked(name);
  }

  std::vector<ProcessState> list() const override {
    const std::lock_guard lock(mutex_);
    std::vector<ProcessState> out;
    for (const auto& [name, p] : processes_) {
      out.push_back({name, p.status, p.pid, p.restarts, p.since_ns, p.last_error});
    }
    return out;
  }

  pid_t pid(const std::string& name) const override {
    const std::lock_guard lock(mutex_);
    const auto found = processes_.find(name);
    return found == processes_.end() ? 0 : found->second.pid;
  }

  bool managed(const std::string& name) const override {
    const std::lock_guard lock(mutex_);
    return processes_.contains(name);
  }

  Result<std::uint16_t> port_for(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    auto& entry = table_.processes[name];
    if (entry.port != 0) return entry.port;
    // The system chooses; it seldom gives the same port twice in a row, but ports of ours that are not bound
    // yet are excluded all the same.
    for (int attempt = 0; attempt < kPortAttemptsMax; ++attempt) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      socklen_t size = sizeof address;
      const bool bound = fd >= 0 && ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                         ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
      if (fd >= 0) ::close(fd);
      if (!bound) break;
      const std::uint16_t port = ntohs(address.sin_port);
      bool taken = false;
      for (const auto& [other, known] : table_.processes) taken = taken || known.port == port;
      if (taken) continue;
      entry.port = port;
      RW_TRY(save_locked());
      return port;
    }
    return fail(Errc::kUnavailable, fmt::format("no free port for {}", name));
  }

 private:
  static constexpr int kPortAttemptsMax = 100;

  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  }

  void deliver(const std::vector<ProcessEvent>& events) {
    if (!on_event_) return;
    for (const auto& event : events) on_event_(event);
  }

  Result<void> save_locked() { return files_.write_atomic(path_, detail::process_table_text(table_), 0600); }

  // The port stays: the same name gets it again.
  void forget_locked(const std::string& name) {
    auto& entry = table_.processes[name];
    entry.pid = 0;
    if (entry.port == 0) table_.processes.erase(name);
    // A process that ended stays recognisable by its start time, so a stale file does no harm.
    (void)save_locked();
  }

  void set_status_locked(Process& process, ProcessStatus status) {
    process.status = status;
    process.since_ns = clock_.now_ns();
  }

  bool adopt_locked(Process& process, std::vector<ProcessEvent>& events) {
    const auto found = table_.processes.find(process.spec.name);
    if (found == table_.processes.end() || found->second.pid == 0 || found->second.spec != process.hash)
      return false;
    process.pidfd = detail::open_process(found->second.pid, found->second.start_ticks);
    if (process.pidfd < 0) return false;
    process.pid = found->second.pid;
    process.started_ns = clock_.monotonic_ns();
    set_status_locked(process, ProcessStatus::kRunning);
    events.push_back({ProcessEvent::Kind::kAdopted, process.spec.name, process.pid, 0, {}});
    return true;
  }

  // A recorded process that is not what is wanted now, or whose leader died while nobody watched.  In the
  // second case its number may belong to others by now, so what is left must carry our mark.
  void end_recorded_locked(const std::string& name, bool group_survives) {
    const auto found = table_.processes.find(name);
    if (found == table_.processes.end() || found->second.pid == 0) return;
    const int fd = detail::open_process(found->second.pid, found->second.start_ticks);
    if (fd >= 0 || (!group_survives && detail::group_has_mark(found->second.pid, mark(name)))) {
      kill_group(found->second.pid, SIGKILL);
    }
    if (fd >= 0) {
      pollfd ended{fd, POLLIN, 0};
      ::poll(&ended, 1, 5000);
      ::close(fd);
    }
    found->second.pid = 0;
  }

  // Inherited by whatever the process starts.
  std::string mark(const std::string& name) const { return fmt::format("RINGWALL_PROCESS={}:{}", path_, name); }

  // A process group keeps its number from being given out again, so its members are ours as long as there are
  // any; one that has none left is not signalled.
  static void kill_group(pid_t group, int signal) {
    if (!detail::group_members(group).empty()) ::kill(-group, signal);
  }

  Result<void> spawn_locked(Process& process, std::vector<ProcessEvent>& events) {
    auto& entry = table_.processes[process.spec.name];
    const auto previous = entry;
    detail::Spawn what{process.spec.command, process.spec.environment, process.spec.working_directory,
                       process.spec.user,    process.spec.output,      process.spec.inherited};
    for (const auto& [name, value] : process.spec.inherited_environment) what.environment[name] = value;
    what.environment["RINGWALL_PROCESS"] = fmt::format("{}:{}", path_, process.spec.name);
    auto pid = detail::spawn(what, [&](pid_t child) -> Result<void> {
      const auto stat = detail::read_stat(child);
      if (!stat) return fail(Errc::kUnavailable, "the child ended before it began");
      entry = {child, stat->start_ticks, process.hash,
               process.spec.port != 0 ? process.spec.port : previous.port};
      return save_locked();
    });
    if (!pid.ok()) {
      forget_locked(process.spec.name);
      process.last_error = pid.error().message;
      return ringwall::detail::with_context(std::move(pid).error(), process.spec.name);
    }
    process.pid = pid.value();
    process.pidfd = detail::open_process(process.pid, entry.start_ticks);
    process.started_ns = clock_.monotonic_ns();
    set_status_locked(process, ProcessStatus::kRunning);
    events.push_back({ProcessEvent::Kind::kStarted, process.spec.name, process.pid, process.previous_pid, {}});
    return {};
  }

  void begin_stop_locked(const std::string& name, std::vector<ProcessEvent>& events) {
    const auto found = processes_.find(name);
    if (found == processes_.end() || found->second.status == ProcessStatus::kStopping) return;
    Process& process = found->second;
    if (process.pid == 0) {
      events.push_back({ProcessEvent::Kind::kStopped, name, 0, 0, {}});
      forget_locked(name);
      processes_.erase(found);
      gone_.notify_all();
      return;
    }
    set_status_locked(process, ProcessStatus::kStopping);
    process.deadline_ns = clock_.monotonic_ns() + std::chrono::nanoseconds(process.spec.stop_timeout).count();
    // nginx's master passes it on to its workers in the right order; others may be a shell with children.
    ::kill(process.spec.group_survives ? process.pid : -process.pid, process.spec.stop_signal);
  }

  // The pidfd became readable, or could not be opened because the process was gone already.
  void ended_locked(Process& process, std::vector<ProcessEvent>& events) {
    // Before the leader is waited for, so that the group's number is certainly still ours.
    if (!process.spec.group_survives || process.status == ProcessStatus::kStopping)
      kill_group(process.pid, SIGKILL);
    siginfo_t info{};
    const bool child =
        ::waitid(P_PID, static_cast<id_t>(process.pid), &info, WEXITED | WNOHANG) == 0 && info.si_pid != 0;
    process.last_error = child ? describe_exit(info) : "ended";
    if (process.pidfd >= 0) ::close(process.pidfd);
    process.pidfd = -1;
    process.previous_pid = process.pid;
    process.pid = 0;
    const auto now = clock_.monotonic_ns();
    const bool stopped = process.status == ProcessStatus::kStopping;
    events.push_back({stopped ? ProcessEvent::Kind::kStopped : ProcessEvent::Kind::kExited, process.spec.name,
                      process.previous_pid, 0, process.last_error});
    if (stopped) {
      finished_.push_back(process.spec.name);
      return;
    }
    const auto ran =
        std::chrono::duration_cast<milliseconds>(std::chrono::nanoseconds(now - process.started_ns));
    process.deadline_ns = now + std::chrono::nanoseconds(process.backoff.after_run(ran)).count();
    set_status_locked(process, ProcessStatus::kWaiting);
    // A group that survives its leader is found by the leader's record, also by a core that is started between this
    // end and the next start.
    if (!process.spec.group_survives) forget_locked(process.spec.name);
  }

  void restart_locked(Process& process, std::vector<ProcessEvent>& events) {
    ++process.restarts;
    const auto started = spawn_locked(process, events);
    if (started.ok()) return;
    process.deadline_ns = clock_.monotonic_ns() +
                          std::chrono::nanoseconds(process.backoff.after_run(milliseconds::zero())).count();
    events.push_back(
        {ProcessEvent::Kind::kFailed, process.spec.name, 0, process.previous_pid, started.error().message});
  }

  // One round over everything that may be due.  Returns the next deadline, monotonic, or nothing.
  std::optional<std::int64_t> step_locked(std::vector<ProcessEvent>& events) {
    std::optional<std::int64_t> next;
    for (auto& [name, process] : processes_) {
      if (process.pid != 0) {
        pollfd one{process.pidfd, POLLIN, 0};
        if (process.pidfd < 0 || ::poll(&one, 1, 0) == 1) ended_locked(process, events);
      }
      const auto now = clock_.monotonic_ns();
      if (process.status == ProcessStatus::kWaiting && process.deadline_ns <= now)
        restart_locked(process, events);
      if (process.status == ProcessStatus::kStopping && process.pid != 0 && process.deadline_ns <= now) {
        kill_group(process.pid, SIGKILL);
        process.deadline_ns = now + std::chrono::nanoseconds(process.spec.stop_timeout).count();
      }
      const bool timed = process.status != ProcessStatus::kRunning;
      if (timed && (!next || process.deadline_ns < *next)) next = process.deadline_ns;
    }
    for (const auto& name : finished_) {
      processes_.erase(name);
      forget_locked(name);
    }
    if (!finished_.empty()) gone_.notify_all();
    finished_.clear();
    return next;
  }

  void watch() {
    for (;;) {
      std::vector<ProcessEvent> events;
      std::vector<pollfd> descriptors = {{wake_fd_, POLLIN, 0}};
      int timeout_ms = -1;
      {
        const std::lock_guard lock(mutex_);
        if (closing_) return;
        const auto next = step_locked(events);
        for (const auto& [name, process] : processes_) {
          if (process.pidfd >= 0) descriptors.push_back({process.pidfd, POLLIN, 0});
        }
        if (next) {
          const auto wait_ns = std::max<std::int64_t>(*next - clock_.monotonic_ns(), 0);
          timeout_ms = static_cast<int>(std::min<std::int64_t>(wait_ns / 1'000'000 + 1, 60'000));
        }
      }
      const bool idle = events.empty();
      deliver(events);
      // An event's receiver may have changed what there is to wait for.
      if (!idle) continue;
      // A descriptor that another thread closed meanwhile makes poll return at once, which is harmless.
      ::poll(descriptors.data(), descriptors.size(), timeout_ms);
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(wake_fd_, &count, sizeof count);
    }
  }

  base::Files& files_;
  base::Clock& clock_;
  const std::string path_;
  const OnEvent on_event_;
  int wake_fd_ = -1;
  std::thread thread_;

  mutable std::mutex mutex_;
  std::condition_variable gone_;
  std::map<std::string, Process> processes_;  // guarded by mutex_, as all below
  detail::ProcessTable table_;
  std::set<std::string> unclaimed_;
  std::map<std::string, pid_t> recorded_;
  std::vector<std::string> finished_;
  bool closing_ = false;
};

}  // namespace

Result<std::unique_ptr<Processes>> Processes::open(base::Files& files, base::Clock& clock,
                                                   const std::string& path, OnEvent on_event) {
  auto processes = std::make_unique<RealProcesses>(files, clock, path, std::move(on_event));
  RW_TRY(processes->load());
  return std::unique_ptr<Processes>(std::move(processes));
}

}  // namespace ringwall::edge
