#include "keep/collections.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>

#include "keep/test_support.h"
#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::keep;
using namespace ringwall::keep::test;
using waf::Variable;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// "a=1 b=2", sorted.
std::string pairs_of(Collections& collections, Variable collection, std::string_view key, std::int64_t now_s) {
  auto all = collections.load(collection, key, now_s * kSecond);
  std::sort(all.begin(), all.end());
  std::string out;
  for (const auto& [name, value] : all) out += fmt::format("{}{}={}", out.empty() ? "" : " ", name, value);
  return out;
}

waf::PersistentCollections::When at(std::int64_t now_s, std::int64_t timeout_s = 3600) { return {now_s * kSecond, (now_s + timeout_s) * kSecond}; }

std::shared_ptr<const waf::RuleSet> rules_of(const std::string& text) {
  auto source = waf::read_seclang("SecRuleEngine On\n" + text, "r.conf", waf::real_files());
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  return waf::RuleSet::compile(std::move(*source)).value();
}

// Two workers under the same rules.
struct Workers {
  explicit Workers(const std::string& rules) {
    second.attach(f.file.base(), this_process());
    const auto set = rules_of(rules);
    transactions[0] = waf::Transaction::make(set, &kept[0]);
    transactions[1] = waf::Transaction::make(set, &kept[1]);
  }
  // The status, and what was logged: "403 hits 4".
  std::string ask(int worker, std::int64_t now_s, std::string_view uri, std::string_view address = "192.0.2.1") {
    auto& t = *transactions[worker];
    t.reset({.client_address = address, .now_ns = now_s * kSecond});
    t.request_line("GET", uri, "HTTP/1.1");
    const auto verdict = t.request_headers_done();
    auto out = verdict.action == waf::Verdict::Action::kPass ? std::string("pass") : fmt::format("{}", verdict.status);
    for (const auto& match : t.matches()) {
      if (!match.msg.empty()) out += " " + match.msg;
    }
    return out;
  }
  Fixture f;
  Table second;
  Collections kept[2] = {Collections(f.table), Collections(second)};
  std::unique_ptr<waf::Transaction> transactions[2];
};

}  // namespace

TEST_CASE("collections: set, add, expire, remove") {
  Fixture f(4);
  Collections c(f.table);
  const auto shown = [&](std::int64_t now_s, std::string_view key = "k") { return pairs_of(c, Variable::kIp, key, now_s); };
  CHECK(shown(0) == "");
  c.set(Variable::kIp, "k", "a", "one", at(0));
  c.set(Variable::kIp, "k", "b", "", at(0));
  CHECK(shown(0) == "a=one b=");
  CHECK(shown(0, "other") == "");
  CHECK(pairs_of(c, Variable::kGlobal, "k", 0) == "");  // the same key of another collection
  c.set(Variable::kIp, "k", "a", "two", at(1));
  c.set(Variable::kIp, "k", "b", "longer", at(1));
  CHECK(shown(1) == "a=two b=longer");
  CHECK(c.add(Variable::kIp, "k", "n", 9, at(1)) == 9);
  CHECK(c.add(Variable::kIp, "k", "n", 1, at(1)) == 10);
  CHECK(c.add(Variable::kIp, "k", "n", -30, at(1)) == -20);
  CHECK(c.add(Variable::kIp, "k", "a", 5, at(1)) == 5);  // a text is 0
  CHECK(c.add(Variable::kIp, "k", "n", INT64_MAX, at(1)) == INT64_MAX - 20);
  CHECK(c.add(Variable::kIp, "k", "n", 21, at(1)) == INT64_MAX - 20);  // does not fit
  c.set(Variable::kIp, "k", "n", std::nullopt, at(1));
  c.set(Variable::kIp, "k", "nothing", std::nullopt, at(1));
  CHECK(shown(1) == "a=5 b=longer");
  c.set(Variable::kIp, "k", "a", std::nullopt, at(1));
  c.set(Variable::kIp, "k", "b", std::nullopt, at(1));
  CHECK(shown(1) == "");
  CHECK(f.file.cells_used() == 0);  // nothing is kept for nothing
}

TEST_CASE("collections: each value ends in its time, the collection when it is idle") {
  Fixture f(4);
  Collections c(f.table);
  const auto shown = [&](std::int64_t now_s) { return pairs_of(c, Variable::kSession, "k", now_s); };
  c.set(Variable::kSession, "k", "plain", "1", at(0, 100));
  c.set(Variable::kSession, "k", "short", "2", at(0, 100));
  c.expire(Variable::kSession, "k", "short", 10 * kSecond, at(0, 100));
  c.expire(Variable::kSession, "k", "absent", 10 * kSecond, at(0, 100));
  CHECK(shown(9) == "plain=1 short=2");
  CHECK(shown(10) == "plain=1");
  CHECK(shown(99) == "plain=1");
  CHECK(shown(100) == "");
  // A change starts its time anew.
  c.set(Variable::kSession, "k", "plain", "1", at(0, 100));
  c.set(Variable::kSession, "k", "other", "1", at(50, 100));
  CHECK(shown(149) == "other=1 plain=1");
  CHECK(shown(150) == "");
  // A value keeps its end when it is set, and loses it when it has ended.
  c.set(Variable::kSession, "k", "n", "1", at(200, 100));
  c.expire(Variable::kSession, "k", "n", 210 * kSecond, at(200, 100));
  CHECK(c.add(Variable::kSession, "k", "n", 10, at(205, 100)) == 11);
  c.set(Variable::kSession, "k", "n", "12345", at(206, 100));
  CHECK(shown(209) == "n=12345");
  CHECK(shown(210) == "");
  CHECK(c.add(Variable::kSession, "k", "n", 1, at(210, 100)) == 1);
  CHECK(shown(309) == "n=1");
  // One that is to stay longer than the collection does, and what was with it does not.
  c.set(Variable::kSession, "k", "ban", "1", at(400, 100));
  c.set(Variable::kSession, "k", "plain", "1", at(400, 100));
  c.expire(Variable::kSession, "k", "ban", 86'400 * kSecond, at(400, 100));
  CHECK(shown(499) == "ban=1 plain=1");
  CHECK(shown(80'000) == "ban=1");
  c.set(Variable::kSession, "k", "new", "1", at(80'000, 100));
  CHECK(shown(80'001) == "ban=1 new=1");
  CHECK(shown(86'400) == "");
}

TEST_CASE("collections: what does not fit is not kept, and said") {
  Fixture f(4);
  Collections c(f.table);
  c.set(Variable::kGlobal, "k", "a", std::string(kValueBytesMax - 8 - 12 - 1, 'x'), at(0));
  CHECK(pairs_of(c, Variable::kGlobal, "k", 0).size() == 2 + kValueBytesMax - 8 - 12 - 1);
  CHECK(f.table.stats().too_large == 0);
  c.set(Variable::kGlobal, "k", "b", "1", at(0));
  CHECK(c.add(Variable::kGlobal, "k", "c", 1, at(0)) == std::nullopt);
  c.set(Variable::kGlobal, "k", "a", std::string(kValueBytesMax - 8 - 12, 'y'), at(0));
  c.set(Variable::kGlobal, "k", std::string(1 << 20, 'n'), std::string(1 << 20, 'v'), at(0));
  CHECK(f.table.stats().too_large == 4);
  CHECK(pairs_of(c, Variable::kGlobal, "k", 0).starts_with("a=xxx"));
  // Long keys, and no table.
  c.set(Variable::kGlobal, std::string(70'000, 'k') + "1", "n", "1", at(0));
  CHECK(pairs_of(c, Variable::kGlobal, std::string(70'000, 'k') + "2", 0) == "");
  CHECK(pairs_of(c, Variable::kGlobal, std::string(70'000, 'k') + "1", 0) == "n=1");
  Table none;
  Collections nowhere(none);
  nowhere.set(Variable::kIp, "k", "a", "1", at(0));
  CHECK(nowhere.add(Variable::kIp, "k", "a", 1, at(0)) == std::nullopt);
  CHECK(pairs_of(nowhere, Variable::kIp, "k", 0) == "");
}

TEST_CASE("collections: whatever a record holds can be read and changed") {
  Fixture f(4);
  Collections c(f.table);
  std::uint64_t state = 1;
  for (int round = 0; round < 2000; ++round) {
    std::string bytes(round % 90, '\0');
    for (auto& b : bytes) {
      state = state * 6364136223846793005ULL + 1442695040888963407ULL;
      b = static_cast<char>((state >> 60) < 12 ? 0 : state >> 33);
    }
    REQUIRE(f.table.set({kCollectionSpaces, "k"}, 0, bytes, 5000 * kSecond) == Outcome::kDone);
    (void)c.load(Variable::kIp, "k", 0);
    c.set(Variable::kIp, "k", "name", "value", at(1));
    c.expire(Variable::kIp, "k", "name", 100 * kSecond, at(1));
    REQUIRE(c.add(Variable::kIp, "k", "n", 7, at(1)).has_value());
    const auto all = c.load(Variable::kIp, "k", kSecond);
    REQUIRE(std::count(all.begin(), all.end(), std::pair<std::string, std::string>("name", "value")) == 1);
    REQUIRE(c.load(Variable::kIp, "k", 3601 * kSecond).size() <= all.size());
  }
}

// Goal: a rule set that counts tries by address sees those of all workers, and forgets them in time.
TEST_CASE("collections: under rules, on two workers") {
  Workers w("SecCollectionTimeout 600\n"
            "SecAction \"id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:tx.ttl=60\"\n"
            "SecRule REQUEST_URI \"@streq /login\" \"id:2,phase:1,pass,msg:'try %{ip.tries}',setvar:ip.tries=+1,expirevar:ip.tries=%{tx.ttl}\"\n"
            "SecRule IP:tries \"@gt 3\" \"id:3,phase:1,nolog,deny,status:429,setvar:ip.banned=1,expirevar:ip.banned=3600\"\n"
            "SecRule IP:banned \"@eq 1\" \"id:4,phase:1,deny,msg:banned\"\n");
  struct Step {
    int worker;
    std::int64_t now_s;
    const char* uri;
    const char* address;
    const char* want;
  };
  const Step kSteps[] = {
      {0, 0, "/login", "192.0.2.1", "pass try 1"},
      {1, 1, "/login", "192.0.2.1", "pass try 2"},
      {0, 2, "/login", "192.0.2.2", "pass try 1"},
      {1, 62, "/login", "192.0.2.2", "pass try 1"},  // the first has ended
      {0, 3, "/login", "192.0.2.1", "pass try 3"},
      {0, 4, "/", "192.0.2.1", "pass"},
      {1, 5, "/login", "192.0.2.1", "429 try 4"},
      {0, 70, "/", "192.0.2.1", "403 banned"},
      {1, 3604, "/", "192.0.2.1", "403 banned"},  // longer than SecCollectionTimeout: expirevar says so
      {1, 3605, "/", "192.0.2.1", "pass"},
  };
  for (const auto& step : kSteps) {
    CAPTURE(step.now_s);
    CHECK(w.ask(step.worker, step.now_s, step.uri, step.address) == step.want);
  }
}

TEST_CASE("collections: applications do not share, keys may be anything") {
  const std::string rules = "SecAction \"id:1,phase:1,pass,msg:'%{session.n} %{global.n}',setsid:%{REQUEST_URI},initcol:global=all,setvar:session.n=+1,setvar:global.n=+1\"\n";
  Workers w(rules);
  CHECK(w.ask(0, 0, "/a") == "pass 1 1");
  CHECK(w.ask(1, 0, "/a") == "pass 2 2");
  CHECK(w.ask(1, 0, "/b") == "pass 1 3");
  CHECK(w.ask(0, 0, "/" + std::string(5000, 'c')) == "pass 1 4");
  CHECK(w.ask(1, 0, "/" + std::string(5000, 'c')) == "pass 2 5");
  const auto other = waf::Transaction::make(rules_of("SecWebAppId shop\n" + rules), &w.kept[0]);
  std::swap(w.transactions[0], const_cast<std::unique_ptr<waf::Transaction>&>(other));
  CHECK(w.ask(0, 0, "/a") == "pass 1 1");
  CHECK(w.ask(1, 0, "/a") == "pass 3 6");
}

// Goal: no increment of a rule is lost between processes.
TEST_CASE("collections: four workers count the same address") {
  Fixture f(4);
  const auto set = rules_of("SecAction \"id:1,phase:1,nolog,pass,initcol:ip=%{REMOTE_ADDR},setvar:ip.n=+1\"\n");
  constexpr int kWorkers = 4, kRequests = 5000;
  std::vector<pid_t> children;
  for (int i = 0; i < kWorkers; ++i) {
    const auto child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      Table table;
      table.attach(f.file.base(), this_process());
      Collections kept(table);
      const auto t = waf::Transaction::make(set, &kept);
      for (int n = 0; n < kRequests; ++n) {
        t->reset({.client_address = "192.0.2.1", .now_ns = kSecond});
        t->request_line("GET", "/", "HTTP/1.1");
        (void)t->request_headers_done();
      }
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const auto child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE((WIFEXITED(status) && WEXITSTATUS(status) == 0));
  }
  Collections kept(f.table);
  // What found the lock taken is counted as that, be it the load or the increment.
  const auto counted = std::stoull(pairs_of(kept, Variable::kIp, "192.0.2.1", 1).substr(2));
  CHECK(counted <= kWorkers * kRequests);
  CHECK(counted + f.table.stats().busy >= kWorkers * kRequests);
}
