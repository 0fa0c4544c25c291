// The running nginx: its listening sockets, its master through restarts and takeovers, its workers.
//
// We open the listening sockets and keep them; every master inherits them by nginx's own means for upgrading
// its binary (the variable NGINX="3;4;", ngx_add_inherited_sockets in nginx.c).  So:
//   - while no nginx runs, connections wait in the socket's queue and none is refused;
//   - a master killed with -9 leaves workers that go on serving; the next master serves beside them on the same
//     sockets, and once its workers run the orphans get SIGQUIT and finish what they have;
//   - a change of listening addresses cannot be a reload (nginx would try to bind what we hold): a second
//   master with
//     the new sockets takes over, then the first gets SIGQUIT.  Any other change is a reload by SIGHUP.
// An inherited master does not daemonize, so it stays the process we started.
//
// A new core gets the sockets back from the running nginx by pidfd_getfd(2).  Where the system forbids that,
// sockets are not held: nginx binds them itself, reloads cover address changes, and after kill -9 of the master
// the orphans must let go before the next one can listen, for which connections may be refused for about half a
// second.
//
// Called with the edge's lock held, except on_event().
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "edge/detail/address.h"
#include "edge/nginx_config.h"
#include "edge/processes.h"

namespace ringwall::edge::detail {

inline constexpr std::chrono::seconds kNginxStartLimit{15};

struct NginxOptions {
  std::string program;        // "nginx"
  std::string run_directory;  // absolute
  std::chrono::milliseconds grace{30'000};
};

class NginxMaster {
 public:
  NginxMaster(Processes& processes, base::Files& files, NginxOptions options)
      : processes_(processes), files_(files), options_(std::move(options)) {}
  ~NginxMaster();
  NginxMaster(const NginxMaster&) = delete;
  NginxMaster& operator=(const NginxMaster&) = delete;

  // Whether a configuration would be accepted; the message is translated.
  Result<void> test(const std::string& path, const NginxConfig& config);

  // The configuration is in place.  Adopts a running master or starts one; `changed`: an adopted one reloads.
  Result<void> start(const std::vector<Address>& listeners, bool changed, const NginxConfig& config);
  // The configuration in place is another: reload or takeover.  Returns the workers that are on their way out.
  Result<std::vector<pid_t>> apply(const std::vector<Address>& listeners, const NginxConfig& config);
  // Lets it finish what it has, and closes the sockets.
  void stop();

  // From the thread of Processes.
  void on_event(const ProcessEvent& event);
  // To be called now and then: sends orphans home once others serve.
  void tick();

  pid_t pid() const { return processes_.pid(name()); }
  std::string name() const;
  void set_grace(std::chrono::milliseconds grace) { options_.grace = grace; }

 private:
  ProcessSpec spec(int generation) const;
  Result<void> hold(const std::vector<Address>& listeners, const std::vector<pid_t>& holders, bool& opened);
  Result<void> wait_for_workers(const std::string& name, std::uint64_t log_offset, const NginxConfig& config);
  std::string complaint_since(std::uint64_t offset, const NginxConfig& config) const;
  std::uint64_t log_size() const;
  std::string log_path() const { return options_.run_directory + "/nginx-error.log"; }
  Result<std::vector<pid_t>> reload(const NginxConfig& config);
  Result<std::vector<pid_t>> take_over(const NginxConfig& config);
  void close_others(const std::vector<Address>& keep);
  void release_group(pid_t group);

  Processes& processes_;
  base::Files& files_;
  NginxOptions options_;
  std::atomic<int> generation_ = 0;  // read by on_event() too, as the next
  std::atomic<bool> holding_ = true;
  std::map<std::string, int> sockets_;  // by canonical address

  std::mutex mutex_;
  std::vector<pid_t> orphans_;  // groups of dead masters; guarded by mutex_
};

}  // namespace ringwall::edge::detail
