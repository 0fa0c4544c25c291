// What is told of services and their instances, from what the checker and the supervisor of processes know.
#pragma once

#include <vector>

#include "edge/detail/instances.h"
#include "edge/edge.h"
#include "edge/health.h"
#include "edge/processes.h"

namespace ringwall::edge::detail {

std::vector<ServiceStatus> service_statuses(const std::vector<Instance>& instances, const std::vector<InstanceHealth>& healths, const std::vector<ProcessState>& processes);

}  // namespace ringwall::edge::detail
