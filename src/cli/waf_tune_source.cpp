#include "cli/waf_tune_source.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/world.h"
#include "cli/load.h"
#include "edge/firewall.h"
#include "tune/exchange.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr std::size_t kLinesAtOnce = 8192, kPageRows = 1000;
// Audit records, and the edge's own of every request.
constexpr const char* kRequests = "service:edge (@ringwall.event:waf OR @http.request.method:*)";

// A line at a time, so that a file may be larger than memory.
Result<void> read_lines(const std::string& path, const std::function<Result<void>(const std::vector<std::string>&)>& take) {
  std::ifstream file;
  if (path != "-") {
    file.open(path, std::ios::binary);
    if (!file) return fail(Errc::kNotFound, fmt::format("{}: cannot be read", path), "JSON lines as `ringwall logs --json 'service:edge' --limit 100000` prints them");
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    lines.push_back(std::move(line));
    if (lines.size() < kLinesAtOnce) continue;
    RW_TRY(take(lines));
    lines.clear();
  }
  if (!lines.empty()) RW_TRY(take(lines));
  return {};
}

}  // namespace

Result<tune::Rules> tune_rules_of(const std::string& path, const Context& context) {
  const auto extension = fs::path(path).extension();
  if (extension != ".yaml" && extension != ".yml" && extension != ".json") return tune::Rules::of_file(fs::absolute(path).lexically_normal().string());
  const auto loaded = RW_TRY(load(path, context));
  if (!loaded.ok) return fail(Errc::kInvalid, fmt::format("{}: the declaration has mistakes", path), "see: ringwall check " + path);
  const auto& declaration = loaded.parsed.declaration;
  policy::DataFiles data(base::real_files(), "");
  const auto plan = RW_TRY(edge::firewall_plan(declaration, loaded.base, nullptr, &data));
  if (!plan.on) return fail(Errc::kInvalid, fmt::format("{}: its firewall is off", path), "waf: { mode: log }");
  std::map<std::string, std::string> hosts;
  for (const auto& host : declaration.edge.hosts) {
    for (const auto& name : host.names) hosts.emplace(name, host.names[0]);
  }
  return tune::Rules::load(plan.policies, plan.bundle, std::move(hosts), data.mapper());
}

Result<tune::Rules> tune_rules_in_force(const Context& context) {
  const auto folder = RW_TRY(find_state(context)) + "/run/waf/";
  auto& files = base::real_files();
  const auto path = folder + edge::kPoliciesFile;
  const auto text = files.read(path);
  if (!text.ok()) return fail(Errc::kNotFound, fmt::format("{}: no rules are in force", path), "is `waf` switched on in the declaration? otherwise name rules with --rules");
  auto file = RW_TRY(policy::read_policy_file(*text, path));
  auto bundle = RW_TRY(files.read(folder + file.rules));
  return tune::Rules::load(std::move(file), std::move(bundle), {}, policy::folder_mapper(folder));
}

Result<void> read_traffic(const TuneTraffic& traffic, const Context& context, const std::function<Result<void>(const std::vector<std::string>&)>& take) {
  if (!traffic.file.empty()) return read_lines(traffic.file, take);
  const auto query = traffic.query.empty() ? std::string(kRequests) : fmt::format("{} ({})", kRequests, traffic.query);
  std::string cursor;
  do {
    const auto body = RW_TRY(call(context, "GET",
                                  with_query("/api/v1/logs", {{"q", query}, {"from", traffic.from}, {"to", traffic.to}, {"order", "asc"}, {"limit", std::to_string(kPageRows)}, {"cursor", cursor}})));
    const auto page = Json::parse(body, nullptr, false);
    if (!page.is_object()) return fail(Errc::kInternal, "the answer is not JSON");
    std::vector<std::string> lines;
    for (const auto& row : page.value("rows", Json::array())) lines.push_back(row.dump());
    if (!lines.empty()) RW_TRY(take(lines));
    cursor = page.contains("next") && page["next"].is_string() ? page["next"].get<std::string>() : "";
  } while (!cursor.empty());
  return {};
}

Result<std::string> find_audit(const std::string& trace_id, const TuneTraffic& traffic, const Context& context) {
  std::string found;
  const auto look = [&](const std::string& line) {
    // Of several records of one trace (a client that continues it) the first.
    if (!found.empty() || line.find(trace_id) == std::string::npos) return;
    const auto stored = tune::read_stored(line);
    if (stored.ok() && *stored && (*stored)->audited && (*stored)->trace_id == trace_id) found = line;
  };
  if (!traffic.file.empty()) {
    RW_TRY(read_lines(traffic.file, [&](const std::vector<std::string>& lines) -> Result<void> {
      for (const auto& line : lines) look(line);
      return {};
    }));
  } else {
    const auto trace = Json::parse(RW_TRY(call(context, "GET", "/api/v1/traces/" + trace_id)), nullptr, false);
    if (!trace.is_object()) return fail(Errc::kInternal, "the answer is not JSON");
    for (const auto& row : trace.value("logs", Json::array())) look(row.dump());
  }
  if (found.empty()) return fail(Errc::kNotFound, fmt::format("no audit record of {}", trace_id), "only requests that matched a rule have one; a limit or a list that refused it is in the edge record: `ringwall logs " + trace_id + " --json`; the id is in the response header x-request-id");
  return found;
}

}  // namespace ringwall::cli
