// Metrics of this host, from /proc: CPU, memory, disks, network, pressure.  Names and units follow OpenTelemetry's
// semantic conventions for system metrics (system.cpu.time, system.memory.usage, …); pressure, which they do not have,
// is system.pressure.stalled.
#pragma once

#include <string>

#include "base/record.h"
#include "base/world.h"

namespace ringwall::collect {

struct HostTags {
  std::string env, host, region;
};

// One reading of everything that is there; what is missing or odd is left out.  `proc` is "/proc" or a test's folder.
base::Batch read_host_metrics(base::Files& files, const std::string& proc, const HostTags& tags, std::int64_t now_ns);

}  // namespace ringwall::collect
