// A conversation judged by rules of every operator, transformation, variable and action: the fast path says what the plain path says,
// a transaction that is used again says what it said before, and what it may cost is kept to.
//
//   input := line (header-line)* "\n" body ["\0\0" status-line (header-line)* "\n" response-body]
//
// Lines end in LF; "POST /?a=1 HTTP/1.1" is the first.  The seeds are below: an empty corpus begins with them, and the mutator puts
// pieces of attacks into what libFuzzer makes of them.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <tuple>

#include "waf/engine.h"
#include "waf/seclang.h"

using namespace ringwall;
using namespace ringwall::waf;
using namespace std::string_view_literals;

extern "C" std::size_t LLVMFuzzerMutate(unsigned char* data, std::size_t size, std::size_t size_max);

namespace {

constexpr std::size_t kBytesMax = 6 << 10;
constexpr std::uint64_t kSmallBudget = 50'000;
constexpr std::uint64_t kStepsPerByteMax = 6000;  // where each of twelve automata that run together builds a state

void require(bool held, std::string_view what) {
  if (held) return;
  fmt::print(stderr, "engine_fuzz: {}\n", what);
  std::abort();
}

// Rules that match now and then: what they look for is among the pieces below.
constexpr std::string_view kOperators[] = {
    "@rx (?i)union\\s+select", "@rx ^[a-f0-9]{3,}$", "@rx (a|b)*c", "@rx (?<!x)script(?=>)", "@rx \\bor\\b.*=", "@rx ([a-z])\\1", "!@rx ^[\\x20-\\x7e]*$", "@rxGlobal [0-9]+", "@pm select union script passwd eval( ../",
    "@pm a", "@pmFromFile words.data", "@contains passwd", "@contains %{tx.seen}", "@containsWord or", "@beginsWith /a", "@endsWith --", "@streq evil", "!@streq evil", "@strmatch *.php", "@within GET POST evil script",
    "@within %{request_method} x", "@eq 3", "@ge 5", "@gt 10", "@le 0", "@lt 2", "@detectSQLi", "@detectXSS", "@ipMatch 192.0.2.0/24,::1", "@ipMatchFromFile addresses.data", "@validateByteRange 32-126,10,13",
    "@validateUrlEncoding", "@validateUtf8Encoding", "@verifyCC [0-9]{13,16}", "@verifyCPF [0-9]{11}", "@verifySSN [0-9]{9}", "@verifySVNR [0-9]{10}", "@unconditionalMatch", "@noMatch",
};

constexpr std::string_view kActions = R"rules(
SecAction "id:100,phase:1,pass,nolog,initcol:ip=%{REMOTE_ADDR},initcol:global=all,setvar:ip.hits=+1,expirevar:ip.hits=60,setvar:tx.score=0,setvar:tx.seen=seen,setuid:%{REQUEST_HEADERS.Host},setsid:s%{REMOTE_PORT}"
SecRule REQUEST_HEADERS:Content-Type "@contains json" "id:101,phase:1,pass,nolog,t:lowercase,ctl:requestBodyProcessor=JSON"
SecRule REQUEST_HEADERS:Content-Type "@contains xml" "id:102,phase:1,pass,nolog,t:lowercase,ctl:requestBodyProcessor=XML"
SecRule REQUEST_HEADERS:X-Force "@rx ." "id:103,phase:1,pass,nolog,ctl:forceRequestBodyVariable=On"
SecRule ARGS:off "@streq body" "id:104,phase:1,pass,ctl:requestBodyAccess=Off"
SecRule ARGS:off "@streq engine" "id:105,phase:1,pass,ctl:ruleEngine=Off"
SecRule ARGS:off "@streq watch" "id:106,phase:1,pass,ctl:ruleEngine=DetectionOnly"
SecRule ARGS:remove "@streq id" "id:107,phase:1,pass,ctl:ruleRemoveById=300-340,ctl:ruleRemoveTargetById=341;ARGS:a"
SecRule ARGS:remove "@streq tag" "id:108,phase:1,pass,ctl:ruleRemoveByTag=odd,ctl:ruleRemoveTargetByTag=even;ARGS_NAMES"
SecRule ARGS:allow "@within phase request all" "id:109,phase:1,pass,capture,setvar:tx.allow=%{MATCHED_VAR},setvar:'tx.%{MATCHED_VAR_NAME}=x%{MATCHED_VAR}y'"
SecRule TX:allow "@streq phase" "id:110,phase:1,allow:phase"
SecRule TX:allow "@streq request" "id:111,phase:2,allow:request"
SecRule TX:allow "@streq all" "id:112,phase:2,allow"
SecRule ARGS:jump "@gt 0" "id:113,phase:2,pass,skip:2"
SecRule ARGS|REQUEST_COOKIES "@rx (..)(..)(.)" "id:114,phase:2,pass,capture,t:none,t:lowercase,msg:'%{TX.0} %{tx.1}',logdata:'%{MATCHED_VAR_NAME}=%{MATCHED_VAR}',tag:'t/%{TX.2}',severity:2,setvar:tx.score=+5,setvar:tx.c_%{TX.1}=%{TX.2}"
SecRule ARGS:b "@rx ." "id:115,phase:2,pass,setvar:!tx.seen,setvar:tx.score=-2,setvar:ip.last=%{ARGS.b},setenv:x=%{tx.score}"
SecRule ARGS:jump "@rx ^far" "id:116,phase:2,pass,skipAfter:END_OF_JUMP"
SecRule ARGS "@rx ^[0-9]+$" "id:117,phase:2,pass,chain,msg:'chain %{MATCHED_VAR}',multiMatch,t:none,t:urlDecodeUni,t:trim"
  SecRule MATCHED_VARS|MATCHED_VARS_NAMES "@rx [13579]$" "chain,capture,setvar:tx.score=+%{MATCHED_VAR}"
  SecRule TX:0 "@within 1 3 5 7 9 %{ARGS.a}" "setvar:tx.chained=1"
SecMarker END_OF_JUMP
SecRule TX:/^c_/ "@rx ." "id:118,phase:2,pass,nolog,setvar:tx.score=+1"
SecRule &TX "@gt 12" "id:119,phase:2,pass"
SecRule IP:hits|GLOBAL:x|SESSION:y|USER:z|RESOURCE:w "@ge 1" "id:120,phase:2,pass,setvar:global.x=+1"
SecRule ARGS:stop "@streq deny" "id:121,phase:2,deny,status:406,severity:'CRITICAL'"
SecRule ARGS:stop "@streq drop" "id:122,phase:2,drop"
SecRule ARGS:stop "@beginsWith http" "id:123,phase:2,redirect:'%{ARGS.stop}?%{UNIQUE_ID}'"
SecRule ARGS:stop "@streq pause" "id:124,phase:2,pause:20"
SecRule ARGS:stop "@streq block" "id:125,phase:2,block"
SecRule TX:score "@gt 40" "id:126,phase:2,deny"
SecRule RESPONSE_STATUS "@rx ^5" "id:127,phase:3,pass,ctl:responseBodyAccess=Off"
SecRule RESPONSE_HEADERS:X-Leak "@rx secret" "id:128,phase:3,deny,status:502"
SecRule RESPONSE_BODY "@pm secret passwd union" "id:129,phase:4,capture,deny,logdata:'%{TX.0}'"
SecRule HIGHEST_SEVERITY "@lt 3" "id:130,phase:5,pass"
)rules";

Result<std::string> read_data(const std::string& path) {
  if (path.ends_with("words.data")) return std::string("# words\nselect\nsystem(\n/etc/passwd\n<script\n");
  if (path.ends_with("addresses.data")) return std::string("192.0.2.7\n10.0.0.0/8\n2001:db8::/32\n");
  return fail(Errc::kNotFound, path);
}
Result<std::vector<std::string>> no_files(const std::string&) { return std::vector<std::string>{}; }

std::string rules_text() {
  std::string text = "SecRuleEngine On\nSecRequestBodyAccess On\nSecResponseBodyAccess On\nSecRequestBodyLimit 4000\nSecRequestBodyJsonDepthLimit 40\nSecArgumentsLimit 64\nSecUploadFileLimit 4\nSecAuditEngine RelevantOnly\n"
                     "SecDefaultAction \"phase:2,log,auditlog,deny,status:403\"\n";
  text += kActions;
  // Every operator over what clients write, under transformations in turn.
  std::uint64_t id = 300;
  const auto transformation = [](std::uint64_t number) { return fmt::format("t:{}", name_of(static_cast<Transformation>(number % kTransformationCount))); };
  constexpr std::string_view kTargets[] = {"ARGS|ARGS_NAMES|!ARGS:spared", "REQUEST_HEADERS|REQUEST_COOKIES|!REQUEST_HEADERS:/^x-/", "REQUEST_URI|REQUEST_BODY|REQUEST_LINE", "XML:/*|XML://@*|FILES|MULTIPART_PART_HEADERS", "ARGS:a|ARGS:/^b/|&ARGS"};
  for (const auto op : kOperators) {
    for (const auto targets : {kTargets[id % 5], kTargets[(id + 2) % 5]}) {
      text += fmt::format("SecRule {} \"{}\" \"id:{},phase:2,pass,t:none,{},{},tag:'{}',capture{}\"\n", targets, op, id, transformation(id), transformation(id * 7), id % 2 == 0 ? "even" : "odd", id % 3 == 0 ? ",multiMatch" : "");
      ++id;
    }
  }
  // Every transformation alone.
  for (std::uint64_t i = 0; i < kTransformationCount; ++i) {
    text += fmt::format("SecRule ARGS|REQUEST_FILENAME|REQUEST_COOKIES \"@rx (?i)select|script|passwd|^.{{0,3}}$\" \"id:{},phase:2,pass,t:none,{}\"\n", id++, transformation(i));
  }
  // Every variable.
  for (int i = 0; i <= static_cast<int>(Variable::kWebAppId); ++i) {
    const auto variable = static_cast<Variable>(i);
    text += fmt::format("SecRule {}{} \"@rx ^[1-9]|select|b$\" \"id:{},phase:{},pass,t:none,t:lowercase\"\n", name_of(variable), variable == Variable::kXml ? ":/*" : "", id, 1 + i % 4);
    ++id;
  }
  return text;
}

std::shared_ptr<const RuleSet> compile(bool fast, std::uint64_t budget) {
  auto source = read_seclang(rules_text(), "/rules.conf", {read_data, no_files});
  require(source.ok(), source.ok() ? "" : source.error().message);
  CompileOptions options;
  options.fast = fast;
  options.budget.steps = budget;
  auto rules = RuleSet::compile(std::move(*source), options);
  require(rules.ok(), rules.ok() ? "" : rules.error().message);
  return *rules;
}

// Collections in a map, forgotten before each judgement.
class Kept final : public PersistentCollections {
 public:
  void clear() { values_.clear(); }
  std::vector<std::pair<std::string, std::string>> load(Variable collection, std::string_view key, std::int64_t) override {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& [where, value] : values_) {
      if (std::get<0>(where) == collection && std::get<1>(where) == key) out.emplace_back(std::get<2>(where), value);
    }
    return out;
  }
  void set(Variable collection, std::string_view key, std::string_view name, std::optional<std::string_view> value, const When&) override {
    if (value) values_[{collection, std::string(key), std::string(name)}] = *value;
    else values_.erase({collection, std::string(key), std::string(name)});
  }
  std::optional<std::int64_t> add(Variable collection, std::string_view key, std::string_view name, std::int64_t by, const When&) override {
    auto& value = values_[{collection, std::string(key), std::string(name)}];
    std::int64_t sum = 0;
    if (__builtin_add_overflow(std::strtoll(value.c_str(), nullptr, 10), by, &sum)) return std::nullopt;
    value = std::to_string(sum);
    return sum;
  }
  void expire(Variable, std::string_view, std::string_view, std::int64_t, const When&) override {}

 private:
  std::map<std::tuple<Variable, std::string, std::string>, std::string> values_;
};

struct Conversation {
  std::string_view method, uri, protocol, body, response_body;
  std::vector<std::pair<std::string_view, std::string_view>> headers, response_headers;
  int status = 200;
};

std::string_view take_until(std::string_view& rest, std::string_view mark) {
  const auto end = std::min(rest.find(mark), rest.size());
  const auto taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + mark.size(), rest.size()));
  return taken;
}

std::vector<std::pair<std::string_view, std::string_view>> take_headers(std::string_view& rest) {
  std::vector<std::pair<std::string_view, std::string_view>> out;
  while (!rest.empty()) {
    auto line = take_until(rest, "\n");
    if (line.empty()) break;
    const auto name = take_until(line, ":");
    while (line.starts_with(' ')) line.remove_prefix(1);
    out.emplace_back(name, line);
  }
  return out;
}

Conversation read(std::string_view input) {
  Conversation out;
  auto request = take_until(input, "\0\0"sv);
  auto line = take_until(request, "\n");
  out.method = take_until(line, " ");
  const auto last = line.rfind(' ');
  out.uri = line.substr(0, last);
  if (last != std::string_view::npos) out.protocol = line.substr(last + 1);
  out.headers = take_headers(request);
  out.body = request;
  if (take_until(input, "\n").starts_with('5')) out.status = 500;
  out.response_headers = take_headers(input);
  out.response_body = input;
  return out;
}

// All that can be known of a judgement, as text.
std::string judged(Transaction& t, Kept& kept, const Conversation& c, std::size_t piece_bytes) {
  kept.clear();
  t.reset({.client_address = "192.0.2.7", .server_address = "192.0.2.9", .server_name = "s", .unique_id = "u", .client_port = 1, .server_port = 80, .now_ns = 1'700'000'000'000'000'000});
  const auto feed = [piece_bytes](std::string_view body, auto take) {
    for (; !body.empty(); body.remove_prefix(std::min(piece_bytes, body.size()))) {
      if (!take(body.substr(0, piece_bytes))) return;
    }
  };
  t.request_line(c.method, c.uri, c.protocol);
  for (const auto& [name, value] : c.headers) t.request_header(name, value);
  int phase = 1;
  auto verdict = t.request_headers_done();
  if (verdict.action == Verdict::Action::kPass) {
    phase = 2;
    if (t.wants_request_body()) feed(c.body, [&t](std::string_view piece) { return t.request_body(piece); });
    verdict = t.request_body_done();
  }
  if (verdict.action == Verdict::Action::kPass) {
    phase = 3;
    t.response_line(c.status, "HTTP/1.1");
    for (const auto& [name, value] : c.response_headers) t.response_header(name, value);
    verdict = t.response_headers_done();
  }
  if (verdict.action == Verdict::Action::kPass) {
    phase = 4;
    if (t.wants_response_body()) feed(c.response_body, [&t](std::string_view piece) { return t.response_body(piece); });
    verdict = t.response_body_done();
  }
  t.logging();
  std::string out = fmt::format("{} {} {} {} {} in {} audit {} on {} score {} seen {}\n", static_cast<int>(verdict.action), verdict.status, verdict.rule_id, verdict.location, verdict.pause_ms, phase, t.audit_wanted(), t.enforcing(),
                                t.tx("score"), t.tx("seen"));
  for (const auto& match : t.matches()) {
    require(match.value.size() <= kValueShownMax, "a value longer than is shown");
    out += fmt::format("{} {} {}{}{} {} '{}' '{}' {}='{}' {} {}\n", match.rule_id, match.phase, match.log, match.audit_log, match.disruptive, match.severity, match.msg, match.log_data, match.variable, match.value, match.operator_text,
                       fmt::join(match.tags, ","));
  }
  return out;
}

constexpr std::string_view kSeeds[] = {
    "GET /a/b.php?a=1&b=%27+or+1=1--&q=union%20select HTTP/1.1\nHost: h\nCookie: s=1; t=evil\nX-Force: 1\n\n"sv,
    "POST /f?allow=phase HTTP/1.1\nHost: h\nContent-Type: application/x-www-form-urlencoded\n\na=12&b=%3Cscript%3E&stop=deny&jump=far\0\0" "200\nContent-Type: text/html\nX-Leak: no\n\na secret"sv,
    "POST /m HTTP/1.1\nContent-Type: multipart/form-data; boundary=B\n\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nunion select\r\n--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x.php\"\r\n\r\n<?php eval(\r\n--B--\r\n"sv,
    "POST /j HTTP/1.1\nContent-Type: application/json\n\n{\"a\":[1,{\"b\":\"\\u003cscript>\"}],\"c\":\"4111111111111111\"}"sv,
    "POST /x HTTP/1.1\nContent-Type: text/xml\n\n<!DOCTYPE a [<!ENTITY e \"/etc/passwd\">]><a b=\"&lt;script\">sel<![CDATA[ect]]>&#x27;</a>"sv,
    "GET /?remove=id&remove=tag&off=watch&jump=1&a=10&allow=request HTTP/1.0\n\n\0\0" "500\nContent-Type: text/plain\n\nunion"sv,
};
constexpr std::string_view kPieces[] = {
    "' or 1=1--", "union select ", "<script>", "javascript:", "/etc/passwd", "../", "%27", "%u0027", "%c0%a7", "&lt;", "\\u003c", "\\x3c", "0x414243", "4111111111111111", "192.0.2.7", "evil", "eval(", "&a=", "&b=", "?a=", "\nCookie: a=",
    "\nContent-Type: application/json\n\n{\"a\":\"", "\nContent-Type: text/xml\n\n<a>", "\nContent-Type: multipart/form-data; boundary=B\n\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n", "\nContent-Type: application/x-www-form-urlencoded\n\n",
    "\r\n--B--\r\n", "\0\0"sv, "\0"sv, "\n\n", "PHNjcmlwdD4=", "/**/", "aaaaaaaaaaaaaaaa", "bababababab", "stop=deny", "stop=http://x", "off=body", "allow=all", "remove=tag", "jump=2", "secret",
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(unsigned char* data, std::size_t size, std::size_t size_max, unsigned int seed) {
  const auto put = [&](std::size_t at, std::string_view piece) {
    if (size + piece.size() > size_max) return;
    std::memmove(data + at + piece.size(), data + at, size - at);
    std::memcpy(data + at, piece.data(), piece.size());
    size += piece.size();
  };
  const auto number = seed / 8;
  if (size < 16 || seed % 64 == 0) {
    const auto whole = kSeeds[number % std::size(kSeeds)];
    size = 0;
    put(0, whole);
  }
  if (seed % 4 == 0) put(number % (size + 1), kPieces[number / 7 % std::size(kPieces)]);
  return seed % 4 == 1 ? LLVMFuzzerMutate(data, size, size_max) : (seed % 4 == 2 ? (put(number % (size + 1), kPieces[number / 3 % std::size(kPieces)]), LLVMFuzzerMutate(data, size, size_max)) : size);
}

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size > kBytesMax) return 0;
  constexpr std::uint64_t kUnbounded = 1ULL << 60;
  static Kept kept;
  static const auto fast = Transaction::make(compile(true, kUnbounded), &kept), plain = Transaction::make(compile(false, kUnbounded), &kept), bounded = Transaction::make(compile(true, kSmallBudget), &kept);
  const auto conversation = read({reinterpret_cast<const char*>(data), size});
  const auto one = judged(*fast, kept, conversation, kBytesMax), other = judged(*plain, kept, conversation, kBytesMax);
  if (one != other) {
    fmt::print(stderr, "fast:\n{}plain:\n{}", one, other);
    require(false, "the fast and the plain path differ");
  }
  require(judged(*fast, kept, conversation, 7) == one, "in pieces, and used again, it says something else");
  require(fast->memory_bytes() < (64u << 20), "more memory than an exchange may hold");

  judged(*bounded, kept, conversation, kBytesMax);
  // A value that was begun is looked at to its end by the matcher that began.
  require(bounded->steps() < kSmallBudget + kStepsPerByteMax * (size + 1024), "more work than the budget allows");
  return 0;
}
