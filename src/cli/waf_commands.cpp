// ringwall waf check and test: rule sets looked at and tried without a server.
#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/world.h"
#include "cli/context.h"
#include "cli/waf_files.h"
#include "ftw/ftw.h"
#include "ftw/offline.h"
#include "ftw/through_nginx.h"
#include "policy/bundle.h"
#include "policy/data_files.h"
#include "policy/policy.h"
#include "waf/engine.h"
#include "waf/seclang.h"

namespace ringwall::cli {

namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

struct WafTest {
  std::string rules, overrides;
  std::vector<std::string> paths, overrides_for;
  bool plain = false, through_nginx = false, print = false;
};

Result<std::shared_ptr<const waf::RuleSet>> load_rules(const std::string& file, bool plain, std::vector<std::string>& warnings) {
  auto source = RW_TRY(waf::read_seclang_file(fs::absolute(file).string(), waf::real_files()));
  warnings = source.warnings;
  return waf::RuleSet::compile(std::move(source), {.fast = !plain});
}

Result<int> run_waf_check(const std::string& file, const Context& context) {
  std::vector<std::string> warnings;
  const auto rules = RW_TRY(load_rules(file, false, warnings));
  const auto info = rules->info();
  if (context.json) {
    fmt::print("{}\n", Json{{"rules", info.rules}, {"patterns", info.patterns}, {"warnings", warnings}}.dump());
    return kExitOk;
  }
  for (const auto& warning : warnings) fmt::print(stderr, "ringwall: warning: {}\n", warning);
  fmt::print("{} rules, {} regular expressions\n", info.rules, info.patterns);
  return kExitOk;
}

struct WafPack {
  std::string rules, folder, mode = "rules";
};

// For an nginx that Ringwall does not run itself.
Result<int> run_waf_pack(const WafPack& options) {
  auto& files = base::real_files();
  RW_TRY(files.make_directories(options.folder));
  policy::DataFiles data(files, options.folder);
  const auto bundle = RW_TRY(policy::make_bundle(fs::absolute(options.rules).string(), data.rule_files()));
  RW_TRY(files.write_atomic(options.folder + "/rules", bundle, 0644));
  policy::PolicyText text{"default", waf::Mode::kAsRules, {}, {}};
  for (const auto mode : {waf::Mode::kBlock, waf::Mode::kLog, waf::Mode::kOff}) {
    if (options.mode == policy::name_of(mode)) text.mode = mode;
  }
  const auto path = options.folder + "/policies.json";
  RW_TRY(files.write_atomic(path, policy::write_policy_file({"rules", {text}, data.names()}), 0644));
  const auto set = RW_TRY(policy::PolicySet::load(policy::folder_reader(options.folder), "policies.json", nullptr, data.mapper()));
  fmt::print("{}: {} rules; in nginx.conf:\n  load_module {};\n  http {{ ringwall_waf_policies {}; ringwall_waf default; … }}\n", path, set->rules()->info().rules, module_path(), fs::absolute(path).string());
  return kExitOk;
}

// A line that says how far a long run is; only for people.
std::function<void(std::size_t)> progress_of(std::size_t all) {
  if (::isatty(STDERR_FILENO) == 0) return {};
  return [all](std::size_t done) {
    if (done % 50 == 0 || done == all) fmt::print(stderr, "\r{} of {} tests{}", done, all, done == all ? "\n" : "");
  };
}

Result<std::vector<ftw::Test>> read_all_tests(const std::vector<std::string>& paths) {
  std::vector<ftw::Test> tests;
  for (const auto& path : RW_TRY(waf_test_files(paths))) {
    for (auto& test : RW_TRY(ftw::read_tests(RW_TRY(base::real_files().read(path)), path))) tests.push_back(std::move(test));
  }
  return tests;
}

// For programs that send the requests somewhere else, as to a running edge.
Result<int> run_waf_test_print(const WafTest& options) {
  for (const auto& test : RW_TRY(read_all_tests(options.paths))) {
    for (const auto& stage : test.stages) {
      std::string hex;
      for (const unsigned char byte : stage.request) fmt::format_to(std::back_inserter(hex), "{:02x}", byte);
      fmt::print("{}\n", Json{{"rule", test.rule_id}, {"test", test.id}, {"expect_ids", stage.expected.ids}, {"no_expect_ids", stage.expected.no_ids}, {"request_hex", hex}}.dump());
    }
  }
  return kExitOk;
}

Result<int> run_waf_test(const WafTest& options, const Context& context) {
  if (options.print) return run_waf_test_print(options);
  if (options.rules.empty()) return fail(Errc::kInvalid, "no rules to test", "name them with --rules, or use --print for the requests alone");
  auto& files = base::real_files();
  ftw::Overrides overrides;
  if (!options.overrides.empty()) overrides = RW_TRY(ftw::read_overrides(RW_TRY(files.read(options.overrides)), options.overrides));
  if (!options.overrides_for.empty()) {
    std::erase_if(overrides, [&](const auto& one) {
      return std::find(options.overrides_for.begin(), options.overrides_for.end(), fmt::format("{}-{}", one.first.first, one.first.second)) == options.overrides_for.end();
    });
  }
  const auto tests = RW_TRY(read_all_tests(options.paths));
  ftw::Runner runner;
  if (options.through_nginx) {
    runner = RW_TRY(ftw::nginx_runner({.rules = fs::absolute(options.rules).string(), .module = module_path()}));
  } else {
    std::vector<std::string> warnings;
    runner = ftw::offline_runner(RW_TRY(load_rules(options.rules, options.plain, warnings)));
  }
  const auto report = ftw::run(tests, overrides, runner, progress_of(tests.size()));
  if (context.json) {
    Json failures = Json::array();
    for (const auto& one : report.failures) failures.push_back({{"rule", one.rule_id}, {"test", one.test_id}, {"file", one.file}, {"why", one.why}});
    fmt::print("{}\n", Json{{"passed", report.passed}, {"failed", report.failures.size()}, {"failures", failures}}.dump());
  } else {
    for (const auto& one : report.failures) fmt::print("FAILED {}-{} {}: {}\n", one.rule_id, one.test_id, one.file, one.why);
    fmt::print("{} passed, {} failed\n", report.passed, report.failures.size());
  }
  return report.failures.empty() ? kExitOk : kExitFailed;
}

}  // namespace

Result<std::vector<std::string>> waf_test_files(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const auto& path : paths) {
    std::error_code error;
    if (fs::is_regular_file(path, error)) {
      files.push_back(path);
      continue;
    }
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      const auto extension = it->path().extension();
      if (extension == ".yaml" || extension == ".yml") files.push_back(it->path().string());
    }
    if (error) return fail(Errc::kNotFound, fmt::format("{}: {}", path, error.message()), "a folder of go-ftw tests, or one of its files");
  }
  std::sort(files.begin(), files.end());
  return files;
}

void add_waf(CLI::App& app, Context& context) {
  auto* waf = app.add_subcommand("waf", "check rule sets of the web application firewall, and run their tests");
  waf->require_subcommand(1);
  waf->footer("Examples:\n  ringwall waf check modsecurity.conf\n  ringwall waf test --rules modsecurity.conf tests/regression/tests");

  auto file = std::make_shared<std::string>();
  auto* check = waf->add_subcommand("check", "compile a rule set and say what is wrong with it");
  check->add_option("file", *file, "a SecLang file, which may include others")->required();
  check->callback([file, &context] {
    const auto outcome = run_waf_check(*file, context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });

  auto packing = std::make_shared<WafPack>();
  auto* pack = waf->add_subcommand("pack", "write what an nginx of your own needs to run a rule set with Ringwall's module");
  pack->footer("Example:\n  ringwall waf pack /etc/modsecurity/modsecurity.conf /etc/nginx/ringwall");
  pack->add_option("rules", packing->rules, "a SecLang file, which may include others")->required();
  pack->add_option("folder", packing->folder, "gets the files \"rules\" and \"policies.json\"")->required();
  pack->add_option("--mode", packing->mode, "rules: as SecRuleEngine says")->check(CLI::IsMember({"rules", "block", "log", "off"}))->capture_default_str();
  pack->callback([packing, &context] {
    const auto outcome = run_waf_pack(*packing);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });

  auto options = std::make_shared<WafTest>();
  auto* test = waf->add_subcommand("test", "run go-ftw tests against the engine alone, or with a real nginx before it");
  test->footer("Example:\n  ringwall waf test --rules modsecurity.conf --through-nginx --overrides nginx-overrides.yaml tests/regression/tests\n\n"
               "The engine alone sees requests a server would refuse before it.  The last line is \"N passed, N failed\".");
  auto* rules = test->add_option("--rules", options->rules, "the SecLang file under test");
  test->add_flag("--print", options->print, "send nothing; print each request in hexadecimal and the rules it is about, one JSON line each")->excludes(rules);
  test->add_option("--overrides", options->overrides, "what this platform answers otherwise, in go-ftw's format");
  test->add_option("--overrides-for", options->overrides_for, "use only the overrides of these tests: 920100-4,920290-4")->delimiter(',')->needs("--overrides");
  test->add_flag("--plain", options->plain, "without the prefilter, which must make no difference");
  test->add_flag("--through-nginx", options->through_nginx, "start nginx with Ringwall's module on loopback and send the requests to it");
  test->add_option("paths", options->paths, "folders or files of tests")->required();
  test->callback([options, &context] {
    const auto outcome = run_waf_test(*options, context);
    context.exit_code = outcome.ok() ? *outcome : report(outcome.error());
  });
  add_waf_prove(*waf, context);
  add_waf_replay(*waf, context);
  add_waf_propose(*waf, context);
  add_waf_openapi(*waf, context);
}

}  // namespace ringwall::cli
