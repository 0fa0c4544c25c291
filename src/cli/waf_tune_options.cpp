#include "cli/waf_tune_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/text.h"

namespace ringwall::cli {

std::string harmless(std::string_view text, std::size_t bytes) {
  auto out = base::to_utf8(text.substr(0, bytes));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text.size() > bytes ? out + "…" : out;
}

std::string print_json(const nlohmann::json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

TuneProgress::TuneProgress() : on_(::isatty(STDERR_FILENO) == 1) {}

void TuneProgress::show(std::uint64_t requests, std::string_view more) {
  const auto now = std::chrono::steady_clock::now();
  if (!on_ || now - last_ < std::chrono::seconds(1)) return;
  last_ = now;
  fmt::print(stderr, "\r{} records{}", requests, more);
  shown_ = true;
}

TuneProgress::~TuneProgress() {
  if (shown_) fmt::print(stderr, "\n");
}

void add_traffic(CLI::App& command, TuneTraffic& traffic) {
  command.add_option("--file", traffic.file, "judge these JSON lines, of `ringwall logs --json` or of audit records alone, instead of the store; - is standard input");
  command.add_option("--from", traffic.from, "start: RFC 3339, Unix milliseconds, or now-24h (s m h d)")->capture_default_str();
  command.add_option("--to", traffic.to, "end, not included")->capture_default_str();
  command.add_option("--query", traffic.query, "only requests that this search finds");
}

unsigned all_cores() { return std::max(1u, std::thread::hardware_concurrency()); }

void on_tune_run(CLI::App& command, Context& context, std::function<Result<int>()> run) {
  command.callback([&context, run = std::move(run)] {
    const Result<int> outcome = run();
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error(), kExitUsage);
  });
}

}  // namespace ringwall::cli
