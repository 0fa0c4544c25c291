#include "tune/propose.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

#include "declare/parse.h"
#include "tune/detail/groups.h"
#include "tune/test_support.h"

using namespace ringwall;
using namespace ringwall::tune;

namespace {

// A small rule set that scores as the Core Rule Set does.
constexpr const char* kRules = R"(
SecRule ARGS|REQUEST_HEADERS:X-T|REQUEST_COOKIES "@contains select" "id:1,phase:2,pass,log,t:none,t:lowercase,msg:'SQL',tag:'attack-sqli',setvar:'tx.anomaly_score=+5'"
SecRule ARGS "@contains union" "id:2,phase:2,pass,log,t:none,t:lowercase,msg:'SQL again',tag:'attack-sqli',setvar:'tx.anomaly_score=+5'"
SecRule ARGS "@contains script" "id:3,phase:2,pass,log,msg:'XSS',tag:'attack-xss',setvar:'tx.anomaly_score=+5'"
SecRule ARGS "@contains odd" "id:4,phase:2,pass,log,msg:'Odd',setvar:'tx.anomaly_score=+2'"
SecRule REQUEST_HEADERS:User-Agent "@contains sqlmap" "id:5,phase:1,pass,log,msg:'Scanner',tag:'attack-reputation-scanner',setvar:'tx.anomaly_score=+5'"
SecRule REQUEST_FILENAME "@contains .env" "id:6,phase:1,pass,log,msg:'File',tag:'attack-lfi',setvar:'tx.anomaly_score=+5'"
SecRule REQUEST_METHOD "@streq POST" "id:7,phase:2,pass,log,chain,msg:'Chained'"
  SecRule ARGS "@contains chained" "t:none,setvar:'tx.anomaly_score=+5'"
SecRule REQUEST_BODY "@contains whole" "id:8,phase:2,pass,log,msg:'Whole',setvar:'tx.anomaly_score=+5'"
SecRule TX:anomaly_score "@ge 5" "id:9,phase:2,deny,log,msg:'Too much: %{tx.anomaly_score}'"
)";

struct Traffic {
  std::string uri;
  int clients = 1, each = 1, first_client = 1;
  std::string body, user_agent, type = "application/x-www-form-urlencoded";
  bool enforcing = true;
  int status = 200;
};

// Every '#' of an address becomes the number of the request.
std::vector<std::string> lines_of(const Rules& rules, const std::vector<Traffic>& all) {
  std::vector<std::string> out;
  for (const auto& one : all) {
    int number = 0;
    for (int client = 0; client < one.clients; ++client) {
      for (int i = 0; i < one.each; ++i) {
        auto uri = one.uri;
        ++number;
        for (std::size_t at; (at = uri.find('#')) != std::string::npos;) uri.replace(at, 1, std::to_string(number));
        Sent sent{.client = fmt::format("192.0.2.{}", one.first_client + client), .method = one.body.empty() ? "GET" : "POST", .uri = uri, .body = one.body, .content_type = one.body.empty() ? "" : one.type};
        sent.trace_id = fmt::format("{:032x}", out.size() + 1);
        sent.enforcing = one.enforcing;
        sent.status = one.status;
        if (!one.user_agent.empty()) sent.headers = {{"User-Agent", one.user_agent}};
        out.push_back(line_of(rules, sent));
      }
    }
  }
  return out;
}

std::string shown(const TuneReport& report) {
  std::string out;
  for (const auto& one : report.proposals) {
    out += fmt::format("[{} at {} below {}: {} of {} clients, {}/{}/{}{}]", one.exclusion.rules, fmt::join(one.exclusion.targets, "+"), one.exclusion.path, one.requests, one.clients, one.judged, one.passed_alone, one.passed_together,
                       one.hidden == 0 ? "" : fmt::format(", {} hidden", one.hidden));
  }
  for (const auto& one : report.doubts) out += fmt::format("({} at {}: {})", one.rules, one.target, one.why);
  return out;
}

struct Case {
  const char* what;
  std::vector<Traffic> traffic;
  const char* want;
  std::set<std::string> trusted = {};
};

const Traffic kVisitors{.uri = "/?q=fine", .clients = 20, .each = 3};

}  // namespace

TEST_CASE("propose: the narrowest exclusions for what good clients sent") {
  const Case kCases[] = {
      {"one field of one page", {kVisitors, {.uri = "/pages?text=select+#", .clients = 5, .each = 2}}, "[1 at ARGS:text below = /pages: 10 of 5 clients, 10/10/10]"},
      {"pages with a number", {kVisitors, {.uri = "/pages/#/edit?text=select", .clients = 5, .each = 2}}, "[1 at ARGS:text below /pages/: 10 of 5 clients, 10/10/10]"},
      {"everywhere", {kVisitors, {.uri = "/#/a?text=select", .clients = 5, .each = 2}}, "[1 at ARGS:text below : 10 of 5 clients, 10/10/10]"},
      {"several rules and fields are one", {kVisitors, {.uri = "/p", .clients = 5, .each = 2, .body = "a=select+union&b=union+select"}}, "[1,2 at ARGS:a+ARGS:b below = /p: 10 of 5 clients, 10/10/10]"},
      // What scores too little to refuse goes on protecting.
      {"no rule that is not needed", {kVisitors, {.uri = "/p?a=select+odd", .clients = 5, .each = 2}}, "[1 at ARGS:a below = /p: 10 of 5 clients, 10/10/10]"},
      {"a chain: its field", {kVisitors, {.uri = "/p", .clients = 5, .each = 2, .body = "a=chained"}}, "[7 at ARGS:a below = /p: 10 of 5 clients, 10/10/10]"},
      {"a body as a whole", {kVisitors, {.uri = "/p", .clients = 5, .each = 2, .body = "a=whole"}}, "[8 at REQUEST_BODY below = /p: 10 of 5 clients, 10/10/10]"},
      {"lists", {kVisitors, {.uri = "/p", .clients = 5, .each = 2, .body = R"(items[0].sku=select&items[1].sku=select)"}}, "[1 at ARGS:items[0].sku+ARGS:items[1].sku below = /p: 10 of 5 clients, 10/10/10]"},
      {"a password is not in the record", {kVisitors, {.uri = "/login", .clients = 5, .each = 2, .body = "password=select#"}}, "[1 at ARGS:password below = /login: 10 of 5 clients, 0/0/0, 10 hidden]"},
      {"places that only log", {kVisitors, {.uri = "/p?a=select", .clients = 5, .each = 2, .enforcing = false}}, "[1 at ARGS:a below = /p: 10 of 5 clients, 10/10/10]"},

      // Not proposed.
      {"too few clients", {kVisitors, {.uri = "/p?a=select", .clients = 2, .each = 9}}, "(1 at ARGS:a: of 2 clients, 3 are needed (--clients))"},
      {"too few requests", {kVisitors, {.uri = "/p?a=select", .clients = 4}}, "(1 at ARGS:a: 4 requests, 5 are needed (--requests))"},
      {"strangers", {kVisitors, {.uri = "/p?a=select", .clients = 9, .first_client = 100}}, "(1 at ARGS:a: most of these clients did nothing else here)"},
      {"the application refuses it", {kVisitors, {.uri = "/p?a=select", .clients = 5, .each = 2, .enforcing = false, .status = 400}}, "(1 at ARGS:a: where it was let through, the application refused most of it itself)"},
      {"of scanners nothing counts", {kVisitors, {.uri = "/p?a=select", .clients = 5, .each = 2, .user_agent = "sqlmap"}}, ""},
      {"an attacker's other requests do not count either", {kVisitors, {.uri = "/p?a=select", .clients = 5, .each = 2}, {.uri = "/.env", .clients = 5}}, ""},
      {"many fields", {kVisitors, {.uri = "/p?f#=select", .clients = 1, .each = 30}}, ""},
      {"who searches for pages", {kVisitors, {.uri = "/no#", .clients = 5, .each = 20, .status = 404}, {.uri = "/p?a=select", .clients = 5, .each = 2}}, ""},
      {"a field that attackers use too", {kVisitors, {.uri = "/p?a=select", .clients = 4, .each = 2}, {.uri = "/p?a=select", .clients = 2, .first_client = 100, .user_agent = "sqlmap"}}, "(1 at ARGS:a: 2 attackers use this field too)"},
      {"an attack that was seen would pass",
       {kVisitors, {.uri = "/p?a=select", .clients = 8, .each = 2}, {.uri = "/.env", .clients = 1, .first_client = 100}, {.uri = "/p?a=select", .clients = 1, .first_client = 100}},
       "(1 at ARGS:a: 1 attacks that were seen would pass)"},

      // Who tests the application is one, once; what an attacker did there counts all the same.
      {"trusted", {{.uri = "/p?a=select", .clients = 1}}, "[1 at ARGS:a below = /p: 1 of 1 clients, 1/1/1]", {"192.0.2.1"}},
      {"trusted is another", {{.uri = "/p?a=select", .clients = 1}}, "(1 at ARGS:a: of 1 clients, 3 are needed (--clients))", {"192.0.2.2"}},
      {"trusted, where an attacker was seen", {{.uri = "/p?a=select", .clients = 1}, {.uri = "/.env", .clients = 1, .first_client = 100}, {.uri = "/p?a=select", .clients = 1, .first_client = 100}},
       "(1 at ARGS:a: 1 attacks that were seen would pass)", {"192.0.2.1"}},
  };
  const auto rules = rules_of(kRules);
  for (const auto& one : kCases) {
    CAPTURE(one.what);
    Tuner tuner(rules, {.threads = 2, .trusted = one.trusted});
    tuner.add(lines_of(rules, one.traffic));
    const auto report = tuner.propose();
    REQUIRE_MESSAGE(report.ok(), (report.ok() ? "" : report.error().message));
    CHECK(shown(*report) == one.want);
  }
}

TEST_CASE("propose: without edge records more clients are asked for") {
  const auto rules = rules_of(kRules);
  for (const auto& [clients, want] : {std::pair(5, "(1 at ARGS:text: nothing else is known of these clients, and too few of them say the same; edge records would tell more)"),
                                      std::pair(6, "[1 at ARGS:text below = /p: 6 of 6 clients, 6/6/6]")}) {
    Tuner tuner(rules, {});
    tuner.add(lines_of(rules, {{.uri = "/p?text=select+#", .clients = clients}}));
    CHECK(shown(tuner.propose().value()) == want);
  }
}

TEST_CASE("propose: what an exclusion gives up is counted with attacks in its field") {
  const auto rules = rules_of(kRules);
  std::vector<ftw::Test> tests;
  const auto test = [&](int id, const std::string& uri) {
    ftw::Test one;
    one.rule_id = 1, one.id = id;
    one.stages.push_back({.request = "GET " + uri + " HTTP/1.1\r\nHost: a\r\n\r\n", .method = "GET"});
    one.stages.back().expected.ids = {1};
    tests.push_back(one);
  };
  test(1, "/?x=select+1");
  test(2, "/?y=select%20union");
  test(3, "/?z=%3cscript");
  test(4, "/?y=select%20union");  // the same once more
  test(5, "/?y=harmless");
  Tuner tuner(rules, {.threads = 2});
  tuner.add_attacks(tests);
  tuner.add(lines_of(rules, {kVisitors, {.uri = "/p?a=select", .clients = 5, .each = 2}}));
  const auto report = tuner.propose().value();
  CHECK(report.payloads == 3);
  REQUIRE(report.proposals.size() == 1);
  const auto& one = report.proposals[0];
  CHECK(one.measured);
  CHECK(one.attacks == 3);
  // "select union" is still refused for the other rule, "<script" for a third.
  CHECK(one.attacks_lost == 1);
  CHECK(fmt::format("{}", fmt::join(one.lost, " ")) == "1-1 (rule 1)");
  CHECK(one.clients_known == 5);
  CHECK(one.path_requests == 10);
  CHECK(one.values == 1);
}

TEST_CASE("propose: the text is a declaration's and says the same") {
  const auto rules = rules_of(kRules);
  Tuner tuner(rules, {});
  tuner.add(lines_of(rules, {kVisitors, {.uri = "/a%22b/#?te%22x|t%5b0%5d=select", .clients = 5, .each = 2}, {.uri = "/p?a=union", .clients = 5, .each = 1}}));
  const auto report = tuner.propose().value();
  REQUIRE(report.proposals.size() == 2);
  std::string indented = "  exclusions:\n";
  const auto yaml = to_yaml(report.proposals);
  for (std::size_t at = 0; at < yaml.size();) {
    const auto end = yaml.find('\n', at);
    indented += "    " + yaml.substr(at, end + 1 - at);
    at = end + 1;
  }
  const auto parsed = declare::parse("waf:\n  mode: log\n  core_rule_set: \"\"\n" + indented, "test");
  std::string wrong;
  for (const auto& one : parsed.diagnostics) {
    if (one.path.starts_with("waf.exclusions")) wrong += declare::show(one);
  }
  CHECK(wrong == "");
  REQUIRE(parsed.declaration.waf.exclusions.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& read = parsed.declaration.waf.exclusions[i];
    CHECK(read.rules == report.proposals[i].exclusion.rules);
    CHECK(read.targets == report.proposals[i].exclusion.targets);
    CHECK(read.path == report.proposals[i].exclusion.path);
    CHECK(!read.reason.empty());
  }
  CHECK(report.proposals[0].passed_alone == 10);
  CHECK(to_yaml({}) == "[]\n");
}

TEST_CASE("propose: targets and paths are as narrow as they can be") {
  struct Target {
    waf::Variable variable;
    const char* name;
    bool counts;
    const char* want;
  };
  using V = waf::Variable;
  const Target kTargets[] = {
      {V::kArgs, "content", false, "ARGS:content"},
      {V::kArgs, "json.items.array_12.sku", false, "ARGS:/^json\\.items\\.array_\\d+\\.sku$/"},
      {V::kArgs, "a|b", false, "ARGS:/^a\\x7cb$/"},
      {V::kArgs, "", false, "ARGS:/^$/"},
      {V::kArgs, "", true, "ARGS"},
      {V::kXml, "/*", false, "XML:/*"},
      {V::kRequestBody, "", false, "REQUEST_BODY"},
      {V::kRequestHeaders, "User-Agent", false, "REQUEST_HEADERS:User-Agent"},
      {V::kArgs, "a\nb", false, "none"},
      {V::kReqbodyError, "", false, "none"},
  };
  for (const auto& one : kTargets) {
    CAPTURE(one.name);
    const auto target = tune::detail::target_of({.rule_id = 1, .variable = one.variable, .name = one.name, .counts = one.counts});
    CHECK(target.value_or("none") == one.want);
    if (target) CHECK(waf::parse_selectors(*target).value().size() == 1);
  }
  CHECK(tune::detail::target_of({.name = std::string(kTargetBytesMax, 'a')}).has_value());
  CHECK(!tune::detail::target_of({.name = std::string(kTargetBytesMax + 1, 'a')}).has_value());
  const std::pair<std::vector<std::string>, const char*> kPaths[] = {
      {{"/a/b", "/a/b"}, "= /a/b"}, {{"/a/b", "/a/c"}, "/a/"}, {{"/a/12/x", "/a/13/x"}, "/a/"}, {{"/a", "/b"}, ""}, {{"/a/b", "/a"}, ""}, {{"/a/\n", "/a/\n"}, "/a/"}, {{"/"}, "= /"},
  };
  for (const auto& [paths, want] : kPaths) CHECK(tune::detail::common_path(paths) == want);
}
