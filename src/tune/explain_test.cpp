#include "tune/explain.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "tune/test_support.h"

using namespace ringwall;
using namespace ringwall::tune;

namespace {

constexpr const char* kRules = R"(
SecAction "id:90,phase:1,pass,nolog,setvar:tx.critical=5,setvar:tx.threshold=10"
SecRule ARGS|ARGS_NAMES "@rx sel[e]ct\s" "id:1,phase:2,pass,log,t:none,t:urlDecodeUni,t:lowercase,t:removeNulls,msg:'SQL',logdata:'%{MATCHED_VAR}',severity:2,setvar:'tx.anomaly_score_pl1=+%{tx.critical}',setvar:'tx.anomaly_score=+%{tx.critical}'"
SecRule REQUEST_METHOD "@streq POST" "id:2,phase:2,pass,log,chain,msg:'Words'"
  SecRule ARGS "@pm good bad" "t:lowercase,setvar:'tx.anomaly_score=+%{tx.critical}'"
SecRule REQUEST_HEADERS:Host "!@endsWith .example.com" "id:3,phase:1,pass,log,msg:'Host'"
SecRule ARGS "@contains x" "id:4,phase:2,pass,log,t:base64Decode,multiMatch,msg:'Multi'"
SecRule TX:anomaly_score "@ge %{tx.threshold}" "id:9,phase:2,deny,log,msg:'Sum %{tx.anomaly_score}'"
)";

std::string shown(const ExplainedValue& value) {
  std::string out = fmt::format("{}={}", value.target, value.raw);
  for (const auto& step : value.steps) out += fmt::format(" {}>{}", step.transformation, step.value);
  return out + fmt::format(" {}{}", value.operation, value.found.empty() ? "" : " found " + value.found);
}

std::string shown(const Explanation& e) {
  std::string out = fmt::format("{} then {} now by {} {}", e.refused_then ? "refused" : "passed", e.refused_now ? "refused" : "passed", e.refused_by, e.same ? "same" : "differs");
  for (const auto& rule : e.rules) {
    out += fmt::format("\n{} line {} {}{}{}", rule.rule_id, rule.line, rule.message, rule.refuses ? " REFUSES" : "", rule.lost.empty() ? "" : " lost: " + rule.lost);
    for (const auto& score : rule.scores) out += " {" + score + "}";
    for (const auto& value : rule.values) out += "\n  " + shown(value);
  }
  return out;
}

Explanation explained(const Rules& rules, const std::string& line) {
  const auto stored = read_stored(line);
  REQUIRE((stored.ok() && *stored));
  auto out = explain(rules, **stored);
  REQUIRE(out.ok());
  return std::move(*out);
}

}  // namespace

TEST_CASE("explain: rule by rule and value by value") {
  const auto rules = rules_of(kRules);
  CHECK(shown(explained(rules, line_of(rules, {.method = "POST", .uri = "/?a=SEL%2545CT+1", .body = "b=very+BAD", .content_type = "application/x-www-form-urlencoded"}))) ==
        "refused then refused now by 9 same\n"
        "3 line 9 Host\n  REQUEST_HEADERS:Host=a !@endsWith .example.com\n"
        "1 line 6 SQL {anomaly_score_pl1 +5} {anomaly_score +5}\n"
        "  ARGS:a=SEL%45CT 1 urlDecodeUni>SELECT 1 lowercase>select 1 removeNulls>select 1 @rx sel[e]ct\\s found select \n"
        "2 line 7 Words {anomaly_score +5}\n  REQUEST_METHOD=POST @streq POST\n  ARGS:b=very BAD lowercase>very bad @pm good bad found bad\n"
        "9 line 11 Sum 10 REFUSES\n  TX:anomaly_score=10 @ge 10 (%{TX.threshold})");
  // Both values count; multiMatch sees the text as it came.
  CHECK(shown(explained(rules, line_of(rules, {.uri = "/?select+=select+&c=x"}))) ==
        "refused then refused now by 9 same\n"
        "3 line 9 Host\n  REQUEST_HEADERS:Host=a !@endsWith .example.com\n"
        "1 line 6 SQL {anomaly_score_pl1 +5 for each of 2 values} {anomaly_score +5 for each of 2 values}\n"
        "  ARGS:select =select  urlDecodeUni>select  lowercase>select  removeNulls>select  @rx sel[e]ct\\s found select \n"
        "  ARGS_NAMES:select =select  urlDecodeUni>select  lowercase>select  removeNulls>select  @rx sel[e]ct\\s found select \n"
        "4 line 10 Multi\n  ARGS:c=x @contains x found x\n"
        "9 line 11 Sum 10 REFUSES\n  TX:anomaly_score=10 @ge 10 (%{TX.threshold})");
}

TEST_CASE("explain: what the record lacks, and what the rules of today say otherwise") {
  const auto rules = rules_of(kRules);
  const auto masked = explained(rules, line_of(rules, {.uri = "/?password=select+1&pass2=select+"}));
  CHECK(!masked.same);
  CHECK(masked.refused_then);
  CHECK(!masked.refused_now);
  REQUIRE(masked.rules.size() == 3);
  CHECK(masked.rules[1].lost == "what it matched is masked or cut off in the record");
  CHECK(masked.rules[1].values.at(0).raw == "REDACTED");
  CHECK(masked.rules[2].lost == "the sum it looks at is another now");

  const auto line = line_of(rules, {.uri = "/?a=select+&b=select+"});
  const auto excluded = explained(rules.with({{"1", {"ARGS:a"}, ""}}).value(), line);
  CHECK(excluded.refused_then);
  CHECK(!excluded.refused_now);
  CHECK(excluded.score_now == 5);
  const auto fewer = explained(rules_of("SecRule ARGS \"@contains zzz\" \"id:5,phase:2,deny\"\n"), line);
  REQUIRE(fewer.rules.size() == 3);
  for (const auto& rule : fewer.rules) CHECK(rule.lost == "the rules have none of this number any more");

  // A place that only logs: it would have been refused.
  const auto logged = explained(rules, line_of(rules, {.uri = "/?a=select+&b=select+", .enforcing = false}));
  CHECK(logged.same);
  CHECK(logged.refused_then);

  // An API description that has refused a request is not asked again.
  const auto misfit = explained(rules, line_of(rules, {.uri = "/?a=select+", .misfit = "query n: no number"}));
  CHECK(misfit.same);
  CHECK(misfit.refused_then);
  CHECK(misfit.refused_by_description);
  CHECK(!misfit.refused_now);
  const auto of_description = std::find_if(misfit.rules.begin(), misfit.rules.end(), [](const auto& one) { return one.by_description; });
  REQUIRE(of_description != misfit.rules.end());
  CHECK(of_description->data == "query n: no number");
  CHECK(of_description->lost == "");

  Stored nowhere;
  nowhere.policy = "gone";
  const auto off = rules_of("SecRule ARGS \"@contains zzz\" \"id:5,phase:2,deny\"\n", {{"default", waf::Mode::kOff, {}, {}}});
  CHECK(explain(off, nowhere).error().code == Errc::kNotFound);
}
