// Child processes that outlive us: nginx and the application's instances.
//
// Every process is recorded in `run/processes.json` before it runs its program:
//
//   {"boot": "<boot id>", "processes": {"web/0": {"pid": 71, "start_ticks": 9912, "spec": "<hash>", "port":
//   40123}}}
//
// pid and start time name a process for as long as the machine runs, so whoever opens the file next (the core
// after kill -9) ADOPTS what still runs: it is watched through a pidfd, which works for processes that are not
// our children.  Whoever ends by itself is started again with back-off (detail/backoff.h).
//
// Every process leads a session of its own.  Its output goes to a file, so our death does not disturb it.  To
// stop: the stop signal to the group, `stop_timeout`, SIGKILL to the group.
//
// Thread-safe.  One thread watches; events come from it or from the caller of start(), never with a lock held.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/world.h"

namespace ringwall::edge {

struct ProcessSpec {
  std::string name;                                // "nginx/1", "web/0"; names one process for good
  std::vector<std::string> command;                // program and arguments
  std::map<std::string, std::string> environment;  // beside our own
  std::string working_directory;                   // absolute; empty: ours
  std::string user;                                // empty: ours
  std::string output;                              // file for stdout and stderr
  std::uint16_t port = 0;                          // for port_for(); part of nothing else

  // Descriptors that stay open in the child.  They may differ from start to start and are no part of the hash.
  std::vector<int> inherited;
  std::map<std::string, std::string>
      inherited_environment;  // tells the child about them; no part of the hash either

  int stop_signal = SIGTERM;
  std::chrono::milliseconds stop_timeout{10'000};
  // False: when the leader ends, the rest of its group is killed before a restart, so that ports are free.
  // True (nginx): workers of a dead master go on serving; the owner takes care of them.
  bool group_survives = false;
};

// Changes when another process would have to run.
std::string spec_hash(const ProcessSpec& spec);

enum class ProcessStatus {
  kRunning,
  kWaiting,   // ended; will be started again at its back-off
  kStopping,  // asked to end
};

struct ProcessState {
  std::string name;
  ProcessStatus status = ProcessStatus::kWaiting;
  pid_t pid = 0;               // 0 while waiting
  std::uint64_t restarts = 0;  // by itself, since this object manages it
  std::int64_t since_ns = 0;   // Unix time of the last change
  std::string last_error;      // "exit status 3", "killed by signal 9", "cannot run …"
};

struct ProcessEvent {
  enum class Kind { kStarted, kAdopted, kExited, kStopped, kFailed };
  Kind kind = Kind::kStarted;
  std::string name;
  pid_t pid = 0;           // kExited, kStopped: the one that ended
  pid_t previous_pid = 0;  // kStarted after an exit: whom it replaces
  std::string detail;
};

class Processes {
 public:
  using OnEvent = std::function<void(const ProcessEvent&)>;

  // kCorrupt when the file is there but not ours: then nobody knows what runs.
  static Result<std::unique_ptr<Processes>> open(base::Files& files, base::Clock& clock,
                                                 const std::string& path, OnEvent on_event);

  // Leaves every process running.
  virtual ~Processes() = default;

  // Runs the process: adopts one of the same name and hash that the file knows, otherwise starts one (after
  // killing one with another hash).  kExists when the name is managed already; what the system says when the
  // first start fails.
  virtual Result<void> start(const ProcessSpec& spec) = 0;

  // Sockets for the next start of a process that is managed already.
  virtual void set_inherited(const std::string& name, std::vector<int> inherited,
                             std::map<std::string, std::string> inherited_environment) = 0;

  // Asks it to end and forgets it; kStopped follows.  Without effect when the name is unknown.
  virtual void stop(const std::string& name) = 0;
  virtual void stop_and_wait(const std::string& name) = 0;
  // The same for all of them at once.
  virtual void stop_all_and_wait() = 0;

  // What the file knew when it was opened: name and process id, whether it still runs or not.
  virtual std::map<std::string, pid_t> recorded() const = 0;

  // Recorded by an earlier program and not claimed by start(): what the declaration no longer has.
  virtual std::vector<std::string> unclaimed() const = 0;
  virtual void stop_unclaimed() = 0;
  // Takes an unclaimed one out of the file without touching it.
  virtual void disown(const std::string& name) = 0;

  virtual std::vector<ProcessState> list() const = 0;
  virtual pid_t pid(const std::string& name) const = 0;  // 0 when it does not run
  virtual bool managed(const std::string& name) const = 0;

  // A free port of this machine for the process of that name: the one it had before, as long as the file knows
  // it.
  virtual Result<std::uint16_t> port_for(const std::string& name) = 0;
};

}  // namespace ringwall::edge
