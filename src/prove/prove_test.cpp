#include "prove/prove.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "prove/detail/layout.h"
#include "prove/detail/pattern.h"
#include "prove/detail/texts.h"
#include "waf/regex.h"
#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::prove;
namespace parts = ringwall::prove::detail;

namespace {

constexpr const char* kHead =
    "SecRuleEngine DetectionOnly\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecAuditEngine RelevantOnly\n"
    "SecRule REQUEST_HEADERS:Content-Type \"@contains json\" \"id:1,phase:1,pass,nolog,ctl:requestBodyProcessor=JSON\"\n"
    "SecRule REQUEST_HEADERS:Content-Type \"@contains xml\" \"id:2,phase:1,pass,nolog,ctl:requestBodyProcessor=XML\"\n";
constexpr const char* kRules =
    "SecRule ARGS|REQUEST_COOKIES|XML:/* \"@rx (?i)union[\\s/*]+select\" \"id:10,phase:2,pass,capture,t:none,t:urlDecodeUni,t:lowercase,msg:'m %{TX.0}',logdata:'%{MATCHED_VAR_NAME}',tag:'t'\"\n"
    "SecRule REQUEST_URI|REQUEST_HEADERS \"@pm evil /etc/passwd <script\" \"id:11,phase:1,pass,t:none,t:htmlEntityDecode\"\n"
    "SecRule ARGS \"!@rx ^[a-z0-9]*$\" \"id:12,phase:2,pass,chain\"\nSecRule MATCHED_VAR \"@contains '\" \"t:none\"\n"
    "SecRule RESPONSE_BODY \"@rx stack trace\" \"id:13,phase:4,pass\"\n";

waf::RuleSetSource source_of(const std::string& text) {
  auto source = waf::read_seclang(text, "rules.conf", waf::real_files());
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  return std::move(*source);
}
std::shared_ptr<const waf::RuleSet> compile(const waf::RuleSetSource& source, bool fast) {
  auto rules = waf::RuleSet::compile(source, {.fast = fast, .budget = {.steps = ~std::uint64_t{0}}});
  REQUIRE_MESSAGE(rules.ok(), (rules.ok() ? "" : rules.error().message));
  return *rules;
}

std::vector<ftw::Test> small_seeds() {
  const auto tests = ftw::read_tests(
      "rule_id: 1\ntests:\n"
      "  - test_id: 1\n    stages:\n      - input: {uri: '/?a=1%27&b=union%20select', headers: {Host: h, Cookie: 'c=1; d=x'}}\n        output: {status: 200}\n"
      "  - test_id: 2\n    stages:\n      - input: {method: POST, uri: /f, headers: {Host: h}, data: 'q=evil&r=2'}\n        output: {status: 200}\n"
      "  - test_id: 3\n    stages:\n      - input: {method: POST, uri: /reflect, headers: {Host: h, Content-Type: application/json}, data: '{\"status\": 500, \"headers\": {\"Content-Type\": \"text/html\"}, \"body\": \"a stack trace\"}'}\n        output: {status: 200}\n",
      "seeds.yaml");
  REQUIRE_MESSAGE(tests.ok(), (tests.ok() ? "" : tests.error().message));
  return *tests;
}

}  // namespace

TEST_CASE("prove: requests are read and written") {
  const auto plain = parse_exchange("POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcdef");
  REQUIRE(plain.ok());
  CHECK(plain->body == "abc");
  CHECK(raw_request(*plain) == "POST /a?b=c HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
  CHECK(parse_exchange("PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")->body == "abcde");
  CHECK(parse_exchange("GET /old\r\n\r\n")->protocol == "HTTP/0.9");
  CHECK(!parse_exchange("").ok());
  CHECK(!parse_exchange("nonsense").ok());
  const auto reflected = parse_exchange("POST /reflect HTTP/1.1\r\n\r\n{\"status\": 500, \"headers\": {\"A\": \"b\"}, \"encodedBody\": \"aGVsbG8=\"}");
  CHECK(reflected->status == 500);
  CHECK(reflected->response_body == "hello");
  CHECK(reflected->response_headers.at(0).value == "b");
}

TEST_CASE("prove: texts drawn from a pattern mostly match it") {
  for (const auto* pattern : {"(?i)union\\s+select", "^[a-z]{3,5}\\d?(?:x|yy|)z$", "[^\\x00-\\x20;]+;", "a(?=b)b", "[[:alpha:]\\-\\]]{2}", "\\bfoo\\b|b{2,}a*r\\.", "(?P<n>ab)+\\x41\\/", "\\{[,{}]{2}", ".{0,3}[\\s\\v]"}) {
    const Pattern source(pattern);
    const auto regex = waf::Regex::compile(pattern);
    REQUIRE(regex.ok());
    int matched = 0;
    for (std::uint64_t i = 0; i < 200; ++i) {
      parts::Random random(7, i);
      matched += (*regex)->search(source.draw(random)) == waf::Found::kYes ? 1 : 0;
    }
    CAPTURE(pattern);
    CHECK(matched >= 195);
  }
  // What is no pattern does not end badly.
  for (const auto* pattern : {"", "(", "[", "a{", "\\", "(?", "[^", "a)b", "[a-", "(?<", "[[:", "x{2", "[\\"}) {
    parts::Random random(1, 1);
    CHECK(Pattern(pattern).draw(random).size() < 10);
  }
}

TEST_CASE("prove: arguments are laid out in every container") {
  using parts::Container;
  const parts::Arguments arguments{{"a", "1 2"}, {"b", "<'&\">"}};
  struct Case {
    Container container;
    std::string want;
  };
  const Case kCases[] = {
      {Container::kQuery, "GET /?a=1%202&b=%3C%27%26%22%3E HTTP/1.1\r\n\r\n"},
      {Container::kForm, "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n\r\na=1%202&b=%3C%27%26%22%3E"},
      {Container::kJson, "POST / HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{\"a\":\"1 2\",\"b\":\"<'&\\\">\"}"},
      {Container::kXml, "POST / HTTP/1.1\r\nContent-Type: application/xml\r\n\r\n<?xml version=\"1.0\"?><r><e a=\"a\">1 2</e><e a=\"b\">&lt;'&amp;&quot;></e></r>"},
      {Container::kCookies, "GET / HTTP/1.1\r\nCookie: a=1%202; b=%3C%27%26%22%3E\r\n\r\n"},
      {Container::kPath, "GET /1%202/%3C%27%26%22%3E HTTP/1.1\r\n\r\n"},
  };
  for (const auto& c : kCases) {
    Exchange exchange;
    parts::put(arguments, c.container, false, exchange);
    CHECK(raw_request(exchange) == c.want);
    if (c.container == Container::kQuery || c.container == Container::kForm) CHECK(parts::arguments_of(exchange) == arguments);
  }
}

TEST_CASE("prove: a number names a request") {
  const auto bank = make_bank(small_seeds(), source_of(std::string(kHead) + kRules));
  CHECK(bank.seeds.size() == 3);
  CHECK(bank.patterns.size() == 3);
  std::size_t different = 0;
  for (std::uint64_t i = 0; i < 500; ++i) {
    const auto one = mutated(bank, 5, i);
    CHECK(raw_request(one) == raw_request(mutated(bank, 5, i)));
    different += raw_request(one) != raw_request(mutated(bank, 6, i)) ? 1 : 0;
    CHECK(one.body.size() <= 8 * kExchangeBytesMax);
  }
  CHECK(different > 450);
}

TEST_CASE("prove: what is not needed for a difference goes") {
  const auto exchange = parse_exchange("POST /path?a=1&b=2 HTTP/1.1\r\nHost: h\r\nX-A: something with needle in it\r\n\r\na large body");
  std::size_t tries = 0;
  const auto small = minimised(*exchange, [&](const Exchange& candidate) {
    ++tries;
    for (const auto& header : candidate.headers) {
      if (header.value.find("needle") != std::string::npos) return candidate.uri.find("b=") != std::string::npos;
    }
    return false;
  });
  CHECK(raw_request(small) == "POST b= HTTP/1.1\r\nX-A: needle\r\n\r\n");
  CHECK(tries < 300);
}

TEST_CASE("prove: both paths agree, and a planted difference is seen") {
  const auto seeds = small_seeds();
  const auto source = source_of(std::string(kHead) + kRules);
  const auto bank = make_bank(seeds, source);
  const auto fast = compile(source, true), plain = compile(source, false);
  const VerifyOptions options{.requests = 6000, .seed = 3, .threads = 2};
  const auto report = verify(fast, plain, bank, options);
  CHECK(report.requests == 6000);
  CHECK(report.matched > 1000);
  CHECK(report.differences == 0);

  // The rules with one letter changed.
  auto changed = std::string(kRules);
  changed.replace(changed.find("/etc/passwd"), 11, "/etc/passwe");
  const auto other = compile(source_of(std::string(kHead) + changed), true);
  const auto planted = verify(fast, other, bank, options);
  REQUIRE(planted.differences > 0);
  REQUIRE(!planted.shown.empty());
  CHECK(planted.shown.size() <= 4);
  const auto& first = planted.shown[0];
  CHECK(std::any_of(planted.shown.begin(), planted.shown.end(), [](const Difference& one) { return raw_request(one.exchange).find("etc%2Fpasswd") != std::string::npos; }));
  CHECK(raw_request(first.exchange).size() < 60);
  CHECK((first.one.size() + first.other.size()) > 0);
  // However many threads, the same is found.
  auto alone = options;
  alone.threads = 1;
  const auto again = verify(fast, other, bank, alone);
  CHECK(again.differences == planted.differences);
  CHECK(again.matched == planted.matched);
  REQUIRE(again.shown.size() == planted.shown.size());
  for (std::size_t i = 0; i < again.shown.size(); ++i) CHECK(raw_request(again.shown[i].exchange) == raw_request(planted.shown[i].exchange));
  // One request alone, by its number.
  const auto once = verify(fast, other, bank, {.requests = 1, .seed = 3, .first = first.number});
  CHECK(once.differences == 1);
}

TEST_CASE("prove: both paths agree on the Core Rule Set, for a moment") {
  const auto folder = std::string(RINGWALL_SOURCE_DIR) + "/../shared/crs";
  if (!std::filesystem::exists(folder)) {
    std::printf("skipped: fast and plain path over the Core Rule Set: shared/crs is not there\n");
    return;
  }
  std::vector<ftw::Test> tests;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder + "/tests/regression/tests")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream file(entry.path());
    std::stringstream content;
    content << file.rdbuf();
    auto some = ftw::read_tests(content.str(), entry.path().filename());
    REQUIRE(some.ok());
    for (auto& test : *some) tests.push_back(std::move(test));
  }
  const auto source = source_of(fmt::format(
      "{}Include {}/crs-setup.conf.example\nInclude {}/rules/*.conf\n", kHead, folder, folder));
  const auto bank = make_bank(tests, source);
  const auto report = verify(compile(source, true), compile(source, false), bank, {.requests = 500, .seed = 1, .threads = 2});
  for (const auto& one : report.shown) MESSAGE(fmt::format("{}: {} | {}", one.number, fmt::join(one.one, "; "), fmt::join(one.other, "; ")));
  CHECK(report.differences == 0);
  CHECK(report.matched > 300);
}
