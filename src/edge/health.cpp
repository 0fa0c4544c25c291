#include "edge/health.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>

#include "edge/detail/address.h"

namespace ringwall::edge {

std::string_view instance_state_name(InstanceState state) {
  switch (state) {
    case InstanceState::kStarting:
      return "starting";
    case InstanceState::kHealthy:
      return "healthy";
    case InstanceState::kUnhealthy:
      return "unhealthy";
    case InstanceState::kDown:
      return "down";
    case InstanceState::kDraining:
      return "draining";
  }
  return "";
}

HealthMachine::HealthMachine(Check check) : check_(std::move(check)) {
  if (check_.kind == CheckKind::kNone) state_ = InstanceState::kHealthy;
}

bool HealthMachine::become(InstanceState state) {
  successes_ = failures_ = 0;
  const bool changed = state_ != state;
  state_ = state;
  return changed;
}

bool HealthMachine::observe(bool passed) {
  successes_ = passed ? successes_ + 1 : 0;
  failures_ = passed ? 0 : failures_ + 1;
  switch (state_) {
    case InstanceState::kStarting:
      if (passed) return become(InstanceState::kHealthy);
      return failures_ >= check_.unhealthy_after && become(InstanceState::kUnhealthy);
    case InstanceState::kHealthy:
      return failures_ >= check_.unhealthy_after && become(InstanceState::kUnhealthy);
    case InstanceState::kUnhealthy:
      return successes_ >= check_.healthy_after && become(InstanceState::kHealthy);
    // An answer on its address does not come from its process.
    case InstanceState::kDown:
      return false;
    case InstanceState::kDraining:
      return false;
  }
  return false;
}

bool HealthMachine::process_started() {
  if (state_ == InstanceState::kDraining) return false;
  return become(check_.kind == CheckKind::kNone ? InstanceState::kHealthy : InstanceState::kStarting);
}

bool HealthMachine::process_ended() { return become(InstanceState::kDown); }
bool HealthMachine::drain() { return become(InstanceState::kDraining); }

Verdict judge_answer(std::string_view bytes, const Check& check, std::string& reason) {
  // "HTTP/1.1 200": RFC 9112, section 4.  The rest of the answer does not matter.
  constexpr std::size_t kNeeded = 12;
  constexpr std::string_view kStart = "HTTP/1.";
  if (bytes.substr(0, kStart.size()) != kStart.substr(0, std::min(kStart.size(), bytes.size()))) {
    reason = "the answer is not HTTP/1";
    return Verdict::kFailed;
  }
  if (bytes.size() < kNeeded) return Verdict::kMore;
  int status = 0;
  for (const char c : bytes.substr(9, 3)) {
    if (c < '0' || c > '9') {
      reason = "the answer has no status";
      return Verdict::kFailed;
    }
    status = status * 10 + (c - '0');
  }
  if (status >= check.status_min && status <= check.status_max) return Verdict::kPassed;
  reason = fmt::format("status {}", status);
  return Verdict::kFailed;
}

namespace {

constexpr std::int64_t to_ns(std::chrono::milliseconds duration) {
  return std::chrono::nanoseconds(duration).count();
}

class RealChecker final : public HealthChecker {
 public:
  RealChecker(base::Clock& clock, OnHealth on_change) : clock_(clock), on_change_(std::move(on_change)) {}

  Result<void> begin() {
    wake_fd_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (wake_fd_ < 0) return fail(Errc::kUnavailable, "eventfd");
    thread_ = std::thread([this] { run(); });
    return {};
  }

  ~RealChecker() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    wake();
    if (thread_.joinable()) thread_.join();
    for (auto& [name, target] : targets_) close_connection(target);
    if (wake_fd_ >= 0) ::close(wake_fd_);
  }

  void add(const HealthTarget& wanted) override {
    tell([&](Changes& changes) {
      const auto found = targets_.find(wanted.name);
      if (found != targets_.end() && found->second.what == wanted &&
          found->second.machine.state() != InstanceState::kDraining) {
        return;
      }
      if (found != targets_.end()) close_connection(found->second);
      const auto now = clock_.monotonic_ns();
      const auto [at, inserted] = targets_.insert_or_assign(
          wanted.name, Target{wanted, HealthMachine(wanted.check), clock_.now_ns(), {}, -1, {}, 0, now, 0});
      changes.push_back(health_of(at->second));
    });
  }

  void remove(const std::string& name) override {
    tell([&](auto&) {
      const auto found = targets_.find(name);
      if (found == targets_.end()) return;
      close_connection(found->second);
      targets_.erase(found);
    });
  }

  void process_started(const std::string& name) override {
    change(name, [](Target& target) { return target.machine.process_started(); });
  }
  void process_ended(const std::string& name, const std::string& reason) override {
    change(name, [&](Target& target) {
      target.last_error = reason;
      return target.machine.process_ended();
    });
  }
  void drain(const std::string& name) override {
    change(name, [](Target& target) { return target.machine.drain(); });
  }

  std::vector<InstanceHealth> list() const override {
    const std::lock_guard lock(mutex_);
    std::vector<InstanceHealth> out;
    for (const auto& [name, target] : targets_) out.push_back(health_of(target));
    return out;
  }

  bool wait_healthy(const std::vector<std::string>& names, std::chrono::milliseconds limit,
                    std::string& unhealthy) override {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [&] {
      for (const auto& name : names) {
        const auto found = targets_.find(name);
        if (found == targets_.end() || found->second.machine.state() == InstanceState::kHealthy) continue;
        unhealthy = name;
        return false;
      }
      return true;
    });
  }

 private:
  struct Target {
    HealthTarget what;
    HealthMachine machine;
    std::int64_t since_ns = 0;
    std::string last_error;
    // The check under way, if fd >= 0.
    int fd = -1;
    std::string answer;
    std::size_t sent = 0;
    std::int64_t next_ns = 0;      // monotonic; when the next check begins
    std::int64_t deadline_ns = 0;  // monotonic; when the one under way has failed
  };
  using Changes = std::vector<InstanceHealth>;

  static InstanceHealth health_of(const Target& target) {
    return {target.what.name, target.machine.state(), target.since_ns, target.last_error};
  }

  void wake() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_fd_, &one, sizeof one);
  }

  template <class Work>
  void tell(Work work) {
    {
      const std::lock_guard lock(mutex_);
      Changes changes;
      work(changes);
      for (const auto& health : changes) on_change_(health);
      changed_.notify_all();
    }
    wake();
  }

  template <class Work>
  void change(const std::string& name, Work work) {
    tell([&](Changes& changes) {
      const auto found = targets_.find(name);
      if (found == targets_.end() || !work(found->second)) return;
      // What is under way asks a process that is gone, or the state no longer depends on it.
      close_connection(found->second);
      found->second.next_ns = clock_.monotonic_ns();
      found->second.since_ns = clock_.now_ns();
      changes.push_back(health_of(found->second));
    });
  }

  static void close_connection(Target& target) {
    if (target.fd >= 0) ::close(target.fd);
    target.fd = -1;
  }

  static bool checked(const Target& target) {
    return target.what.check.kind != CheckKind::kNone && target.machine.state() != InstanceState::kDown &&
           target.machine.state() != InstanceState::kDraining;
  }

  void finish(Target& target, bool passed, const std::string& reason, Changes& changes) {
    close_connection(target);
    if (!passed) target.last_error = reason;
    const bool changed = target.machine.observe(passed);
    const auto interval = target.machine.state() == InstanceState::kStarting
                              ? std::min(kStartingInterval, target.what.check.interval)
                              : target.what.check.interval;
    target.next_ns = clock_.monotonic_ns() + to_ns(interval);
    if (!changed) return;
    target.since_ns = clock_.now_ns();
    changes.push_back(health_of(target));
  }

  void begin_check(Target& target, Changes& changes) {
    target.answer.clear();
    target.sent = 0;
    target.deadline_ns = clock_.monotonic_ns() + to_ns(target.what.check.timeout);
    const auto address = detail::parse_address(target.what.address);
    if (!address.ok()) return finish(target, false, address.error().message, changes);
    target.fd = ::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (target.fd < 0 || (::connect(target.fd, address->get(), address->size) != 0 && errno != EINPROGRESS)) {
      finish(target, false, std::strerror(errno), changes);
    }
  }

  std::string request_of(const Target& target) const {
    const auto& check = target.what.check;
    return fmt::format(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: ringwall-health\r\nConnection: close\r\n\r\n", check.path,
        check.host.empty() ? target.what.address : check.host);
  }

  // The socket is ready for what we waited for.
  void advance(Target& target, Changes& changes) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(target.fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) {
      return finish(target, false, std::strerror(error), changes);
    }
    if (target.what.check.kind == CheckKind::kTcp) return finish(target, true, {}, changes);
    const auto request = request_of(target);
    if (target.sent < request.size()) {
      const auto sent =
          ::send(target.fd, request.data() + target.sent, request.size() - target.sent, MSG_NOSIGNAL);
      if (sent < 0 && errno != EAGAIN) return finish(target, false, std::strerror(errno), changes);
      if (sent > 0) target.sent += static_cast<std::size_t>(sent);
      return;
    }
    char bytes[1024];
    const auto got = ::recv(target.fd, bytes, sizeof bytes, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0)
      return finish(target, false, got < 0 ? std::strerror(errno) : "closed without an answer", changes);
    target.answer.append(bytes, static_cast<std::size_t>(got));
    std::string reason;
    const auto verdict = judge_answer(target.answer, target.what.check, reason);
    if (verdict != Verdict::kMore || target.answer.size() >= kCheckAnswerBytesMax) {
      finish(target, verdict == Verdict::kPassed, reason, changes);
    }
  }

  void run() {
    for (;;) {
      std::vector<pollfd> descriptors = {{wake_fd_, POLLIN, 0}};
      std::int64_t next = INT64_MAX;
      {
        const std::lock_guard lock(mutex_);
        if (closing_) return;
        for (const auto& [name, target] : targets_) {
          if (!checked(target)) continue;
          next = std::min(next, target.fd >= 0 ? target.deadline_ns : target.next_ns);
          if (target.fd < 0) continue;
          const bool sending =
              target.what.check.kind == CheckKind::kTcp || target.sent < request_of(target).size();
          descriptors.push_back({target.fd, static_cast<short>(sending ? POLLOUT : POLLIN), 0});
        }
      }
      int timeout_ms = -1;
      if (next != INT64_MAX) {
        timeout_ms = static_cast<int>(
            std::clamp<std::int64_t>((next - clock_.monotonic_ns()) / 1'000'000 + 1, 0, 60'000));
      }
      ::poll(descriptors.data(), descriptors.size(), timeout_ms);
      std::uint64_t count = 0;
      [[maybe_unused]] const auto got = ::read(wake_fd_, &count, sizeof count);

      const std::lock_guard lock(mutex_);
      Changes changes;
      const auto now = clock_.monotonic_ns();
      for (auto& [name, target] : targets_) {
        if (!checked(target)) continue;
        if (target.fd < 0) {
          if (target.next_ns <= now) begin_check(target, changes);
          continue;
        }
        const bool ready = std::any_of(descriptors.begin(), descriptors.end(), [fd = target.fd](const pollfd& one) {
          return one.fd == fd && one.revents != 0;
        });
        if (ready) advance(target, changes);
        if (target.fd >= 0 && target.deadline_ns <= now) finish(target, false, "no answer in time", changes);
      }
      for (const auto& health : changes) on_change_(health);
      if (!changes.empty()) changed_.notify_all();
    }
  }

  base::Clock& clock_;
  const OnHealth on_change_;
  int wake_fd_ = -1;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Target> targets_;  // guarded by mutex_
  bool closing_ = false;                   // guarded by mutex_
};

}  // namespace

Result<std::unique_ptr<HealthChecker>> HealthChecker::open(base::Clock& clock, OnHealth on_change) {
  auto checker = std::make_unique<RealChecker>(clock, std::move(on_change));
  RW_TRY(checker->begin());
  return std::unique_ptr<HealthChecker>(std::move(checker));
}

}  // namespace ringwall::edge
