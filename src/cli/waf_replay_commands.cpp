// ringwall waf replay: what changed rules say of stored traffic.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/context.h"
#include "cli/waf_tune_options.h"
#include "cli/waf_tune_source.h"
#include "tune/replay.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;

struct WafReplay {
  std::string rules, declaration, current;
  TuneTraffic traffic;
  unsigned threads = all_cores();
  std::size_t shown = 20;
};

const char* name_of(tune::RequestChange::Kind kind) {
  constexpr const char* kNames[] = {"newly_refused", "no_longer_refused", "other_matches"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string ids_text(const std::vector<std::uint64_t>& ids, char sign) {
  std::string out;
  for (const auto id : ids) out += fmt::format(" {}{}", sign, id);
  return out;
}

Json json_of(const tune::ReplayReport& report, bool compared_with_record) {
  Json rules = Json::array(), requests = Json::array();
  for (const auto& one : report.rules) {
    rules.push_back({{"rule", one.rule_id}, {"message", one.message}, {"before", one.before}, {"now", one.now}, {"newly", one.newly}, {"no_longer", one.no_longer}, {"newly_refused", one.newly_refused}, {"no_longer_refused", one.no_longer_refused}});
  }
  for (const auto& one : report.requests) {
    requests.push_back({{"change", name_of(one.kind)}, {"trace_id", one.trace_id}, {"ts", base::rfc3339(one.time_ns)}, {"client", one.client}, {"method", one.method}, {"uri", one.uri}, {"place", one.place},
                        {"status", one.status}, {"score", one.score}, {"refused_by", one.refused_by}, {"newly", one.newly}, {"no_longer", one.no_longer}, {"missing", one.missing}});
  }
  return {{"compared_with", compared_with_record ? "record" : "rules"},
          {"lines", report.lines},
          {"audit_records", report.audited},
          {"edge_records", report.edge},
          {"other_records", report.other},
          {"unread", report.unread},
          {"judged", report.judged},
          {"not_judged", report.not_judged},
          {"told_by_audit", report.no_audit},
          {"unsure", report.unsure},
          {"refused_before", report.refused_before},
          {"refused_now", report.refused_now},
          {"newly_refused", report.newly_refused},
          {"no_longer_refused", report.no_longer_refused},
          {"other_matches", report.other_matches},
          {"missing", {{"headers", report.without_headers}, {"body", report.without_body}, {"body_cut", report.body_cut}, {"secrets", report.secrets_hidden}}},
          {"rules", rules},
          {"requests", requests}};
}

void print_replay(const tune::ReplayReport& report, const WafReplay& options, bool compared_with_record) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : report.rules) {
    rows.push_back({std::to_string(one.rule_id), std::to_string(one.before), std::to_string(one.now), std::to_string(one.newly), std::to_string(one.no_longer), std::to_string(one.newly_refused),
                    std::to_string(one.no_longer_refused), harmless(one.message, 60)});
  }
  if (!rows.empty()) fmt::print("{}\n", table({"rule", "before", "now", "newly", "no longer", "newly refused", "let through", "what it finds"}, rows));
  constexpr const char* kTitles[] = {"newly refused", "no longer refused", "refused as before, other rules match"};
  std::size_t shown = 0;
  for (std::size_t i = 0; i < report.requests.size(); ++i) {
    const auto& one = report.requests[i];
    if (i == 0 || report.requests[i - 1].kind != one.kind) {
      shown = 0;
      fmt::print("{}:\n", one.kind == tune::RequestChange::Kind::kOtherMatches ? "the same verdict, other rules" : kTitles[static_cast<std::size_t>(one.kind)]);
    }
    if (++shown > options.shown) continue;
    fmt::print("  {} {} {} {} [{}]{}{} score {}{}\n", one.trace_id.empty() ? "-" : one.trace_id, one.client, harmless(one.method, 16), harmless(one.uri, 100), one.place, ids_text(one.newly, '+'), ids_text(one.no_longer, '-'),
               one.score, one.missing.empty() ? "" : fmt::format("; not recorded: {}", one.missing));
  }
  if (!report.requests.empty()) fmt::print("\n");
  for (const auto& text : report.unread_shown) fmt::print(stderr, "ringwall: warning: {}\n", text);
  fmt::print("{} requests judged ({} audit records, {} edge records), {} with what was recorded\n", report.judged, report.audited, report.edge,
             compared_with_record ? "compared" : "by both rule sets, also");
  if (report.not_judged != 0) fmt::print("{} not judged: no firewall where they went\n", report.not_judged);
  if (report.unsure != 0) fmt::print("{} left out: what their rules matched is not in the record; compare with rules (--current) to judge them\n", report.unsure);
  if (report.unread != 0) fmt::print("{} lines could not be read\n", report.unread);
  if (report.without_headers + report.without_body + report.body_cut + report.secrets_hidden != 0) {
    fmt::print("not recorded, and so not judged: most headers and cookies of {} requests, the body of {}, the rest of the body of {}, secrets of {}; answers' bodies of all\n", report.without_headers, report.without_body,
               report.body_cut, report.secrets_hidden);
  }
  fmt::print("refused {} before, {} now: {} newly refused, {} no longer; {} with other matches\n", report.refused_before, report.refused_now, report.newly_refused, report.no_longer_refused, report.other_matches);
}

Result<int> run_waf_replay(const WafReplay& options, const Context& context) {
  auto next = RW_TRY(tune_rules_of(options.declaration.empty() ? options.rules : options.declaration, context));
  std::optional<tune::Rules> current;
  if (options.current == "record") {
  } else if (!options.current.empty()) {
    current.emplace(RW_TRY(tune_rules_of(options.current, context)));
  } else if (auto in_force = tune_rules_in_force(context); in_force.ok()) {
    current.emplace(std::move(*in_force));
  } else if (options.traffic.file.empty()) {
    return in_force.error();
  }
  const bool with_record = !current;
  tune::Replay replay(std::move(current), std::move(next), {.threads = options.threads});
  TuneProgress progress;
  std::uint64_t records = 0;
  RW_TRY(read_traffic(options.traffic, context, [&](const std::vector<std::string>& lines) -> Result<void> {
    replay.add(lines);
    records += lines.size();
    progress.show(records, "");
    return {};
  }));
  const auto report = replay.report();
  if (context.json) fmt::print("{}\n", print_json(json_of(report, with_record)));
  else print_replay(report, options, with_record);
  return report.newly_refused == 0 ? kExitOk : kExitFailed;
}

}  // namespace

void add_waf_replay(CLI::App& waf, Context& context) {
  auto options = std::make_shared<WafReplay>();
  auto* replay = waf.add_subcommand("replay", "judge stored traffic by changed rules and show what would change");
  replay->footer(
      "Examples:\n  ringwall waf replay ringwall.yaml --from now-7d        a changed declaration against what is in force\n"
      "  ringwall waf replay --rules new.conf --current old.conf --file traffic.jsonl\n\n"
      "Exit code 0: nothing is newly refused; 1: something is; 2: it could not be tried.");
  auto* declaration = replay->add_option("declaration", options->declaration, "a declaration (.yaml) with the rules, policies and exclusions to try");
  replay->add_option("--rules", options->rules, "or one SecLang file for all places")->excludes(declaration);
  replay->add_option("--current", options->current, "what to compare with: a declaration, a SecLang file, or `record` for what was recorded; by default the rules in force");
  add_traffic(*replay, options->traffic);
  replay->add_option("--threads", options->threads, "threads")->check(CLI::Range(1, 256))->capture_default_str();
  replay->add_option("--show", options->shown, "requests of each kind; --json has up to 1000")->capture_default_str();
  on_tune_run(*replay, context, [options, &context]() -> Result<int> {
    if (options->rules.empty() && options->declaration.empty()) return fail(Errc::kInvalid, "no rules to try", "name a declaration, or a SecLang file with --rules");
    return run_waf_replay(*options, context);
  });
}

}  // namespace ringwall::cli
