// ringwall waf tune and explain: which exclusions stored traffic asks for, and why one request was judged as it was.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/world.h"
#include "cli/context.h"
#include "cli/waf_files.h"
#include "cli/waf_tune_options.h"
#include "cli/waf_tune_source.h"
#include "ftw/ftw.h"
#include "tune/explain.h"
#include "tune/propose.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;

// Of a declaration or SecLang file; empty: those in force.
Result<tune::Rules> rules_or_in_force(const std::string& path, const Context& context) { return path.empty() ? tune_rules_in_force(context) : tune_rules_of(path, context); }

struct WafTune {
  std::string rules;
  std::vector<std::string> attacks, trusted;
  TuneTraffic traffic;
  tune::TuneOptions options{.threads = all_cores()};
};

Json json_of(const tune::Proposal& one) {
  return {{"rules", one.exclusion.rules},
          {"targets", one.exclusion.targets},
          {"path", one.exclusion.path},
          {"places", one.places},
          {"requests", one.requests},
          {"clients", one.clients},
          {"clients_known", one.clients_known},
          {"values", one.values},
          {"path_requests", one.path_requests},
          {"score_median", one.score_median},
          {"trace_ids", one.trace_ids},
          {"judged", one.judged},
          {"passed_alone", one.passed_alone},
          {"passed_together", one.passed_together},
          {"hidden", one.hidden},
          {"price", one.measured ? Json{{"attacks", one.attacks}, {"lost", one.attacks_lost}, {"examples", one.lost}} : Json()}};
}

Json json_of(const tune::TuneReport& report) {
  Json proposals = Json::array(), doubts = Json::array();
  for (const auto& one : report.proposals) proposals.push_back(json_of(one));
  for (const auto& one : report.doubts) {
    doubts.push_back({{"rules", one.rules}, {"target", one.target}, {"path", one.path}, {"why", one.why}, {"requests", one.requests}, {"clients", one.clients}, {"attackers", one.attackers}, {"trace_ids", one.trace_ids}});
  }
  return {{"lines", report.lines}, {"unread", report.unread}, {"requests", report.requests}, {"refused", report.refused}, {"left_out", report.left_out}, {"clients", report.clients}, {"attackers", report.attackers},
          {"false_positives", report.false_positives}, {"cured", report.cured}, {"payloads", report.payloads}, {"proposals", proposals}, {"doubts", doubts}};
}

// The proposals go to standard output, so that they can be kept in a file; what is said about them does not.
void print_tune(const tune::TuneReport& report) {
  fmt::print("# for waf.exclusions of a declaration; read each before you take it over\n{}", tune::to_yaml(report.proposals));
  for (const auto& one : report.doubts) {
    fmt::print(stderr, "not proposed: {} {} at {}: {} ({} requests of {} clients)\n", one.rules, harmless(one.target), harmless(one.path), one.why, one.requests, one.clients);
  }
  fmt::print(stderr, "{} requests of {} clients, {} refused; {} clients attack; {} of {} refused requests of the others pass with all proposals\n", report.requests, report.clients, report.refused, report.attackers, report.cured,
             report.false_positives);
  if (report.left_out != 0) fmt::print(stderr, "{} refused requests were more than are looked at; narrow --from or --query\n", report.left_out);
  if (report.unread != 0) fmt::print(stderr, "{} lines could not be read\n", report.unread);
}

Result<int> run_waf_tune(const WafTune& options, const Context& context) {
  auto how = options.options;
  how.trusted = {options.trusted.begin(), options.trusted.end()};
  tune::Tuner tuner(RW_TRY(rules_or_in_force(options.rules, context)), how);
  if (!options.attacks.empty()) {
    for (const auto& path : RW_TRY(waf_test_files(options.attacks))) tuner.add_attacks(RW_TRY(ftw::read_tests(RW_TRY(base::real_files().read(path)), path)));
  }
  TuneProgress progress;
  std::uint64_t records = 0;
  RW_TRY(read_traffic(options.traffic, context, [&](const std::vector<std::string>& lines) -> Result<void> {
    tuner.add(lines);
    records += lines.size();
    progress.show(records, "");
    return {};
  }));
  const auto report = RW_TRY(tuner.propose());
  if (context.json) fmt::print("{}\n", print_json(json_of(report)));
  else print_tune(report);
  return kExitOk;
}

struct WafExplain {
  std::string id, rules;
  TuneTraffic traffic;
};

Json json_of(const tune::ExplainedValue& value) {
  Json steps = Json::array();
  for (const auto& step : value.steps) steps.push_back({{"transformation", step.transformation}, {"value", step.value}});
  return {{"target", value.target}, {"file", value.file}, {"line", value.line}, {"value", value.raw}, {"steps", steps}, {"operator", value.operation}, {"found", value.found}};
}

Json json_of(const tune::Explanation& why) {
  Json rules = Json::array();
  for (const auto& rule : why.rules) {
    Json values = Json::array();
    for (const auto& value : rule.values) values.push_back(json_of(value));
    rules.push_back({{"rule", rule.rule_id}, {"message", rule.message}, {"data", rule.data}, {"file", rule.file}, {"line", rule.line}, {"phase", rule.phase}, {"severity", rule.severity}, {"refuses", rule.refuses},
                     {"adds_up", rule.adds_up}, {"recorded", rule.recorded}, {"now", rule.now}, {"lost", rule.lost}, {"by_description", rule.by_description}, {"scores", rule.scores}, {"score", rule.score}, {"values", values}});
  }
  return {{"trace_id", why.stored.trace_id}, {"ts", base::rfc3339(why.stored.time_ns)}, {"client", why.stored.client}, {"method", why.stored.method}, {"uri", why.stored.uri}, {"place", why.place},
          {"status", why.stored.status}, {"action", why.stored.action}, {"missing", tune::to_text(why.stored.missing)}, {"refused_then", why.refused_then}, {"refused_by_description", why.refused_by_description}, {"refused_now", why.refused_now},
          {"status_now", why.status_now}, {"score_now", why.score_now}, {"refused_by", why.refused_by}, {"same", why.same}, {"rules", rules}};
}

void print_value(const tune::ExplainedValue& value) {
  fmt::print("    {} held   {}\n", harmless(value.target, 100), harmless(value.raw));
  for (const auto& step : value.steps) fmt::print("      {:<20} {}\n", step.transformation, harmless(step.value));
  if (!value.operation.empty()) fmt::print("      matched by           {}\n", harmless(value.operation));
  if (!value.found.empty()) fmt::print("      in                   {}\n", harmless(value.found));
}

void print_explanation(const tune::Explanation& why) {
  const auto& stored = why.stored;
  fmt::print("{} {} {} from {} at {}, judged at [{}]\n", stored.trace_id, harmless(stored.method, 16), harmless(stored.uri), stored.client, base::rfc3339(stored.time_ns), why.place);
  fmt::print("then: {}, status {}; judged again now{}: {}{}\n", why.refused_by_description ? "refused by the API description" : !why.refused_then ? "let through" : stored.refused() ? "refused" : "let through, and refused in mode block", stored.status,
             why.refused_by_description ? " by the rules alone" : "", why.refused_now ? fmt::format("refused by {}", why.refused_by) : "let through",
             why.score_now == 0 ? "" : fmt::format(", score {}", why.score_now));
  if (const auto missing = tune::to_text(stored.missing); !missing.empty()) fmt::print("not in the record: {}\n", missing);
  if (!why.same) fmt::print("it is not judged as it was: the rules or what is recorded of the request differ\n");
  for (const auto& rule : why.rules) {
    if (rule.by_description) {
      fmt::print("\n  {}: {}\n    {}\n", rule.rule_id, harmless(rule.message), harmless(rule.data));
      continue;
    }
    fmt::print("\n  {}{} {}{}\n    {}:{}, phase {}\n", rule.rule_id, rule.refuses ? " refuses:" : ":", harmless(rule.message), rule.score == 0 ? "" : fmt::format(" (+{})", rule.score), rule.file, rule.line, rule.phase);
    if (!rule.lost.empty()) fmt::print("    does not match now: {}\n", rule.lost);
    if (rule.recorded != rule.now && rule.lost.empty()) fmt::print("    {}\n", rule.now ? "matches now and did not then" : "matched then and does not now");
    for (const auto& value : rule.values) print_value(value);
    if (!rule.scores.empty()) fmt::print("    scores: {}\n", fmt::join(rule.scores, ", "));
  }
}

Result<int> run_waf_explain(const WafExplain& options, const Context& context) {
  const auto rules = RW_TRY(rules_or_in_force(options.rules, context));
  const auto stored = RW_TRY(tune::read_stored(RW_TRY(find_audit(options.id, options.traffic, context))));
  const auto why = RW_TRY(tune::explain(rules, *stored));
  if (context.json) fmt::print("{}\n", print_json(json_of(why)));
  else print_explanation(why);
  return kExitOk;
}

constexpr const char* kRulesHelp = "a declaration (.yaml) or a SecLang file; by default the rules in force";

}  // namespace

void add_waf_propose(CLI::App& waf, Context& context) {
  auto tuning = std::make_shared<WafTune>();
  auto* tune = waf.add_subcommand("tune", "propose the narrowest exclusions for false positives in stored traffic, with evidence and price");
  tune->footer(
      "What several clients send that attack nowhere else, and what is refused for it, is taken for a false positive. Nothing is changed:\n"
      "the proposals are printed as text for waf.exclusions of a declaration.\n\n"
      "Examples:\n  ringwall waf tune --from now-7d > exclusions.yaml\n"
      "  ringwall waf tune --rules ringwall.yaml --file traffic.jsonl --attacks tests/regression/tests");
  tune->add_option("--rules", tuning->rules, kRulesHelp);
  tune->add_option("--attacks", tuning->attacks, "go-ftw tests: files or folders of attacks; how many of them each proposal would let pass is counted");
  add_traffic(*tune, tuning->traffic);
  tune->add_option("--clients", tuning->options.clients_min, "different clients that must have been refused for the same")->check(CLI::PositiveNumber)->capture_default_str();
  tune->add_option("--requests", tuning->options.requests_min, "and requests")->check(CLI::PositiveNumber)->capture_default_str();
  tune->add_option("--trusted", tuning->trusted, "addresses of those who test the application: what they were refused for is a false positive, however it looks and however few they are")->delimiter(',');
  tune->add_option("--threads", tuning->options.threads, "threads")->check(CLI::Range(1, 256))->capture_default_str();
  on_tune_run(*tune, context, [tuning, &context] { return run_waf_tune(*tuning, context); });

  auto explaining = std::make_shared<WafExplain>();
  auto* explain = waf.add_subcommand("explain", "show why a request was judged so, variable by variable");
  explain->footer("Examples:\n  ringwall waf explain 4bf92f3577b34da6a3ce929d0e0e4736\n  ringwall waf explain --file traffic.jsonl --rules modsecurity.conf 4bf92f3577b34da6a3ce929d0e0e4736");
  explain->add_option("id", explaining->id, "the trace id, as the error page shows it")->required();
  explain->add_option("--rules", explaining->rules, kRulesHelp);
  explain->add_option("--file", explaining->traffic.file, "look for the record in these JSON lines instead of the store; - is standard input");
  on_tune_run(*explain, context, [explaining, &context] { return run_waf_explain(*explaining, context); });
}

}  // namespace ringwall::cli
