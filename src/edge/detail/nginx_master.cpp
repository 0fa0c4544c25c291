#include "edge/detail/nginx_master.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <thread>

#include "base/log.h"
#include "base/text.h"
#include "edge/detail/proc.h"
#include "edge/detail/run.h"

namespace ringwall::edge::detail {

namespace {

using namespace std::chrono_literals;

constexpr std::string_view kNamePrefix = "nginx/";

// Members of a group that call themselves nginx; a number that others got meanwhile is not touched.
std::vector<pid_t> nginx_members(pid_t group) {
  std::vector<pid_t> out;
  for (const auto pid : group_members(group)) {
    const auto stat = read_stat(pid);
    if (stat && stat->name == "nginx") out.push_back(pid);
  }
  return out;
}

int generation_of(std::string_view name) {
  int number = 0;
  if (name.starts_with(kNamePrefix)) {
    name.remove_prefix(kNamePrefix.size());
    std::from_chars(name.data(), name.data() + name.size(), number);
  }
  return number;
}

}  // namespace

NginxMaster::~NginxMaster() { close_others({}); }

std::string NginxMaster::name() const { return fmt::format("{}{}", kNamePrefix, generation_.load()); }

ProcessSpec NginxMaster::spec(int generation) const {
  ProcessSpec spec;
  spec.name = fmt::format("{}{}", kNamePrefix, generation);
  // `daemon off` is for the case without inherited sockets; with them nginx stays in the foreground anyway.
  spec.command = {
      options_.program, "-p", options_.run_directory, "-c", options_.run_directory + "/nginx.conf", "-g",
      "daemon off;"};
  spec.output = log_path();
  spec.stop_signal = SIGQUIT;
  spec.stop_timeout = options_.grace + 5s;
  spec.group_survives = true;
  std::string variable;
  for (const auto& [address, fd] : sockets_) {
    spec.inherited.push_back(fd);
    variable += fmt::format("{};", fd);
  }
  if (!variable.empty()) spec.inherited_environment["NGINX"] = variable;
  return spec;
}

Result<void> NginxMaster::test(const std::string& path, const NginxConfig& config) {
  const auto ran =
      RW_TRY_CTX("test the nginx configuration",
                 run({options_.program, "-p", options_.run_directory, "-c", path, "-t", "-q"}, 20s));
  if (ran.status == 0) return {};
  return fail(Errc::kInvalid, translate_complaint(ran.output, config));
}

std::uint64_t NginxMaster::log_size() const {
  const auto size = files_.size(log_path());
  return size.ok() ? size.value() : 0;
}

std::string NginxMaster::complaint_since(std::uint64_t offset, const NginxConfig& config) const {
  const auto text = files_.read_range(log_path(), offset, 64u << 10);
  return text.ok() ? emergencies(text.value(), config) : std::string();
}

Result<void> NginxMaster::wait_for_workers(const std::string& name, std::uint64_t log_offset,
                                           const NginxConfig& config) {
  const auto deadline = std::chrono::steady_clock::now() + kNginxStartLimit;
  for (;;) {
    const auto pid = processes_.pid(name);
    if (pid != 0 && !nginx_workers(pid).empty()) return {};
    const bool ended = pid == 0;
    if (ended || std::chrono::steady_clock::now() > deadline) {
      const auto why = complaint_since(log_offset, config);
      return fail(Errc::kUnavailable,
                  fmt::format("nginx {}: {}", ended ? "ended at once" : "did not start its workers in time",
                              why.empty() ? "no reason in its error log" : why));
    }
    std::this_thread::sleep_for(5ms);
  }
}

// Each address: the socket we have, a copy of the one a running nginx has, or a new one.
Result<void> NginxMaster::hold(const std::vector<Address>& listeners, const std::vector<pid_t>& holders,
                               bool& opened) {
  opened = false;
  for (const auto& address : listeners) {
    if (!holding_) return {};
    if (sockets_.contains(address.text())) continue;
    int fd = -1;
    for (const auto pid : holders) {
      if (fd < 0) fd = copy_listening_socket(pid, address);
    }
    if (fd < 0) {
      auto made = listen_on(address);
      if (!made.ok()) {
        if (holders.empty()) return std::move(made).error();
        base::log_event(base::Level::kWarn, "edge.sockets_not_held",
                        {{"address", address.text()}, {"error", made.error().message}});
        close_others({});
        holding_ = false;
        return {};
      }
      fd = made.value();
      opened = true;
    }
    sockets_[address.text()] = fd;
  }
  return {};
}

void NginxMaster::close_others(const std::vector<Address>& keep) {
  std::set<std::string> kept;
  for (const auto& address : keep) kept.insert(address.text());
  for (auto at = sockets_.begin(); at != sockets_.end();) {
    if (kept.contains(at->first)) {
      ++at;
      continue;
    }
    ::close(at->second);
    at = sockets_.erase(at);
  }
}

void NginxMaster::release_group(pid_t group) {
  for (const auto pid : nginx_members(group)) ::kill(pid, SIGQUIT);
}

Result<void> NginxMaster::start(const std::vector<Address>& listeners, bool changed,
                                const NginxConfig& config) {
  std::vector<pid_t> holders;
  std::map<int, pid_t> known;
  for (const auto& [name, pid] : processes_.recorded()) {
    if (generation_of(name) > 0) known[generation_of(name)] = pid;
  }
  generation_ = known.empty() ? 1 : known.rbegin()->first;
  for (const auto& [generation, pid] : known) {
    for (const auto member : nginx_members(pid)) holders.push_back(member);
    if (generation != generation_) {
      // It was being replaced when we were killed.
      release_group(pid);
      processes_.disown(fmt::format("{}{}", kNamePrefix, generation));
    }
  }
  // A core that was killed takes its knowledge of orphans with it; they are told by the ring they write to.
  for (const auto group : nginx_groups_mapping(options_.run_directory + "/edge.ring")) {
    const bool recorded = std::any_of(known.begin(), known.end(), [group](const auto& one) { return one.second == group; });
    if (recorded) continue;
    for (const auto member : nginx_members(group)) holders.push_back(member);
    const std::lock_guard lock(mutex_);
    orphans_.push_back(group);
  }
  bool opened = false;
  RW_TRY(hold(listeners, holders, opened));
  const auto offset = log_size();
  const auto before = known.contains(generation_) ? known[generation_] : 0;
  RW_TRY(processes_.start(spec(generation_)));
  const bool adopted = before != 0 && processes_.pid(name()) == before;
  if (!adopted && before != 0) {
    const std::lock_guard lock(mutex_);
    orphans_.push_back(before);
  }
  const auto ready = wait_for_workers(name(), offset, config);
  if (!ready.ok()) {
    processes_.stop_and_wait(name());
    close_others({});
    return ready.error();
  }
  if (adopted && opened) {
    (void)RW_TRY(take_over(config));
  } else if (adopted && changed) {
    (void)RW_TRY(reload(config));
  }
  close_others(listeners);
  processes_.set_inherited(name(), spec(generation_).inherited, spec(generation_).inherited_environment);
  tick();
  return {};
}

Result<std::vector<pid_t>> NginxMaster::apply(const std::vector<Address>& listeners,
                                              const NginxConfig& config) {
  bool opened = false;
  const auto held = hold(listeners, {}, opened);
  if (!held.ok()) return held.error();
  auto done = opened ? take_over(config) : reload(config);
  if (!done.ok()) return done;
  close_others(listeners);
  processes_.set_inherited(name(), spec(generation_).inherited, spec(generation_).inherited_environment);
  return done;
}

Result<std::vector<pid_t>> NginxMaster::reload(const NginxConfig& config) {
  const auto master = pid();
  if (master == 0) return std::vector<pid_t>();  // whoever starts it next reads the new configuration
  const auto old = nginx_workers(master);
  const auto offset = log_size();
  ::kill(master, SIGHUP);
  const auto deadline = std::chrono::steady_clock::now() + kNginxStartLimit;
  for (;;) {
    const auto now = nginx_workers(master);
    const bool old_there = std::any_of(
        old.begin(), old.end(), [&](pid_t p) { return std::find(now.begin(), now.end(), p) != now.end(); });
    if (!now.empty() && !old_there) return old;
    if (pid() != master) return old;  // it died over this and is being restarted with the new configuration
    const auto why = log_size() > offset ? complaint_since(offset, config) : std::string();
    if (!why.empty() || std::chrono::steady_clock::now() > deadline) {
      return fail(Errc::kUnavailable, fmt::format("nginx did not take the configuration: {}",
                                                  why.empty() ? "no reason in its error log" : why));
    }
    std::this_thread::sleep_for(5ms);
  }
}

Result<std::vector<pid_t>> NginxMaster::take_over(const NginxConfig& config) {
  const auto old_name = name();
  const auto old = nginx_workers(pid());
  const auto offset = log_size();
  const auto next = spec(generation_ + 1);
  RW_TRY(processes_.start(next));
  const auto ready = wait_for_workers(next.name, offset, config);
  if (!ready.ok()) {
    processes_.stop_and_wait(next.name);
    return ready.error();
  }
  ++generation_;
  processes_.stop(old_name);  // SIGQUIT: it finishes what it has
  return old;
}

void NginxMaster::stop() {
  processes_.stop_and_wait(name());
  std::vector<pid_t> orphans;
  {
    const std::lock_guard lock(mutex_);
    orphans.swap(orphans_);
  }
  for (const auto group : orphans) release_group(group);
  close_others({});
}

void NginxMaster::on_event(const ProcessEvent& event) {
  if (generation_of(event.name) == 0) return;
  if (event.kind == ProcessEvent::Kind::kExited) {
    const std::lock_guard lock(mutex_);
    orphans_.push_back(event.pid);
    // Sockets only the orphans hold must be let go before the next master can bind them.
    if (!holding_) release_group(event.pid);
  } else if (event.kind == ProcessEvent::Kind::kStopped) {
    // The old master of a takeover removed the pid file when it ended.
    const auto now = pid();
    if (now != 0)
      (void)files_.write_atomic(options_.run_directory + "/nginx.pid", fmt::format("{}\n", now), 0644);
  }
}

void NginxMaster::tick() {
  std::vector<pid_t> orphans;
  {
    const std::lock_guard lock(mutex_);
    if (orphans_.empty()) return;
    const auto master = pid();
    if (master == 0 || nginx_workers(master).empty()) return;
    orphans.swap(orphans_);
  }
  for (const auto group : orphans) {
    const auto members = nginx_members(group);
    if (members.empty()) continue;
    base::log_event(base::Level::kInfo, "edge.orphans_released",
                    {{"master", fmt::format("{}", group)}, {"workers", fmt::format("{}", members.size())}});
    release_group(group);
  }
}

}  // namespace ringwall::edge::detail
