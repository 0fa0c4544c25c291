// What attackers write so that a firewall reads something else than the application behind it.  A row says what is sent and
// which rule refuses it: of the few rules here, and of the Core Rule Set at paranoia level 1 (docs/firewall.md, "Evasions").
// Tricks of the connection itself (chunks, lengths, two requests in one) are in nginx/smuggling_test.cpp.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "waf/engine.h"
#include "waf/overlay.h"
#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::waf;
using namespace std::string_literals;

namespace {

struct Header {
  std::string name, value;
};
struct Sent {
  std::string method, uri, body;
  std::vector<Header> headers;
};

// Who refuses.  `own`: the rule, 0 when it passes.  `crs`: the family of rules (their ids / 1000) that made the score, "2:942"
// when that takes paranoia level 2, "" when it passes; where the body itself is refused (200002, 200003) it is not looked at.
struct Evasion {
  std::string name;
  Sent sent;
  std::uint64_t own;
  std::string crs;
};

// As modsecurity.conf-recommended begins.
constexpr const char* kBase = R"rules(
SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyJsonDepthLimit 64
SecRule REQUEST_HEADERS:Content-Type "^(?:application(?:/soap\+|/)|text/)xml" "id:200000,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:Content-Type "^application/(?:[a-z0-9.-]+\+)?json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
SecRule REQBODY_ERROR "!@eq 0" "id:200002,phase:2,t:none,log,deny,status:400"
SecRule MULTIPART_STRICT_ERROR "!@eq 0" "id:200003,phase:2,t:none,log,deny,status:400"
SecRule MULTIPART_UNMATCHED_BOUNDARY "@eq 1" "id:200004,phase:2,t:none,log,deny,status:400"
)rules";

constexpr const char* kOwn = R"rules(
SecRule &REQUEST_HEADERS:Content-Type "@gt 1" "id:1,phase:1,deny,status:400"
SecRule REQUEST_HEADERS:Content-Type "!@rx ^(?:$|(?:application/(?:x-www-form-urlencoded|json|(?:soap\+)?xml)|text/xml|multipart/form-data)(?:$|[ ;]))" "id:2,phase:1,t:none,t:lowercase,deny,status:415"
SecRule REQUEST_HEADERS:Content-Type "@rx charset\s*=\s*[\"']?(?!utf-8\b|iso-8859-1\b)" "id:3,phase:1,t:none,t:lowercase,deny,status:415"
SecRule REQUEST_HEADERS:Content-Type "@rx charset.*charset" "id:4,phase:1,t:none,t:lowercase,deny,status:400"
SecRule ARGS|ARGS_NAMES|REQUEST_URI_RAW|REQUEST_HEADERS "@rx \x00" "id:5,phase:2,t:none,t:urlDecodeUni,deny,status:400"
SecRule ARGS|ARGS_NAMES|REQUEST_URI_RAW "@validateUtf8Encoding" "id:6,phase:2,t:none,t:urlDecodeUni,deny,status:400"
SecRule REQUEST_HEADERS:Content-Encoding "@rx ." "id:7,phase:1,deny,status:415"
SecRule &REQUEST_HEADERS:X-HTTP-Method-Override "@gt 0" "id:8,phase:1,deny,status:400"
SecRule REQUEST_URI_RAW|FILES|ARGS|ARGS_NAMES "@rx (?:^|[\\/;])\.\.(?:[\\/;]|$)" "id:10,phase:2,t:none,t:utf8toUnicode,t:urlDecodeUni,t:urlDecodeUni,deny,multiMatch"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|XML:/*|XML://@*|FILES "@detectSQLi" "id:11,phase:2,t:none,t:utf8toUnicode,t:urlDecodeUni,t:removeNulls,t:replaceComments,deny,multiMatch"
SecRule ARGS|ARGS_NAMES|REQUEST_COOKIES|XML:/*|XML://@* "@detectXSS" "id:12,phase:2,t:none,t:utf8toUnicode,t:urlDecodeUni,t:htmlEntityDecode,t:jsDecode,t:cssDecode,t:removeNulls,deny,multiMatch"
SecRule ARGS "@rx <script" "id:13,phase:2,t:none,t:base64DecodeExt,t:lowercase,deny"
SecRule ARGS|XML:/* "@pm /etc/passwd" "id:14,phase:2,t:none,t:cmdLine,t:normalizePath,deny"
SecRule FILES|MULTIPART_PART_HEADERS "@rx \.(?:php|jsp)\b" "id:15,phase:2,t:none,t:urlDecodeUni,t:lowercase,deny"
SecRule MULTIPART_PART_HEADERS "@rx ^content-(?:transfer-encoding|type:\s*multipart/|type:.*charset=(?!utf-8))" "id:16,phase:2,t:none,t:lowercase,deny"
SecRule ARGS "@rx javascript:" "id:18,phase:2,t:none,t:htmlEntityDecode,t:removeWhitespace,t:lowercase,deny"
SecRule ARGS "@detectXSS" "id:19,phase:2,t:none,t:cssDecode,deny"
)rules";

Sent get(std::string uri) { return {"GET", std::move(uri), "", {}}; }
Sent typed(std::string type, std::string body) { return {"POST", "/", std::move(body), {{"Content-Type", std::move(type)}}}; }
Sent form(std::string body) { return typed("application/x-www-form-urlencoded", std::move(body)); }
Sent json(std::string body) { return typed("application/json", std::move(body)); }
Sent xml(std::string body) { return typed("application/xml", std::move(body)); }
Sent multipart(std::string body) { return typed("multipart/form-data; boundary=B", std::move(body)); }
// One part with these header lines, without their last line end.
Sent part(const std::string& headers, const std::string& data = "1") { return multipart("--B\r\n" + headers + "\r\n\r\n" + data + "\r\n--B--\r\n"); }
const std::string kField = "Content-Disposition: form-data; name=\"q\"";
const std::string kSql = "1' union select password from users--";  // each trick below hides this, a tag or a path
const std::string kSqlInQuery = "q=1%27+union+select+password+from+users--";
std::string parameters(int count) {
  std::string out;
  for (int i = 0; i < count; ++i) out += fmt::format("a{}=1&", i);
  return out;
}
const std::string kOnePart = "--B\r\n" + kField + "\r\n\r\n" + kSql + "\r\n--B--\r\n";

Sent with(Sent sent, Header header) {
  sent.headers.push_back(std::move(header));
  return sent;
}

std::string utf16(std::string_view text) {
  std::string out = "\xff\xfe";
  for (const char c : text) out += {c, '\0'};
  return out;
}

std::vector<Evasion> evasions() {
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += "{\"a\":";
  deep += "\"x\"" + std::string(70, '}');
  return {
      // Nothing hidden: so that a table of refusals proves something.
      {"a query", get("/shop/list?q=blue+shoes&page=2"), 0, ""},
      {"a form", form("name=Ann+O%27Neil&text=I+would+like+to+order"), 0, ""},
      {"a JSON document", json(R"({"name":"Ann","items":[{"sku":"a\u0031","n":2}]})"), 0, ""},
      {"an XML document", xml("<?xml version=\"1.0\"?><order><name>Ann</name></order>"), 0, ""},
      {"a multipart form", part(kField, "blue shoes"), 0, ""},
      {"an upload", part(kField + "; filename=\"shoes.png\"\r\nContent-Type: image/png", "\x89PNG"), 0, ""},

      // Encodings.
      {"percent", get("/?q=1%27%20union%20select%20password%20from%20users--"), 11, "942"},
      {"percent twice", get("/?q=1%2527%2520union%2520select%2520password%2520from%2520users--"), 11, "942"},
      {"percent in a name", get("/?1%27%20union%20select%20password%20from%20users--=1"), 11, "942"},
      {"letters in percent", get("/?q=1%27%20%75%6e%69%6f%6e%20%73%65%6c%65%63%74%20password%20from%20users--"), 11, "942"},
      {"%u", get("/?q=1%u0027%u0020union%u0020select%u0020password%20from%20users--"), 11, "942"},
      {"%u of full width forms", get("/?q=%uff1cscript%uff1ealert(1)%uff1c/script%uff1e"), 12, "941"},
      {"full width forms in UTF-8", get("/?q=%EF%BC%9Cscript%EF%BC%9Ealert(1)%EF%BC%9C/script%EF%BC%9E"), 12, "941"},
      {"HTML entities", get("/?q=%26lt;script%26gt;alert(1)%26lt;/script%26gt;"), 12, "941"},
      {"HTML entities by number, with zeros", get("/?q=%26%2300000060;script%26%23x000003e;alert(1)"), 12, "941"},
      {"HTML entities without end", get("/?q=%26%2360script%26%2362alert(1)"), 12, "941"},
      {"HTML entities in an attribute", get("/?q=%3Ca+href=%22jav%26%2397;script:alert(1)%22%3Ex"), 12, "941"},
      {"a tab inside javascript:", get("/?q=%3Ca+href=%22jav%09ascript:alert(1)%22%3Ex"), 18, "941"},
      {"JavaScript escapes", get("/?q=\\x3cscript\\x3ealert(1)\\x3c/script\\x3e"), 12, "941"},
      {"JavaScript escapes, octal", get("/?q=\\74script\\76alert(1)"), 12, "941"},
      {"CSS escapes", get("/?q=\\3cscript\\3e alert(1)"), 19, "941"},
      {"base64", get("/?q=PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg=="), 13, ""},
      {"base64 with dirt", get("/?q=P*HNj.cmlw-dD5hbGVydCgxKTwvc2NyaXB0Pg"), 13, ""},
      {"a half of a percent", get("/?q=%3%3cscript%3ealert(1)"), 12, "941"},
      {"comments instead of blanks", get("/?q=1%27/**/union/**/select/**/password/**/from/**/users--"), 11, "942"},
      {"a comment with a version", get("/?q=1%27/*!50000union*//*!50000select*/password+from+users--"), 11, "942"},
      {"line ends instead of blanks", get("/?q=1%27%0Aunion%0Dselect%0C1,2%0Bfrom%A0users--"), 6, "942"},
      {"mixed case", get("/?q=1%27+uNiOn+SeLeCt+password+FrOm+users--"), 11, "942"},
      {"no blanks at all", get("/?q=1%27union(select(password)from(users))--"), 11, "942"},
      {"shell quotes", get("/?q=c'a't+/e\\tc/pa''sswd"), 14, "932"},

      // Overlong UTF-8.
      {"overlong quote", get("/?q=1%c0%a7%20union%20select%20password%20from%20users--"), 6, "942"},
      {"overlong bracket of three bytes", get("/?q=%e0%80%bcscript%e0%80%bealert(1)"), 6, "941"},
      {"overlong dots", get("/%c0%ae%c0%ae/%c0%ae%c0%ae/etc/passwd"), 6, "930"},
      {"overlong slash", get("/..%c0%af..%c0%afetc/passwd"), 6, "930"},
      {"overlong slash of four bytes", get("/..%f0%80%80%af..%f0%80%80%afetc/passwd"), 6, "930"},
      {"an impossible first byte", get("/?q=%ff%3Cscript%3Ealert(1)%3C/script%3E"), 6, "941"},

      // Null bytes.
      {"a null byte in a value", get("/?q=1%00%27%20union%20select%20password%20from%20users--"), 5, "920"},
      {"a null byte inside a word", get("/?q=%3Cscr%00ipt%3Ealert(1)%3C/script%3E"), 5, "920"},
      {"a null byte as %u", get("/?q=%3Cscr%u0000ipt%3Ealert(1)%3C/script%3E"), 5, "920"},
      {"a null byte before an extension", get("/?file=../../etc/passwd%00.png"), 5, "920"},
      {"a null byte in a form", form("q=%00" + kSql), 5, "920"},
      {"a bare null byte in a form", form("q=\0"s + kSql), 5, "920"},

      // Parameters.
      {"the second of two", get("/?q=1&q=1%27+union+select+password+from+users--"), 11, "942"},
      {"in the form, beside a harmless one in the query", with({"POST", "/?q=1", "q=" + kSql, {}}, {"Content-Type", "application/x-www-form-urlencoded"}), 11, "942"},
      {"split over two of one name", get("/?q=1%27/*&q=*/union/*&q=*/select+1,2+from+users--"), 11, "942"},
      {"nested names", get("/?q[a][b][]=1%27+union+select+password+from+users--"), 11, "942"},
      {"an attack as a nested name", get("/?q[1%27+union+select+password+from+users--]=1"), 11, "942"},
      {"without a value", get("/?1%27+union+select+password+from+users--"), 11, "942"},
      {"without a name", get("/?=1%27+union+select+password+from+users--"), 11, "942"},
      {"after a second question mark", get("/?a=1?q=1%27+union+select+password+from+users--"), 11, "942"},
      {"a semicolon between parameters", get("/?a=1;q=1%27+union+select+password+from+users--"), 11, "942"},
      {"a blank before the name", get("/?%20q=1%27+union+select+password+from+users--"), 11, "942"},
      {"the last that is looked at", get("/?" + parameters(999) + kSqlInQuery), 11, "942"},
      {"behind more parameters than are looked at", get("/?" + parameters(1000) + kSqlInQuery), 200002, ""},
      {"the same in a form", form(parameters(1000) + kSqlInQuery), 200002, ""},
      {"the same over query and form", with({"POST", "/?" + parameters(600), parameters(600) + kSqlInQuery, {}}, {"Content-Type", "application/x-www-form-urlencoded"}), 200002, ""},
      {"in a cookie", with(get("/"), {"Cookie", "a=1; q=" + kSql}), 11, "942"},
      {"in the second cookie line", with(with(get("/"), {"Cookie", "a=1"}), {"Cookie", "q=" + kSql}), 11, "942"},
      {"a cookie in quotes", with(get("/"), {"Cookie", "q=\"1' union select password from users--\""}), 11, "942"},

      // What the content type says.
      {"a type in capitals", typed("Application/X-WWW-Form-URLEncoded", "q=" + kSql), 11, "942"},
      {"no type", {"POST", "/", "q=" + kSql, {}}, 0, "920"},
      {"an empty type", typed("", "q=" + kSql), 0, "920"},
      {"a type no rule reads", typed("text/plain", "q=" + kSql), 2, "920"},
      {"a type that goes on", typed("application/x-www-form-urlencodedx", "q=" + kSql), 2, "920"},
      {"two types in one line", typed("application/x-www-form-urlencoded, text/plain", "q=" + kSql), 2, "920"},
      {"two type lines", with(form("q=" + kSql), {"Content-Type", "text/plain"}), 1, "920"},
      {"two type lines, the known one last", with(typed("text/plain", "q=" + kSql), {"Content-Type", "application/x-www-form-urlencoded"}), 1, "920"},
      {"a tab before the parameter", typed("application/x-www-form-urlencoded\t; charset=utf-8", "q=" + kSql), 2, "942"},
      {"a charset that is no ASCII", typed("application/x-www-form-urlencoded; charset=ibm037", "q=\xf1\x7d"), 3, "920"},
      {"charset UTF-7", typed("application/x-www-form-urlencoded; charset=utf-7", "q=+ADw-script+AD4-"), 3, "920"},
      {"two charsets", typed("application/x-www-form-urlencoded; charset=utf-8; charset=ibm037", "q=1"), 3, "920"},
      {"a charset in quotes", typed("application/x-www-form-urlencoded; charset=\"ibm037\"", "q=1"), 3, "920"},
      {"a body that is compressed", with(form("q=" + kSql), {"Content-Encoding", "gzip"}), 7, "920"},
      {"another method under a header", with(get("/"), {"X-HTTP-Method-Override", "DELETE"}), 8, "920"},
      {"a form that says JSON", json("q=" + kSql), 200002, ""},
      {"JSON that says form", form(R"({"q":"1' union select password from users--"})"), 11, "942"},
      {"XML that says form", form("<q>" + kSql + "</q>"), 11, "942"},
      {"multipart that says form", form(kOnePart), 11, "942"},

      // multipart/form-data.
      {"a part", multipart(kOnePart), 11, "942"},
      {"type in capitals", typed("Multipart/Form-Data; boundary=B", kOnePart), 11, "942"},
      {"a boundary in quotes", typed("multipart/form-data; boundary=\"B\"", kOnePart), 200003, ""},
      {"half a quote", typed("multipart/form-data; boundary=\"B", kOnePart), 200002, ""},
      {"a boundary in single quotes", typed("multipart/form-data; boundary='B'", kOnePart), 200002, ""},
      {"blanks around =", typed("multipart/form-data; boundary = B", kOnePart), 200002, ""},
      {"two boundaries", typed("multipart/form-data; boundary=A; boundary=B", kOnePart), 200002, ""},
      {"two boundaries, one in capitals", typed("multipart/form-data; BOUNDARY=A; boundary=B", kOnePart), 200002, ""},
      {"boundary in capitals", typed("multipart/form-data; Boundary=B", kOnePart), 200002, ""},
      {"no boundary", typed("multipart/form-data", kOnePart), 200002, ""},
      {"an empty boundary", typed("multipart/form-data; boundary=", kOnePart), 200002, ""},
      {"boundary*", typed("multipart/form-data; boundary*=utf-8''B", kOnePart), 200002, ""},
      {"boundary in pieces", typed("multipart/form-data; boundary*0=A; boundary*1=B", "--AB\r\n" + kField + "\r\n\r\n" + kSql + "\r\n--AB--\r\n"), 200002, ""},
      {"no semicolon", typed("multipart/form-data boundary=B", kOnePart), 200003, ""},
      {"a comma for a semicolon", typed("multipart/form-data, boundary=B", kOnePart), 2, "920"},
      {"another parameter first", typed("multipart/form-data; charset=utf-8; boundary=B", kOnePart), 200002, ""},
      {"charset behind the boundary", typed("multipart/form-data; boundary=B; charset=utf-8", kOnePart), 11, "942"},
      {"charset UTF-16 behind the boundary", typed("multipart/form-data; boundary=B; charset=utf-16", kOnePart), 3, "920"},
      {"multipart of another kind", typed("multipart/mixed; boundary=B", kOnePart), 2, "920"},
      {"a form that says multipart", multipart("q=" + kSql), 200002, ""},
      {"something before", multipart("x\r\n" + kOnePart), 200003, ""},
      {"an empty line before", multipart("\r\n" + kOnePart), 200003, ""},
      {"something behind", multipart(kOnePart + "x"), 200003, ""},
      {"a part behind the end", multipart("--B\r\n" + kField + "\r\n\r\n1\r\n--B--\r\n" + kOnePart), 200003, ""},
      {"no end", multipart("--B\r\n" + kField + "\r\n\r\n" + kSql), 200002, ""},
      {"an end without its dashes", multipart("--B\r\n" + kField + "\r\n\r\n" + kSql + "\r\n--B\r\n"), 200002, ""},
      {"no CR anywhere", multipart("--B\n" + kField + "\n\n" + kSql + "\n--B--\n"), 200003, ""},
      {"no CR before the boundary", multipart("--B\r\n" + kField + "\r\n\r\n" + kSql + "\n--B--\r\n"), 200003, ""},
      {"no CR behind a header", multipart("--B\r\n" + kField + "\n\r\n" + kSql + "\r\n--B--\r\n"), 200003, ""},
      {"no LF", multipart("--B\r" + kField + "\r\r" + kSql + "\r--B--\r"), 200002, ""},
      {"blanks behind the boundary", multipart("--B \r\n" + kField + "\r\n\r\n" + kSql + "\r\n--B--\r\n"), 200002, ""},
      {"blanks in the boundary", multipart("-- B\r\n" + kField + "\r\n\r\n" + kSql + "\r\n--B--\r\n"), 200002, ""},
      {"another boundary inside", multipart("--B\r\n" + kField + "\r\n\r\n1\r\n--C\r\n" + kField + "\r\n\r\n2\r\n"), 200002, ""},
      {"a boundary in a line", multipart("--B\r\n" + kField + "\r\n\r\nx--B\r\n1\r\n--B--\r\n"), 0, ""},
      {"a longer boundary", multipart("--B\r\n" + kField + "\r\n\r\n1\r\n--BB\r\n" + kField + "\r\n\r\n" + kSql + "\r\n--B--\r\n"), 200002, ""},
      {"folded", part("Content-Disposition: form-data;\r\n name=\"q\"", kSql), 200003, ""},
      {"folded by a form feed", part("Content-Disposition: form-data;\r\n\fname=\"q\"", kSql), 200003, ""},
      {"the first line folded", part(" " + kField, kSql), 200002, ""},
      {"no disposition", part("Content-Type: text/plain", kSql), 200002, ""},
      {"no headers", multipart("--B\r\n\r\n" + kSql + "\r\n--B--\r\n"), 200002, ""},
      {"two dispositions", part(kField + "\r\nContent-Disposition: form-data; name=\"q\"; filename=\"x.php\"", kSql), 200002, ""},
      {"two names", part("Content-Disposition: form-data; name=\"a\"; name=\"q\"", kSql), 200002, ""},
      {"two file names", part(kField + "; filename=\"a.png\"; filename=\"a.php\""), 200002, ""},
      {"a name without quotes", part("Content-Disposition: form-data; name=q", kSql), 11, "942"},
      {"single quotes", part("Content-Disposition: form-data; name='q'", kSql), 200003, ""},
      {"half a quote in a name", part("Content-Disposition: form-data; name=\"q", kSql), 200002, ""},
      {"an escaped quote", part("Content-Disposition: form-data; name=\"q\\\"; filename=\\\"x.png\"", kSql), 11, "942"},
      {"no semicolon in the disposition", part("Content-Disposition: form-data name=\"q\"", kSql), 200002, ""},
      {"a null byte in a name", part("Content-Disposition: form-data; name=\"q\0x\""s, kSql), 200002, ""},
      {"a null byte in a file name", part(kField + "; filename=\"x.php\0.png\""s), 200002, ""},
      {"filename*", part(kField + "; filename*=utf-8''x.php"), 200002, ""},
      {"filename* beside filename", part(kField + "; filename=\"x.png\"; filename*=utf-8''x.php"), 15, "933"},
      {"FileName", part(kField + "; FileName=\"x.php\""), 200002, ""},
      // No server decodes this one, so the Core Rule Set lets it pass.
      {"a file name in percent", part(kField + "; filename=\"x.%70%68%70\""), 15, ""},
      {"a file name with a path", part(kField + "; filename=\"../../etc/cron.d/x\""), 10, "930"},
      {"a file name of an attack", part(kField + "; filename=\"x' union select password from users--.png\""), 11, "920"},
      {"an empty file name", part(kField + "; filename=\"\"", kSql), 11, "942"},
      {"blanks before the colon", part("Content-Disposition : form-data; name=\"q\"", kSql), 200002, ""},
      {"disposition: attachment", part("Content-Disposition: attachment; name=\"q\"", kSql), 200002, ""},
      {"a transfer encoding", part(kField + "\r\nContent-Transfer-Encoding: base64", "MScgdW5pb24="), 16, "922"},
      {"quoted printable", part(kField + "\r\nContent-Transfer-Encoding: quoted-printable", "1=27 union select"), 11, "922"},
      {"a charset of a part", part(kField + "\r\nContent-Type: text/plain; charset=utf-7", "+ADw-script+AD4-"), 16, "922"},
      {"multipart in multipart", part(kField + "\r\nContent-Type: multipart/mixed; boundary=C", "--C\r\nContent-Disposition: file; filename=\"x.php\"\r\n\r\n1\r\n--C--"), 16, ""},
      {"two parts of one name", multipart("--B\r\n" + kField + "\r\n\r\n1\r\n" + kOnePart), 11, "942"},

      // JSON.
      {"a string", json("{\"q\":\"" + kSql + "\"}"), 11, "942"},
      {"escaped", json(R"({"q":"1\u0027 \u0075nion select password from users--"})"), 11, "942"},
      {"escaped twice", json(R"j({"q":"\\u003cscript\\u003ealert(1)"})j"), 12, "941"},
      {"a key twice, the first one bad", json("{\"q\":\"" + kSql + "\",\"q\":\"1\"}"), 11, "942"},
      {"a key twice, the second one bad", json("{\"q\":\"1\",\"q\":\"" + kSql + "\"}"), 11, "942"},
      {"a key of the attack", json("{\"" + kSql + "\":1}"), 11, "942"},
      {"an escaped key", json(R"({"1\u0027 union select password from users--":1})"), 11, "942"},
      {"nothing but a string", json("\"" + kSql + "\""), 11, "942"},
      {"an array", json("[[[\"" + kSql + "\"]]]"), 11, "942"},
      {"too deep", json(deep), 200002, ""},
      {"a byte order mark", json("\xef\xbb\xbf{\"q\":\"" + kSql + "\"}"), 200002, ""},
      {"UTF-16", json(utf16("{\"q\":\"" + kSql + "\"}")), 200002, ""},
      {"a type with UTF-16", typed("application/json; charset=utf-16", utf16("{\"q\":\"1\"}")), 3, "920"},
      {"something behind", json("{\"q\":\"1\"}" + kSql), 200002, ""},
      {"two documents", json("{\"q\":\"1\"}{\"q\":\"" + kSql + "\"}"), 200002, ""},
      {"single quotes", json("{'q':'1'}"), 200002, ""},
      {"a comment", json("{/**/\"q\":\"1\"}"), 200002, ""},
      {"a comma too many", json("{\"q\":\"1\",}"), 200002, ""},
      {"NaN", json("{\"q\":NaN}"), 200002, ""},
      {"a line end in a string", json("{\"q\":\"1\n2\"}"), 200002, ""},
      {"half a surrogate", json(R"({"q":"\ud800' union select password from users--"})"), 11, "942"},
      {"bytes that are no UTF-8", json("{\"q\":\"1\xc0\xa7 union select password from users--\"}"), 6, "942"},
      {"a null byte", json(R"({"q":"1\u0000' union select password from users--"})"), 5, "920"},
      {"cut short", json("{\"q\":\"" + kSql), 200002, ""},
      {"a type that ends in json", typed("application/vnd.api+json", "{\"q\":\"" + kSql + "\"}"), 2, "920"},
      {"text/json", typed("text/json", "{\"q\":\"" + kSql + "\"}"), 2, "920"},
      {"a type in capitals", typed("APPLICATION/JSON", "{\"q\":\"" + kSql + "\"}"), 11, "942"},

      // XML.
      {"a text", xml("<a>" + kSql + "</a>"), 11, "942"},
      {"an attribute", xml("<a b=\"1' union select password from users--\"/>"), 11, "942"},
      {"character references", xml("<a>1&#39; &#x75;nion select password from users--</a>"), 11, "942"},
      {"CDATA", xml("<a>1<![CDATA[' union sel]]>ect password from users--</a>"), 11, "942"},
      {"a comment inside a word", xml("<a>1' un<!-- -->ion select password from users--</a>"), 11, "942"},
      {"an instruction inside a word", xml("<a>1' un<?x y?>ion select password from users--</a>"), 11, "942"},
      {"split over elements", xml("<a>1' <b>union </b><c>select password from users--</c></a>"), 11, "942"},
      {"an entity of its own", xml("<!DOCTYPE a [<!ENTITY x \"1' union select password from users--\">]><a>&x;</a>"), 11, "942"},
      {"a default attribute", xml("<!DOCTYPE a [<!ATTLIST a b CDATA \"1' union select password from users--\">]><a/>"), 11, "942"},
      {"a file as an entity", xml("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>"), 14, "930"},
      {"entities of entities", xml("<!DOCTYPE a [<!ENTITY x \"aaaa\"><!ENTITY y \"&x;&x;&x;\">]><a>&y;&y;</a>"), 0, ""},
      {"an entity nobody declared", xml("<a>&x;</a>"), 200002, ""},
      {"not closed", xml("<a>" + kSql), 200002, ""},
      {"something behind", xml("<a/>" + kSql), 200002, ""},
      {"UTF-16", xml(utf16("<a>" + kSql + "</a>")), 11, "942"},
      {"an encoding that is no ASCII", xml("<?xml version=\"1.0\" encoding=\"utf-7\"?><a>+ADw-</a>"), 200002, ""},
      {"a null byte", xml("<a>1\0</a>"s), 200002, ""},
      {"SOAP", typed("application/soap+xml", "<a>" + kSql + "</a>"), 11, "942"},
      {"text/xml", typed("text/xml; charset=utf-8", "<a>" + kSql + "</a>"), 11, "942"},

      // Paths.
      {"dots", get("/a/../../etc/passwd"), 10, "930"},
      {"dots in percent", get("/a/%2e%2e/%2e%2e/etc/passwd"), 10, "930"},
      {"dots in percent twice", get("/a/%252e%252e/%252e%252e/etc/passwd"), 10, "930"},
      {"a slash in percent", get("/a/..%2f..%2fetc%2fpasswd"), 10, "930"},
      {"backslashes", get("/a/..\\..\\windows\\win.ini"), 10, "930"},
      {"backslashes in percent", get("/a/..%5c..%5cwindows%5cwin.ini"), 10, "930"},
      {"a parameter of the path", get("/a/..;/manager/html"), 10, "930"},
      {"a parameter of the path in percent", get("/a/..%3b/manager/html"), 10, "930"},
      {"dots in an argument", get("/?file=....//....//etc/passwd"), 14, "930"},
      {"a path with slashes to spare", get("/?file=///etc//./passwd"), 14, "930"},
      {"a fragment", get("/a#/../../etc/passwd"), 10, "930"},
      {"a target with a scheme", get("http://localhost/a/../../etc/passwd"), 10, "930"},
      {"an argument with dots in %u", get("/?file=%u002e%u002e%u2215%u002e%u002e%u2215etc"), 0, "930"},
  };
}

std::shared_ptr<const RuleSet> compile(const std::string& text, const std::string& path) {
  auto source = read_seclang(text, path, real_files());
  REQUIRE_MESSAGE(source.ok(), (source.ok() ? "" : source.error().message));
  auto rules = RuleSet::compile(std::move(*source));
  REQUIRE_MESSAGE(rules.ok(), (rules.ok() ? "" : rules.error().message));
  return *rules;
}

Verdict judge(Transaction& t, const Sent& sent) {
  t.reset({.client_address = "192.0.2.1", .server_address = "192.0.2.9", .server_name = "localhost", .unique_id = "u", .client_port = 1, .server_port = 80, .now_ns = 1'000'000'000});
  t.request_line(sent.method, sent.uri, "HTTP/1.1");
  t.request_header("Host", "shop.example");
  t.request_header("User-Agent", "evasions");
  t.request_header("Accept", "*/*");
  for (const auto& [name, value] : sent.headers) t.request_header(name, value);
  const auto length = std::to_string(sent.body.size());
  if (sent.method == "POST") t.request_header("Content-Length", length);
  auto verdict = t.request_headers_done();
  if (verdict.action == Verdict::Action::kPass) {
    if (t.wants_request_body()) t.request_body(sent.body);
    verdict = t.request_body_done();
  }
  t.logging();
  return verdict;
}

// "942 941": the families that matched and are logged, without those that only add up.
std::string families(const Transaction& t) {
  std::string out;
  for (const auto& match : t.matches()) {
    const auto family = std::to_string(match.rule_id / 1000);
    if (match.log && family != "949" && family != "980" && out.find(family) == std::string::npos) out += family + " ";
  }
  return out;
}

}  // namespace

TEST_CASE("evasions: a few rules see through them") {
  const auto t = Transaction::make(compile(std::string(kBase) + kOwn, "rules.conf"));
  for (const auto& c : evasions()) {
    CAPTURE(c.name);
    const auto verdict = judge(*t, c.sent);
    CHECK(verdict.rule_id == c.own);
    CHECK((verdict.action == Verdict::Action::kDeny) == (c.own != 0));
  }
}

TEST_CASE("evasions: a parent folder in a path, as any reader could see it") {
  struct Case {
    std::string_view path;
    bool want;
  };
  constexpr Case kCases[] = {
      {"/a/../b", true},       {"/..", true},           {"..", true},          {"/a/..;/b", true},  {"/a/..;x=1/b", true},   {"/a/..\\b", true},       {"/a\\..", true},       {"/a/%2e%2e/b", true}, {"/a/.%2E%2fb", true}, {"/a/..%5cb", true},
      {"/a/..%3b/b", true},    {"/a;x=1/..", true},     {"/a/...", false},     {"/a/..b/c", false}, {"/a..", false},         {"/a../b", false},        {"/a/.;./b", false},    {"/a/./b", false},     {"/a;..;/b", false},   {"/a/%2e/b", false},
      {"", false},             {"/", false},            {"/100%", false},      {"/a/..%", false},   {"/a/..%4", false},      {"/1..2/3", false},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.path);
    CHECK(names_parent(c.path) == c.want);
  }
}

TEST_CASE("evasions: the Core Rule Set sees through them") {
  const auto folder = std::string(RINGWALL_SOURCE_DIR) + "/../shared/crs";
  if (!std::filesystem::exists(folder)) {
    std::printf("skipped: evasions against the Core Rule Set: shared/crs is not there\n");
    return;
  }
  std::unique_ptr<Transaction> by_level[3];
  for (int level = 1; level <= 2; ++level) {
    by_level[level] = Transaction::make(compile(fmt::format("{}SecAction \"id:9,phase:1,nolog,pass,setvar:tx.blocking_paranoia_level={}\"\nInclude {}/crs-setup.conf.example\nInclude {}/rules/*.conf\n",
                                                            kBase, level, folder, folder), folder + "/main.conf"));
  }
  for (const auto& c : evasions()) {
    CAPTURE(c.name);
    const bool second = c.crs.starts_with("2:");
    auto& t = *by_level[second ? 2 : 1];
    const auto verdict = judge(t, c.sent);
    const auto matched = families(t);
    CAPTURE(matched);
    CAPTURE(verdict.rule_id);
    if (c.own >= 200000) {
      CHECK(verdict.rule_id == c.own);
      continue;
    }
    const auto family = second ? c.crs.substr(2) : c.crs;
    CHECK((verdict.action == Verdict::Action::kDeny) == !family.empty());
    const bool family_matched = matched.find(family) != std::string::npos;
    CHECK(family_matched);
  }
}
