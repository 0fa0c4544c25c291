// ringwall logs | trace | services | sql: the questions people ask, answered by the running Ringwall's API.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/context.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;

Result<Json> parse_answer(const std::string& body) {
  auto json = Json::parse(body, nullptr, false);
  if (json.is_discarded()) return fail(Errc::kInternal, "the answer is not JSON");
  return json;
}

std::string text_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  if (it == object.end() || it->is_null()) return "";
  return it->is_string() ? it->get<std::string>() : it->dump();
}

double number_of(const Json& object, const char* key) {
  const auto it = object.find(key);
  return it != object.end() && it->is_number() ? it->get<double>() : 0;
}

std::string colour_of(const std::string& level) {
  if (::isatty(STDOUT_FILENO) == 0) return "";
  if (level == "error" || level == "fatal") return "\x1b[31m";
  if (level == "warn") return "\x1b[33m";
  return "";
}

// What could be an escape sequence of an attacker's log line must not reach the terminal.
std::string printable(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

void print_log(const Json& row) {
  const std::string level = text_of(row, "level"), colour = colour_of(level);
  const std::string trace = text_of(row, "trace_id");
  fmt::print("{} {}{:5}{} {} {}{}\n", text_of(row, "ts"), colour, level, colour.empty() ? "" : "\x1b[0m",
             printable(text_of(row, "service")), printable(text_of(row, "message")),
             trace.empty() ? "" : "  trace=" + trace);
}

struct Range {
  std::string from = "now-15m", to = "now";
};

void add_range(CLI::App& command, Range& range) {
  command.add_option("--from", range.from, "start: RFC 3339, Unix milliseconds, or now-15m (s m h d)")->capture_default_str();
  command.add_option("--to", range.to, "end, not included")->capture_default_str();
}

struct LogsOptions {
  std::string query;
  Range range;
  std::size_t limit = 100;
  bool follow = false;
};

// Newest last, as a terminal reads; pages are asked for until the limit is reached.
Result<int> run_logs(const LogsOptions& options, const Context& context) {
  if (options.follow) {
    std::string pending;
    RW_TRY(follow(context, with_query("/api/v1/logs/tail", {{"q", options.query}}), [&](std::string_view piece) {
      pending.append(piece);
      for (auto end = pending.find('\n'); end != std::string::npos; end = pending.find('\n')) {
        const std::string line = pending.substr(0, end);
        pending.erase(0, end + 1);
        if (line.rfind("data: ", 0) != 0) continue;
        const auto row = Json::parse(line.substr(6), nullptr, false);
        if (row.is_discarded()) continue;
        if (row.contains("skipped")) {
          fmt::print(stderr, "ringwall: {} records were skipped: the terminal is slower than the logs\n", row["skipped"].dump());
        } else if (context.json) {
          fmt::print("{}\n", row.dump());
        } else {
          print_log(row);
        }
        std::fflush(stdout);
      }
      return true;
    }));
    return kExitOk;
  }
  std::vector<Json> rows;
  std::string cursor;
  do {
    const auto page = RW_TRY(parse_answer(RW_TRY(call(
        context, "GET",
        with_query("/api/v1/logs", {{"q", options.query},
                                    {"from", options.range.from},
                                    {"to", options.range.to},
                                    {"limit", std::to_string(std::min<std::size_t>(1000, options.limit - rows.size()))},
                                    {"cursor", cursor}})))));
    for (const auto& row : page.value("rows", Json::array())) rows.push_back(row);
    cursor = text_of(page, "next");
  } while (!cursor.empty() && rows.size() < options.limit);
  for (auto row = rows.rbegin(); row != rows.rend(); ++row) {
    if (context.json) {
      fmt::print("{}\n", row->dump());
    } else {
      print_log(*row);
    }
  }
  if (rows.empty() && !context.json) fmt::print(stderr, "no records match; widen the range with --from now-24h\n");
  return kExitOk;
}

// The spans as an indented tree with their place on the time line, then the log lines.
void print_trace(const Json& trace) {
  const auto spans = trace.value("spans", Json::array());
  const auto logs = trace.value("logs", Json::array());
  std::map<std::string, std::vector<const Json*>> children;
  std::map<std::string, const Json*> by_id;
  for (const auto& span : spans) by_id[text_of(span, "span_id")] = &span;
  std::vector<const Json*> roots;
  for (const auto& span : spans) {
    const auto parent = text_of(span, "parent_span_id");
    if (parent.empty() || by_id.count(parent) == 0) {
      roots.push_back(&span);
    } else {
      children[parent].push_back(&span);
    }
  }
  std::vector<std::vector<std::string>> rows;
  const std::function<void(const Json&, int)> add = [&](const Json& span, int depth) {
    if (depth > 64) return;
    rows.push_back({std::string(static_cast<std::size_t>(depth) * 2, ' ') + printable(text_of(span, "name")),
                    text_of(span, "service"), text_of(span, "kind"), number(number_of(span, "duration_ms"), 2),
                    text_of(span, "status"), text_of(span, "ts").substr(11, 15)});
    for (const Json* child : children[text_of(span, "span_id")]) add(*child, depth + 1);
  };
  for (const Json* root : roots) add(*root, 0);
  fmt::print("trace {}  {} spans, {} log lines\n\n{}", text_of(trace, "trace_id"), spans.size(), logs.size(),
             table({"SPAN", "SERVICE", "KIND", "MS", "STATUS", "START"}, rows));
  if (!logs.empty()) fmt::print("\n");
  for (const auto& row : logs) print_log(row);
}

Result<int> run_trace(const std::string& id, const Context& context) {
  const auto body = RW_TRY(call(context, "GET", "/api/v1/traces/" + id));
  if (context.json) {
    fmt::print("{}\n", body);
  } else {
    print_trace(RW_TRY(parse_answer(body)));
  }
  return kExitOk;
}

Result<int> run_latency(const Range& range, const std::string& every, const std::string& signal, const Context& context) {
  const auto body = RW_TRY(call(context, "GET", with_query("/api/v1/latency", {{"from", range.from}, {"to", range.to}, {"every", every}, {"signal", signal}})));
  if (context.json) {
    fmt::print("{}\n", body);
    return kExitOk;
  }
  std::vector<std::vector<std::string>> rows;
  const auto answer = RW_TRY(parse_answer(body));
  for (const auto& row : answer.value("rows", Json::array())) {
    rows.push_back({text_of(row, "service"), text_of(row, "ts").substr(0, 19), number(number_of(row, "requests"), 0), number(number_of(row, "error_rate") * 100, 2),
                    number(number_of(row, "p50_ms"), 1), number(number_of(row, "p95_ms"), 1), number(number_of(row, "p99_ms"), 1)});
  }
  fmt::print("{}", table({"SERVICE", "FROM", "REQUESTS", "ERROR %", "P50 MS", "P95 MS", "P99 MS"}, rows));
  return kExitOk;
}

Result<int> run_services(const Range& range, const Context& context) {
  const auto body = RW_TRY(call(context, "GET", with_query("/api/v1/services", {{"from", range.from}, {"to", range.to}})));
  if (context.json) {
    fmt::print("{}\n", body);
    return kExitOk;
  }
  std::vector<std::vector<std::string>> rows;
  const auto answer = RW_TRY(parse_answer(body));
  for (const auto& row : answer.value("services", Json::array())) {
    rows.push_back({text_of(row, "service"), number(number_of(row, "rate"), 2), number(number_of(row, "error_rate") * 100, 2),
                    number(number_of(row, "p50_ms"), 1), number(number_of(row, "p90_ms"), 1),
                    number(number_of(row, "p95_ms"), 1), number(number_of(row, "p99_ms"), 1)});
  }
  fmt::print("{}", table({"SERVICE", "REQ/S", "ERROR %", "P50 MS", "P90 MS", "P95 MS", "P99 MS"}, rows));
  return kExitOk;
}

Result<int> run_sql(const std::string& sql, std::size_t limit, const Context& context) {
  const auto body = RW_TRY(call(context, "POST", "/api/v1/sql", Json{{"sql", sql}, {"limit", limit}}.dump()));
  if (context.json) {
    fmt::print("{}\n", body);
    return kExitOk;
  }
  const auto answer = RW_TRY(parse_answer(body));
  std::vector<std::string> header;
  for (const auto& column : answer.value("columns", Json::array())) header.push_back(text_of(column, "name"));
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : answer.value("rows", Json::array())) {
    auto& cells = rows.emplace_back();
    for (const auto& cell : row) {
      cells.push_back(cell.is_null() ? "" : printable(cell.is_string() ? cell.get<std::string>() : cell.dump()));
    }
  }
  fmt::print("{}", table(header, rows));
  if (answer.value("truncated", false)) fmt::print(stderr, "only the first {} rows; ask for more with --limit\n", limit);
  return kExitOk;
}

template <class Run>
void on_run(CLI::App& command, Context& context, Run run) {
  command.callback([&context, run] {
    const Result<int> outcome = run();
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });
}

}  // namespace

void add_logs(CLI::App& app, Context& context) {
  auto options = std::make_shared<LogsOptions>();
  auto* command = app.add_subcommand("logs", "search log records, or follow them as they arrive");
  command->footer(
      "Examples:\n"
      "  ringwall logs 'service:edge status:>=500' --from now-1h\n"
      "  ringwall logs '\"payment refused\" -host:web-2 @http.route:/cart*' --limit 20 --json\n"
      "  ringwall logs -f level:error\n"
      "  ringwall logs -- '-service:edge'    what begins with - stands behind --");
  command->add_option("query", options->query, "search words and field:value terms; nothing matches everything");
  add_range(*command, options->range);
  command->add_option("-n,--limit", options->limit, "at most so many records, the newest")->check(CLI::Range(1, 100000))->capture_default_str();
  command->add_flag("-f,--follow", options->follow, "show new records as they arrive, until interrupted");
  on_run(*command, context, [options, &context] { return run_logs(*options, context); });
}

void add_trace(CLI::App& app, Context& context) {
  auto id = std::make_shared<std::string>();
  auto* command = app.add_subcommand("trace", "show one trace: its spans, log lines and edge record");
  command->footer("Example:\n  ringwall trace 4bf92f3577b34da6a3ce929d0e0e4736\nThe id is in the response header x-request-id.");
  command->add_option("id", *id, "trace id, 32 hexadecimal digits")->required();
  on_run(*command, context, [id, &context] { return run_trace(*id, context); });
}

void add_services(CLI::App& app, Context& context) {
  auto range = std::make_shared<Range>();
  auto* command = app.add_subcommand("services", "request rate, errors and latency percentiles of each service");
  command->footer("Examples:\n  ringwall services --from now-1h\n  ringwall services --from now-1d --every 1m       p50, p95 and p99 of each minute\n"
                  "  ringwall services --every 5m --signal logs      of log records that carry a duration");
  add_range(*command, *range);
  auto every = std::make_shared<std::string>();
  auto signal = std::make_shared<std::string>("spans");
  command->add_option("--every", *every, "a row for each such interval, as 1m or 1h");
  command->add_option("--signal", *signal, "with --every: spans (requests) or logs")->check(CLI::IsMember({"spans", "logs"}))->capture_default_str();
  on_run(*command, context, [=, &context] { return every->empty() ? run_services(*range, context) : run_latency(*range, *every, *signal, context); });
}

void add_sql(CLI::App& app, Context& context) {
  auto sql = std::make_shared<std::string>();
  auto limit = std::make_shared<std::size_t>(1000);
  auto* command = app.add_subcommand("sql", "read-only SQL over the tables logs, spans and metrics");
  command->footer("Example:\n  ringwall sql \"select service, count(*) from logs group by all order by 2 desc\"");
  command->add_option("statement", *sql, "one SELECT statement in DuckDB's dialect")->required();
  command->add_option("-n,--limit", *limit, "at most so many rows")->check(CLI::Range(1, 100000))->capture_default_str();
  on_run(*command, context, [sql, limit, &context] { return run_sql(*sql, *limit, context); });
}

}  // namespace ringwall::cli
