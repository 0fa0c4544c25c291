#include "waf/engine.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <map>

#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::waf;

namespace {

struct Request {
  std::string method = "GET", uri = "/", protocol = "HTTP/1.1", body;
  std::vector<std::pair<std::string, std::string>> headers{{"Host", "localhost"}};
};

std::shared_ptr<const RuleSet> compile(const std::string& text, bool fast) {
  auto source = read_seclang(text, "rules.conf", real_files());
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  auto rules = RuleSet::compile(std::move(*source), {.fast = fast});
  REQUIRE_MESSAGE(rules.ok(), (rules.ok() ? "" : rules.error().message));
  return *rules;
}

// "1 2 deny 403": the rules that matched, and the verdict unless it is to pass.
std::string judged(Transaction& t, const Request& request, int response_status = 200, const std::string& response_body = "") {
  t.reset({.client_address = "192.0.2.1", .server_address = "192.0.2.9", .server_name = "s", .unique_id = "u", .client_port = 1, .server_port = 80, .now_ns = 1'000'000'000});
  t.request_line(request.method, request.uri, request.protocol);
  for (const auto& [name, value] : request.headers) t.request_header(name, value);
  auto verdict = t.request_headers_done();
  if (verdict.action == Verdict::Action::kPass) {
    t.request_body(request.body);
    verdict = t.request_body_done();
  }
  if (verdict.action == Verdict::Action::kPass) {
    t.response_line(response_status, "HTTP/1.1");
    t.response_header("Content-Type", "text/html");
    verdict = t.response_headers_done();
    if (verdict.action == Verdict::Action::kPass) {
      if (t.wants_response_body()) t.response_body(response_body);
      verdict = t.response_body_done();
    }
  }
  t.logging();
  std::string out;
  for (const auto& match : t.matches()) out += fmt::format("{} ", match.rule_id);
  if (verdict.action == Verdict::Action::kDeny) out += fmt::format("deny {} ", verdict.status);
  if (verdict.action == Verdict::Action::kDrop) out += "drop ";
  if (verdict.action == Verdict::Action::kRedirect) out += fmt::format("redirect {} {} ", verdict.status, verdict.location);
  return out;
}

constexpr const char* kOn = "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\n";
const Request kForm{"POST", "/f", "HTTP/1.1", "a=1&b=evil&c=%3Cscript%3E", {{"Host", "h"}, {"Content-Type", "application/x-www-form-urlencoded"}}};

}  // namespace

TEST_CASE("engine: what rules do") {
  struct Case {
    const char* what;
    std::string rules;
    Request request;
    const char* want;
  };
  const Case kCases[] = {
      {"an argument of the query", "SecRule ARGS:q \"@rx evil\" \"id:1,phase:1,deny\"", {"GET", "/?q=evil"}, "1 deny 403 "},
      {"names of collections have no case", "SecRule ARGS:Q \"@streq x\" \"id:1,phase:1,deny,status:406\"", {"GET", "/?q=x"}, "1 deny 406 "},
      {"phase 2 sees the form", "SecRule ARGS_POST \"@contains evil\" \"id:1,phase:2,deny\"", kForm, "1 deny 403 "},
      {"transformations, in order", "SecRule ARGS:c \"@rx ^&lt;SCRIPT$\" \"id:1,phase:2,pass\"\nSecRule ARGS:c \"@streq <script>\" \"id:2,phase:2,t:none,t:lowercase,pass\"", kForm, "2 "},
      {"an exclusion of a name", "SecRule ARGS|!ARGS:b \"@contains evil\" \"id:1,phase:2,deny\"", kForm, ""},
      {"an exclusion by a pattern", "SecRule ARGS|!ARGS:/^b/ \"@contains evil\" \"id:1,phase:2,deny\"", kForm, ""},
      {"counting", "SecRule &ARGS \"@eq 3\" \"id:1,phase:2,pass\"\nSecRule &ARGS:zz \"@eq 0\" \"id:2,phase:2,pass\"", kForm, "1 2 "},
      {"negation", "SecRule REQUEST_METHOD \"!@within GET HEAD\" \"id:1,phase:1,deny\"", {"PUT", "/"}, "1 deny 403 "},
      {"a chain needs all its rules", "SecRule ARGS:a \"@eq 1\" \"id:1,phase:2,deny,chain\"\nSecRule ARGS:b \"@streq good\"", kForm, ""},
      {"and then acts as its first", "SecRule ARGS:a \"@eq 1\" \"id:1,phase:2,deny,status:409,chain\"\nSecRule ARGS:b \"@streq evil\" \"setvar:tx.x=1\"", kForm, "1 deny 409 "},
      {"scores add up over every match",
       "SecRule ARGS \"@rx .\" \"id:1,phase:2,nolog,pass,setvar:tx.s=+%{tx.each}\"\nSecRule TX:s \"@eq 6\" \"id:2,phase:2,deny\"\nSecAction \"id:3,phase:1,nolog,pass,setvar:tx.each=2\"", kForm, "2 deny 403 "},
      {"a variable unset is not there", "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.a=1,setvar:!tx.a\"\nSecRule &TX:a \"@eq 0\" \"id:2,phase:1,pass\"", {}, "2 "},
      {"a capture is a variable", "SecRule ARGS:b \"@rx e(v)i\" \"id:1,phase:2,nolog,pass,capture\"\nSecRule TX:1 \"@streq v\" \"id:2,phase:2,pass\"", kForm, "2 "},
      {"MATCHED_VAR of an earlier rule", "SecRule ARGS:b \"@rx evil\" \"id:1,phase:2,pass,nolog\"\nSecRule ARGS:a \"@rx no\" \"id:2,phase:2,pass\"\nSecRule MATCHED_VAR|MATCHED_VAR_NAME \"@within evil ARGS:b\" \"id:3,phase:2,pass\"\nSecRule MATCHED_VAR \"@streq evil\" \"id:4,phase:2,pass,chain\"\nSecRule MATCHED_VARS_NAMES \"@streq MATCHED_VAR\"", kForm, "3 4 "},
      {"MATCHED_VARS of this chain alone", "SecRule ARGS \"@rx .\" \"id:1,phase:2,pass,nolog\"\nSecRule ARGS \"@rx ^[1e]\" \"id:2,phase:2,pass,chain\"\nSecRule &MATCHED_VARS \"@eq 2\" \"chain\"\nSecRule &MATCHED_VARS \"@eq 3\"", kForm, "2 "},
      {"a macro of MATCHED_VAR between", "SecRule ARGS \"@rx ^[1e]\" \"id:1,phase:2,pass,nolog,setvar:tx.last=%{MATCHED_VAR}\"\nSecRule TX:last \"@streq evil\" \"id:2,phase:2,pass\"", kForm, "2 "},
      {"TX counted and compared", "SecRule &TX:x \"@eq 0\" \"id:1,phase:1,pass,nolog,setvar:tx.x=5\"\nSecRule &TX:x \"@eq 1\" \"id:2,phase:1,pass,setvar:tx.x=+2\"\nSecRule TX:x \"@eq 7\" \"id:3,phase:1,pass,chain\"\nSecRule MATCHED_VAR_NAME \"@streq TX:x\"\nSecRule TX:y \"@eq 0\" \"id:4,phase:1,pass\"\nSecRule &TX:x \"@eq 1\" \"id:5,phase:1,pass,chain\"\nSecRule MATCHED_VAR_NAME \"@streq &TX:x\"", {"GET", "/"}, "2 3 5 "},
      {"MATCHED_VAR in a chain", "SecRule ARGS \"@rx evil\" \"id:1,phase:2,pass,chain\"\nSecRule MATCHED_VAR_NAME \"@streq ARGS:b\"", kForm, "1 "},
      {"skipAfter jumps in its phase", "SecAction \"id:1,phase:1,nolog,pass,skipAfter:END\"\nSecAction \"id:2,phase:1,pass\"\nSecMarker END\nSecAction \"id:3,phase:1,pass\"", {}, "3 "},
      {"skip counts rules", "SecAction \"id:1,phase:1,nolog,pass,skip:1\"\nSecAction \"id:2,phase:1,pass\"\nSecAction \"id:3,phase:1,pass\"", {}, "3 "},
      {"detection only watches", "SecRuleEngine DetectionOnly\nSecRule ARGS:q \"@rx .\" \"id:1,phase:1,deny\"", {"GET", "/?q=x"}, "1 "},
      {"ctl removes a rule", "SecAction \"id:1,phase:1,nolog,pass,ctl:ruleRemoveById=2-3\"\nSecAction \"id:2,phase:1,pass\"\nSecAction \"id:4,phase:1,pass\"", {}, "4 "},
      {"ctl removes by tag", "SecAction \"id:1,phase:1,nolog,pass,ctl:ruleRemoveByTag=t\"\nSecAction \"id:2,phase:1,pass,tag:'t'\"", {}, ""},
      {"ctl removes a target", "SecAction \"id:1,phase:1,nolog,pass,ctl:ruleRemoveTargetById=2;ARGS:b\"\nSecRule ARGS \"@rx evil\" \"id:2,phase:2,deny\"", kForm, ""},
      {"ctl removes what a rule that only skips looks at, or something else",
       "SecAction \"id:1,phase:1,nolog,pass,setvar:tx.a=1,setvar:tx.b=1,ctl:ruleRemoveTargetById=2;TX:a,ctl:ruleRemoveTargetById=9;ARGS\"\nSecRule TX:a \"@lt 2\" \"id:2,phase:2,nolog,pass,skipAfter:A\"\nSecAction \"id:3,phase:2,pass\"\nSecMarker A\n"
       "SecRule TX:b \"@lt 2\" \"id:4,phase:2,nolog,pass,skipAfter:B\"\nSecAction \"id:5,phase:2,pass\"\nSecMarker B\nSecRule ARGS \"@rx evil\" \"id:9,phase:2,deny\"", kForm, "3 "},
      {"allow ends everything but logging", "SecAction \"id:1,phase:1,nolog,allow\"\nSecAction \"id:2,phase:2,deny\"\nSecAction \"id:3,phase:5,pass\"", {}, "3 "},
      {"redirect with a macro", "SecRule REQUEST_URI \"@rx ^/old\" \"id:1,phase:1,redirect:'https://b.test/%{REQUEST_METHOD}'\"", {"GET", "/old"}, "1 redirect 302 https://b.test/GET "},
      {"cookies", "SecRule REQUEST_COOKIES:b \"@streq 2=3\" \"id:1,phase:1,pass\"", {"GET", "/", "HTTP/1.1", "", {{"Cookie", "a=1; b=2=3;c"}}}, "1 "},
      {"JSON by its names", "SecRule REQUEST_HEADERS:Content-Type \"@beginsWith application/json\" \"id:1,phase:1,nolog,pass,ctl:requestBodyProcessor=JSON\"\nSecRule ARGS:json.a.array_1.b \"@streq x\" \"id:2,phase:2,deny\"",
       {"POST", "/", "HTTP/1.1", R"({"a":[0,{"b":"x"}]})", {{"Content-Type", "application/json"}}}, "2 deny 403 "},
      {"a body that breaks its format says so", "SecAction \"id:1,phase:1,nolog,pass,ctl:requestBodyProcessor=JSON\"\nSecRule REQBODY_ERROR \"!@eq 0\" \"id:2,phase:2,deny,status:400\"", {"POST", "/", "HTTP/1.1", "{\"a\":", {}}, "2 deny 400 "},
      {"XML texts and attributes", "SecAction \"id:1,phase:1,nolog,pass,ctl:requestBodyProcessor=XML\"\nSecRule XML:/* \"@contains evil\" \"id:2,phase:2,pass\"\nSecRule XML://@* \"@streq 7\" \"id:3,phase:2,pass\"",
       {"POST", "/", "HTTP/1.1", "<r><a n=\"7\">evil</a></r>", {}}, "2 3 "},
      {"the address of the client", "SecRule REMOTE_ADDR \"@ipMatch 192.0.2.0/24\" \"id:1,phase:1,drop\"", {}, "1 drop "},
      {"multiMatch sees every stage", "SecRule ARGS:c \"@rx ^<script>$\" \"id:1,phase:2,pass,t:none,t:length,multiMatch\"", kForm, "1 "},
      {"phase 3 and 4", "SecRule RESPONSE_STATUS \"@eq 200\" \"id:1,phase:3,pass\"\nSecRule RESPONSE_BODY \"@contains secret\" \"id:2,phase:4,deny\"", {}, "1 2 deny 403 "},
      {"bytes that are not allowed", "SecRule REQUEST_URI \"@validateByteRange 32-126\" \"id:1,phase:1,deny\"", {"GET", "/%00"}, "1 deny 403 "},
      {"SQL, and its fingerprint", "SecRule ARGS \"@detectSQLi\" \"id:1,phase:1,pass,capture\"\nSecRule TX:0 \"@streq s&1c\" \"id:2,phase:1,pass\"", {"GET", "/?q='+or+1=1--"}, "1 2 "},
      {"script, and where", "SecRule ARGS \"@detectXSS\" \"id:1,phase:1,pass,capture\"\nSecRule TX:0 \"@streq a<script>\" \"id:2,phase:1,pass\"", {"GET", "/?q=a%3Cscript%3E"}, "1 2 "},
      {"neither", "SecRule ARGS \"@detectSQLi\" \"id:1,phase:1,pass\"\nSecRule ARGS \"@detectXSS\" \"id:2,phase:1,pass\"", {"GET", "/?q=a+sound+text"}, ""},
      {"many phrases", "SecRule ARGS \"@pm good evil\" \"id:1,phase:2,pass,capture\"\nSecRule TX:0 \"@streq evil\" \"id:2,phase:2,pass\"", kForm, "1 2 "},
  };
  for (const bool fast : {true, false}) {
    for (const auto& c : kCases) {
      CAPTURE(c.what);
      CAPTURE(fast);
      const auto rules = compile(kOn + c.rules + "\n", fast);
      const auto transaction = Transaction::make(rules, nullptr, TextMemory::make(*rules));
      // Used again, it begins anew; and what it has learnt of the texts by then says the same.
      for (int round = 0; round < 8; ++round) CHECK(judged(*transaction, c.request, 200, "a secret") == c.want);
    }
  }
}

TEST_CASE("engine: an exclusion of a path is no way around the rules of another") {
  const auto rules = compile(std::string(kOn) + "SecRule ARGS \"@contains evil\" \"id:1,phase:1,deny\"\n", true);
  const auto overlay = rules->overlay({.exclusions = {{.rules = "1", .path = "/pages/"}}});
  REQUIRE(overlay.ok());
  const auto t = Transaction::make(rules);
  struct Case {
    const char* path;
    bool refused;
  };
  constexpr Case kCases[] = {{"/pages/a", false},       {"/pages/a..b", false},         {"/login", true},          {"/pages/../login", true},
                             {"/pages/%2e%2e/login", true}, {"/pages/%252e%252e/login", true}, {"/pages/..;/login", true}};
  for (const auto& c : kCases) {
    CAPTURE(c.path);
    t->reset({}, overlay->get());
    const auto uri = std::string(c.path) + "?q=evil";
    t->request_line("GET", uri, "HTTP/1.1");
    const auto verdict = t->request_headers_done();
    CHECK((verdict.action == Verdict::Action::kDeny) == c.refused);
  }
}

TEST_CASE("engine: what is not supported is refused with its place") {
  for (const char* rule : {"SecRule ARGS \"@fuzzyHash a 1\" \"id:1,phase:1,deny\"", "SecRule ARGS \"@rx (\" \"id:1,phase:1,deny\""}) {
    CAPTURE(rule);
    auto source = read_seclang(std::string("# one\n") + rule + "\n", "r.conf", real_files());
    const auto error = source.ok() ? RuleSet::compile(std::move(*source)).error() : source.error();
    CHECK(error.message.find("r.conf:2") != std::string::npos);
  }
}

TEST_CASE("engine: TX from outside, and arguments by name") {
  const std::string text = std::string(kOn) + "SecRule TX:from_outside \"@ge 7\" \"id:1,phase:1,deny\"\nSecRule TX:/^other/ \"@streq seven\" \"id:2,phase:1,deny\"\n"
                           "SecRule REQUEST_HEADERS:Content-Type \"@streq application/json\" \"id:3,phase:1,nolog,pass,ctl:requestBodyProcessor=JSON\"\n";
  for (const bool fast : {true, false}) {
    const auto t = Transaction::make(compile(text, fast));
    const auto status = [&](std::string_view name, std::string_view value) {
      t->reset({});
      t->request_line("GET", "/", "HTTP/1.1");
      if (!name.empty()) t->set_tx(name, value);
      return t->request_headers_done().action == Verdict::Action::kDeny;
    };
    CHECK(status("From_Outside", "7"));
    CHECK_FALSE(status("from_outside", "6"));
    CHECK(status("other_name", "seven"));
    CHECK_FALSE(status("", ""));  // nothing stays
    const auto arguments = [&](const Request& request, std::string_view name) {
      judged(*t, request);
      std::array<std::string_view, 4> room;
      const auto found = t->arguments(name, room);
      std::string out = fmt::format("{}:", found);
      for (std::size_t i = 0; i < found; ++i) out += fmt::format(" {}", room[i]);
      return out;
    };
    const Request json{"POST", "/?user=query", "HTTP/1.1", R"({"User":"a","user":{"name":"b"},"list":["c"]})", {{"Content-Type", "application/json"}}};
    CHECK(arguments(json, "user") == "2: query a");
    CHECK(arguments(json, "user.name") == "1: b");
    CHECK(arguments(json, "json.user.name") == "1: b");
    CHECK(arguments(json, "list.array_0") == "1: c");
    CHECK(arguments(json, "name") == "0:");
    CHECK(arguments({"GET", "/?u=1&U=2&u=3&u=4&u=5&u=6&u=7", "HTTP/1.1", "", {}}, "u") == "2: 1 7");  // the first and the last
    // Of both places: what many in the query are written for is the first of the body.
    const std::vector<std::pair<std::string, std::string>> form = {{"Content-Type", "application/x-www-form-urlencoded"}};
    CHECK(arguments({"POST", "/?u=1&u=2&u=3&u=4", "HTTP/1.1", "u=ann&u=5&u=6&u=7", form}, "u") == "4: 1 4 ann 7");
    CHECK(arguments({"POST", "/", "HTTP/1.1", "+u=ann&U+=bob", form}, "u") == "2: ann bob");
  }
}

TEST_CASE("engine: limits of bodies and of work") {
  const auto rules = compile(std::string(kOn) + "SecRequestBodyLimit 10\nSecRule ARGS \"@rx x\" \"id:1,phase:2,pass\"\n", true);
  const auto t = Transaction::make(rules);
  CHECK(judged(*t, {"POST", "/", "HTTP/1.1", "a=1&b=2&c=3&d=4", {{"Content-Type", "application/x-www-form-urlencoded"}}}) == "deny 413 ");
  CHECK(judged(*t, {"POST", "/", "HTTP/1.1", "a=x", {{"Content-Type", "application/x-www-form-urlencoded"}}}) == "1 ");

  auto source = read_seclang(std::string(kOn) + "SecRule ARGS \"!@rx y\" \"id:1,phase:2,pass,nolog\"\n", "r.conf", real_files());
  REQUIRE(source.ok());
  CompileOptions options;
  options.budget.steps = 100;
  const auto bounded = Transaction::make(RuleSet::compile(std::move(*source), options).value());
  CHECK(judged(*bounded, {"GET", "/?a=" + std::string(1000, 'x')}) == "0 deny 403 ");
  CHECK(bounded->matches()[0].msg == "The request costs more than the 100 steps of its work budget");
}

TEST_CASE("engine: what a backtracking pattern takes comes from the budget, and the next value is not looked at") {
  auto source = read_seclang(std::string(kOn) + "SecRule ARGS \"@rx ^(?=a)(a+)+\\1[xz]$\" \"id:1,phase:2,pass\"\nSecRule ARGS \"@rx y\" \"id:2,phase:2,pass\"\n", "r.conf", real_files());
  REQUIRE(source.ok());
  CompileOptions options;
  options.budget.steps = 1'000'000;
  const auto rules = RuleSet::compile(std::move(*source), options).value();
  const auto t = Transaction::make(rules);
  std::string many = "/?a=1";
  for (int i = 0; i < 200; ++i) many += fmt::format("&a{}={}", i, std::string(60, 'a') + "bx");
  CHECK(judged(*t, {"GET", many}) == "1 0 deny 403 ");
  CHECK(t->steps() < 2 * options.budget.steps);
  CHECK(judged(*t, {"GET", "/?a=aaaax"}) == "1 ");
  CHECK(judged(*t, {"GET", "/?a=aaaabx"}).empty());
  // Nothing is refused where nothing may be.
  const auto log = rules->overlay({.mode = Mode::kLog}).value();
  t->reset({.client_address = "192.0.2.1"}, log.get());
  t->request_line("GET", many, "HTTP/1.1");
  CHECK(t->request_headers_done().action == Verdict::Action::kPass);
  CHECK(t->request_body_done().action == Verdict::Action::kPass);
  CHECK(t->matches().size() == 2);
}

TEST_CASE("engine: groups of a match are there for whoever reads them") {
  struct Case {
    const char* rules;
    const char* want;
  };
  const Case kCases[] = {
      {"SecRule ARGS \"@rx (a)(b)\" \"id:1,phase:2,pass,capture,setvar:tx.x=%{tx.2}\"\nSecRule TX:x \"@streq b\" \"id:2,phase:2,pass\"\n", "1 2 "},
      {"SecRule ARGS \"@rx (a)(b)\" \"id:1,phase:2,pass,capture,chain\"\nSecRule TX:1 \"@streq a\"\n", "1 "},
      {"SecRule ARGS \"@rx (a)(b)\" \"id:1,phase:2,pass,capture,chain\"\nSecRule TX:/^[12]$/ \"@streq b\"\n", "1 "},
      {"SecRule ARGS \"@rx (a)(b)\" \"id:1,phase:2,pass,capture\"\nSecRule TX:2 \"@streq b\" \"id:2,phase:2,pass\"\n", "1 2 "},  // of another rule
      {"SecRule ARGS \"@rx (a)(b)\" \"id:1,phase:2,pass,capture\"\nSecRule TX:0 \"@streq ab\" \"id:2,phase:2,pass\"\n", "1 2 "},
  };
  for (const auto& c : kCases) {
    CAPTURE(std::string(c.rules));
    for (const bool fast : {true, false}) CHECK(judged(*Transaction::make(compile(std::string(kOn) + c.rules, fast)), {"GET", "/?a=xaby"}) == c.want);
  }
}

TEST_CASE("engine: a phase that runs twice does twice what it does, on either path") {
  for (const bool fast : {true, false}) {
    CAPTURE(fast);
    const auto t = Transaction::make(compile("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,nolog,setvar:tx.n=+1\"\nSecAction \"id:2,phase:1,pass,nolog,setvar:tx.m=1\"\n", fast));
    t->reset({});
    t->request_line("GET", "/", "HTTP/1.1");
    t->request_headers_done();
    CHECK(t->tx("n") == "1");
    t->request_headers_done();
    CHECK(t->tx("n") == "2");
  }
}

TEST_CASE("engine: a rule that gives names to TX while it looks at TX comes to an end") {
  for (const bool fast : {true, false}) {
    CAPTURE(fast);
    const auto t = Transaction::make(compile("SecRuleEngine On\nSecAction \"id:1,phase:1,pass,nolog,setvar:'tx.k%{REQUEST_METHOD}=1'\"\n"
                                             "SecRule TX \"@rx .\" \"id:2,phase:1,pass,nolog,setvar:tx.a=+1,setvar:'tx.k%{TX.a}=1'\"\n", fast));
    t->reset({});
    t->request_line("GET", "/", "HTTP/1.1");
    t->request_headers_done();
    CHECK(std::string(t->tx("k1")) == "1");
    CHECK(t->steps() < 10'000);
  }
}

TEST_CASE("engine: a rule set too large for the prefilter is judged without one") {
  // Each pattern has four clauses, and together they need more words than kPrefilterWordsMax.
  std::string rules = "SecRuleEngine On\n";
  for (int i = 0; i < 66'000; ++i) rules += fmt::format("SecRule ARGS \"@rx aa{0}b.*cc{0}d.*ee{0}f.*gg{0}h\" \"id:{1},phase:1,pass\"\n", i, i + 1);
  // So many rules take more than a request may cost.
  const auto compiled = RuleSet::compile(read_seclang(rules, "r.conf", real_files()).value(), {.budget = {.steps = ~std::uint64_t{0}}}).value();
  CHECK(judged(*Transaction::make(compiled), {"GET", "/?a=aa7b-cc7d-ee7f-gg7h"}) == "8 ");
}

TEST_CASE("engine: fast and plain path agree on the Core Rule Set") {
  const auto folder = std::string(RINGWALL_SOURCE_DIR) + "/../shared/crs";
  if (!std::filesystem::exists(folder)) {
    std::printf("skipped: fast and plain path over the Core Rule Set: shared/crs is not there\n");
    return;
  }
  const auto text = fmt::format("{}SecAction \"id:9,phase:1,nolog,pass,setvar:tx.blocking_paranoia_level=4,setvar:tx.detection_paranoia_level=4\"\n"
                                "Include {}/crs-setup.conf.example\nInclude {}/rules/*.conf\n", kOn, folder, folder);
  const auto without = [&] {
    auto source = read_seclang(text, folder + "/main.conf", real_files());
    REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
    return std::move(*source);
  };
  const auto rules = RuleSet::compile(without()).value();
  auto fast = Transaction::make(rules, nullptr, TextMemory::make(*rules)), plain = Transaction::make(RuleSet::compile(without(), {.fast = false}).value());
  std::uint64_t state = 99;
  const auto random = [&state](std::size_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::size_t>((state >> 33) % n);
  };
  constexpr std::string_view kPieces[] = {"' or 1=1--", "<script>alert(1)</script>", "../../etc/passwd", "union select", ";cat /etc/shadow", "hello", "time", "%3Cimg", "%2527", "${jndi:ldap://x}", "a=b",
                                          "eval(", "\\u003c", "&lt;b&gt;", "php://input", "user=7", "javascript:", "{{7*7}}", "%00", "\xc0\xaf", "sleep(5)", "information_schema", "-", " ", "Z"};
  std::size_t matches = 0;
  for (int i = 0; i < 400; ++i) {
    const auto text_of = [&](std::size_t pieces) {
      std::string out;
      for (std::size_t k = 0; k < pieces; ++k) out += kPieces[random(std::size(kPieces))];
      return out;
    };
    Request request = kForm;
    request.uri = "/" + text_of(random(2)) + "?q=" + text_of(1 + random(3));
    request.body = "a=" + text_of(1 + random(3)) + "&" + text_of(1) + "=" + text_of(2);
    request.headers.emplace_back("Cookie", "s=" + text_of(random(3)));
    request.headers.emplace_back("User-Agent", text_of(1 + random(2)));
    const auto a = judged(*fast, request), b = judged(*plain, request);
    CHECK(a == b);
    matches += fast->matches().size();
  }
  CHECK(matches > 1000);
}
