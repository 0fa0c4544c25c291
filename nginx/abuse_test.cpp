// Abuse of logins and programs that ask, through a real nginx: who is stopped, who is not, and what the record says of it.
#include <doctest/doctest.h>
#include <unistd.h>

#include "policy/logins.h"
#include "test_support.h"

namespace {

using namespace ringwall;
using namespace ringwall::edge_module;
using ring::EdgeString;
using ring::WafVerdict;

constexpr const char* kRules =
    "SecRuleEngine On\nSecRequestBodyAccess On\nSecRequestBodyLimit 1000000\nSecRequestBodyNoFilesLimit 1000000\n"
    "SecRule REQUEST_HEADERS:Content-Type \"@beginsWith application/json\" \"id:1,phase:1,nolog,pass,ctl:requestBodyProcessor=JSON\"\n"
    "SecRule TX:ringwall_bot_score \"@ge 7\" \"id:2,phase:1,deny,status:406,chain\"\nSecRule REQUEST_FILENAME \"@beginsWith /by-rule\" \"t:none\"\n"
    "SecRule TX:ringwall_bot_signals \"@contains library\" \"id:3,phase:2,deny,status:406,chain\"\nSecRule REQUEST_FILENAME \"@beginsWith /by-signal\" \"t:none\"\n";
// Who asks is what X-Client says, since a test has one address.
const std::string kHttp = "ringwall_ring run/edge.ring; ringwall_waf_policies run/waf/policies.json; ringwall_waf_table run/waf.table; set_real_ip_from 127.0.0.1; real_ip_header X-Client; ";

policy::LoginText login_at(const std::string& path) {
  return {.name = "login", .path = path, .account = "argument:user", .methods = {"POST"}, .statuses = {401, 403}, .period_ms = 3'600'000,
          .failures_per_account = 10, .failures_per_address = 50, .accounts_per_address = 10, .addresses_per_account = 10};
}

// An application that refuses every password but "right", and sends browsers back to the form.
struct Shop {
  Backend refusing{"no", 401}, welcoming{"yes", 200};
  Nginx nginx;
  explicit Shop(const std::vector<policy::PolicyText>& policies) {
    put_table(nginx);
    put_policies(nginx, kRules, policies);
    const auto form = std::to_string(free_port());
    nginx.configure(kHttp + "map $http_x_password $app { right 127.0.0.1:" + std::to_string(welcoming.port()) + "; default 127.0.0.1:" + std::to_string(refusing.port()) + "; } "
                    "server { listen 127.0.0.1:" + form + "; location / { return 302 /login?error=1; } } "
                    "server { listen @PORT@; ringwall_waf all; location / { proxy_pass http://$app; } location /logged { ringwall_waf logged; proxy_pass http://$app; } "
                    "location /form { proxy_pass http://127.0.0.1:" + form + "; } location /open { proxy_pass http://127.0.0.1:" + std::to_string(welcoming.port()) + "; } "
                    "location /missing { return 404; } location /.env { return 404; } }", 2);
    nginx.start();
  }

  struct Attempt {
    std::string user, client = "192.0.2.1", password = "wrong", path = "/login";
  };
  int attempt(const Attempt& a) {
    return status_of(post(nginx.port(), a.path, "user=" + a.user + "&password=x", "X-Client: " + a.client + "\r\nX-Password: " + a.password + "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
  }
  // "429 limit login.accounts"
  std::string told(const Attempt& a) {
    const auto status = attempt(a);
    const auto record = nginx.record();
    constexpr std::string_view kWords[] = {"", "pass", "match", "deny", "drop", "redirect", "limit"};
    return std::to_string(status) + " " + std::string(kWords[record.waf_verdict]) + " " + std::string(record[EdgeString::kWafLimit]);
  }
  int json(const std::string& body) { return status_of(post(nginx.port(), "/login", body, "X-Client: 192.0.2.1\r\nContent-Type: application/json\r\n")); }
};

std::vector<policy::PolicyText> with(const policy::LoginText& login) { return {{.name = "all", .mode = waf::Mode::kBlock, .limits = policy::limits_of(login)}, {.name = "logged", .mode = waf::Mode::kLog, .limits = policy::limits_of(login)}}; }

}  // namespace

// Goal: credential stuffing ends after a few accounts, and those who use the application do not notice.
TEST_CASE("abuse: many accounts from one address") {
  Shop shop(with(login_at("= /login")));
  // Somebody mistypes thrice.
  for (int i = 0; i < 3; ++i) CHECK(shop.told({"ann"}) == "401 pass ");
  CHECK(shop.told({"ann", "192.0.2.1", "right"}) == "200 pass ");
  int refused = 0;
  for (int i = 0; i < 50; ++i) {
    const auto told = shop.told({"user" + std::to_string(i), "203.0.113.9"});
    if (told == "429 limit login.accounts") ++refused;
    else CHECK(told == "401 pass ");
  }
  CHECK(refused == 40);
  // Nginx and all workers end; what was counted stays.
  shop.nginx.kill_all();
  shop.nginx.start();
  CHECK(shop.told({"user49", "203.0.113.9"}) == "429 limit login.accounts");
  CHECK(shop.told({"user3", "203.0.113.9"}) == "401 pass ");  // one of the ten; other limits count it
  CHECK(shop.told({"user49"}) == "401 pass ");                // from elsewhere
  // Those who succeed do not count, however many there are at one address.
  for (int i = 0; i < 15; ++i) CHECK(shop.told({"clerk" + std::to_string(i), "198.51.100.1", "right"}) == "200 pass ");
}

TEST_CASE("abuse: one account from many addresses") {
  auto login = login_at("= /login");
  login.failures_per_account = 0;
  Shop shop(with(login));
  for (int i = 0; i < 10; ++i) {
    for (int n = 0; n < 2; ++n) CHECK(shop.told({"ann", "192.0.2." + std::to_string(i)}) == "401 pass ");
  }
  CHECK(shop.told({"ann", "192.0.2.77"}) == "429 limit login.addresses");
  CHECK(shop.told({"bob", "192.0.2.77"}) == "401 pass ");
}

TEST_CASE("abuse: one account, however it is sent") {
  Shop shop(with(login_at("= /login")));
  const std::string multipart = "--b\r\nContent-Disposition: form-data; name=\"user\"\r\n\r\nann\r\n--b--\r\n";
  CHECK(shop.attempt({"ann"}) == 401);
  CHECK(shop.attempt({"ANN"}) == 401);
  CHECK(shop.attempt({"+ann+"}) == 401);
  CHECK(shop.attempt({"ann", "192.0.2.1", "wrong", "/login?user=decoy1"}) == 401);  // the other is the one that is tried
  CHECK(shop.attempt({"decoy2&user=ann"}) == 401);
  CHECK(shop.json(R"({"user":"ann"})") == 401);
  CHECK(shop.json(R"({"User":"Ann"})") == 401);
  CHECK(status_of(post(shop.nginx.port(), "/login", multipart, "X-Client: 192.0.2.1\r\nContent-Type: multipart/form-data; boundary=b\r\n")) == 401);
  CHECK(shop.attempt({"ann"}) == 401);
  CHECK(shop.attempt({"ann&user=ann"}) == 401);  // once
  shop.nginx.records(10);
  CHECK(shop.told({"ann"}) == "429 limit login.account");
  CHECK(shop.json(R"({"user":"ann"})") == 429);
  CHECK(shop.attempt({"bob"}) == 401);
}

TEST_CASE("abuse: members of JSON, redirects, and what is only logged") {
  auto nested = login_at("= /login");
  nested.account = "argument:credentials.name";
  nested.failures_per_account = 2;
  auto form = login_at("/form");
  form.name = "form";
  form.location = "/login?error*";
  form.failures_per_account = 2;
  auto logged = login_at("= /logged");
  logged.name = "logged";
  logged.failures_per_account = 2;
  auto policies = with(nested);
  for (const auto& limit : policy::limits_of(form)) policies[0].limits.push_back(limit);
  policies[1].limits = policy::limits_of(logged);
  Shop shop(policies);
  for (const int status : {401, 401, 429}) CHECK(shop.json(R"({"credentials":{"name":"ann","password":"x"}})") == status);
  CHECK(shop.json(R"({"credentials":{"name":"bob"}})") == 401);
  for (const int status : {302, 302, 429}) CHECK(shop.attempt({"ann", "192.0.2.1", "wrong", "/form"}) == status);
  shop.nginx.records(7);
  for (int i = 0; i < 2; ++i) CHECK(shop.told({"ann", "192.0.2.1", "wrong", "/logged"}) == "401 pass ");
  CHECK(shop.told({"ann", "192.0.2.1", "wrong", "/logged"}) == "401 match logged.account");
}

TEST_CASE("abuse: programs are told from browsers, by score, by rule and by limit") {
  policy::PolicyText all{.name = "all", .mode = waf::Mode::kBlock, .limits = {{.name = "bots", .path = "/open/limited", .requests = 2, .period_ms = 3'600'000, .bots = 3},
                                                                              {.name = "traps", .requests = 1, .period_ms = 3'600'000, .bots = 10}},
                         .bots = {.deny_score = 10, .note_score = 4, .honeypots = {"/.env*", "/open/trap"}}};
  auto logged = all;
  logged.name = "logged";
  logged.mode = waf::Mode::kLog;
  logged.limits.clear();
  Shop shop({all, logged});
  const std::string firefox = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0\r\nAccept: */*\r\nAccept-Language: en\r\nAccept-Encoding: gzip\r\n";
  struct Case {
    const char *path, *client;
    std::string headers;
    int status;
    WafVerdict verdict;
    const char* signals;
    int score;
    const char* limit;
  };
  const std::string curl = "User-Agent: curl/8.5.0\r\nAccept: */*\r\n", sqlmap = "User-Agent: sqlmap/1.7\r\n";
  const Case kCases[] = {
      {"/open/", "192.0.2.1", firefox, 200, WafVerdict::kPassed, "", 0, ""},
      {"/open/", "192.0.2.1", curl, 200, WafVerdict::kPassed, "library", 3, ""},
      {"/open/", "192.0.2.1", "", 200, WafVerdict::kMatched, "no_user_agent", 4, ""},
      {"/open/", "192.0.2.2", sqlmap, 403, WafVerdict::kDenied, "scanner", 10, ""},
      {"/logged", "192.0.2.2", sqlmap, 401, WafVerdict::kMatched, "scanner", 10, ""},
      {"/open/", "192.0.2.3", "User-Agent: Mozilla/5.0 (X11) Chrome/131.0.0.0 Safari/537.36\r\n", 403, WafVerdict::kDenied, "no_accept,no_accept_language,no_accept_encoding", 10, ""},
      // By rules.
      {"/by-rule", "192.0.2.4", "User-Agent: Mozilla/5.0 (X11) Chrome/131.0.0.0 Safari/537.36\r\nAccept-Language: en\r\n", 406, WafVerdict::kDenied, "no_accept,no_accept_encoding", 7, ""},
      {"/by-rule", "192.0.2.4", curl, 401, WafVerdict::kPassed, "library", 3, ""},
      {"/by-signal", "192.0.2.4", curl, 406, WafVerdict::kDenied, "library", 3, ""},
      {"/by-signal", "192.0.2.4", firefox, 401, WafVerdict::kPassed, "", 0, ""},
      // Of a program's requests two are let through, and then its address is stopped.
      {"/open/limited", "192.0.2.5", firefox, 200, WafVerdict::kPassed, "", 0, ""},
      {"/open/limited", "192.0.2.5", curl, 200, WafVerdict::kPassed, "library", 3, ""},
      {"/open/limited", "192.0.2.5", firefox, 200, WafVerdict::kPassed, "", 0, ""},
      {"/open/limited", "192.0.2.5", curl, 200, WafVerdict::kPassed, "library", 3, ""},
      {"/open/limited", "192.0.2.5", curl, 429, WafVerdict::kLimited, "library", 3, "bots"},
      {"/open/limited", "192.0.2.6", curl, 200, WafVerdict::kPassed, "library", 3, ""},
      // A trap, but not where the application serves the path.
      {"/open/trap", "192.0.2.7", firefox, 200, WafVerdict::kPassed, "", 0, ""},
      {"/missing", "192.0.2.7", firefox, 404, WafVerdict::kPassed, "", 0, ""},
      {"/.env.local", "192.0.2.7", firefox, 404, WafVerdict::kMatched, "honeypot", 10, ""},
      {"/open/", "192.0.2.7", firefox, 429, WafVerdict::kLimited, "", 0, "traps"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.path);
    CAPTURE(c.headers);
    CHECK(status_of(converse(shop.nginx.port(), std::string("GET ") + c.path + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Client: " + c.client + "\r\n" + c.headers + "\r\n")) == c.status);
    const auto record = shop.nginx.record();
    CHECK(int{record.waf_verdict} == static_cast<int>(c.verdict));
    CHECK(policy::BotSignals{record.bot_signals}.text() == c.signals);
    CHECK(int{record.bot_score} == c.score);
    CHECK(record[EdgeString::kWafLimit] == c.limit);
  }
}
