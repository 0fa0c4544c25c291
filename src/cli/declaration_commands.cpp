// ringwall check | plan | apply | schema: the declaration before and while it is in force.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/context.h"
#include "cli/load.h"
#include "edge/firewall.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kWarningsShown = 3;

Result<int> run_check(const std::string& file, const Context& context) {
  auto loaded = RW_TRY(load(file, context));
  // Rule files are part of what is to be right.
  const auto firewall = loaded.ok ? edge::firewall_plan(loaded.parsed.declaration, loaded.base) : Result<edge::FirewallPlan>(edge::FirewallPlan{});
  if (!firewall.ok()) {
    loaded.ok = false;
    loaded.parsed.diagnostics.push_back(declare::located(loaded.parsed, firewall.error()));
    if (!context.json) report(located(loaded, firewall.error()));
  }
  if (context.json) {
    Json diagnostics = Json::array();
    for (const auto& d : loaded.parsed.diagnostics) {
      diagnostics.push_back({{"file", d.file}, {"line", d.line}, {"column", d.column}, {"path", d.path}, {"message", d.message}, {"hint", d.hint}});
    }
    fmt::print("{}\n", Json{{"ok", loaded.ok}, {"diagnostics", diagnostics}}.dump());
  } else if (loaded.ok) {
    const auto& d = loaded.parsed.declaration;
    const auto& warnings = firewall->warnings;
    for (std::size_t i = 0; i < std::min(warnings.size(), kWarningsShown); ++i) fmt::print(stderr, "ringwall: warning: {}\n", warnings[i]);
    if (warnings.size() > kWarningsShown) fmt::print(stderr, "ringwall: warning: {} more of this kind in the firewall's rules\n", warnings.size() - kWarningsShown);
    fmt::print("{}: ok: {} ({}), {} services, {} hosts\n", file, d.application, d.environment, d.services.size(), d.edge.hosts.size());
  }
  return loaded.ok ? kExitOk : kExitUsage;
}

Result<int> run_change(const std::string& file, bool apply, const Context& context) {
  const auto loaded = RW_TRY(load(file, context));
  if (!loaded.ok) return kExitUsage;
  const auto body = Json{{"path", loaded.path}, {"text", loaded.text}}.dump();
  const auto answer = RW_TRY(call(context, "POST", apply ? "/api/v1/apply" : "/api/v1/plan", body));
  if (context.json) {
    fmt::print("{}\n", answer);
    return kExitOk;
  }
  const auto json = Json::parse(answer);
  if (json["changes"].empty()) fmt::print("nothing changes\n");
  for (const auto& change : json["changes"]) {
    const std::string action = change["action"], from = change["from"], to = change["to"];
    fmt::print("{} {}{}  ({})\n", action == "add" ? "+" : action == "remove" ? "-" : "~", change["path"].get<std::string>(),
               action == "change" ? ": " + from + " -> " + to : "", change["effect"].get<std::string>());
  }
  if (apply && !json["changes"].empty()) fmt::print("applied\n");
  return kExitOk;
}

void add_file_command(CLI::App& app, Context& context, const char* name, const char* sentence, const char* example,
                      std::function<Result<int>(const std::string&, const Context&)> run) {
  auto file = std::make_shared<std::string>("ringwall.yaml");
  auto* command = app.add_subcommand(name, sentence);
  command->footer(example);
  command->add_option("file", *file, "the declaration")->capture_default_str();
  command->callback([file, run = std::move(run), &context] {
    const auto outcome = run(*file, context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });
}

}  // namespace

void add_check(CLI::App& app, Context& context) {
  add_file_command(app, context, "check", "say everything that is wrong with a declaration", "Example:\n  ringwall check ringwall.yaml && echo fine", run_check);
}

void add_plan(CLI::App& app, Context& context) {
  add_file_command(app, context, "plan", "show what applying a declaration would change", "Example:\n  ringwall plan ringwall.yaml",
                   [](const std::string& file, const Context& c) { return run_change(file, false, c); });
}

void add_apply(CLI::App& app, Context& context) {
  add_file_command(app, context, "apply", "put a changed declaration into force without dropping a connection",
                   "Example:\n  ringwall plan ringwall.yaml && ringwall apply ringwall.yaml\nSIGHUP to the running ringwall does the same with the file it was started with.",
                   [](const std::string& file, const Context& c) { return run_change(file, true, c); });
}

void add_schema(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("schema", "print the JSON Schema of declarations, for editors");
  command->footer("Example:\n  ringwall schema > ringwall.schema.json\nand as the first line of ringwall.yaml:\n  # yaml-language-server: $schema=ringwall.schema.json");
  command->callback([&context] {
    fmt::print("{}", declare::json_schema());
    context.exit_code = kExitOk;
  });
}

}  // namespace ringwall::cli
