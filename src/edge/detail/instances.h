// From the declaration's services to the instances that shall exist.  Pure but for the lookup of host names.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "declare/declaration.h"
#include "edge/health.h"
#include "edge/processes.h"

namespace ringwall::edge::detail {

inline constexpr int kInstancesPerServiceMax = 256;

struct Instance {
  // "web/0:1f2e3d4c" for one that is run here: the last part changes with its command, so that a changed
  // service is new instances beside old ones.  "web/10.0.0.5:8080" for one that runs elsewhere.
  std::string name;
  std::string service;
  std::string address;  // literal; "" until a port was picked
  int index = 0;
  bool local = false;
  ProcessSpec process;  // local; "{port}" is replaced by with_port()
  Check check;
};

struct InstancePaths {
  std::string base;  // what relative folders are relative to
  std::string logs;  // folder of the output files, "<service>-<index>.log"
};

// kInvalid or kNotFound with the place in the declaration.
Result<std::vector<Instance>> instances_of(const declare::Declaration& declaration, const InstancePaths& paths);

// The port goes into address, command and environment; PORT is set unless the declaration sets it.
void with_port(Instance& instance, std::uint16_t port);

// What keeps its place in nginx's configuration while the process behind it changes: the key of its slot.
inline std::string place_of(const Instance& instance) { return instance.service + "/" + instance.address; }

// A path of the declaration, which counts from the declaration's folder; empty is that folder.
std::string absolute_path(const std::string& path, const std::string& base);

// Indices of services, each after those it depends on.  kInvalid names a service in a circle.
Result<std::vector<std::size_t>> start_order(const std::vector<declare::Service>& services);

}  // namespace ringwall::edge::detail
