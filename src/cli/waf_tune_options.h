// What the commands about stored traffic have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "cli/context.h"
#include "cli/waf_tune_source.h"

namespace ringwall::cli {

// What could be an escape sequence of an attacker must not reach the terminal; cut at so many bytes.
std::string harmless(std::string_view text, std::size_t bytes = 200);
// What is no UTF-8 is replaced.
std::string print_json(const nlohmann::json& json);

// A line that says how far a long run is, once a second; only for people.
class TuneProgress {
 public:
  TuneProgress();
  void show(std::uint64_t requests, std::string_view more);
  ~TuneProgress();

 private:
  const bool on_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

// --file, --from, --to, --query.
void add_traffic(CLI::App& command, TuneTraffic& traffic);
unsigned all_cores();
// `run` gives the exit code; its error is printed.
void on_tune_run(CLI::App& command, Context& context, std::function<Result<int>()> run);

}  // namespace ringwall::cli
