#include "edge/detail/service_status.h"

namespace ringwall::edge::detail {

std::vector<ServiceStatus> service_statuses(const std::vector<Instance>& instances, const std::vector<InstanceHealth>& healths, const std::vector<ProcessState>& processes) {
  std::vector<ServiceStatus> out;
  for (const auto& instance : instances) {
    if (out.empty() || out.back().name != instance.service)
      out.push_back({instance.service, {}});
    InstanceStatus one{instance.name.substr(0, instance.name.rfind(instance.local ? ':' : '\0')),
                       instance.address};
    for (const auto& health : healths) {
      if (health.name != instance.name) continue;
      one.state = health.state;
      one.since_ns = health.since_ns;
      // What is over is not shown.
      if (health.state != InstanceState::kHealthy) one.last_error = health.last_error;
    }
    for (const auto& process : processes) {
      if (process.name != instance.name) continue;
      one.pid = process.pid;
      one.restarts = process.restarts;
      if (process.pid == 0) one.last_error = process.last_error;
    }
    out.back().instances.push_back(std::move(one));
  }
  return out;
}

}  // namespace ringwall::edge::detail
