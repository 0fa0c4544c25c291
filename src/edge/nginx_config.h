// The nginx configuration of a declaration.  Pure: the same plan gives the same text.
//
// Every text that comes from the declaration is either checked against a narrow alphabet (names, variables) or
// written as one quoted word, so no value can end a directive and begin another.
//
// TLS: Mozilla's intermediate policy (Server Side TLS 5.7) without finite-field DHE, session tickets off.
// Without a module (module_path empty) requests are served all the same, but untraced and unrecorded.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "declare/declaration.h"

namespace ringwall::edge {

struct PlannedInstance {
  std::string name;        // "web/0"
  std::string address;     // literal: "127.0.0.1:3000"
  std::uint32_t slot = 0;  // in run/health.table
  bool operator==(const PlannedInstance&) const = default;
};

struct PlannedCertificate {
  std::string file, key;
};

struct ConfigPlan {
  std::string run_directory;       // absolute
  std::string temp_directory;      // absolute, with a prefix of the files' names: "/…/run/temp-"
  std::string module_path;         // of ngx_http_ringwall_module.so; empty: without it
  bool firewall = false;           // run/waf/policies.json has a policy for every route (edge/firewall.h)
  std::string user;                // workers run as; empty: as the master
  unsigned open_files_max = 4096;  // per worker
  std::map<std::string, std::vector<PlannedInstance>> instances;  // by service
  std::vector<PlannedCertificate> certificates;                   // one per host
};

struct NginxConfig {
  std::string text;
  std::vector<std::string>
      origins;  // per line: what in the declaration it comes from, as "edge.hosts[0].routes[2]"
};

// kInvalid with the place in the declaration when a value cannot be in a configuration.
Result<NginxConfig> nginx_config(const declare::Declaration& declaration, const ConfigPlan& plan);

// The lines of level emerg in what nginx wrote, in words of the declaration: "edge.hosts[0].routes[1]: invalid
// number of arguments …".  Those that name no line of this configuration stay as they are, without nginx's own
// prefix.
std::string emergencies(std::string_view output, const NginxConfig& config);
// The same, or all of the output when there are none.
std::string translate_complaint(std::string_view output, const NginxConfig& config);

}  // namespace ringwall::edge
