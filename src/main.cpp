// ringwall: one program, one subcommand per job.
#include <CLI/CLI.hpp>

#include <csignal>

#include "cli/context.h"

int main(int argc, char** argv) {
  using namespace ringwall::cli;
  // A peer that went away is an error of write(), not the end of the program.
  std::signal(SIGPIPE, SIG_IGN);

  Context context;
  CLI::App app("Ringwall: the infrastructure and security around an application, described by one declaration.", "ringwall");
  app.footer("Examples:\n"
             "  ringwall check ringwall.yaml     is the declaration right?\n"
             "  ringwall up ringwall.yaml        run the ring around the application\n"
             "  ringwall logs -f level:error     follow what goes wrong\n"
             "Each subcommand explains itself: ringwall logs --help");
  app.add_option("--state", context.state, "state directory; without it $RINGWALL_STATE, ./.ringwall, or the one started last");
  app.add_flag("--json", context.json, "print results for programs");
  app.require_subcommand(1);
  app.fallthrough();
  add_up(app, context);
  add_down(app, context);
  add_core(app, context);
  add_check(app, context);
  add_plan(app, context);
  add_apply(app, context);
  add_schema(app, context);
  add_status(app, context);
  add_logs(app, context);
  add_trace(app, context);
  add_services(app, context);
  add_sql(app, context);
  add_waf(app, context);
  add_version(app, context);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return context.exit_code;
}
