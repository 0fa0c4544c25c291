#include "query/condition.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "base/text.h"
#include "query/sql.h"

using namespace ringwall;
using namespace ringwall::query;
using base::Signal;

namespace {

std::string shown(const store::Value& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "NULL"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(std::int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return v > 1e300 ? "max" : v < -1e300 ? "-max" : fmt::format("{:.10g}", v); }
    std::string operator()(const std::string& v) const { return "'" + v + "'"; }
  };
  return std::visit(Visitor{}, value);
}

// The predicate with its parameters in place: for reading, never for running.
std::string sql_of(std::string_view text, Signal signal) {
  const auto condition = understand(text, signal);
  if (!condition.ok()) return condition.error().message + (condition.error().hint.empty() ? "" : " | " + condition.error().hint);
  const auto predicate = predicate_of(*condition, signal);
  std::string out;
  for (std::size_t i = 0; i < predicate.sql.size(); ++i) {
    if (predicate.sql[i] != '$') {
      out += predicate.sql[i];
      continue;
    }
    std::size_t number = 0;
    while (i + 1 < predicate.sql.size() && predicate.sql[i + 1] >= '0' && predicate.sql[i + 1] <= '9') {
      number = number * 10 + static_cast<std::size_t>(predicate.sql[++i] - '0');
    }
    REQUIRE(number >= 1);
    REQUIRE(number <= predicate.parameters.size());
    out += shown(predicate.parameters[number - 1]);
  }
  return out;
}

std::string hints_of(std::string_view text) {
  const auto hints = predicate_of(understand(text, Signal::kLog).value(), Signal::kLog).hints;
  std::string out;
  for (const auto& word : hints.words) out += "word:" + word + " ";
  for (const auto& fragment : hints.fragments) out += "fragment:" + fragment + " ";
  if (hints.trace_id.has_value()) out += "trace:" + base::hex(*hints.trace_id) + " ";
  for (const auto& service : hints.services) out += "service:" + service + " ";
  return std::string(base::trim(out));
}

struct Case {
  std::string_view text, want;
};

#define NW "[^0-9A-Za-z_\\x{80}-\\x{10FFFF}]"

constexpr Case kLogs[] = {
    {"", "TRUE"},
    {"service:edge", "service = 'edge'"},
    {"service:it's", "service = 'it's'"},  // a parameter, so no escape is needed
    {"service:a*", "service LIKE 'a%'"},
    {"service:a_*", "service LIKE 'a\\_%' ESCAPE '\\'"},
    {"service:100%?", "service LIKE '100\\%_' ESCAPE '\\'"},
    {"service:\"a*\"", "service = 'a*'"},
    {"service:(a OR b)", "(service = 'a' OR service = 'b')"},
    {"-host:a", "NOT coalesce(host = 'a', FALSE)"},
    {"region:*", "region <> ''"},
    {"version:\"\"", "version = ''"},

    {"ab", "(regexp_matches(message, '[aA][bB]') AND regexp_matches(message, '(?:^|" NW ")[aA][bB](?:$|" NW ")'))"},
    {"\"ab\"", "regexp_matches(message, '[aA][bB]')"},
    {"\"a.b\"", "regexp_matches(message, '[aA]\\.[bB]')"},
    {"message:(1 OR 2)", "((regexp_matches(message, '1') AND regexp_matches(message, '(?:^|" NW ")1(?:$|" NW ")')) OR "
                         "(regexp_matches(message, '2') AND regexp_matches(message, '(?:^|" NW ")2(?:$|" NW ")')))"},
    {"1*", "(regexp_matches(message, '1\\S*') AND regexp_matches(message, '(?:^|" NW ")1\\S*'))"},
    {"*1?", "regexp_matches(message, '\\S*1\\S')"},
    {"\"é\"", "regexp_matches(message, '[éÉ]')"},

    {"level:error", "severity BETWEEN 17 AND 20"},
    {"level:ERROR", "severity BETWEEN 17 AND 20"},
    {"level:warning", "severity BETWEEN 13 AND 16"},
    {"level:>=warn", "severity BETWEEN 13 AND 24"},
    {"level:>warn", "severity BETWEEN 17 AND 24"},
    {"level:<warn", "severity BETWEEN 1 AND 12"},
    {"level:<=warn", "severity BETWEEN 1 AND 16"},
    {"level:<trace", "FALSE"},
    {"level:10", "severity = 10"},
    {"level:[info TO error}", "severity BETWEEN 9 AND 16"},
    {"level:*", "severity BETWEEN 1 AND 24"},
    {"status:error", "severity BETWEEN 17 AND 20"},

    {"status:404", "status = 404"},
    {"status:5xx", "status BETWEEN 500 AND 599"},
    {"status:>=500", "status >= 500"},
    {"status:>500", "status >= 501"},
    {"status:<499.5", "status <= 499"},
    {"status:[400 TO 499]", "status BETWEEN 400 AND 499"},
    {"status:{400 TO 499}", "status BETWEEN 401 AND 498"},
    {"status:{400 TO 401}", "FALSE"},
    {"status:[* TO *]", "status IS NOT NULL"},
    {"status:*", "status IS NOT NULL"},
    {"status:400.5", "FALSE"},
    {"status:<1e300", "status IS NOT NULL"},
    {"status:>1e300", "FALSE"},

    {"duration:>100", "duration_ns >= 100000001"},
    {"duration:>=1.5s", "duration_ns >= 1500000000"},
    {"duration:<250us", "duration_ns <= 249999"},
    {"duration:1.001", "duration_ns = 1001000"},
    {"duration:[1m TO 1h]", "duration_ns BETWEEN 60000000000 AND 3600000000000"},

    {"trace_id:0123456789ABCDEF0123456789abcdef", "trace_id = '0123456789abcdef0123456789abcdef'::UUID"},
    {"trace_id:01234567-89ab-cdef-0123-456789abcdef", "trace_id = '0123456789abcdef0123456789abcdef'::UUID"},
    {"trace_id:*", "trace_id IS NOT NULL"},
    {"span_id:ffffffffffffffff", "span_id = -1"},
    {"span_id:*", "span_id IS NOT NULL"},

    {"@http.route:/cart", "coalesce(attributes['http.route'], resource['http.route']) = '/cart'"},
    {"@a:x*", "coalesce(attributes['a'], resource['a']) LIKE 'x%'"},
    {"@a:*", "coalesce(attributes['a'], resource['a']) IS NOT NULL"},
    {"-@a:*", "NOT coalesce(coalesce(attributes['a'], resource['a']) IS NOT NULL, FALSE)"},
    {"@n:>=5", "TRY_CAST(coalesce(attributes['n'], resource['n']) AS DOUBLE) BETWEEN 5 AND max"},
    {"@n:<5", "TRY_CAST(coalesce(attributes['n'], resource['n']) AS DOUBLE) BETWEEN -max AND 5"},
    {"@n:[1 TO 2]", "TRY_CAST(coalesce(attributes['n'], resource['n']) AS DOUBLE) BETWEEN 1 AND 2"},

    // Mistakes.
    {"servic:a", "byte 0: 'servic' is not a field | did you mean service:?  an attribute is written @servic:…, and text with a colon goes in quotes"},
    {"x http://a", "byte 2: 'http' is not a field | an attribute is written @http:…, and text with a colon goes in quotes"},
    {"kind:server", "byte 0: logs have no field 'kind' | an attribute is written @kind:…, and text with a colon goes in quotes"},
    {"level:loud", "byte 6: 'loud' is not a level | levels are trace, debug, info, warn, error and fatal"},
    {"level:0", "byte 6: '0' is not a level | levels are trace, debug, info, warn, error and fatal"},
    {"level:err*", "byte 6: levels take no wildcards | as in level:>=warn"},
    {"status:loud", "byte 7: 'loud' is not a status | an HTTP status as in status:404, status:5xx, status:>=500, or a level"},
    {"status:5*", "byte 7: status is a number and takes no wildcards | a range is written [400 TO 499]"},
    {"status:>x", "byte 7: 'x' is not a number"},
    {"duration:fast", "byte 9: 'fast' is not a duration | a number of milliseconds, or with a unit: 250us, 100ms, 1.5s"},
    {"service:>a", "byte 8: service is text and has no order | as in service:name or service:na*"},
    {"service:[a TO b]", "byte 8: service is text and has no order | as in service:name or service:na*"},
    {"message:>5", "byte 8: messages are searched for words and phrases, not compared"},
    {"trace_id:12", "byte 9: a trace id is 32 hexadecimal digits"},
    {"span_id:1*", "byte 8: a span id is 16 hexadecimal digits"},
    {"@n:>abc", "byte 3: 'abc' is not a number"},
    {"@n:[a TO 5]", "byte 3: 'a' is not a number"},
};

constexpr Case kSpans[] = {
    {"ab", "(regexp_matches(name, '[aA][bB]') AND regexp_matches(name, '(?:^|" NW ")[aA][bB](?:$|" NW ")'))"},
    {"name:GET*", "name LIKE 'GET%'"},
    {"kind:server", "kind = 2"},
    {"status:503", "status = 503"},
    {"status:error", "outcome = 2"},
    {"status:unset", "outcome = 0"},
    {"error:true", "(outcome = 2 OR coalesce(status >= 500, FALSE))"},
    {"error:false", "NOT coalesce((outcome = 2 OR coalesce(status >= 500, FALSE)), FALSE)"},
    {"parent_span_id:*", "parent_span_id IS NOT NULL"},
    {"level:error", "byte 0: spans have no field 'level' | an attribute is written @level:…, and text with a colon goes in quotes"},
    {"kind:serve", "byte 5: 'serve' is not a kind of span | server, client, internal, producer, consumer"},
    {"error:yes", "byte 6: error is true or false"},
    {"status:loud", "byte 7: 'loud' is not a status | an HTTP status as in status:404, status:5xx, status:>=500, or ok, error, unset"},
};

// What every matching record must hold; nothing that only some do.
constexpr Case kHints[] = {
    {"", ""},
    {"Timeout", "word:timeout fragment:Timeout"},
    {"a-bc", "word:a word:bc fragment:a-bc"},
    {"\"payment was refused\"", "word:was fragment:payment was refused"},  // "payment" may be the end of "repayment"
    {"pay*ment", "fragment:pay fragment:ment"},
    {"x*.host.name", "word:host word:name fragment:.host.name"},
    {"ärger_x", "fragment:rger_x"},
    {"a b", "word:a word:b"},
    {"a OR b", ""},
    {"-timeout", ""},
    {"service:a timeout", "word:timeout fragment:timeout service:a"},
    {"service:(a OR b)", "service:a service:b"},
    {"service:(a OR b*)", ""},
    {"service:a OR host:b", ""},
    {"-service:a", ""},
    {"trace_id:0123456789abcdef0123456789abcdef", "trace:0123456789abcdef0123456789abcdef"},
};

}  // namespace

TEST_CASE("condition: searches of logs as SQL") {
  for (const auto& c : kLogs) {
    CAPTURE(c.text);
    CHECK(sql_of(c.text, Signal::kLog) == c.want);
  }
}

TEST_CASE("condition: searches of spans as SQL") {
  for (const auto& c : kSpans) {
    CAPTURE(c.text);
    CHECK(sql_of(c.text, Signal::kSpan) == c.want);
  }
}

TEST_CASE("condition: hints say only what every match has") {
  for (const auto& c : kHints) {
    CAPTURE(c.text);
    CHECK(hints_of(c.text) == c.want);
  }
}

TEST_CASE("condition: parameters are numbered from where the statement says") {
  const auto condition = understand("service:a @k:v", Signal::kLog).value();
  CHECK(predicate_of(condition, Signal::kLog, 5).sql == "(service = $5 AND coalesce(attributes[$6], resource[$6]) = $7)");
}

TEST_CASE("condition: what counts as a number") {
  double n = 0;
  for (const std::string_view yes : {"0", "5", "-5", "+5", "1.5", ".5", "1e3", "1E-3"}) {
    CAPTURE(yes);
    CHECK(parse_number(yes, n));
  }
  for (const std::string_view no : {"", "-", "5x", "0x10", "inf", "nan", "1 ", " 1", "--1", "1e999"}) {
    CAPTURE(no);
    CHECK(!parse_number(no, n));
  }
}
