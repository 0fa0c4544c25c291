// What rules ask of the collections that outlive an exchange, and the time in which they do.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>

#include "waf/engine.h"
#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::waf;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Writes down what it is asked; a NUL in a key is shown as '/'.
class Asked final : public PersistentCollections {
 public:
  std::vector<std::pair<std::string, std::string>> load(Variable collection, std::string_view key, std::int64_t now_ns) override {
    note("load", collection, key, fmt::format("at {}", now_ns / kSecond));
    return {{"known", "7"}, {"other", "x"}};
  }
  void set(Variable collection, std::string_view key, std::string_view name, std::optional<std::string_view> value, const When& when) override {
    note(value ? "set" : "unset", collection, key, fmt::format("{}{}{}{}", name, value ? "=" : "", value.value_or(""), shown(when)));
  }
  std::optional<std::int64_t> add(Variable collection, std::string_view key, std::string_view name, std::int64_t by, const When& when) override {
    note("add", collection, key, fmt::format("{} {:+}{}", name, by, shown(when)));
    if (!has_state) return std::nullopt;
    return 100 + by;  // another worker added too
  }
  void expire(Variable collection, std::string_view key, std::string_view name, std::int64_t expires_ns, const When& when) override {
    note("expire", collection, key, fmt::format("{} at {}{}", name, expires_ns / kSecond, shown(when)));
  }

  std::string log;
  bool has_state = true;

 private:
  static std::string shown(const When& when) { return when.idle_until_ns - when.now_ns == 3600 * kSecond ? "" : fmt::format(" idle {}", when.idle_until_ns / kSecond); }
  void note(std::string_view what, Variable collection, std::string_view key, const std::string& rest) {
    std::string shown_key(key);
    for (auto& c : shown_key) c = c == '\0' ? '/' : c;
    log += fmt::format("{}{} {}({}) {}", log.empty() ? "" : ", ", what, name_of(collection), shown_key, rest);
  }
};

std::unique_ptr<Transaction> transaction(const std::string& rules, PersistentCollections* kept) {
  auto source = read_seclang("SecRuleEngine On\n" + rules, "r.conf", real_files());
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  auto set = RuleSet::compile(std::move(*source));
  REQUIRE(set.ok());
  return Transaction::make(*set, kept);
}

// "log | log data of what matched".
std::string judged(Transaction& t, Asked* kept) {
  t.reset({.client_address = "192.0.2.1", .now_ns = 100 * kSecond});
  t.request_line("GET", "/a?b=5", "HTTP/1.1");
  (void)t.request_headers_done();
  std::string out = kept == nullptr ? "" : kept->log;
  for (const auto& match : t.matches()) {
    if (!match.msg.empty()) out += " | " + match.msg;
  }
  return out;
}

}  // namespace

TEST_CASE("persistent collections: what rules ask for") {
  struct Case {
    const char* what;
    std::string rules, want;
  };
  const auto action = [](std::string_view text) { return fmt::format("SecAction \"id:1,phase:1,pass,nolog,{}\"\n", text); };
  const Case kCases[] = {
      {"nothing is begun, nothing is kept", action("setvar:ip.a=1,expirevar:ip.a=5"), ""},
      {"begun and written in one rule", action("setvar:ip.a=1,initcol:ip=%{REMOTE_ADDR}"), "load IP(192.0.2.1) at 100, set IP(192.0.2.1) a=1"},
      {"begun once", action("initcol:global=g,initcol:global=g") + "SecAction \"id:2,phase:1,pass,nolog,initcol:global=g\"", "load GLOBAL(g) at 100"},
      {"an empty key begins nothing", action("initcol:user=%{REQUEST_HEADERS.X-User},setvar:user.a=1"), ""},
      {"keys with parts that rules made", "SecAction \"id:9,phase:1,pass,nolog,setvar:tx.who=me\"\n" + action("initcol:resource=%{tx.who}_%{REQUEST_METHOD}"), "load RESOURCE(me_GET) at 100"},
      {"each with an application of its own", "SecWebAppId shop\n" + action("initcol:ip=1,setvar:ip.a=2"), "load IP(shop/1) at 100, set IP(shop/1) a=2"},
      {"names have no case", action("initcol:ip=1,setvar:ip.Ab=Cd"), "load IP(1) at 100, set IP(1) ab=Cd"},
      {"removed", action("initcol:ip=1,setvar:!ip.known"), "load IP(1) at 100, unset IP(1) known"},
      {"added to, with what others did", action("initcol:ip=1,setvar:ip.known=+3,setvar:ip.new=-2") + "SecRule IP:known \"@eq 103\" \"id:2,phase:1,pass,msg:'%{ip.known} %{ip.new}'\"",
       "load IP(1) at 100, add IP(1) known +3, add IP(1) new -2 | 103 98"},
      {"macros on both sides", action("initcol:ip=1,setvar:ip.%{REQUEST_METHOD}_n=+%{ARGS.b}"), "load IP(1) at 100, add IP(1) get_n +5"},
      {"an end", action("initcol:ip=1,setvar:ip.a=1,expirevar:ip.a=60"), "load IP(1) at 100, set IP(1) a=1, expire IP(1) a at 160"},
      {"an end that a rule knows", action("initcol:ip=1,setvar:tx.ttl=30,expirevar:ip.%{REQUEST_METHOD}=%{tx.ttl}"), "load IP(1) at 100, expire IP(1) get at 130"},
      {"an end that is no number, is in the past, is beyond all clocks", action("initcol:ip=1,expirevar:ip.a=%{REQUEST_METHOD},expirevar:ip.b=%{tx.minus},expirevar:ip.c=%{tx.much}")
           + "SecAction \"id:2,phase:1,pass,nolog,setvar:tx.minus=-5,setvar:tx.much=99999999999999999999,expirevar:ip.b=%{tx.minus},expirevar:ip.c=%{tx.much}\"",
       "load IP(1) at 100, expire IP(1) a at 100, expire IP(1) b at 100, expire IP(1) c at 100, expire IP(1) b at 100, expire IP(1) c at 3155760100"},
      {"how long it lives without a change", "SecCollectionTimeout 50\n" + action("initcol:ip=1,setvar:ip.a=1,setvar:ip.n=+1,expirevar:ip.a=9"),
       "load IP(1) at 100, set IP(1) a=1 idle 150, add IP(1) n +1 idle 150, expire IP(1) a at 109 idle 150"},
      {"who it is", action("setuid:me,setvar:user.a=1") + "SecRule USERID \"@streq me\" \"id:2,phase:1,pass,msg:'%{USERID} %{user.known}'\"", "load USER(me) at 100, set USER(me) a=1 | me 7"},
      {"which session", action("setsid:%{ARGS.b}") + "SecRule SESSIONID \"@streq 5\" \"id:2,phase:1,pass,msg:'%{SESSIONID}'\"", "load SESSION(5) at 100 | 5"},
      {"which resource", action("setrsc:%{REQUEST_FILENAME},setvar:resource.hits=+1"), "load RESOURCE(/a) at 100, add RESOURCE(/a) hits +1"},
      {"removing while looking", action("initcol:ip=1") + "SecRule IP \"@rx .\" \"id:2,phase:1,pass,nolog,setvar:!ip.other\"", "load IP(1) at 100, unset IP(1) other"},
      {"beginning while looking", action("initcol:ip=1") + "SecRule IP \"@rx .\" \"id:2,phase:1,pass,nolog,initcol:ip=%{MATCHED_VAR}\"", "load IP(1) at 100, load IP(7) at 100, load IP(x) at 100"},
      {"only what matches", action("initcol:ip=1") + "SecRule ARGS:b \"@eq 6\" \"id:2,phase:1,pass,nolog,setvar:ip.a=1,expirevar:ip.a=1\"", "load IP(1) at 100"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.what);
    Asked kept;
    CHECK(judged(*transaction(c.rules, &kept), &kept) == c.want);
  }
}

TEST_CASE("persistent collections: without state rules see what they did themselves") {
  const std::string rules = "SecAction \"id:1,phase:1,pass,msg:'%{ip.n} %{ip.a}',initcol:ip=1,setvar:ip.n=+3,setvar:ip.n=+4,setvar:ip.a=x,expirevar:ip.a=9\"\n";
  CHECK(judged(*transaction(rules, nullptr), nullptr) == " | 7 x");
  Asked kept;
  kept.has_state = false;
  const auto t = transaction(rules, &kept);
  CHECK(judged(*t, &kept).ends_with(" | 7 x"));
  // The next exchange begins anew.
  kept.log.clear();
  CHECK(judged(*t, &kept).starts_with("load IP(1)"));
}

TEST_CASE("time: DURATION and what is set later") {
  Asked kept;
  const auto t = transaction("SecAction \"id:1,phase:1,pass,msg:'%{DURATION} ms',initcol:ip=1\"\n"
                             "SecRule DURATION \"@ge 250\" \"id:2,phase:2,pass,msg:'slow %{DURATION}',setvar:ip.a=1,expirevar:ip.a=10\"\n"
                             "SecRule DURATION \"@gt 0\" \"id:3,phase:5,pass,msg:'%{DURATION} in all'\"\n", &kept);
  const auto shown = [&t] {
    std::string out;
    for (const auto& match : t->matches()) out += match.msg + ", ";
    return out;
  };
  t->reset({.now_ns = 100 * kSecond});
  (void)t->request_headers_done();
  t->now(100 * kSecond + 249'999'999);
  (void)t->request_body_done();
  CHECK(shown() == "0 ms, ");
  t->now(103 * kSecond);
  t->logging();
  CHECK(shown() == "0 ms, 3000 in all, ");
  t->reset({.now_ns = 100 * kSecond});
  (void)t->request_headers_done();
  t->now(102 * kSecond);
  (void)t->request_body_done();
  t->now(90 * kSecond);  // the clock went back
  t->logging();
  CHECK(shown() == "0 ms, slow 2000, ");
  CHECK(kept.log == "load IP(1) at 100, load IP(1) at 100, set IP(1) a=1, expire IP(1) a at 112");
}
