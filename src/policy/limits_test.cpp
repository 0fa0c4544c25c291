#include "policy/limits.h"

#include <doctest/doctest.h>

#include "policy/logins.h"
#include "policy/policy.h"

using namespace ringwall;
using namespace ringwall::policy;

namespace {

std::string fault_of(const LimitText& text) {
  const auto limit = compile_limit(text);
  return limit.ok() ? "" : limit.error().message;
}

}  // namespace

TEST_CASE("limits: what goes together") {
  struct Case {
    LimitText text;
    const char* want;
  };
  const Case kCases[] = {
      {{.name = "a", .requests = 10, .period_ms = 1000, .distinct = "argument:user"}, ""},
      {{.name = "a", .key = "argument:user", .statuses = {401}, .requests = 10, .period_ms = 1000, .distinct = "address"}, ""},
      {{.name = "a", .requests = 10, .period_ms = 1000, .location = "/login*"}, ""},
      {{.name = "a", .requests = 10, .period_ms = 1000, .bots = 5}, ""},
      {{.name = "a", .requests = 10, .period_ms = 1000, .distinct = "argument"}, "limit 'a': distinct 'argument' names nothing"},
      {{.name = "a", .requests = 10, .period_ms = 1000, .distinct = "user"}, "limit 'a': distinct 'user' is not known"},
      {{.name = "a", .requests = 10, .period_ms = 1000, .distinct = "everyone"}, "limit 'a': distinct 'everyone' is one value"},
      {{.name = "a", .requests = 10, .period_ms = 1000, .distinct = "address"}, "limit 'a': key and distinct are the same: there is one value for each"},
      {{.name = "a", .requests = 10, .period_ms = 1000, .burst = 3, .distinct = "argument:user"}, "limit 'a': distinct goes with requests and period alone"},
      {{.name = "a", .requests = 10'000, .period_ms = 1000, .distinct = "argument:user"}, ""},
      {{.name = "a", .requests = 10'001, .period_ms = 1000, .distinct = "argument:user"}, "limit 'a': 10001 different: at most 10000 are counted"},
      {{.name = "a", .distinct = "argument:user"}, "limit 'a': it limits nothing"},
      {{.name = "a", .concurrent = 1, .location = "/login"}, "limit 'a': statuses, location or bots and concurrent do not go together"},
      {{.name = "a", .requests = 10, .period_ms = 1000, .bots = 1001}, "limit 'a': a score of 1001: at most 1000"},
      {{.name = "a", .key = "user", .requests = 1, .period_ms = 1}, "limit 'a': key 'user' is not known"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.want);
    CHECK(fault_of(c.text) == c.want);
  }
}

TEST_CASE("limits: answers that count") {
  struct Case {
    LimitText text;
    LimitAnswer answer;
    bool want;
  };
  const auto text = [](std::vector<int> statuses, std::string location, int bots) { return LimitText{.name = "a", .statuses = std::move(statuses), .requests = 1, .period_ms = 1000, .location = std::move(location), .bots = bots}; };
  const Case kCases[] = {
      {text({401, 403}, "", 0), {403, "", 0}, true},
      {text({401, 403}, "", 0), {200, "", 0}, false},
      {text({401}, "/login*", 0), {302, "/login?error", 0}, true},
      {text({401}, "/login*", 0), {401, "", 0}, true},
      {text({}, "/login*", 0), {302, "/home", 0}, false},
      {text({}, "/login*", 0), {201, "/login", 0}, false},  // no redirect
      {text({}, "", 5), {200, "", 5}, true},
      {text({}, "", 5), {200, "", 4}, false},
      {text({404}, "", 5), {404, "", 9}, true},
      {text({404}, "", 5), {404, "", 0}, false},
      {text({404}, "", 5), {200, "", 9}, false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.answer.status);
    CAPTURE(c.answer.location);
    const auto limit = compile_limit(c.text);
    REQUIRE(limit.ok());
    CHECK(limit->by_answer());
    CHECK(limit->counts(c.answer) == c.want);
  }
}

TEST_CASE("limits: where a redirect leads") {
  struct Case {
    const char *location, *pattern;
    bool want;
  };
  const Case kCases[] = {
      {"/login", "/login", true},
      {"/login?error=1", "/login", true},
      {"/login#form", "/login", true},
      {"/login/", "/login", false},
      {"https://shop.example/login?next=/", "/login", true},
      {"//shop.example/login", "/login", true},
      {"https://shop.example", "/", true},
      {"/login/again", "/login*", true},
      {"/home?from=/login", "/login*", false},
      {"/login?error=1", "/login?error*", true},
      {"/login?next=/", "/login?error*", false},
      {"/login?error", "/login?error", true},
      {"/go?to=https://a/login", "/go", true},  // no scheme of its own
      {"", "/login*", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.location);
    CAPTURE(c.pattern);
    CHECK(leads_to(c.location, c.pattern) == c.want);
  }
}

TEST_CASE("limits: one account however it is written") {
  CHECK(folded(" Ann@Example.COM ") == "ann@example.com");
  CHECK(folded("\xc3\x84nn") == "\xc3\x84nn");  // other letters stay
}

TEST_CASE("logins: become limits, each of which compiles") {
  LoginText login{.name = "shop", .path = "= /login", .account = "argument:user", .methods = {"POST"}, .statuses = {401}, .location = "/login*", .period_ms = 1000,
                  .failures_per_account = 10, .failures_per_address = 50, .accounts_per_address = 11, .addresses_per_account = 12};
  std::string shown;
  for (const auto& limit : limits_of(login)) {
    CHECK(fault_of(limit) == "");
    CHECK(limit.statuses == login.statuses);
    shown += limit.name + " " + limit.key + " " + limit.distinct + " " + std::to_string(limit.requests) + "\n";
  }
  CHECK(shown == "shop.account argument:user  10\nshop.address address  50\nshop.accounts address argument:user 11\nshop.addresses argument:user address 12\n");
  login.failures_per_address = login.addresses_per_account = 0;
  CHECK(limits_of(login).size() == 2);
}

TEST_CASE("limits: the policy file keeps all of them") {
  PolicyText policy{.name = "all", .bots = {.deny_score = 10, .note_score = 5, .honeypots = {"/.env*", "/\"odd\""}}};
  policy.limits = {{.name = "a", .key = "argument:user", .path = "= /a", .methods = {"POST"}, .statuses = {401, 403}, .requests = 5, .period_ms = 1000, .distinct = "address", .location = "/login*", .bots = 7},
                   {.name = "b", .requests = 1, .period_ms = 1, .burst = 2},
                   {.name = "c", .concurrent = 3}};
  const auto again = read_policy_file(write_policy_file({"rules", {policy}}), "p.json");
  REQUIRE(again.ok());
  CHECK(again->policies == std::vector{policy});
  CHECK(!read_policy_file(R"({"rules":"r","policies":[{"name":"a","bots":{"deny_score":"10"}}]})", "p.json").ok());
  CHECK(!read_policy_file(R"({"rules":"r","policies":[{"name":"a","limits":[{"name":"b","distinct":7}]}]})", "p.json").ok());
}
