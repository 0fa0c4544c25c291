#include "query/search.h"

#include <doctest/doctest.h>

#include <string>

using namespace ringwall;
using namespace ringwall::query;

namespace {

std::string parsed(std::string_view text) {
  const auto search = parse(text);
  if (search.ok()) return show(*search);
  return search.error().message + (search.error().hint.empty() ? "" : " | " + search.error().hint);
}

struct Case {
  std::string_view text;
  std::string_view want;
};

constexpr Case kGrammar[] = {
    // Everything.
    {"", "all"},
    {"   ", "all"},
    {"*", "all"},
    {"**", "all"},

    // Words and phrases.
    {"timeout", "message~timeout"},
    {"connection timeout", "(and message~connection message~timeout)"},
    {"\"connection timeout\"", "message=\"connection timeout\""},
    {"Größe", "message~Größe"},
    {"pay*", "message~pay*"},
    {"p?y", "message~p?y"},
    {"\"pay*\"", "message=\"pay*\""},
    {"a-b_c.d/e", "message~a-b_c.d/e"},
    {"[error]", "message~[error]"},
    {">5", "message~>5"},
    {"a\"b c\"d", "(and message~a message=\"b c\" message~d)"},
    {"tab\tand\nnewline", "(and message~tab message~and message~newline)"},

    // Special characters.
    {"\"a \\\"quoted\\\" word\"", "message=\"a \\\"quoted\\\" word\""},
    {"\"back\\\\slash\"", "message=\"back\\\\slash\""},
    {"\"C:\\temp\"", "message=\"C:\\\\temp\""},  // any other backslash stays
    {"http\\://host", "message~http://host"},
    {"\"http://host/?q=(1)\"", "message=\"http://host/?q=(1)\""},
    {"a\\ b", "message~a b"},
    {"what\\?", "message~what\\?"},
    {"\\*", "message~\\*"},
    {"\\-minus", "message~-minus"},
    {"\\(a\\)", "message~(a)"},
    {"\"AND\"", "message=\"AND\""},
    {"and or not", "(and message~and message~or message~not)"},  // only upper case is special
    {"ORDER ANDROID NOTE", "(and message~ORDER message~ANDROID message~NOTE)"},

    // Operators and their strength.
    {"a b OR c d", "(or (and message~a message~b) (and message~c message~d))"},
    {"a AND b", "(and message~a message~b)"},
    {"a AND b OR c", "(or (and message~a message~b) message~c)"},
    {"a AND (b OR c)", "(and message~a (or message~b message~c))"},
    {"a OR b OR c", "(or message~a message~b message~c)"},
    {"-a", "(not message~a)"},
    {"NOT a", "(not message~a)"},
    {"NOT a b", "(and (not message~a) message~b)"},
    {"a NOT b", "(and message~a (not message~b))"},
    {"a AND NOT b", "(and message~a (not message~b))"},
    {"NOT (a b)", "(not (and message~a message~b))"},
    {"--a", "(not (not message~a))"},
    {"NOT -a", "(not (not message~a))"},
    {"a -\"b c\" -host:x", "(and message~a (not message=\"b c\") (not host~x))"},
    {"((a))", "message~a"},
    {"(a)(b)", "(and message~a message~b)"},
    {"f(x)", "(and message~f message~x)"},

    // Fields.
    {"service:edge", "service~edge"},
    {"service:edge status:>=500", "(and service~edge status>=500)"},
    {"service:\"my shop\"", "service=\"my shop\""},
    {"service:shop-*", "service~shop-*"},
    {"host:*", "host~*"},
    {"@http.route:/cart*", "@http.route~/cart*"},
    {"@http.url:http://a:80/b", "@http.url~http://a:80/b"},  // only the first ':' separates
    {"@a\\:b:c", "@a:b~c"},
    {"@key:\"a b\"", "@key=\"a b\""},
    {"@n:-5", "@n~-5"},
    {"@n:>-5", "@n>-5"},
    {"@n:<=1.5e3", "@n<=1.5e3"},
    {"@n:<\"2\"", "@n<2"},
    {"message:timeout", "message~timeout"},
    {"service:\"\"", "service=\"\""},

    // Ranges.
    {"status:[400 TO 499]", "status[\"400\" \"499\"]"},
    {"status:{400 TO 499}", "status{\"400\" \"499\"}"},
    {"status:[400 TO 500}", "status[\"400\" \"500\"}"},
    {"status:[* TO 499]", "status[* \"499\"]"},
    {"status:[400 TO *]", "status[\"400\" *]"},
    {"status:[400  TO\t*] x", "(and status[\"400\" *] message~x)"},
    {"@n:[\"1\" TO \"2\"]", "@n[\"1\" \"2\"]"},
    {"@n:[-5 TO -1]", "@n[\"-5\" \"-1\"]"},

    // Groups.
    {"service:(a OR b)", "(or service~a service~b)"},
    {"service:(a b)", "(and service~a service~b)"},
    {"service:(a OR -b)", "(or service~a (not service~b))"},
    {"service:(a OR (b c*))", "(or service~a (and service~b service~c*))"},
    {"status:(404 OR >=500 OR [300 TO 399])", "(or status~404 status>=500 status[\"300\" \"399\"])"},
    {"@a:(x:y OR \"z w\")", "(or @a~x:y @a=\"z w\")"},
    {"-env:(dev OR test)", "(not (or env~dev env~test))"},
};

constexpr Case kErrors[] = {
    {"\"open", "byte 0: the quote is not closed | a quote inside quotes is written \\\""},
    {"a \"b\\\"", "byte 2: the quote is not closed | a quote inside quotes is written \\\""},
    {"(a", "byte 0: '(' without ')' | close it, or put it in quotes"},
    {"(", "byte 0: '(' without ')' | close it, or put it in quotes"},
    {"a (b (c)", "byte 2: '(' without ')' | close it, or put it in quotes"},
    {"a)", "byte 1: ')' without '(' | remove it, or put it in quotes"},
    {"()", "byte 1: nothing between '(' and ')'"},
    {"service:()", "byte 9: nothing between '(' and ')'"},
    {"OR", "byte 0: nothing before 'OR' | to search for the word itself: \"OR\""},
    {"AND a", "byte 0: nothing before 'AND' | to search for the word itself: \"AND\""},
    {"a OR", "byte 4: nothing after 'OR'"},
    {"a AND", "byte 5: nothing after 'AND'"},
    {"(a AND )", "byte 7: nothing after 'AND'"},
    {"a AND OR b", "byte 6: nothing after 'AND'"},
    {"a OR OR b", "byte 5: nothing before 'OR' | to search for the word itself: \"OR\""},
    {"NOT", "byte 3: nothing after 'NOT'"},
    {"NOT OR a", "byte 4: nothing after 'NOT'"},
    {"a - b", "byte 2: nothing after '-' | put it in quotes to search for it as it is: \"…\""},
    {"-", "byte 0: nothing after '-' | put it in quotes to search for it as it is: \"…\""},
    {"service:", "byte 8: no value after 'service:' | write it without a space, as in service:web, or put the text in quotes"},
    {"a service: b", "byte 10: no value after 'service:' | write it without a space, as in service:web, or put the text in quotes"},
    {":a", "byte 0: no field name before ':' | put it in quotes to search for it as it is: \"…\""},
    {"@:a", "byte 0: no field name before ':' | put it in quotes to search for it as it is: \"…\""},
    {"ser*:a", "byte 0: 'ser*' is not a field: names have no wildcards | put it in quotes to search for it as it is: \"…\""},
    {"status:>", "byte 8: no value to compare with | as in status:>=500"},
    {"status:>= 500", "byte 9: no value to compare with | as in status:>=500"},
    {"status:[400 499]", "byte 12: expected 'TO' between the two bounds of a range | as in status:[400 TO 499]"},
    {"status:[400 TO 499", "byte 7: the range is not closed | as in status:[400 TO 499]; * is an open end"},
    {"status:[ TO 499]", "byte 12: expected 'TO' between the two bounds of a range | as in status:[400 TO 499]"},
    {"status:[400 TO ]", "byte 7: a bound of the range is missing | as in status:[400 TO 499]; * is an open end"},
    {"a\\", "byte 1: '\\' at the end | a backslash is written \\\\"},
    {"a \xff", "byte 2: the search is not UTF-8"},
    {std::string_view("a\0b", 3), "byte 1: a zero byte in the search"},
};

}  // namespace

TEST_CASE("search: what the grammar makes of a text") {
  for (const auto& c : kGrammar) {
    CAPTURE(c.text);
    CHECK(parsed(c.text) == c.want);
  }
}

TEST_CASE("search: errors name the byte and the way out") {
  for (const auto& c : kErrors) {
    CAPTURE(c.text);
    CHECK(parsed(c.text) == c.want);
  }
}

TEST_CASE("search: the offset of an error comes back as a number") {
  CHECK(offset_of(parse("a )").error()) == 2);
  CHECK(offset_of(fail(Errc::kInvalid, "byte 17: x")) == 17);
  CHECK(!offset_of(fail(Errc::kInvalid, "from: 'x' is not a time")).has_value());
  CHECK(!offset_of(fail(Errc::kInvalid, "byte x")).has_value());
}

TEST_CASE("search: limits hold at the last accepted value and not one past it") {
  CHECK(parse(std::string(kSearchBytesMax, 'a')).ok());
  CHECK(parse(std::string(kSearchBytesMax + 1, 'a')).error().code == Errc::kLimit);

  const auto nested = [](std::size_t depth) { return std::string(depth, '(') + "a" + std::string(depth, ')'); };
  CHECK(parse(nested(kSearchDepthMax)).ok());
  CHECK(parse(nested(kSearchDepthMax + 1)).error().code == Errc::kLimit);
  CHECK(parse(std::string(kSearchDepthMax, '-') + "a").ok());
  CHECK(parse(std::string(kSearchDepthMax + 1, '-') + "a").error().code == Errc::kLimit);

  const auto terms = [](std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += "a ";
    return out;
  };
  CHECK(parse(terms(kSearchTermsMax)).ok());
  CHECK(parse(terms(kSearchTermsMax + 1)).error().code == Errc::kLimit);
}
