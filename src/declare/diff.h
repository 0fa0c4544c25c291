// What changes between the declaration in force and another one, and what applying it does.
#pragma once

#include <string>
#include <vector>

#include "declare/declaration.h"

namespace ringwall::declare {

struct Change {
  std::string action;  // "add", "remove", "change"
  std::string path;    // "services[web].count", "edge.hosts[shop.example.com].routes[/api/].service"
  std::string from, to;  // as in the normal form; empty on the missing side
  // "reload edge", "swap firewall rules", "start instances", "stop instances", "start or stop instances", "restart instances",
  // "follow files anew", "none until the next start", "restart core".  Only the last one ends connections to the API.
  std::string effect;
};

// In the order of the new declaration, removals after what stays.  Services, hosts, routes, listeners and files are
// matched by their name, address or path, so that moving one in a list changes nothing.
std::vector<Change> diff(const Declaration& from, const Declaration& to);

// Whether nothing changes but what the firewall does: modes, levels, settings and exclusions, everywhere.  Which rules it loads is
// more than that.
bool changes_firewall_alone(const Declaration& from, const Declaration& to);

}  // namespace ringwall::declare
