#include "tune/replay.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tune/test_support.h"

using namespace ringwall;
using namespace ringwall::tune;

namespace {

constexpr const char* kEvil = "SecRule ARGS|REQUEST_HEADERS:X-Test \"@contains evil\" \"id:1,phase:2,deny,msg:'Evil'\"\n";
constexpr const char* kWorse = "SecRule ARGS \"@contains worse\" \"id:2,phase:2,deny,msg:'Worse'\"\n";
constexpr const char* kNoted = "SecRule ARGS \"@contains odd\" \"id:3,phase:2,pass,log,msg:'Odd'\"\n";

std::string shown(const ReplayReport& r) {
  std::string out = fmt::format("judged {} unsure {}: +{} -{} ~{}", r.judged, r.unsure, r.newly_refused, r.no_longer_refused, r.other_matches);
  for (const auto& one : r.rules) out += fmt::format(" [{} {}>{} +{} -{} refused +{} -{}]", one.rule_id, one.before, one.now, one.newly, one.no_longer, one.newly_refused, one.no_longer_refused);
  return out;
}

struct Case {
  const char* what;
  std::string before, now;
  std::vector<Sent> sent;
  const char *with_rules, *with_record;
};

}  // namespace

TEST_CASE("replay: what changes, against rules and against the record") {
  const std::string form = "application/x-www-form-urlencoded";
  const Case kCases[] = {
      {"the same rules", kEvil, kEvil, {{.uri = "/?a=evil"}, {.uri = "/?a=b"}, {.uri = "/?a=evil", .enforcing = false}}, "judged 3 unsure 0: +0 -0 ~0", "judged 3 unsure 0: +0 -0 ~0"},
      {"a rule more", kEvil, std::string(kEvil) + kWorse, {{.uri = "/?a=worse"}, {.uri = "/?a=evil"}, {.uri = "/?a=fine"}}, "judged 3 unsure 0: +1 -0 ~0 [2 0>1 +1 -0 refused +1 -0]",
       "judged 3 unsure 0: +1 -0 ~0 [2 0>1 +1 -0 refused +1 -0]"},
      {"a rule less", kEvil, kWorse, {{.method = "POST", .body = "a=evil", .content_type = form}}, "judged 1 unsure 0: +0 -1 ~0 [1 1>0 +0 -1 refused +0 -1]", "judged 1 unsure 0: +0 -1 ~0 [1 1>0 +0 -1 refused +0 -1]"},
      {"only noted", kEvil, std::string(kNoted) + kEvil, {{.uri = "/?a=odd"}, {.uri = "/?a=evil+odd"}}, "judged 2 unsure 0: +0 -0 ~2 [3 0>2 +2 -0 refused +0 -0]", "judged 2 unsure 0: +0 -0 ~2 [3 0>2 +2 -0 refused +0 -0]"},
      {"places in mode log count as if they blocked", kEvil, kEvil, {{.uri = "/?a=evil", .enforcing = false}}, "judged 1 unsure 0: +0 -0 ~0", "judged 1 unsure 0: +0 -0 ~0"},
      // What matched is masked: two rule sets see the same of it, the record cannot be compared.
      {"a masked value", kEvil, kEvil, {{.uri = "/?password=evil"}}, "judged 1 unsure 0: +0 -0 ~0", "judged 0 unsure 1: +0 -0 ~0"},
      {"behind the end of the record's body", kEvil, kEvil, {{.method = "POST", .body = "b=" + std::string(20'000, 'x') + "&a=evil", .content_type = form}}, "judged 1 unsure 0: +0 -0 ~0", "judged 0 unsure 1: +0 -0 ~0"},
  };
  for (const auto& one : kCases) {
    CAPTURE(one.what);
    const auto before = rules_of(one.before), now = rules_of(one.now);
    std::vector<std::string> lines;
    for (const auto& sent : one.sent) lines.push_back(line_of(before, sent));
    Replay with_rules(before, now, {}), with_record(std::nullopt, now, {.threads = 2});
    with_rules.add(lines);
    with_record.add(lines);
    CHECK(shown(with_rules.report()) == one.with_rules);
    CHECK(shown(with_record.report()) == one.with_record);
  }
}

TEST_CASE("replay: lines of other kinds are counted, and any count of threads says the same") {
  const auto before = rules_of(kEvil), now = rules_of(std::string(kEvil) + kWorse);
  std::vector<std::string> lines{"nonsense", "", R"({"message":"of the application","attributes":{}})", R"({"attributes":{"http.request.method":"GET","url.path":"/","ringwall.waf.action":"deny"}})"};
  for (int i = 0; i < 1000; ++i) lines.push_back(line_of(before, {.client = fmt::format("192.0.2.{}", i % 200), .uri = fmt::format("/{}?a={}", i, i % 10 == 0 ? "worse" : "fine")}));
  std::string first;
  for (const unsigned threads : {1u, 2u, 5u}) {
    Replay replay(before, now, {.threads = threads});
    replay.add(lines);
    replay.add(lines);
    const auto report = replay.report();
    CHECK(report.lines == 2 * lines.size());
    CHECK(report.unread == 2);
    CHECK(report.other == 2);
    CHECK(report.no_audit == 2);
    CHECK(report.newly_refused == 200);
    CHECK(report.without_headers == 2000);
    CHECK(report.unread_shown.at(0) == "line 1: not a JSON object");
    std::string all = shown(report);
    for (const auto& change : report.requests) all += " " + change.uri;
    if (first.empty()) first = all;
    CHECK(all == first);
    CHECK(report.requests.at(0).uri == "/0?a=worse");
  }
}

TEST_CASE("replay: exclusions and modes of places count") {
  const auto before = rules_of(kEvil, {{"a /", waf::Mode::kBlock, {}, {}}, {"a /admin/", waf::Mode::kBlock, {}, {}}});
  const auto now = rules_of(kEvil, {{"a /", waf::Mode::kBlock, {}, {}}, {"a /admin/", waf::Mode::kBlock, {}, {{"1", {"ARGS:text"}, "/admin/pages"}}}});
  Replay replay(before, now, {});
  replay.add({line_of(before, {.uri = "/admin/pages?text=evil", .policy = "a /admin/"}), line_of(before, {.uri = "/admin/pages?a=evil", .policy = "a /admin/"}), line_of(before, {.uri = "/?text=evil", .policy = "a /"})});
  const auto report = replay.report();
  CHECK(shown(report) == "judged 3 unsure 0: +0 -1 ~0 [1 3>2 +0 -1 refused +0 -1]");
  REQUIRE(report.requests.size() == 1);
  CHECK(report.requests[0].place == "a /admin/");
  CHECK(report.rules.at(0).message == "Evil");
}
