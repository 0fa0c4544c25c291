#include "policy/policy.h"

#include <doctest/doctest.h>

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>

#include "policy/audit.h"
#include "policy/bundle.h"

using namespace ringwall;
using namespace ringwall::policy;

namespace {

// Files of a test, in memory.
waf::Files files_of(std::map<std::string, std::string> all) {
  const auto kept = std::make_shared<std::map<std::string, std::string>>(std::move(all));
  return {[kept](const std::string& path) -> Result<std::string> {
            const auto found = kept->find(path);
            if (found == kept->end()) return fail(Errc::kNotFound, path + ": not there");
            return found->second;
          },
          [kept](const std::string&) -> Result<std::vector<std::string>> {
            std::vector<std::string> out;
            for (const auto& [path, text] : *kept) {
              if (path.starts_with("/r/rules/")) out.push_back(path);
            }
            return out;
          }};
}

const char* const kMain = "SecRuleEngine On\nInclude /r/rules/*.conf\nSecRule ARGS \"@pmFromFile /r/words.data\" \"id:3,phase:2,deny\"\n";
std::map<std::string, std::string> rule_files() {
  return {{"/r/main.conf", kMain},
          {"/r/rules/1.conf", "SecRule ARGS \"@contains evil\" \"id:1,phase:2,deny,tag:bad\"\n"},
          {"/r/rules/2.conf", "SecRule &TX:level \"@eq 0\" \"id:10,phase:1,pass,nolog,setvar:tx.level=1\"\nSecRule TX:level \"@ge 2\" \"id:2,phase:1,deny\"\n"},
          {"/r/words.data", "# words\nworse\n"}};
}

// A folder that goes away with the test.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("ringwall-policy-" + std::to_string(::getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  void put(const std::string& name, const std::string& text) const { std::ofstream(path / name, std::ios::binary) << text; }
  Reader reader() const { return folder_reader(path.string()); }
};

int status_of(const PolicySet& set, const std::string& policy, const std::string& uri) {
  const auto* found = set.find(policy);
  REQUIRE(found != nullptr);
  auto t = waf::Transaction::make(set.rules());
  t->reset({}, found->overlay.get());
  t->request_line("GET", uri, "HTTP/1.1");
  auto verdict = t->request_headers_done();
  if (verdict.action == waf::Verdict::Action::kPass) verdict = t->request_body_done();
  return verdict.action == waf::Verdict::Action::kPass ? 200 : verdict.status;
}

}  // namespace

TEST_CASE("policy: a bundle holds all that its rules name") {
  const auto bytes = make_bundle("/r/main.conf", files_of(rule_files()));
  REQUIRE(bytes.ok());
  const auto bundle = open_bundle(*bytes);
  REQUIRE(bundle.ok());
  CHECK(bundle->main == "/r/main.conf");
  const auto source = waf::read_seclang_file(bundle->main, bundle->files);
  REQUIRE(source.ok());
  CHECK(source->items.size() == 4);
  CHECK(!bundle->files.read("/etc/passwd").ok());
  CHECK(make_bundle("/r/main.conf", files_of({{"/r/main.conf", "Include /r/nothing.conf\n"}})).error().message.find("/r/nothing.conf") != std::string::npos);
  for (const auto* damaged : {"", "ringwall-rules 1\n", "ringwall-rules 1\n/a\n", "ringwall-rules 1\n/a\nfile 2 900\n/a", "ringwall-rules 1\n/a\nfile -1 2\n", "ringwall-rules 1\n/a\nrest"}) {
    CAPTURE(damaged);
    CHECK(!open_bundle(damaged).ok());
  }
}

TEST_CASE("policy: places differ by mode, TX and exclusions") {
  const Folder folder;
  folder.put("rules", make_bundle("/r/main.conf", files_of(rule_files())).value());
  PolicyFile file{"rules",
                  {{"all", waf::Mode::kAsRules, {}, {}},
                   {"off", waf::Mode::kOff, {}, {}},
                   {"log", waf::Mode::kLog, {}, {}},
                   {"strict", waf::Mode::kBlock, {{"level", "2"}}, {}},
                   {"open", waf::Mode::kBlock, {}, {{"1", {}, ""}}},
                   {"tagged", waf::Mode::kBlock, {}, {{"tag:bad", {"ARGS:q"}, ""}}},
                   {"below", waf::Mode::kBlock, {}, {{"1", {"ARGS:q"}, "/a/"}, {"3", {}, "= /b"}}}}};
  folder.put("policies.json", write_policy_file(file));
  const auto set = PolicySet::load(folder.reader(), "policies.json");
  REQUIRE_MESSAGE(set.ok(), (set.ok() ? "" : set.error().message));
  struct Case {
    const char *policy, *uri;
    int status;
  };
  const Case kCases[] = {
      {"all", "/?q=evil", 403},    {"all", "/?q=worse", 403},   {"all", "/?q=fine", 200},   {"off", "/?q=evil", 200},     {"log", "/?q=evil", 200},
      {"strict", "/", 403},        {"open", "/?q=evil", 200},   {"open", "/?q=worse", 403}, {"tagged", "/?q=evil", 200},  {"tagged", "/?r=evil", 403},
      {"below", "/a/x?q=evil", 200}, {"below", "/x?q=evil", 403}, {"below", "/b?q=worse", 200}, {"below", "/b/c?q=worse", 403}, {"below", "/a/x?r=evil", 403},
  };
  for (const auto& one : kCases) {
    CAPTURE(one.policy);
    CAPTURE(one.uri);
    CHECK(status_of(**set, one.policy, one.uri) == one.status);
  }
  CHECK((*set)->find("nobody") == nullptr);

  // Another mode with the same rules: they are not read again.
  file.policies[0].mode = waf::Mode::kLog;
  folder.put("policies.json", write_policy_file(file));
  const auto next = PolicySet::load(folder.reader(), "policies.json", *set);
  REQUIRE(next.ok());
  CHECK((*next)->rules() == (*set)->rules());
  CHECK(status_of(**next, "all", "/?q=evil") == 200);

  // Other rules: what is new counts.
  auto changed = rule_files();
  changed["/r/rules/1.conf"] = "SecRule ARGS \"@contains good\" \"id:1,phase:2,deny,tag:bad\"\n";
  folder.put("rules2", make_bundle("/r/main.conf", files_of(changed)).value());
  file.rules = "rules2";
  file.policies[0].mode = waf::Mode::kBlock;
  folder.put("policies.json", write_policy_file(file));
  const auto third = PolicySet::load(folder.reader(), "policies.json", *next);
  REQUIRE(third.ok());
  CHECK(status_of(**third, "all", "/?q=evil") == 200);
  CHECK(status_of(**third, "all", "/?q=good") == 403);
}

TEST_CASE("policy: mistakes are told with their place") {
  const Folder folder;
  folder.put("rules", make_bundle("/r/main.conf", files_of(rule_files())).value());
  const auto message = [&](const std::string& text) {
    folder.put("p.json", text);
    const auto set = PolicySet::load(folder.reader(), "p.json");
    return set.ok() ? std::string("none") : set.error().message;
  };
  CHECK(message("{").find("p.json: not a JSON object") != std::string::npos);
  CHECK(message("{\"rules\":\"rules\",\"policies\":[{\"name\":\"a\",\"mode\":\"loud\"}]}").find("policy 1") != std::string::npos);
  CHECK(message("{\"rules\":\"nowhere\",\"policies\":[]}").find("nowhere") != std::string::npos);
  CHECK(message(write_policy_file({"rules", {{"a", waf::Mode::kBlock, {}, {{"77", {}, ""}}}}})).find("policy 'a': exclusions[0]: no rule of the set is called '77'") != std::string::npos);
  CHECK(message(write_policy_file({"rules", {{"a", waf::Mode::kBlock, {}, {{"1", {"NONSENSE"}, ""}}}}})).find("policy 'a'") != std::string::npos);
}

TEST_CASE("policy: audit records hold what happened and no secrets") {
  std::vector<waf::Match> matches(2);
  matches[0].rule_id = 942100;
  matches[0].msg = "SQL Injection";
  matches[0].variable = "ARGS:password";
  matches[0].value = "hunter2' or 1=1";
  matches[0].log_data = "Matched Data: hunter2' or 1=1 found";
  matches[0].severity = 2;
  matches[0].tags = {"attack-sqli"};
  matches[1].rule_id = 920100;
  matches[1].audit_log = false;
  AuditExchange exchange;
  exchange.client_address = "192.0.2.7";
  exchange.method = "GET";
  exchange.protocol = "HTTP/1.1";
  exchange.uri = "/login?user=a&password=hunter2'%20or%201=1&x=1";
  exchange.request_headers = {{"Host", "shop"}, {"Cookie", "session=abc"}, {"Authorization", "Bearer xyz"}};
  exchange.status = 403;
  exchange.place = "shop /login";
  const auto json = audit_json(exchange, matches);
  for (const auto* part : {"\"client_ip\":\"192.0.2.7\"", "\"ruleId\":\"942100\"", "\"http_code\":403", "\"Host\":\"shop\"", "\"place\":\"shop /login\"", "\"Cookie\":\"session=REDACTED\"", "password=REDACTED&x=1", "attack-sqli"}) {
    CAPTURE(part);
    CHECK(json.find(part) != std::string::npos);
  }
  for (const auto* part : {"hunter2", "abc", "xyz", "920100"}) {
    CAPTURE(part);
    CHECK(json.find(part) == std::string::npos);
  }
  // However much matched, the record stays within its limit and says what is missing.
  matches.assign(500, matches[0]);
  const auto large = audit_json(exchange, matches);
  CHECK(large.size() <= kAuditBytesMax);
  CHECK(large.ends_with("\"truncated\":\"true\"}}"));
}

// Goal: hosts share one rule set, and an update leaves nothing of the one before.
TEST_CASE("policy: two hundred policies have one rule set, however often it changed") {
  const Folder folder;
  std::vector<std::weak_ptr<const waf::RuleSet>> made;
  std::shared_ptr<const PolicySet> set;
  for (int update = 0; update < 50; ++update) {
    // Every second one leaves the rules as they are.
    auto files = rule_files();
    files["/r/main.conf"] = std::string(kMain) + "SecRule ARGS \"@rx version" + std::to_string(update / 2) + "\" \"id:4,phase:2,deny\"\n";
    folder.put("rules", make_bundle("/r/main.conf", files_of(files)).value());
    PolicyFile file{"rules", {}};
    for (int i = 0; i < 200; ++i) file.policies.push_back({.name = "host" + std::to_string(i), .mode = (i + update) % 2 == 0 ? waf::Mode::kBlock : waf::Mode::kLog, .exclusions = {{"1", {"ARGS:field" + std::to_string(i)}, ""}}});
    file.rules = "rules-" + std::to_string(update / 2);
    std::filesystem::copy_file(folder.path / "rules", folder.path / file.rules, std::filesystem::copy_options::overwrite_existing);
    folder.put("policies.json", write_policy_file(file));
    auto next = PolicySet::load(folder.reader(), "policies.json", set);
    REQUIRE_MESSAGE(next.ok(), (next.ok() ? "" : next.error().message));
    set = std::move(*next);
    if (update % 2 == 0) made.push_back(set->rules());
    CHECK(status_of(*set, "host0", "/?a=version" + std::to_string(update / 2)) == (update % 2 == 0 ? 403 : 200));
  }
  CHECK(set->size() == 200);
  CHECK(made.size() == 25);
  CHECK(std::count_if(made.begin(), made.end(), [](const auto& one) { return !one.expired(); }) == 1);
}

TEST_CASE("policy: where a limit applies") {
  struct Case {
    std::string limit, path;
    bool want;
  };
  const Case kCases[] = {
      {"", "/any", true},        {"/a", "/a/b", true},           {"/a/", "/a", false},       {"= /login", "/login", true},        {"= /login", "/login/x", false},
      {"= /login", "/login;a=1", true}, {"= /in/login", "/in;x/login;y", true}, {"/api/", "/api;x/y", true}, {"= /a;b", "/a;b", true}, {"= /login", "/;login", false},
      // Segments that are parameters alone, and a closing slash.
      {"= /login", "/;x/login", true}, {"/admin/", "/;x/admin/x", true}, {"/admin/", "/.;x/admin/x", true}, {"/admin/", "/admin/;x", true}, {"= /login", "/login/", true}, {"= /login", "/login/;x", true}, {"= /login", "/login//x", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.limit);
    CAPTURE(c.path);
    LimitText text{.name = "l", .key = "address", .path = c.limit, .methods = {"POST"}, .requests = 1, .period_ms = 1000};
    const auto limit = compile_limit(text);
    REQUIRE(limit.ok());
    CHECK(limit->concerns("POST", c.path) == c.want);
    CHECK(!limit->concerns("GET", c.path));
  }
}

namespace {

constexpr const char* kApi = R"({"openapi": "3.1.0", "paths": {"/pets": {"get": {"parameters": [{"name": "page", "in": "query", "schema": {"type": "integer"}}]}}}})";

// Files of a folder, as a set is loaded from.
Reader from(const std::map<std::string, std::string>& files, int* reads = nullptr) {
  return [&files, reads](const std::string& name) -> Result<std::string> {
    if (reads != nullptr && name.starts_with("model-")) ++*reads;
    const auto found = files.find(name);
    if (found == files.end()) return fail(Errc::kNotFound, name + ": not there");
    return found->second;
  };
}

}  // namespace

TEST_CASE("policy: a model comes with its place, and is taken over while its file is the same") {
  const auto bundle = make_bundle_of("SecRuleEngine On\n", "/main.conf", waf::real_files()).value();
  PolicyText api{.name = "api", .mode = waf::Mode::kBlock};
  api.model = ModelText{"model-1", waf::Mode::kLog, {.refuse_unknown_parameters = true, .refuse_unknown_paths = false, .base_path = "/v1"}};
  std::map<std::string, std::string> files{{"rules-1", bundle}, {"model-1", kApi}, {"policies.json", write_policy_file({"rules-1", {api, {.name = "web"}}})}};
  CHECK(read_policy_file(files["policies.json"], "p").value().policies[0] == api);
  int reads = 0;
  const auto set = PolicySet::load(from(files, &reads), "policies.json").value();
  REQUIRE(set->find("api")->model);
  CHECK(set->find("api")->model->text == *api.model);
  CHECK_FALSE(set->find("web")->model);
  CHECK(reads == 1);

  // Other rules, the same document.
  files["rules-2"] = make_bundle_of("SecRuleEngine On\nSecRule ARGS a \"id:1,phase:2,deny\"\n", "/main.conf", waf::real_files()).value();
  files["policies.json"] = write_policy_file({"rules-2", {api}});
  const auto next = PolicySet::load(from(files, &reads), "policies.json", set).value();
  CHECK(next->find("api")->model->model == set->find("api")->model->model);
  CHECK(reads == 1);

  // Another document; and one that cannot be used.
  api.model->file = "model-2";
  files["policies.json"] = write_policy_file({"rules-2", {api}});
  CHECK(PolicySet::load(from(files), "policies.json", next).error().message == "model-2: not there");
  files["model-2"] = R"({"openapi": "3.1.0"})";
  CHECK(PolicySet::load(from(files), "policies.json", next).error().message == "model-2:1:1: has no paths, so that no request would fit");
}

TEST_CASE("policy: what a model finds has the form of rules that matched") {
  const auto model = load_model(kApi, "api").value();
  openapi::Scratch scratch;
  const auto matches = model_matches(model->judge({.method = "GET", .target = "/pets?page=x"}, {}, scratch), true);
  REQUIRE(matches.size() == 1);
  CHECK(waf::log_line(matches[0]) == "Access denied. [id \"89003\"] [msg \"The request does not fit the API description\"] [data \"query page: is not an integer\"] [severity \"2\"] [phase \"2\"] [tag \"ringwall/openapi\"] Operation GET /pets at query page.");
  const std::pair<const char*, std::uint64_t> kinds[] = {{"GET /other", kModelRulePath}, {"PUT /pets", kModelRuleMethod}};
  for (const auto& [line, rule] : kinds) {
    const std::string_view text = line;
    const auto found = model_matches(model->judge({.method = text.substr(0, 3), .target = text.substr(4)}, {}, scratch), false);
    CHECK(found.at(0).rule_id == rule);
    CHECK_FALSE(found.at(0).disruptive);
  }
}
