// The firewall's files in run/waf, and how workers hear of newer ones.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/world.h"
#include "edge/firewall.h"
#include "keep/table.h"
#include "ring/update_board.h"

namespace ringwall::edge::detail {

inline constexpr std::chrono::seconds kSwapLimit{10};  // for workers to take up new rules

class FirewallFiles {
 public:
  static Result<std::unique_ptr<FirewallFiles>> open(base::Files& files, base::Clock& clock, const std::string& run_directory);

  // Files for nginx to read; workers that run take no notice until publish(), and only what that leaves survives a power cut: workers are
  // not kept waiting for the disk, and the next start puts its files anew.  Places of `before` that are gone stay in them, because
  // workers of the configuration before go on asking for them.
  Result<void> put(const FirewallPlan& plan, const FirewallPlan& before);
  // Waits until all workers have it, and then for the disk.  What a worker could not load is logged, and it goes on with what it had.
  void publish(const FirewallPlan& plan, const FirewallPlan& before);

  // Lists and places.  At the start of an edge, a file that cannot be used leaves in force what it was when the last one ran.
  policy::DataFiles& data() { return data_; }
  void begin_lenient();
  // Rules are read as they were in force when the last edge ran.  False: there are none.
  bool fall_back_on_rules();
  void end_lenient();
  // What became of files of data since they were read: the same plan with them, put and published.  None: nothing has changed.
  std::optional<FirewallPlan> with_changed_data(const FirewallPlan& plan);

 private:
  FirewallFiles(base::Files& files, base::Clock& clock, const std::string& run_directory, ring::UpdateBoard board, keep::TableFile table)
      : files_(files), clock_(clock), folder_(run_directory + "/waf"), board_(std::move(board)), table_(std::move(table)), data_(files, folder_) {}
  void publish_as(const char* event, const FirewallPlan& plan, const FirewallPlan& before);

  base::Files& files_;
  base::Clock& clock_;
  const std::string folder_;
  ring::UpdateBoard board_;
  keep::TableFile table_;  // what workers remember between requests
  policy::DataFiles data_;
  std::string put_;   // the policies' file, until it is synced
  std::string told_;  // why changed data could not be put in force, the last time
};

}  // namespace ringwall::edge::detail
