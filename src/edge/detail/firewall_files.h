// The firewall's files in run/waf, and how workers hear of newer ones.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/world.h"
#include "edge/edge.h"
#include "edge/firewall.h"
#include "keep/table.h"
#include "ring/update_board.h"

namespace ringwall::edge::detail {

inline constexpr std::chrono::seconds kSwapLimit{10};  // for workers to take up new rules

class FirewallFiles {
 public:
  static Result<std::unique_ptr<FirewallFiles>> open(base::Files& files, base::Clock& clock, const std::string& run_directory, const std::string& base_directory);

  // What a declaration asks for.  At the start of an edge, rules as a whole and files of data that cannot be used leave in force what they
  // were when the last one ran, and why is logged; afterwards it is an error.
  Result<FirewallPlan> plan_at_start(const declare::Declaration& declaration);
  // `reviewed`: null, or what review() gave of the same declaration, from which is taken what it has read.
  Result<FirewallPlan> plan(const declare::Declaration& declaration, const FirewallPlan& now, RulesReview* reviewed);
  Result<std::unique_ptr<RulesReview>> review(const declare::Declaration& declaration, const FirewallPlan& now);

  // Files for nginx to read; workers that run take no notice until publish().  Places of `before` that are gone stay in them, because
  // workers of the configuration before go on asking for them.
  Result<void> put(const FirewallPlan& plan, const FirewallPlan& before);
  // Waits until all workers have it.  What a worker could not load is logged, and it goes on with what it had.
  void publish(const FirewallPlan& plan, const FirewallPlan& before);

  // What became of files of data since they were read: the same plan with them, put and published.  None: nothing has changed.
  std::optional<FirewallPlan> with_changed_data(const FirewallPlan& plan);

 private:
  FirewallFiles(base::Files& files, base::Clock& clock, const std::string& run_directory, std::string base_directory, ring::UpdateBoard board, keep::TableFile table)
      : files_(files), clock_(clock), folder_(run_directory + "/waf"), base_directory_(std::move(base_directory)), board_(std::move(board)), table_(std::move(table)), data_(files, folder_) {}
  void publish_as(const char* event, const FirewallPlan& plan, const FirewallPlan& before);

  base::Files& files_;
  base::Clock& clock_;
  const std::string folder_, base_directory_;
  ring::UpdateBoard board_;
  keep::TableFile table_;  // what workers remember between requests
  policy::DataFiles data_;
  std::string told_;  // why changed data could not be put in force, the last time
};

}  // namespace ringwall::edge::detail
