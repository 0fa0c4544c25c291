#include "policy/mask.h"

#include <doctest/doctest.h>

#include "policy/audit.h"

using namespace ringwall;
using namespace ringwall::policy;

namespace {

struct Case {
  const char *type, *text, *want;
};

constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr const char* kParts = "multipart/form-data; boundary=b";

constexpr Case kBodies[] = {
    {kForm, "user=a&password=x&b=1", "user=a&password=REDACTED&b=1"},
    {kForm, "p%61ssword=x&api%5Fkey=y", "p%61ssword=REDACTED&api%5Fkey=REDACTED"},
    {kForm, "password", "password"},
    {kForm, "data=%7B%22token%22%3A1%7D&data=%7B%22a%22%3A1%7D", "data=REDACTED&data=%7B%22a%22%3A1%7D"},
    {kForm, "user=a&password=cut of", "user=a&password=REDACTED"},
    // JSON, whatever it calls itself; cut off anywhere.
    {"application/json", R"({"user":"a","password":"x","n":1})", R"({"user":"a","password":"REDACTED","n":1})"},
    {"application/json", R"({"pa\u0073sword" : 12, "n":1})", R"({"pa\u0073sword" : "REDACTED", "n":1})"},
    {"application/json", R"({"credentials":{"user":"a","more":["b",true]},"n":"c"})", R"({"credentials":{"user":"REDACTED","more":["REDACTED","REDACTED"]},"n":"c"})"},
    {"application/json", R"({"a":"\"password\":","b":"x"})", R"({"a":"\"password\":","b":"x"})"},
    {"application/json", R"({"token":["x","y"],"b":["password","z"]})", R"({"token":["REDACTED","REDACTED"],"b":["password","z"]})"},
    {"application/json", R"({"password":"cut of)", R"({"password":"REDACTED")"},
    {"application/json", R"({"password":)", R"({"password":)"},
    {kForm, R"({"password":"x"})", R"({"password":"REDACTED"})"},
    {"text/plain", R"( {"password":"x"})", R"( {"password":"REDACTED"})"},
    {"text/plain", "hello & good bye", "hello & good bye"},
    {"", "a=1&token=2", "a=1&token=REDACTED"},
    // XML.
    {"text/xml", "<l><user>a</user><password>x</password></l>", "<l><user>a</user><password>REDACTED</password></l>"},
    {"text/xml", R"(<l password="x" n='1'><s:Token a="1"/>t</l>)", R"(<l password="REDACTED" n='1'><s:Token a="1"/>t</l>)"},
    {"text/xml", "<credential><u>a</u><v>b</v></credential><n>1</n>", "<credential>REDACTED</credential><n>1</n>"},
    {"text/xml", "<password>cut of", "<password>REDACTED"},
    // Uploads and forms in parts.
    {kParts, "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n1\r\n--b--\r\n",
     "--b\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nREDACTED\r\n--b\r\nContent-Disposition: form-data; name=\"n\"\r\n\r\n1\r\n--b--\r\n"},
    {kParts, "--b\r\nContent-Disposition: form-data; name=pin_token\r\n\r\ncut of", "--b\r\nContent-Disposition: form-data; name=pin_token\r\n\r\nREDACTED"},
    {"multipart/form-data; boundary=\"b\"", "--b\r\nA: name=\"j\"\r\n\r\n{\"token\":1}\r\n--b--", "--b\r\nA: name=\"j\"\r\n\r\n{\"token\":\"REDACTED\"}\r\n--b--"},
    {"multipart/form-data", "whatever", "REDACTED"},
};

}  // namespace

TEST_CASE("mask: bodies keep their shape and lose their secrets") {
  for (const auto& one : kBodies) {
    CAPTURE(one.text);
    CHECK(mask_body(one.type, one.text) == one.want);
    // However it is cut, the secrets of the table are not in it.
    for (std::size_t bytes = 0; bytes <= std::string_view(one.text).size(); ++bytes) {
      const auto masked = mask_body(one.type, std::string_view(one.text).substr(0, bytes));
      CHECK(masked.find("=x") == std::string::npos);
      CHECK(masked.find(">x<") == std::string::npos);
      CHECK(masked.find("cut of") == std::string::npos);
    }
  }
}

TEST_CASE("mask: targets and cookies") {
  CHECK(mask_uri("/a/b") == "/a/b");
  CHECK(mask_uri("/a?token=1&b=2") == "/a?token=REDACTED&b=2");
  CHECK(mask_uri("/a?%74oken=1") == "/a?%74oken=REDACTED");
  CHECK(mask_cookies("session=abc; theme=dark;bare; =x") == "session=REDACTED; theme=REDACTED;REDACTED; =REDACTED");
  CHECK(mask_cookies("") == "");
}

TEST_CASE("audit: the body is there as far as there is room") {
  AuditExchange exchange;
  exchange.method = "POST";
  exchange.uri = "/login";
  exchange.place = "shop.example.com /";
  exchange.request_headers = {{"Content-Type", "application/x-www-form-urlencoded"}, {"Cookie", "session=abc"}};
  std::vector<waf::Match> matches(1);
  matches[0].rule_id = 942100;
  matches[0].variable = "ARGS:a";
  matches[0].value = "1' or 1=1";
  const auto has = [](const std::string& json, std::string_view part) { return json.find(part) != std::string::npos; };

  auto json = audit_json(exchange, matches);
  CHECK(!has(json, "\"body"));
  exchange.request_body = "a=1'%20or%201=1&password=hunter2";
  json = audit_json(exchange, matches);
  CHECK(has(json, "\"body_bytes\":32,\"body\":\"a=1'%20or%201=1&password=REDACTED\"}"));
  CHECK(has(json, "\"place\":\"shop.example.com /\""));
  CHECK(has(json, "\"variable\":\"ARGS:a\",\"value\":\"1' or 1=1\""));

  // A body of bytes, and one that does not fit.
  exchange.request_body = std::string_view("\x00\xff\x01", 3);
  CHECK(has(audit_json(exchange, matches), "\"body_encoding\":\"base64\",\"body\":\"AP8B\""));
  const std::string large = "a=" + std::string(100'000, '"') + "&password=hunter2";
  exchange.request_body = large;
  json = audit_json(exchange, matches);
  CHECK(json.size() <= kAuditBytesMax);
  CHECK(json.size() > kAuditBodyBytesMax);
  CHECK(has(json, "\"body_bytes\":100019,\"body_cut\":\"true\",\"body\":\"a=\\\""));
  // With many matches its beginning stays, and the record is as large as it may be at most.
  matches.assign(500, matches[0]);
  json = audit_json(exchange, matches);
  CHECK(json.size() <= kAuditBytesMax);
  CHECK(has(json, "\"body_cut\":\"true\",\"body\":\"a=\\\""));
  CHECK(json.ends_with("\"truncated\":\"true\"}}"));
  const std::string euro = "a=" + std::string(kAuditBytesMax, 'x') + "€€€";
  for (std::size_t cut = 0; cut < 6; ++cut) {
    exchange.request_body = std::string_view(euro).substr(cut);
    CHECK(!has(audit_json(exchange, matches), "\xef\xbf\xbd"));
  }
}

TEST_CASE("audit: what matched holds no secret either") {
  struct Match {
    const char *variable, *value, *data, *must_not;
  };
  constexpr Match kMatches[] = {
      {"ARGS:password", "hunter2' or 1=1", "Matched Data: or 1=1 found", "or 1=1"},
      {"REQUEST_COOKIES:theme", "hunter2", "Matched Data: hunt", "hunt"},
      {"REQUEST_BODY", "a=1&password=hunter2", "Matched Data: hunt", "hunt"},
      {"REQUEST_BODY", "{\"password\":\"hunter2\"}", "Matched Data: hunt", "hunt"},
      {"QUERY_STRING", "a=1&password=hunter2", "", "hunt"},
      {"ARGS:data", "{\"password\":\"hunter2\"}", "Matched Data: hunt", "hunt"},
  };
  for (const auto& one : kMatches) {
    CAPTURE(one.variable);
    std::vector<waf::Match> matches(1);
    matches[0].variable = one.variable;
    matches[0].value = one.value;
    matches[0].msg = std::string("found ") + one.value;
    matches[0].log_data = one.data;
    const auto json = audit_json({}, matches);
    CHECK(json.find(one.must_not) == std::string::npos);
    CHECK(json.find(one.variable) != std::string::npos);
  }
}
