// The firewall's policies of one worker: those in force, and how newer ones come.  Nothing of nginx in here.
//
// A configuration loads them once, before workers are forked, so that all share its memory.  A worker then keeps a thread that
// sleeps on the board of updates, loads what is new beside the traffic, and leaves it for the worker to take up with its next
// request.  What cannot be loaded is told on the board, and what was in force stays.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "keep/collections.h"
#include "policy/policy.h"
#include "ring/update_board.h"

namespace ringwall::edge_module {

// Policies with those of the configuration's places looked up.
struct PlacedPolicies {
  std::shared_ptr<const policy::PolicySet> set;
  std::vector<const policy::Policy*> by_place;
  bool refuses = false;  // one of the places does
};

class Policies {
 public:
  Policies(std::string path, std::vector<std::string> places) : path_(std::move(path)), places_(std::move(places)) {}
  ~Policies();
  Policies(const Policies&) = delete;
  Policies& operator=(const Policies&) = delete;

  // Empty, or what is wrong.  Before workers are forked.
  std::string load();

  // In a worker.  `board` may be null: then there are no updates; `table` too: then nothing is remembered between requests.
  void start(void* board, void* table);
  void stop();

  // What a request that begins now is judged by.  Only in the worker's own thread, as the two below.
  const std::shared_ptr<const PlacedPolicies>& current() {
    if (newest_ready_.load(std::memory_order_acquire) != taken_) take_up();
    return current_;
  }
  // What workers remember together; null: there is no table.
  keep::Table* table() { return remembers_ ? &table_ : nullptr; }
  openapi::Scratch& scratch() { return scratch_; }
  // Transactions are used again: their memory is there already.
  std::unique_ptr<waf::Transaction> take(const std::shared_ptr<const waf::RuleSet>& rules);
  void give_back(const std::shared_ptr<const waf::RuleSet>& rules, std::unique_ptr<waf::Transaction> transaction);

 private:
  Result<std::shared_ptr<const PlacedPolicies>> load_after(const std::shared_ptr<const PlacedPolicies>& previous) const;
  void take_up();
  // Frees what is no longer in force; false: there was nothing.
  bool bury();
  void follow(std::uint32_t seen);

  static constexpr std::size_t kIdleMax = 64, kIdleBytesMax = 1 << 20;

  Result<std::string> read(const std::string& name) const;
  Result<places::SharedBytes> map(const std::string& name) const;

  keep::Table table_;
  keep::Collections collections_{table_};
  bool remembers_ = false;
  const std::string path_;
  int folder_ = -1;  // opened by the master: workers may not go there by its path
  const std::vector<std::string> places_;
  std::shared_ptr<const PlacedPolicies> current_;
  std::uint32_t taken_ = 0;
  std::vector<std::unique_ptr<waf::Transaction>> idle_;  // of current_'s rules
  std::shared_ptr<waf::TextMemory> texts_;               // known under them; null: none yet

  openapi::Scratch scratch_;

  std::unique_ptr<ring::BoardWorker> board_;
  std::thread follower_;
  std::atomic<bool> stopping_ = false, stopped_ = false;
  std::atomic<std::uint32_t> newest_ready_ = 0;
  std::mutex mutex_;
  std::shared_ptr<const PlacedPolicies> ready_;  // guarded by mutex_
  struct Retired {
    std::vector<std::unique_ptr<waf::Transaction>> transactions;
    std::shared_ptr<waf::TextMemory> texts;
    std::shared_ptr<const PlacedPolicies> policies;
  };
  std::vector<Retired> retired_;                 // guarded by mutex_
};

}  // namespace ringwall::edge_module
