// ringwall status | version
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/context.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;

void print_status(const Json& status) {
  fmt::print("{} ({}) in {}, ringwall {}, since {}\n", status.value("application", ""), status.value("environment", ""), status.value("region", ""),
             status.value("version", ""), status.value("started_at", ""));
  const auto& urls = status["urls"];
  for (const auto& url : urls.value("edge", Json::array())) fmt::print("application  {}\n", url.get<std::string>());
  fmt::print("console      {}\n\n", urls.value("console", ""));
  std::vector<std::vector<std::string>> rows;
  const auto& edge = status["edge"];
  rows.push_back({"edge", "nginx", edge.value("state", ""), std::to_string(edge.value("pid", 0)), std::to_string(edge.value("restarts", 0)), ""});
  for (const auto& service : status.value("services", Json::array())) {
    for (const auto& instance : service.value("instances", Json::array())) {
      rows.push_back({service.value("name", ""), instance.value("address", ""), instance.value("state", ""),
                      instance.value("pid", 0) == 0 ? "" : std::to_string(instance.value("pid", 0)), std::to_string(instance.value("restarts", 0)),
                      instance.value("last_error", "")});
    }
  }
  fmt::print("{}\n", table({"SERVICE", "INSTANCE", "STATE", "PID", "RESTARTS", "LAST ERROR"}, rows));
  const auto& pipeline = status["pipeline"];
  std::uint64_t dropped = 0;
  for (const auto& drop : pipeline.value("dropped", Json::array())) dropped += drop.value("records", 0ull);
  fmt::print("records      received {} = stored {} + pending {} + dropped {}\n", pipeline.value("received", 0ull), pipeline.value("stored", 0ull),
             pipeline.value("pending", 0ull), dropped);
  for (const auto& drop : pipeline.value("dropped", Json::array())) {
    fmt::print("  dropped    {} of {}: {}\n", drop.value("records", 0ull), drop.value("source", ""), drop.value("reason", ""));
  }
  const auto& store = status["store"];
  fmt::print("store        {} rows in {} files, {} bytes; spool {} bytes\n", store.value("rows", 0ull), store.value("files", 0ull), store.value("bytes", 0ull),
             status["spool"].value("bytes", 0ull));
}

Result<int> run_status(const Context& context) {
  const auto body = RW_TRY(call(context, "GET", "/api/v1/status"));
  if (context.json) {
    fmt::print("{}\n", body);
    return kExitOk;
  }
  const auto status = Json::parse(body, nullptr, false);
  if (status.is_discarded()) return fail(Errc::kInternal, "the answer is not JSON");
  print_status(status);
  return status["edge"].value("state", "") == "up" ? kExitOk : kExitFailed;
}

}  // namespace

void add_status(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("status", "what runs, where it is, and what was received, stored and dropped");
  command->footer("Example:\n  ringwall status --json | jq -r .urls.console\nWith --json the answer also holds a token that is valid while this ringwall runs.");
  command->callback([&context] {
    const auto outcome = run_status(context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });
}

void add_version(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("version", "print the version");
  command->callback([&context] {
    fmt::print("{}\n", context.json ? Json{{"version", RINGWALL_VERSION}}.dump() : std::string("ringwall ") + RINGWALL_VERSION);
    context.exit_code = kExitOk;
  });
}

}  // namespace ringwall::cli
