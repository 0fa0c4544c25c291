// ringwall waf verify and worst: the engine's promises put to the test on a rule set.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/world.h"
#include "cli/context.h"
#include "cli/waf_files.h"
#include "ftw/ftw.h"
#include "prove/prove.h"
#include "waf/engine.h"
#include "waf/seclang.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;

struct WafVerify {
  std::string rules;
  std::vector<std::string> seeds;
  prove::VerifyOptions how;
};

Result<std::vector<ftw::Test>> read_seeds(const std::vector<std::string>& paths) {
  std::vector<ftw::Test> tests;
  for (const auto& path : RW_TRY(waf_test_files(paths))) {
    for (auto& test : RW_TRY(ftw::read_tests(RW_TRY(base::real_files().read(path)), path))) tests.push_back(std::move(test));
  }
  return tests;
}

// No budget: it counts work, of which the two paths do different amounts.
Result<std::shared_ptr<const waf::RuleSet>> compile_without_budget(const waf::RuleSetSource& source, bool fast) {
  return waf::RuleSet::compile(source, {.fast = fast, .budget = {.steps = ~std::uint64_t{0}}});
}

// Bytes a terminal would act on are shown by their number.
std::string shown_bytes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    if (c == '\n' || (u >= 0x20 && u < 0x7f && c != '\\')) out += c;
    else if (c == '\r') out += "\\r";
    else if (c == '\\') out += "\\\\";
    else fmt::format_to(std::back_inserter(out), "\\x{:02x}", u);
  }
  return out;
}

void print_difference(const prove::Difference& one, const WafVerify& options) {
  fmt::print("DIFFERENCE in request {} of seed {}\n{}\n", one.number, options.how.seed, shown_bytes(prove::raw_request(one.exchange)));
  if (!one.exchange.response_body.empty()) fmt::print("answered {} with\n{}\n", one.exchange.status, shown_bytes(one.exchange.response_body));
  for (const auto& line : one.one) fmt::print("  fast:  {}\n", shown_bytes(line));
  for (const auto& line : one.other) fmt::print("  plain: {}\n", shown_bytes(line));
  fmt::print("  again: --seed {} --first {} --requests 1\n\n", options.how.seed, one.number);
}

Result<int> run_waf_verify(const WafVerify& options, const Context& context) {
  const auto source = RW_TRY(waf::read_seclang_file(std::filesystem::absolute(options.rules).string(), waf::real_files()));
  const auto bank = prove::make_bank(RW_TRY(read_seeds(options.seeds)), source);
  const auto fast = RW_TRY(compile_without_budget(source, true)), plain = RW_TRY(compile_without_budget(source, false));
  std::function<void(const prove::VerifyProgress&)> progress;
  if (::isatty(STDERR_FILENO) == 1) {
    progress = [](const prove::VerifyProgress& p) { fmt::print(stderr, "{} requests, {} matched something, {} differences\n", p.requests, p.matched, p.differences); };
  }
  const auto report = prove::verify(fast, plain, bank, options.how, progress);
  if (context.json) {
    Json differences = Json::array();
    for (const auto& one : report.shown) {
      std::string answer = base::to_utf8(one.exchange.response_body);
      differences.push_back({{"number", one.number}, {"request", shown_bytes(prove::raw_request(one.exchange))}, {"response_body", answer}, {"fast", one.one}, {"plain", one.other}});
    }
    fmt::print("{}\n", Json{{"seed", options.how.seed}, {"requests", report.requests}, {"matched", report.matched}, {"differences", report.differences}, {"rules", report.rule_ids}, {"shown", differences}}.dump(-1, ' ', false, Json::error_handler_t::replace));
  } else {
    for (const auto& one : report.shown) print_difference(one, options);
    fmt::print("{} rules matched at least once\n{} requests, {} matched something, {} differences\n", report.rule_ids.size(), report.requests, report.matched, report.differences);
  }
  return report.differences == 0 ? kExitOk : kExitFailed;
}

struct WafWorst {
  std::string rules, save;
  std::vector<std::string> seeds;
  prove::WorstOptions how;
};

// Each as NN.http, to be sent as it is, and what the server would have to answer as NN.html.
Result<void> save_worst(const std::vector<prove::Costly>& worst, const std::string& folder) {
  auto& files = base::real_files();
  RW_TRY(files.make_directories(folder));
  for (std::size_t i = 0; i < worst.size(); ++i) {
    RW_TRY(files.write_atomic(fmt::format("{}/{:02}.http", folder, i + 1), prove::raw_request(worst[i].exchange), 0644));
    if (!worst[i].exchange.response_body.empty()) RW_TRY(files.write_atomic(fmt::format("{}/{:02}.html", folder, i + 1), worst[i].exchange.response_body, 0644));
  }
  return {};
}

double milliseconds(std::int64_t ns) { return static_cast<double>(ns) / 1e6; }

std::string cost_text(const std::vector<prove::RuleCost>& rules) {
  std::string out;
  for (const auto& one : rules) out += fmt::format("{}{} {:.1f}", out.empty() ? "" : ", ", one.rule_id, milliseconds(one.cpu_ns));
  return out;
}

Result<int> run_waf_worst(const WafWorst& options, const Context& context) {
  auto source = RW_TRY(waf::read_seclang_file(std::filesystem::absolute(options.rules).string(), waf::real_files()));
  const auto bank = prove::make_bank(RW_TRY(read_seeds(options.seeds)), source);
  const auto rules = RW_TRY(waf::RuleSet::compile(std::move(source)));
  std::function<void(const prove::WorstProgress&)> progress;
  if (::isatty(STDERR_FILENO) == 1) {
    progress = [](const prove::WorstProgress& p) { fmt::print(stderr, "{} requests tried, the dearest took {:.1f} ms\n", p.tried, milliseconds(p.cpu_ns_max)); };
  }
  const auto report = prove::worst(rules, bank, options.how, progress);
  if (!options.save.empty()) RW_TRY(save_worst(report.worst, options.save));
  const auto& settings = rules->settings();
  if (context.json) {
    Json all = Json::array();
    for (const auto& one : report.worst) {
      Json costs = Json::array();
      for (const auto& rule : one.rules) costs.push_back({{"rule", rule.rule_id}, {"ms", milliseconds(rule.cpu_ns)}});
      all.push_back({{"what", one.what}, {"bytes", one.bytes}, {"steps", one.steps}, {"ms", milliseconds(one.cpu_ns)}, {"first_ms", milliseconds(one.first_cpu_ns)}, {"memory_bytes", one.memory_bytes}, {"rules", costs}});
    }
    fmt::print("{}\n", Json{{"tried", report.tried}, {"head_bytes", report.head_bytes}, {"body_bytes", report.body_bytes}, {"answer_bytes", report.answer_bytes}, {"memory_bytes_max", report.memory_bytes_max}, {"worst", all}}.dump(-1, ' ', false, Json::error_handler_t::replace));
    return kExitOk;
  }
  std::vector<std::vector<std::string>> rows;
  for (const auto& one : report.worst) {
    rows.push_back({number(milliseconds(one.cpu_ns), 1), number(milliseconds(one.first_cpu_ns), 1), std::to_string(one.steps), std::to_string(one.bytes), base::bytes_text(one.memory_bytes >> 10 << 10), shown_bytes(one.what),
                    cost_text(one.rules)});
  }
  fmt::print("{}", table({"ms", "first ms", "steps", "bytes", "memory", "where: what", "dearest rules, ms"}, rows));
  fmt::print("limits: {} bytes of uri and headers; {} bytes of body and {} of an answer were tried, the rules accept {} without files and {} in all\n", report.head_bytes, report.body_bytes, report.answer_bytes, settings.request_body_no_files_limit,
             settings.request_body_limit);
  fmt::print("{} requests tried, memory of an exchange at most {} bytes\n", report.tried, report.memory_bytes_max);
  return kExitOk;
}

}  // namespace

void add_waf_prove(CLI::App& waf, Context& context) {
  auto options = std::make_shared<WafVerify>();
  auto* verify = waf.add_subcommand("verify", "compare the engine's fast path with its plain one on requests made from tests and rules");
  verify->footer("Example:\n  ringwall waf verify --rules modsecurity.conf --requests 1000000 tests/regression/tests");
  verify->add_option("--rules", options->rules, "the SecLang file under test")->required();
  verify->add_option("--requests", options->how.requests, "how many requests")->capture_default_str();
  verify->add_option("--seed", options->how.seed, "another seed makes other requests")->capture_default_str();
  verify->add_option("--first", options->how.first, "the number of the first request, to see one again")->capture_default_str();
  verify->add_option("--threads", options->how.threads, "threads")->check(CLI::Range(1, 256))->capture_default_str();
  verify->add_option("seeds", options->seeds, "go-ftw tests to begin with: folders or files")->required();
  verify->callback([options, &context] {
    const auto outcome = run_waf_verify(*options, context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });

  auto dearest = std::make_shared<WafWorst>();
  auto* worst = waf.add_subcommand("worst", "look for the request or answer that costs the most CPU time inside the limits of sizes");
  worst->footer("Example:\n  ringwall waf worst --rules modsecurity.conf --seconds 600");
  worst->add_option("--rules", dearest->rules, "the SecLang file under test")->required();
  worst->add_option("--seconds", dearest->how.seconds, "how long to look")->capture_default_str();
  worst->add_option("--bytes", dearest->how.bytes, "of a body; less where SecRequestBodyLimit is less")->capture_default_str();
  worst->add_option("--answer-bytes", dearest->how.answer_bytes, "of an answer's body; less where SecResponseBodyLimit is less")->capture_default_str();
  worst->add_option("--save", dearest->save, "a folder for the requests that were found: NN.http, and NN.html for what a server has to answer");
  worst->add_option("--seed", dearest->how.seed, "another seed looks elsewhere")->capture_default_str();
  worst->add_option("seeds", dearest->seeds, "go-ftw tests to take pieces from: folders or files");
  worst->callback([dearest, &context] {
    const auto outcome = run_waf_worst(*dearest, context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });
}

}  // namespace ringwall::cli
