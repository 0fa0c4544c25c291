// Who may get traffic: active checks of every instance, and what we know about the processes behind them.
//
//   state        slot in run/health.table   means
//   starting     down                       no check has succeeded since it was added or its process
//   (re)started healthy      up unhealthy    down                       `unhealthy_after` checks in a row
//   failed; `healthy_after` successes end it down         down                       its process does not run
//   draining     draining                   finishes what it has; about to be removed
//
// An HTTP check is `GET path` over a new connection; a status within the check's range passes.  A TCP check
// passes when the connection is accepted.  Without a check an instance counts as healthy while its process
// runs.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/world.h"

namespace ringwall::edge {

enum class InstanceState { kStarting, kHealthy, kUnhealthy, kDown, kDraining };
std::string_view instance_state_name(InstanceState state);  // "starting", ...

enum class CheckKind { kNone, kTcp, kHttp };

struct Check {
  CheckKind kind = CheckKind::kNone;
  std::string path = "/";  // kHttp
  std::string host;        // kHttp: the Host header; empty: the address
  std::chrono::milliseconds interval{2000};
  std::chrono::milliseconds timeout{1000};
  unsigned healthy_after = 2;
  unsigned unhealthy_after = 3;
  int status_min = 200, status_max = 399;  // kHttp
  bool operator==(const Check&) const = default;
};

// While an instance is starting it is asked this often: a deployment should not wait for a long interval.
inline constexpr std::chrono::milliseconds kStartingInterval{200};
inline constexpr std::size_t kCheckAnswerBytesMax = 4096;

// The judgement of one instance.  Pure; each call says whether the state changed.
class HealthMachine {
 public:
  explicit HealthMachine(Check check);
  bool observe(bool passed);
  bool process_started();
  bool process_ended();
  bool drain();
  InstanceState state() const { return state_; }

 private:
  bool become(InstanceState state);
  Check check_;
  InstanceState state_ = InstanceState::kStarting;
  unsigned successes_ = 0, failures_ = 0;  // in a row
};

// What an answer to an HTTP check says so far: nothing yet, or whether it passed, with the reason when it did
// not.
enum class Verdict { kMore, kPassed, kFailed };
Verdict judge_answer(std::string_view bytes, const Check& check, std::string& reason);

struct HealthTarget {
  std::string name;     // "web/0"
  std::string address;  // "127.0.0.1:3000", "[::1]:3000": literal
  Check check;
  bool operator==(const HealthTarget&) const = default;
};

struct InstanceHealth {
  std::string name;
  InstanceState state = InstanceState::kStarting;
  std::int64_t since_ns = 0;  // Unix time
  std::string last_error;     // of the last check that failed
};

// Called in the order of the changes, with the checker's lock held: be quick and do not call back.
using OnHealth = std::function<void(const InstanceHealth&)>;

// One thread checks all targets.  Thread-safe.
class HealthChecker {
 public:
  static Result<std::unique_ptr<HealthChecker>> open(base::Clock& clock, OnHealth on_change);
  virtual ~HealthChecker() = default;

  // A target of the same name, address and check keeps its state; any other starts anew (and is told
  // to on_change).
  virtual void add(const HealthTarget& target) = 0;
  virtual void remove(const std::string& name) = 0;
  virtual void process_started(const std::string& name) = 0;
  virtual void process_ended(const std::string& name, const std::string& reason) = 0;
  virtual void drain(const std::string& name) = 0;

  virtual std::vector<InstanceHealth> list() const = 0;
  // Waits until each of them is healthy; false with the first that is not at the deadline.
  virtual bool wait_healthy(const std::vector<std::string>& names, std::chrono::milliseconds limit,
                            std::string& unhealthy) = 0;
};

}  // namespace ringwall::edge
