// What every subcommand shares: where the running Ringwall is, and how to talk to it and to the person.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace CLI {
class App;
}

namespace ringwall::cli {

// Exit codes, the same for every subcommand.
inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;   // it was tried and did not work
inline constexpr int kExitUsage = 2;    // the command line or the declaration is wrong
inline constexpr int kExitDown = 3;     // Ringwall is not running

struct Context {
  std::string state;   // --state; empty: found by find_state()
  bool json = false;   // --json
  int exit_code = kExitOk;
};

// Prints "ringwall: error: …" and the hint, and gives the exit code for it.
int report(const Error& error, int exit_code = kExitFailed);

// The state directory: --state, $RINGWALL_STATE, ./.ringwall, or the one that was started last by this user.
Result<std::string> find_state(const Context& context);
// Remembers a state directory as the one started last.
void remember_state(const std::string& state);

// Calls the API of the running Ringwall through its control socket.  kUnavailable when none runs; an error answer
// comes back as an Error with its message and hint.
Result<std::string> call(const Context& context, const std::string& method, const std::string& path, const std::string& body = {});
// The same, delivering the body as it comes, until the peer or `on_data` ends it.
Result<void> follow(const Context& context, const std::string& path, const std::function<bool(std::string_view)>& on_data);

// What belongs to the program: beside it in a build folder, under ../share and ../lib of an installation.
std::string find_beside(std::initializer_list<std::string> candidates);
// nginx's module.
std::string module_path();

// "/api/v1/logs?q=…&from=…" with everything encoded; empty values are left out.
std::string with_query(std::string path, const std::vector<std::pair<std::string, std::string>>& parameters);

// Rows under a header, columns aligned by their width on a terminal; numbers to the right.
std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);
std::string number(double value, int decimals);

// Adds the subcommand to the command line; its callback runs it and sets context.exit_code.
void add_up(CLI::App& app, Context& context);
void add_down(CLI::App& app, Context& context);
void add_core(CLI::App& app, Context& context);
void add_check(CLI::App& app, Context& context);
void add_plan(CLI::App& app, Context& context);
void add_apply(CLI::App& app, Context& context);
void add_schema(CLI::App& app, Context& context);
void add_logs(CLI::App& app, Context& context);
void add_trace(CLI::App& app, Context& context);
void add_services(CLI::App& app, Context& context);
void add_sql(CLI::App& app, Context& context);
void add_status(CLI::App& app, Context& context);
void add_waf(CLI::App& app, Context& context);
void add_waf_prove(CLI::App& waf, Context& context);  // below `waf`
void add_waf_replay(CLI::App& waf, Context& context);   // below `waf`
void add_waf_propose(CLI::App& waf, Context& context);  // tune and explain, below `waf`
void add_waf_openapi(CLI::App& waf, Context& context);  // below `waf`
void add_version(CLI::App& app, Context& context);

}  // namespace ringwall::cli
