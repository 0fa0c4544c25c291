#include "tune/exchange.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tune/detail/mend.h"
#include "tune/test_support.h"

using namespace ringwall;
using namespace ringwall::tune;

namespace {

std::string shown(const Stored& s) {
  std::string headers;
  for (const auto& [name, value] : s.headers) headers += fmt::format(" {}={}", name, value);
  return fmt::format("{} {} {} {}{} [{}] {} missing: {}", s.audited ? "audit" : "edge", s.method, s.uri, s.protocol, headers, s.body, s.action, to_text(s.missing));
}

struct Case {
  const char *line, *want;
};
constexpr Case kLines[] = {
    {R"({"transaction":{"action":"deny","request":{"method":"GET","uri":"/a","http_version":"1.1","headers":{"Host":"a"}}}})", "audit GET /a HTTP/1.1 Host=a [] deny missing: "},
    {R"({"transaction":{"request":{"method":"POST","uri":"/?token=REDACTED","headers":{"Cookie":"a=REDACTED"},"body":"a=1","body_cut":"true"},"truncated":"true"}})",
     "audit POST /?token=REDACTED HTTP/1.1 Cookie=a=REDACTED [a=1]  missing: the rest of the body, secrets, further matches"},
    {R"({"transaction":{"request":{"method":"POST","headers":{"Content-Length":"3"}}}})", "audit POST  HTTP/1.1 Content-Length=3 []  missing: the body"},
    {R"json({"transaction":{"request":{"uri":"/abc… (9000 bytes)","headers":{"A":"x… (700 bytes)"},"body_encoding":"base64","body":"YWI="}}})json", "audit  /abc HTTP/1.1 A=x [ab]  missing: the rest of what was too long"},
    {R"({"attributes":{"ringwall.event":"waf","ringwall.waf.audit":"{\"transaction\":{\"request\":{\"method\":\"GET\",\"uri\":\"/b\"}}}"}})", "audit GET /b HTTP/1.1 []  missing: "},
    {R"({"attributes":{"http.request.method":"GET","url.path":"/a","url.query":"b=1","server.address":"shop","user_agent.original":"x","network.protocol.version":"2","ringwall.waf.action":"pass"}})",
     "edge GET /a?b=1 HTTP/2 Host=shop User-Agent=x [] pass missing: most headers and cookies"},
    {R"({"attributes":{"http.request.method":"_OTHER","http.request.method_original":"BREW","url.path":"/a","ringwall.truncated":"true"}})",
     "edge BREW /a HTTP/1.1 []  missing: most headers and cookies, the rest of what was too long, the body"},
    // Records of another kind, and what is none.
    {R"({"message":"hello","attributes":{}})", "another"},
    {R"({"transaction":7})", "audit   HTTP/1.1 []  missing: "},
    {R"({"attributes":{"ringwall.event":"waf","ringwall.waf.audit":"{"}})", "an audit record that is not JSON"},
    {"[]", "not a JSON object"},
    {"{\"transaction\"", "not a JSON object"},
};

constexpr Case kCut[] = {
    {"{\"a\":\"b\",\"c", "{\"a\":\"b\"}"}, {"{\"a\":\"b\",\"c\":", "{\"a\":\"b\"}"}, {"{\"a\":\"b\",\"c\":\"d", "{\"a\":\"b\"}"}, {"{\"a\":[1,2", "{\"a\":[1]}"},
    {"[{\"a\":{\"b\":\"x\\\"y\"", "[{\"a\":{\"b\":\"x\\\"y\"}}]"}, {"{\"a\":1}", "{\"a\":1}"}, {"[", "[]"}, {"", ""}, {"{\"a\":\"\\", "{}"}, {"[\"a\",", "[\"a\"]"}, {"]", "]"},
};

}  // namespace

TEST_CASE("exchange: what records hold and what they lack") {
  for (const auto& one : kLines) {
    CAPTURE(one.line);
    const auto stored = read_stored(one.line);
    CHECK((!stored.ok() ? stored.error().message : !*stored ? "another" : shown(**stored)) == one.want);
  }
  CHECK(read_stored(std::string(kLineBytesMax, ' ')).error().code == Errc::kInvalid);
  CHECK(read_stored(std::string(kLineBytesMax + 1, ' ')).error().code == Errc::kLimit);
}

TEST_CASE("exchange: JSON that was cut is ended") {
  for (const auto& one : kCut) {
    CAPTURE(one.line);
    CHECK(tune::detail::mend_json(one.line) == one.want);
  }
  const auto parts = tune::detail::mend_body("multipart/form-data; boundary=\"x y\"", "--x y\r\n\r\nabc");
  CHECK(parts == "--x y\r\n\r\nabc\r\n--x y--\r\n");
  CHECK(tune::detail::mend_body("text/xml", "<a><b>") == "");
  CHECK(tune::detail::mend_body("application/x-www-form-urlencoded", "a=1&b") == "a=1&b");
}

TEST_CASE("exchange: requests go to the places they were judged at, or would go to now") {
  const auto rules = rules_of("SecRule ARGS \"@contains evil\" \"id:1,phase:2,deny\"\n",
                              {{"shop.example.com /", waf::Mode::kLog, {}, {}}, {"shop.example.com /api/", waf::Mode::kBlock, {}, {}}, {"shop.example.com = /api/x", waf::Mode::kBlock, {}, {}},
                               {"shop.example.com ~ ^/re", waf::Mode::kBlock, {}, {}}, {"*.example.org /", waf::Mode::kBlock, {}, {}}, {"off.example.com /", waf::Mode::kOff, {}, {}}},
                              {{"www.example.com", "shop.example.com"}});
  struct Place {
    const char *policy, *host, *route, *uri, *want;
  };
  constexpr Place kPlaces[] = {
      {"shop.example.com /api/", "any", "", "/x", "shop.example.com /api/"},
      {"", "shop.example.com", "", "/x", "shop.example.com /"},
      {"", "shop.example.com:8443", "", "/api/y?z", "shop.example.com /api/"},
      {"", "shop.example.com", "", "/api/x", "shop.example.com = /api/x"},
      {"", "shop.example.com", "~ ^/re", "/re", "shop.example.com ~ ^/re"},
      {"", "www.example.com", "/api/", "/api/", "shop.example.com /api/"},
      {"", "a.example.org", "", "/", "*.example.org /"},
      {"", "example.org", "", "/", "shop.example.com /"},  // nobody's: the first host
      {"gone.example.com /", "a.example.org", "", "/", "shop.example.com /"},
      {"", "off.example.com", "", "/", ""},
      {"off.example.com /", "shop.example.com", "", "/", ""},
  };
  for (const auto& one : kPlaces) {
    CAPTURE(one.host);
    CAPTURE(one.uri);
    Stored stored;
    stored.policy = one.policy;
    stored.route = one.route;
    stored.uri = one.uri;
    stored.headers = {{"Host", one.host}};
    const auto* place = rules.place_of(stored);
    CHECK((place == nullptr ? "" : place->name) == one.want);
  }
}
