#include "edge/edge.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include "base/log.h"
#include "declare/diff.h"
#include "edge/detail/firewall_files.h"
#include "edge/detail/instances.h"
#include "edge/detail/nginx_master.h"
#include "edge/detail/output_files.h"
#include "edge/detail/plan.h"
#include "edge/detail/proc.h"
#include "edge/detail/service_status.h"
#include "edge/detail/slots.h"
#include "edge/processes.h"
#include "edge/ring_source.h"
#include "ring/health_table.h"

namespace ringwall::edge {

namespace {

using namespace std::chrono_literals;
using base::Level;
using detail::Instance;

constexpr std::uint32_t kSlotCount = 1024;
constexpr auto kTick = 200ms;
constexpr auto kRenewEvery = 1h;  // a look at the certificates; issuing is rare

ring::Health slot_state(InstanceState state) {
  switch (state) {
    case InstanceState::kHealthy: return ring::Health::kUp;
    case InstanceState::kDraining: return ring::Health::kDraining;
    default: return ring::Health::kDown;
  }
}

class RealEdge final : public Edge {
 public:
  RealEdge(const EdgeOptions& options, base::Files& files, base::Clock& clock, pki::LocalCa& ca,
           ring::HealthTable table)
      : options_(options), files_(files), clock_(clock), ca_(ca), table_(std::move(table)) {}

  Result<void> init(collect::Collector* collector) {
    slots_ = detail::Slots::open(files_, options_.run_directory + "/slots.json", table_.slot_count());
    for (const auto& [place, slot] : slots_.all()) restored_.insert(slot);
    firewall_ = RW_TRY(detail::FirewallFiles::open(files_, clock_, options_.run_directory, options_.base_directory));
    if (!options_.module_path.empty()) {
      auto reader = RW_TRY(ring::Reader::open_or_create(options_.run_directory + "/edge.ring", {}));
      if (collector != nullptr)
        ring_ = RW_TRY(RingSource::open(std::move(reader), *collector, options_.identity));
    }
    checker_ = RW_TRY(HealthChecker::open(clock_, [this](const InstanceHealth& health) { on_health(health); }));
    processes_ = RW_TRY(Processes::open(files_, clock_, options_.run_directory + "/processes.json",
                                        [this](const ProcessEvent& event) { on_process(event); }));
    nginx_ = std::make_unique<detail::NginxMaster>(
        *processes_, files_, detail::NginxOptions{options_.nginx, options_.run_directory, 30s});
    nginx_ready_ = true;
    if (ring_) ring_->start();
    keeper_ = std::thread([this] { keep(); });
    return {};
  }

  ~RealEdge() override {
    end_starter();
    {
      const std::lock_guard lock(wait_mutex_);
      closing_ = true;
    }
    wait_changed_.notify_all();
    if (keeper_.joinable()) keeper_.join();
    nginx_ready_ = false;
    processes_.reset();  // first: its events reach all of the others
    checker_.reset();
    ring_.reset();
  }

  Result<void> start(const declare::Declaration& declaration) override {
    const std::lock_guard turn(turn_);
    auto firewall = RW_TRY(firewall_->plan_at_start(declaration));
    auto plan = RW_TRY(make_plan(declaration, std::move(firewall)));
    RW_TRY(firewall_->put(plan.firewall, current_.firewall));
    const bool changed = RW_TRY(put_config(plan));
    nginx_->set_grace(declaration.edge.shutdown_grace);
    RW_TRY(nginx_->start(plan.listeners, changed, plan.config));
    firewall_->publish(plan.firewall, current_.firewall);
    take_over_state(std::move(plan));
    forget_unused_slots();
    begin_starter(true);
    return {};
  }

  Result<void> apply(const declare::Declaration& declaration, std::unique_ptr<RulesReview> reviewed) override {
    const std::lock_guard turn(turn_);
    end_starter();
    auto applied = apply_in_turn(declaration, reviewed.get());
    if (!applied.ok()) forget_unused_slots();
    // Whatever the interrupted start had not come to.
    begin_starter(false);
    return applied;
  }

  Result<std::unique_ptr<RulesReview>> review_rules(const declare::Declaration& declaration) override {
    const std::lock_guard turn(turn_);
    return firewall_->review(declaration, current_.firewall);
  }

  void stop() override {
    const std::lock_guard turn(turn_);
    end_starter();
    nginx_->stop();
    processes_->stop_all_and_wait();
    processes_->stop_unclaimed();
    for (const auto& instance : current_.instances) checker_->remove(instance.name);
    drains_.clear();
    if (ring_) {
      // What the last workers wrote.
      while (ring_->step() > 0) {
      }
    }
    const std::lock_guard lock(state_mutex_);
    current_ = {};
    running_ = false;
  }

  EdgeStatus status() const override {
    EdgeStatus status;
    const auto processes = processes_->list();
    const auto healths = checker_->list();
    const std::lock_guard lock(state_mutex_);
    status.pid = nginx_->pid();
    status.state = status.pid != 0 ? "up" : running_ ? "starting" : "down";
    for (const auto& process : processes) {
      if (process.name == nginx_->name()) status.restarts = process.restarts;
    }
    if (ring_) {
      const auto counts = ring_->counts();
      status.requests_total = counts.requests;
      status.ring_dropped = counts.dropped;
    }
    status.services = detail::service_statuses(current_.instances, healths, processes);
    return status;
  }

 private:
  struct Plan {
    declare::Declaration declaration;
    ConfigPlan config_plan;
    NginxConfig config;
    std::vector<detail::Address> listeners;
    std::vector<Instance> instances;
    FirewallPlan firewall;
  };
  // An instance nginx sends nothing new to; it is stopped once the workers that knew it are gone.
  struct Drain {
    Instance instance;
    std::vector<pid_t> workers;
    std::int64_t deadline_ns = 0;
  };

  static const Instance* find(const std::vector<Instance>& instances, const std::string& name) {
    const auto found = std::find_if(instances.begin(), instances.end(), [&](const auto& instance) { return instance.name == name; });
    return found == instances.end() ? nullptr : &*found;
  }

  Result<void> apply_in_turn(const declare::Declaration& declaration, RulesReview* reviewed) {
    auto firewall = RW_TRY(firewall_->plan(declaration, current_.firewall, reviewed));
    if (auto swap = RW_TRY(swap_of_rules(declaration, firewall))) {
      RW_TRY(firewall_->put(swap->firewall, current_.firewall));
      firewall_->publish(swap->firewall, current_.firewall);
      take_over_state(std::move(*swap));
      return {};
    }
    auto plan = RW_TRY(make_plan(declaration, std::move(firewall)));
    RW_TRY(firewall_->put(plan.firewall, current_.firewall));
    auto changed = change_all(plan, declaration);
    if (changed.ok()) return {};
    const auto back = firewall_->put(current_.firewall, {});
    if (!back.ok()) base::log_event(Level::kError, "edge.rules_not_put_back", {{"error", back.error().message}});
    return changed;
  }

  Result<void> change_all(Plan& plan, const declare::Declaration& declaration) {
    // A configuration nginx refuses should not cost a start of instances first.
    RW_TRY(test_config(plan));
    std::vector<Instance> added, removed;
    for (const auto& instance : plan.instances) {
      if (find(current_.instances, instance.name) == nullptr) added.push_back(instance);
    }
    for (const auto& instance : current_.instances) {
      if (find(plan.instances, instance.name) == nullptr) removed.push_back(instance);
    }
    RW_TRY(add_instances(added, removed, declaration.services));
    auto committed = commit(plan);
    if (!committed.ok()) {
      for (const auto& instance : added) drop_instance(instance);
      return committed.error();
    }
    nginx_->set_grace(declaration.edge.shutdown_grace);
    const auto deadline =
        clock_.monotonic_ns() + std::chrono::nanoseconds(declaration.edge.shutdown_grace).count();
    for (const auto& instance : removed) {
      checker_->drain(instance.name);
      drains_.push_back({instance, committed.value(), deadline});
    }
    firewall_->publish(plan.firewall, current_.firewall);
    take_over_state(std::move(plan));
    return {};
  }

  Result<Plan> make_plan(const declare::Declaration& declaration, FirewallPlan firewall) {
    Plan plan;
    plan.firewall = std::move(firewall);
    plan.declaration = declaration;
    plan.listeners = RW_TRY(detail::listeners_of(declaration));
    (void)RW_TRY(detail::start_order(declaration.services));
    plan.instances =
        RW_TRY(detail::instances_of(declaration, {options_.base_directory, options_.log_directory}));
    plan.config_plan = detail::machine_plan(options_);
    plan.config_plan.certificates = RW_TRY(detail::certificates_of(declaration, options_.base_directory, ca_));
    {
      const std::lock_guard lock(slots_mutex_);
      for (auto& instance : plan.instances) {
        if (instance.local && instance.address.empty()) {
          const auto port = RW_TRY(processes_->port_for(instance.name));
          detail::with_port(instance, port);
        }
        const auto place = detail::place_of(instance);
        const bool known = slots_.known(place);
        const auto slot = RW_TRY(slots_.take(place));
        slot_of_[instance.name] = slot;
        // Until a check says otherwise; set before nginx hears of it.
        if (!known) table_.set(slot, ring::Health::kDown);
        plan.config_plan.instances[instance.service].push_back({instance.name, instance.address, slot});
      }
      RW_TRY(slots_.save());
    }
    plan.config_plan.firewall = plan.firewall.on && !options_.module_path.empty();
    if (plan.firewall.on && options_.module_path.empty()) return fail(Errc::kUnavailable, "waf.mode: nginx's module is not there, and without it nothing is looked at");
    plan.config = RW_TRY(nginx_config(declaration, plan.config_plan));
    return plan;
  }

  // The plan in force with other rules, where nginx need not hear of the change; nothing: it has to.  Quick, also with many hosts: certificates
  // and instances are not looked at.
  Result<std::optional<Plan>> swap_of_rules(const declare::Declaration& declaration, const FirewallPlan& firewall) {
    const auto changes = declare::diff(current_.declaration, declaration);
    const bool rules_only = std::all_of(changes.begin(), changes.end(), [](const auto& change) { return change.effect == "swap firewall rules"; });
    const bool any = !changes.empty() || !same_rules(firewall, current_.firewall);
    if (!any || !rules_only || !firewall.on || !current_.firewall.on || RW_TRY(nginx_config(declaration, current_.config_plan)).text != current_.config.text) return std::optional<Plan>();
    auto plan = current_;
    plan.declaration = declaration;
    plan.firewall = firewall;
    return std::optional<Plan>(std::move(plan));
  }

  std::string config_path() const { return options_.run_directory + "/nginx.conf"; }

  Result<void> test_config(const Plan& plan) {
    const auto candidate = config_path() + ".new";
    RW_TRY(files_.write_atomic(candidate, plan.config.text, 0644));
    return nginx_->test(candidate, plan.config);
  }

  // The tested configuration becomes the one nginx reads.  Whether it is another one.
  Result<bool> put_config(const Plan& plan) {
    RW_TRY(test_config(plan));
    const auto old = files_.read(config_path());
    RW_TRY(files_.rename(config_path() + ".new", config_path()));
    return !old.ok() || old.value() != plan.config.text;
  }

  Result<std::vector<pid_t>> commit(const Plan& plan) {
    const auto old = files_.read(config_path());
    (void)RW_TRY(put_config(plan));
    auto out = nginx_->apply(plan.listeners, plan.config);
    // What is on disk is what the next master would read.
    if (!out.ok() && old.ok()) RW_TRY(files_.write_atomic(config_path(), old.value(), 0644));
    return out;
  }

  void take_over_state(Plan plan) {
    {
      const std::lock_guard lock(state_mutex_);
      std::swap(current_, plan);
      running_ = true;
    }
    // Rules of before go, in many small pieces between what those of now took over.
    plan = {};
    ::malloc_trim(0);
  }

  // Starts its process unless it runs, and checks it from now on.
  Result<void> ensure_instance(const Instance& instance) {
    checker_->add({instance.name, instance.address, instance.check});
    if (!instance.local || processes_->managed(instance.name)) return {};
    const auto started = processes_->start(instance.process);
    if (started.ok()) return {};
    checker_->process_ended(instance.name, started.error().message);
    return started.error();
  }

  void drop_instance(const Instance& instance) {
    checker_->remove(instance.name);
    if (instance.local) processes_->stop(instance.name);
    const bool place_in_use =
        std::any_of(current_.instances.begin(), current_.instances.end(),
                    [&](const auto& other) { return detail::place_of(other) == detail::place_of(instance); });
    const std::lock_guard lock(slots_mutex_);
    slot_of_.erase(instance.name);
    if (place_in_use) return;
    slots_.release(detail::place_of(instance));
    save_slots_locked();
  }

  // Of instances that left the declaration while no core ran, or of a declaration that was refused.
  void forget_unused_slots() {
    std::set<std::string> used;
    for (const auto& instance : current_.instances) used.insert(detail::place_of(instance));
    for (const auto& drain : drains_) used.insert(detail::place_of(drain.instance));
    const std::lock_guard lock(slots_mutex_);
    for (const auto& [place, slot] : std::map<std::string, std::uint32_t>(slots_.all())) {
      if (!used.contains(place)) slots_.release(place);
    }
    save_slots_locked();
  }

  void save_slots_locked() {
    const auto saved = slots_.save();
    // An old file only keeps slots taken that nobody uses.
    if (!saved.ok()) base::log_event(Level::kWarn, "edge.slots_not_saved", {{"error", saved.error().message}});
  }

  static std::vector<std::string> names_of(const std::vector<Instance>& instances,
                                           const std::vector<std::string>& services) {
    std::vector<std::string> out;
    for (const auto& instance : instances) {
      if (std::find(services.begin(), services.end(), instance.service) != services.end())
        out.push_back(instance.name);
    }
    return out;
  }

  // In the order of depends_on, each service once those before it are healthy.  Waits for as long as that
  // takes.
  void start_instances(const std::vector<Instance>& instances, const std::vector<declare::Service>& services) {
    const auto order = detail::start_order(services);
    if (!order.ok()) return;
    for (const auto index : order.value()) {
      const auto needed = names_of(instances, services[index].depends_on);
      std::string unhealthy;
      while (!starter_stop_ && !checker_->wait_healthy(needed, 100ms, unhealthy)) {
      }
      for (const auto& instance : instances) {
        if (starter_stop_) return;
        if (instance.service != services[index].name) continue;
        const auto started = ensure_instance(instance);
        if (!started.ok())
          base::log_event(Level::kError, "edge.instance_not_started",
                          {{"instance", instance.name}, {"error", started.error().message}});
      }
    }
  }

  // `first`: in the end, what an earlier declaration had and this one has not is stopped.
  void begin_starter(bool first) {
    starter_stop_ = false;
    starter_ =
        std::thread([this, first, instances = current_.instances, services = current_.declaration.services] {
          start_instances(instances, services);
          if (first && !starter_stop_) processes_->stop_unclaimed();
        });
  }

  void end_starter() {
    starter_stop_ = true;
    if (starter_.joinable()) starter_.join();
  }

  // Instances of a changed declaration, healthy before anything is sent to them.  One that takes the fixed port
  // of an instance to be removed can only follow it, so that one is drained and stopped first, one after the
  // other.
  Result<void> add_instances(const std::vector<Instance>& added, std::vector<Instance>& removed,
                             const std::vector<declare::Service>& services) {
    std::vector<Instance> replaced;
    const auto undo = [&](Error error) {
      for (const auto& instance : added) {
        processes_->stop_and_wait(instance.name);  // its port may be the one that is needed again below
        drop_instance(instance);
      }
      for (const auto& instance : replaced) {
        const auto again = ensure_instance(instance);
        if (!again.ok())
          base::log_event(Level::kError, "edge.instance_not_started",
                          {{"instance", instance.name}, {"error", again.error().message}});
      }
      return error;
    };
    const auto order = RW_TRY(detail::start_order(services));
    for (const auto index : order) {
      std::vector<std::string> waiting;
      for (const auto& instance : added) {
        if (instance.service != services[index].name) continue;
        const auto before = std::find_if(removed.begin(), removed.end(), [&](const auto& old) {
          return old.local && instance.local && old.address == instance.address;
        });
        const bool follows = before != removed.end();
        if (follows) {
          checker_->drain(before->name);
          processes_->stop_and_wait(before->name);
          checker_->remove(before->name);
          replaced.push_back(*before);
          removed.erase(before);
        }
        const auto started = ensure_instance(instance);
        if (!started.ok()) return undo(started.error());
        waiting.push_back(instance.name);
        if (!follows) continue;
        std::string unhealthy;
        if (!checker_->wait_healthy({instance.name}, options_.apply_health_limit, unhealthy))
          return undo(not_healthy(unhealthy));
      }
      std::string unhealthy;
      // Instances elsewhere may be away for reasons of their own; those run here are the declaration's own
      // doing.
      std::erase_if(waiting, [&](const auto& name) { return !find(added, name)->local; });
      if (!checker_->wait_healthy(waiting, options_.apply_health_limit, unhealthy))
        return undo(not_healthy(unhealthy));
    }
    return {};
  }

  Error not_healthy(const std::string& name) const {
    std::string why = "no check has passed";
    for (const auto& health : checker_->list()) {
      if (health.name == name && !health.last_error.empty()) why = health.last_error;
    }
    return fail(Errc::kUnavailable, fmt::format("instance {} did not become healthy: {}", name, why),
                fmt::format("its output is in {}", options_.log_directory));
  }

  // With the checker's lock held.
  void on_health(const InstanceHealth& health) {
    const std::lock_guard lock(slots_mutex_);
    const auto found = slot_of_.find(health.name);
    if (found != slot_of_.end()) {
      // An instance an earlier core knew keeps its last judgement until the first check of this one.
      const bool first = health.state == InstanceState::kStarting && restored_.erase(found->second) != 0;
      if (!first) table_.set(found->second, slot_state(health.state));
    }
    const bool bad = health.state == InstanceState::kUnhealthy || health.state == InstanceState::kDown;
    base::log_event(bad ? Level::kWarn : Level::kInfo, "edge.instance_changed",
                    {{"instance", health.name},
                     {"state", std::string(instance_state_name(health.state))},
                     {"reason", bad ? health.last_error : ""}});
  }

  void on_process(const ProcessEvent& event) {
    using Kind = ProcessEvent::Kind;
    static constexpr const char* kNames[] = {"edge.process_started", "edge.process_adopted",
                                             "edge.process_ended", "edge.process_stopped",
                                             "edge.process_not_started"};
    const bool bad = event.kind == Kind::kExited || event.kind == Kind::kFailed;
    base::log_event(bad ? Level::kWarn : Level::kInfo, kNames[static_cast<int>(event.kind)],
                    {{"process", event.name}, {"pid", fmt::format("{}", event.pid)}, {"reason", event.detail}});
    if (nginx_ready_) nginx_->on_event(event);
    if (event.kind == Kind::kStarted) checker_->process_started(event.name);
    if (event.kind == Kind::kExited || event.kind == Kind::kFailed)
      checker_->process_ended(event.name, event.detail);
  }

  // What has to be looked after while nobody asks for anything.
  void keep() {
    auto renewed_ns = clock_.monotonic_ns(), looked_ns = renewed_ns;
    for (;;) {
      {
        std::unique_lock lock(wait_mutex_);
        if (wait_changed_.wait_for(lock, kTick, [&] { return closing_; })) return;
      }
      const std::unique_lock turn(turn_, std::try_to_lock);
      if (!turn.owns_lock() || !running_) continue;
      nginx_->tick();
      end_drains();
      limit_outputs();
      if (clock_.monotonic_ns() - looked_ns >= std::chrono::nanoseconds(options_.data_look).count()) {
        look_at_data();
        looked_ns = clock_.monotonic_ns();
      }
      if (clock_.monotonic_ns() - renewed_ns >= std::chrono::nanoseconds(kRenewEvery).count()) {
        renewed_ns = clock_.monotonic_ns();
        renew_certificates();
      }
    }
  }

  void end_drains() {
    std::erase_if(drains_, [&](const Drain& drain) {
      const bool busy = std::any_of(drain.workers.begin(), drain.workers.end(), [](pid_t pid) {
        const auto stat = detail::read_stat(pid);
        return stat && stat->state != 'Z' && stat->name == "nginx";
      });
      if (busy && clock_.monotonic_ns() < drain.deadline_ns) return false;
      drop_instance(drain.instance);
      return true;
    });
  }

  void limit_outputs() {
    for (const auto& instance : current_.instances) {
      if (instance.local && options_.output_durable) detail::limit_output(instance.process.output, options_.output_durable(instance.process.output));
    }
  }

  // Lists and places that somebody brought up to date.
  void look_at_data() {
    auto changed = firewall_->with_changed_data(current_.firewall);
    if (!changed) return;
    const std::lock_guard lock(state_mutex_);
    current_.firewall = std::move(*changed);
  }

  void renew_certificates() {
    const auto renewed = detail::certificates_of(current_.declaration, options_.base_directory, ca_);
    if (!renewed.ok()) {
      base::log_event(Level::kError, "edge.certificate_not_renewed", {{"error", renewed.error().message}});
      return;
    }
    // nginx reads certificates when it reads its configuration; their names stay, so only their age tells.
    std::map<std::string, std::int64_t> now;
    for (const auto& certificate : renewed.value()) {
      struct stat status {};
      if (::stat(certificate.file.c_str(), &status) == 0) now[certificate.file] = status.st_mtim.tv_sec;
    }
    const bool changed = !certificate_times_.empty() && now != certificate_times_;
    certificate_times_ = now;
    if (!changed) return;
    const auto reloaded = nginx_->apply(current_.listeners, current_.config);
    if (!reloaded.ok())
      base::log_event(Level::kError, "edge.reload_failed", {{"error", reloaded.error().message}});
  }

  const EdgeOptions options_;
  base::Files& files_;
  base::Clock& clock_;
  pki::LocalCa& ca_;

  std::mutex turn_;                                        // start, apply, stop and the keeper take turns
  std::vector<Drain> drains_;                              // guarded by turn_
  std::map<std::string, std::int64_t> certificate_times_;  // guarded by turn_

  mutable std::mutex state_mutex_;
  Plan current_;          // guarded by state_mutex_; changed only within a turn
  std::atomic<bool> running_ = false;  // changed with current_

  std::mutex slots_mutex_;  // innermost: taken with the checker's lock held
  ring::HealthTable table_;
  detail::Slots slots_;
  std::map<std::string, std::uint32_t> slot_of_;  // by instance
  std::set<std::uint32_t> restored_;              // slots of an earlier core

  std::unique_ptr<detail::FirewallFiles> firewall_;
  std::unique_ptr<RingSource> ring_;
  std::unique_ptr<HealthChecker> checker_;
  std::unique_ptr<Processes> processes_;
  std::unique_ptr<detail::NginxMaster> nginx_;
  std::atomic<bool> nginx_ready_{false};

  std::thread starter_;  // guarded by turn_
  std::atomic<bool> starter_stop_{false};
  std::thread keeper_;
  std::mutex wait_mutex_;
  std::condition_variable wait_changed_;
  bool closing_ = false;  // guarded by wait_mutex_
};

}  // namespace

Result<std::unique_ptr<Edge>> Edge::open(const EdgeOptions& options, base::Files& files, base::Clock& clock,
                                         pki::LocalCa& ca, collect::Collector* collector) {
  RW_TRY(files.make_directories(options.run_directory));
  RW_TRY(files.make_directories(options.log_directory));
  auto table = RW_TRY(ring::HealthTable::open_or_create(options.run_directory + "/health.table", kSlotCount));
  auto edge = std::make_unique<RealEdge>(options, files, clock, ca, std::move(table));
  RW_TRY(edge->init(collector));
  return std::unique_ptr<Edge>(std::move(edge));
}

}  // namespace ringwall::edge
