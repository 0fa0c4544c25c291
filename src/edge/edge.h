// The edge of one machine: nginx, the application's instances behind it, their health, and the records of
// requests.
//
//   auto edge = RW_TRY(Edge::open(options, files, clock, ca, &collector));
//   RW_TRY(edge->start(declaration));      // adopts what an earlier core left running
//   RW_TRY(edge->apply(changed));          // without dropping a connection
//   edge->stop();                          // lets requests finish; without it everything runs on
//
// start() returns once nginx serves; instances start behind it in the order of depends_on, and requests to a
// service that is not there yet are answered 502/503.  apply() returns once the new configuration is in force:
// instances it adds were healthy before traffic went to them, those it removes finish what they have and are
// stopped in the background. A declaration that cannot be put into force changes nothing.
//
// Thread-safe; start(), apply() and stop() take turns.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/world.h"
#include "collect/collector.h"
#include "declare/declaration.h"
#include "declare/diff.h"
#include "edge/edge_telemetry.h"
#include "edge/health.h"
#include "pki/local_ca.h"

namespace ringwall::edge {

// An instance that apply() adds has this long to become healthy; then the declaration is refused.
inline constexpr std::chrono::seconds kApplyHealthLimit{60};

struct EdgeOptions {
  std::string run_directory;   // absolute, as all of these
  std::string log_directory;   // of instances' output: "<service>-<index>.log"
  std::string base_directory;  // of the declaration; relative paths in it start here
  std::string module_path;     // ngx_http_ringwall_module.so; empty: neither records nor gates
  std::string nginx = "nginx";
  EdgeIdentity identity;
  // How much of an instance's output is durable elsewhere, in bytes from its beginning; what is may be given back to the file
  // system.  Empty: nothing is.
  std::function<std::uint64_t(const std::string& path)> output_durable;
  std::chrono::milliseconds apply_health_limit = kApplyHealthLimit;
  // How often files of lists and places are looked at; two looks have to agree before a changed one is read.
  std::chrono::milliseconds data_look{3000};
};

struct InstanceStatus {
  std::string name, address;
  InstanceState state = InstanceState::kStarting;
  pid_t pid = 0;  // 0: not run here, or not running
  std::uint64_t restarts = 0;
  std::int64_t since_ns = 0;  // Unix time
  std::string last_error;
};

struct ServiceStatus {
  std::string name;
  std::vector<InstanceStatus> instances;
};

struct EdgeStatus {
  std::string state;  // "up", "starting", "down"
  pid_t pid = 0;
  std::uint64_t restarts = 0;
  std::uint64_t requests_total = 0;  // since this core started
  std::uint64_t ring_dropped = 0;
  std::vector<ServiceStatus> services;
};

// What a look at the files of the firewall's rules and API descriptions has shown; what was read on the way is the edge's own affair.
struct RulesReview {
  std::optional<declare::Change> change;  // they hold something else than what is in force, which no difference of declarations tells
  virtual ~RulesReview() = default;
};

class Edge {
 public:
  // `collector` may be null: then records stay in the ring.
  static Result<std::unique_ptr<Edge>> open(const EdgeOptions& options, base::Files& files, base::Clock& clock,
                                            pki::LocalCa& ca, collect::Collector* collector);
  virtual ~Edge() = default;  // leaves nginx and instances running

  virtual Result<void> start(const declare::Declaration& declaration) = 0;
  // `reviewed`: of the same declaration, just now; null: it is reviewed here.
  virtual Result<void> apply(const declare::Declaration& declaration, std::unique_ptr<RulesReview> reviewed = nullptr) = 0;
  // Fails when the files of rules and API descriptions cannot be read or understood.
  virtual Result<std::unique_ptr<RulesReview>> review_rules(const declare::Declaration& declaration) = 0;
  virtual void stop() = 0;
  virtual EdgeStatus status() const = 0;
};

}  // namespace ringwall::edge
