// What rule sets say, and how their mistakes are told.
#include "waf/seclang.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cctype>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace ringwall;
using namespace ringwall::waf;

namespace {

// Files of a test, by name.
Files files_of(const std::map<std::string, std::string>& files) {
  return {[files](const std::string& path) -> Result<std::string> {
            const auto found = files.find(path);
            if (found == files.end()) return fail(Errc::kNotFound, path + ": no such file");
            return found->second;
          },
          [files](const std::string& pattern) -> Result<std::vector<std::string>> {
            // One '*', at the end of the name's first part: enough for tests.
            const auto star = pattern.find('*');
            std::vector<std::string> found;
            for (const auto& [name, text] : files) {
              if (name.starts_with(pattern.substr(0, star)) && name.ends_with(pattern.substr(star + 1)))
                found.push_back(name);
            }
            return found;
          }};
}

std::string show(const Macro& macro) {
  std::string out;
  for (const auto& piece : macro.pieces) {
    if (!piece.variable)
      out += piece.literal;
    else
      out += fmt::format("[{}{}{}]", name_of(*piece.variable), piece.key.empty() ? "" : ".", piece.key);
  }
  return out;
}

std::string show(const Selector& selector) {
  constexpr std::string_view kSigns[] = {"", "=", "~", "xpath "};
  return fmt::format(
      "[{}{}{}{}{}]", selector.exclude ? "not " : "", selector.count ? "count " : "",
      name_of(selector.variable), selector.key.empty() ? "" : " ",
      selector.key.empty() ? "" : fmt::format("{}{}", kSigns[static_cast<int>(selector.kind)], selector.key));
}
std::string show(const std::vector<Selector>& selectors) {
  std::string out;
  for (const auto& selector : selectors) out += show(selector);
  return out;
}

constexpr std::string_view kDisruptive[] = {"none", "allow", "allow:phase", "allow:request", "block",   "deny",
                                            "drop", "pass",  "pause",       "proxy",         "redirect"};

std::string show(const SetVar& set) {
  constexpr std::string_view kSigns[] = {"=", "=+", "=-", "!"};
  return fmt::format("setvar {}.{}{}{}", name_of(set.collection), show(set.key),
                     kSigns[static_cast<int>(set.kind)], show(set.value));
}

// One action a word, in the order of the struct; what is not set is not shown.
std::string show(const Actions& a) {
  std::string out;
  const auto add = [&out](std::string_view text) {
    if (!out.empty()) out += ", ";
    out += text;
  };
  if (a.id) add(fmt::format("id {}", *a.id));
  if (a.phase) add(fmt::format("phase {}", *a.phase));
  if (a.transformations_reset) add("t:none");
  for (const auto t : a.transformations) add(fmt::format("t:{}", name_of(t)));
  if (a.disruptive != Disruptive::kNone) add(kDisruptive[static_cast<int>(a.disruptive)]);
  if (a.status) add(fmt::format("status {}", *a.status));
  if (!a.redirect.pieces.empty()) add("to " + show(a.redirect));
  if (a.pause_ms > 0) add(fmt::format("for {} ms", a.pause_ms));
  if (a.log) add(*a.log ? "log" : "nolog");
  if (a.audit_log) add(*a.audit_log ? "auditlog" : "noauditlog");
  if (a.capture) add("capture");
  if (a.multi_match) add("multiMatch");
  if (a.chain) add("chain");
  if (!a.msg.pieces.empty()) add("msg " + show(a.msg));
  if (!a.log_data.pieces.empty()) add("logdata " + show(a.log_data));
  for (const auto& tag : a.tags) add("tag " + show(tag));
  if (a.severity) add(fmt::format("severity {}", *a.severity));
  if (!a.rev.empty()) add("rev " + a.rev);
  if (!a.ver.empty()) add("ver " + a.ver);
  if (a.maturity) add(fmt::format("maturity {}", *a.maturity));
  if (a.accuracy) add(fmt::format("accuracy {}", *a.accuracy));
  if (a.skip != 0) add(fmt::format("skip {}", a.skip));
  if (!a.skip_after.empty()) add("skipAfter " + a.skip_after);
  for (const auto& set : a.set_vars) add(show(set));
  for (const auto& c : a.controls)
    add(fmt::format("ctl {} '{}'{}", static_cast<int>(c.kind), c.value, show(c.targets)));
  for (const auto& init : a.init_cols)
    add(fmt::format("initcol {}={}", name_of(init.collection), show(init.key)));
  for (const auto& expire : a.expire_vars)
    add(fmt::format("expirevar {}.{}={}", name_of(expire.collection), show(expire.key), show(expire.seconds)));
  if (!a.set_uid.pieces.empty()) add("setuid " + show(a.set_uid));
  if (!a.set_sid.pieces.empty()) add("setsid " + show(a.set_sid));
  if (!a.set_rsc.pieces.empty()) add("setrsc " + show(a.set_rsc));
  for (const auto& [name, value] : a.set_env) add(fmt::format("setenv {}={}", name, show(value)));
  return out;
}

std::string show(const Rule& rule) {
  auto out = fmt::format("{}{}@{} {}: {}", show(rule.selectors), rule.negated ? "!" : "", name_of(rule.op),
                         show(rule.argument), show(rule.actions));
  if (rule.selectors.empty()) out = show(rule.actions);
  for (const auto& line : rule.file_lines) out += fmt::format(" <{}>", line);
  for (const auto& link : rule.chained) out += " && " + show(link);
  return out;
}

std::string show(const Result<RuleSetSource>& source) {
  if (!source.ok())
    return source.error().message + (source.error().hint.empty() ? "" : " | " + source.error().hint);
  std::string out;
  for (const auto& item : source.value().items) {
    if (!out.empty()) out += "\n";
    out += item.rule ? show(*item.rule) : "marker " + item.marker->name;
  }
  return out;
}

const std::map<std::string, std::string> kNoFiles;
std::string read(std::string_view text) { return show(read_seclang(text, "r.conf", files_of(kNoFiles))); }
// The actions of one SecAction of the id 1, as understood.
std::string actions(std::string_view text) { return read(fmt::format("SecAction \"id:1,{}\"", text)); }

struct Case {
  std::string_view text, want;
};

}  // namespace

TEST_CASE("seclang: names of variables and operators are found in any case and given back") {
  for (int i = 0; i <= static_cast<int>(Variable::kWebAppId); ++i) {
    const auto variable = static_cast<Variable>(i);
    std::string lower(name_of(variable));
    for (auto& c : lower) c = static_cast<char>(std::tolower(c));
    CHECK(variable_named(name_of(variable)) == variable);
    CHECK(variable_named(lower) == variable);
  }
  for (int i = 0; i <= static_cast<int>(Operator::kWithin); ++i)
    CHECK(operator_named(name_of(static_cast<Operator>(i))) == static_cast<Operator>(i));
  CHECK(variable_named("MULTIPART_MISSING_SEMICOLON") == Variable::kMultipartSemicolonMissing);
  CHECK(variable_named("STATUS") == Variable::kResponseStatus);
  CHECK(operator_named("pmf") == Operator::kPmFromFile);
  CHECK(operator_named("ipmatchf") == Operator::kIpMatchFromFile);
  CHECK_FALSE(variable_named("").has_value());
  CHECK_FALSE(operator_named("pmff").has_value());
  CHECK(is_collection(Variable::kArgs));
  CHECK(is_collection(Variable::kXml));
  CHECK_FALSE(is_collection(Variable::kArgsCombinedSize));
}

TEST_CASE("seclang: selectors") {
  constexpr Case kCases[] = {
      // What rule sets write.
      {"ARGS", "[ARGS]"},
      {"args|!Args:csrf", "[ARGS][not ARGS =csrf]"},
      {"&REQUEST_HEADERS:Host", "[count REQUEST_HEADERS =Host]"},
      {"ARGS:a:b", "[ARGS =a:b]"},  // only the first ':' separates
      {"ARGS.a.b", "[ARGS =a.b]"},  // and '.' is one too
      {"ARGS:body[0][value]|FILES", "[ARGS =body[0][value]][FILES]"},
      {"ARGS:first name|FILES", "[ARGS =first name][FILES]"},
      {"ARGS:'first | name'|FILES", "[ARGS =first | name][FILES]"},
      {"XML:/*|XML://@*", "[XML xpath /*][XML xpath //@*]"},
      {"REQUEST_COOKIES:/^_ga/", "[REQUEST_COOKIES ~^_ga]"},
      {"REQUEST_COOKIES:/^(?:a|b)/|ARGS", "[REQUEST_COOKIES ~^(?:a|b)][ARGS]"},
      {"!ARGS_NAMES:'/^a b{1,3}|c$/'", "[not ARGS_NAMES ~^a b{1,3}|c$]"},
      {"ARGS:/a\\/b/", "[ARGS ~a\\/b]"},
      {"ARGS:/a/b/|FILES", "[ARGS ~a/b][FILES]"},
      {"TX:/^MSC_/", "[TX ~^MSC_]"},
      {"ARGS:/a", "[ARGS =/a]"},  // no regex: its '/' is never closed
      {"ARGS://", "[ARGS =//]"},
      {"ARGS,REQUEST_URI", "[ARGS][REQUEST_URI]"},
      {" ARGS\t| ! ARGS:a ", "[ARGS][not ARGS =a]"},

      // What they must not write.
      {"", "byte 0: '' is not a variable"},
      {"ARGS|", "byte 5: '' is not a variable"},
      {"!&ARGS", "byte 0: '!&ARGS' is not a variable"},
      {"AGRS", "byte 0: 'AGRS' is not a variable | did you mean ARGS?"},
      {"ARGS|REQUEST_HEADER:Host",
       "byte 5: 'REQUEST_HEADER:Host' is not a variable | did you mean REQUEST_HEADERS?"},
      {"REQUEST_URI:a", "byte 11: REQUEST_URI holds a single value, no parts that a name could choose"},
      {"ARGS:", "byte 5: ARGS: is followed by no name"},
      {"ARGS:|FILES", "byte 5: ARGS: is followed by no name"},
      {"ARGS:'a", "byte 5: this ' is never closed"},
      {"ARGS FILES", "byte 5: expected '|' between variables, found 'FILES'"},
      {"ARGS:/a/ FILES", "[ARGS =/a/ FILES]"},  // behind a regex nothing else can stand: so it is a name
      {"XML://book/text()",
       "byte 4: the XPath '//book/text()' is not supported | XML:/* is the text of all elements, XML://@* are "
       "the values of all attributes"},
      {"TX:%{tx.a}", "byte 3: a macro cannot choose a part of a variable"},
      {"WEBSERVER_ERROR_LOG", "byte 0: the variable WEBSERVER_ERROR_LOG is not supported"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto selectors = parse_selectors(c.text);
    std::string got;
    if (selectors.ok())
      got = show(*selectors);
    else
      got = selectors.error().message + (selectors.error().hint.empty() ? "" : " | " + selectors.error().hint);
    CHECK(got == c.want);
  }
}

TEST_CASE("seclang: macros") {
  constexpr Case kCases[] = {
      {"", ""},
      {"plain 100%", "plain 100%"},
      {"%{tx.a}", "[TX.a]"},
      {"a %{TX.a} b %{matched_var_name}", "a [TX.a] b [MATCHED_VAR_NAME]"},
      {"%{REQUEST_HEADERS:User-Agent}", "[REQUEST_HEADERS.User-Agent]"},
      {"%{tx.a}%{tx.b}", "[TX.a][TX.b]"},
      {"%%{tx.a}%", "%[TX.a]%"},
      {"\\%{tx.a}", "\\%{tx.a}"},  // libmodsecurity keeps the '\' too
      {"it\\'s", "it\\'s"},
      {"%{ tx.a }", "[TX.a]"},

      {"%{tx.a", "byte 0: '%{tx.a' is never closed with }"},
      {"a %{}", "byte 4: '%{}' names no variable"},
      {"a %{matched_vra}", "byte 4: '%{matched_vra}' names no variable | did you mean MATCHED_VAR?"},
      {"%{tx.}", "byte 2: '%{tx.}' names no part of TX"},
      {"%{REQUEST_URI.a}", "byte 2: '%{REQUEST_URI.a}': REQUEST_URI holds a single value, no parts"},
      {"%{tx.%{tx.a}}", "byte 2: a macro cannot stand inside a macro"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto macro = parse_macro(c.text);
    CHECK((macro.ok() ? show(*macro)
                      : macro.error().message +
                            (macro.error().hint.empty() ? "" : " | " + macro.error().hint)) == c.want);
  }
}

TEST_CASE("seclang: actions") {
  constexpr Case kCases[] = {
      {"phase:request,pass", "id 1, phase 2, pass"},
      {"phase:'4',deny,status:404", "id 1, phase 4, deny, status 404"},
      {"phase:logging,allow:phase", "id 1, phase 5, allow:phase"},
      {"PASS , NoLog ,\tauditlog", "id 1, phase 1, pass, nolog, auditlog"},
      {"t:lowercase,t:none,t:urlDecodeUni,t:normalisePath",
       "id 1, phase 1, t:none, t:urlDecodeUni, t:normalizePath"},
      {"redirect:'http://a/?b=%{REMOTE_ADDR}'", "id 1, phase 1, redirect, to http://a/?b=[REMOTE_ADDR]"},
      {"pause:250", "id 1, phase 1, pause, for 250 ms"},
      {"msg:'it\\'s, %{tx.a}',logdata:plain text,tag:a,tag:'b'",
       "id 1, phase 1, msg it\\'s, [TX.a], logdata plain text, tag a, tag b"},
      {"severity:'critical',rev:2,ver:'OWASP_CRS/4',maturity:'9',accuracy:8",
       "id 1, phase 1, severity 2, rev 2, ver OWASP_CRS/4, maturity 9, accuracy 8"},
      {"severity:7,skip:2,skipAfter:END-X", "id 1, phase 1, severity 7, skip 2, skipAfter END-X"},
      {"capture,multiMatch", "id 1, phase 1, capture, multiMatch"},

      {"setvar:tx.a=1", "id 1, phase 1, setvar TX.a=1"},
      {"setvar:'tx.a=+%{tx.b}'", "id 1, phase 1, setvar TX.a=+[TX.b]"},
      {"setvar:tx.a=-2", "id 1, phase 1, setvar TX.a=-2"},
      {"setvar:!tx.a", "id 1, phase 1, setvar TX.a!"},
      {"setvar:'!ip.a'", "id 1, phase 1, setvar IP.a!"},
      {"setvar:global.a", "id 1, phase 1, setvar GLOBAL.a=1"},
      {"setvar:tx.%{rule.id}-x=%{matched_var}", "id 1, phase 1, setvar TX.[RULE.id]-x=[MATCHED_VAR]"},
      {"setvar:'tx.a=|x/y| |z|, b=c'", "id 1, phase 1, setvar TX.a=|x/y| |z|, b=c"},
      {"setvar:'tx.a='", "id 1, phase 1, setvar TX.a="},

      {"ctl:ruleEngine=detectiononly", "id 1, phase 1, ctl 6 'DetectionOnly'"},
      {"ctl:requestBodyProcessor=xml", "id 1, phase 1, ctl 4 'XML'"},
      {"ctl:auditLogParts=+E", "id 1, phase 1, ctl 1 '+E'"},
      {"ctl:ruleRemoveById=942100-942200", "id 1, phase 1, ctl 7 '942100-942200'"},
      {"ctl:ruleRemoveByTag=OWASP_CRS", "id 1, phase 1, ctl 8 'OWASP_CRS'"},
      {"ctl:ruleRemoveTargetById=942100;ARGS:uid[0]", "id 1, phase 1, ctl 10 '942100'[ARGS =uid[0]]"},
      {"ctl:ruleRemoveTargetByTag=a;ARGS:/^x/|FILES", "id 1, phase 1, ctl 11 'a'[ARGS ~^x][FILES]"},
      {"initcol:ip=%{REMOTE_ADDR}_%{tx.ua}", "id 1, phase 1, initcol IP=[REMOTE_ADDR]_[TX.ua]"},
      {"expirevar:'ip.a=60'", "id 1, phase 1, expirevar IP.a=60"},
      {"setuid:%{REMOTE_USER},setsid:a,setrsc:b", "id 1, phase 1, setuid [REMOTE_USER], setsid a, setrsc b"},
      {"setenv:'a=%{tx.a}'", "id 1, phase 1, setenv a=[TX.a]"},
      {"expirevar:ip.a=%{tx.b}", "id 1, phase 1, expirevar IP.a=[TX.b]"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CHECK(actions(c.text) == c.want);
  }
}

TEST_CASE("seclang: rules, and the ways lines may be broken") {
  constexpr Case kCases[] = {
      {"SecRule ARGS \"@rx ^a\" \"id:1,phase:2,deny\"", "[ARGS]@rx ^a: id 1, phase 2, deny"},
      {"secrule ARGS \"^a%{b\" id:1", "r.conf:1: column 17: '%{b' is never closed with }"},
      {"SecRule ARGS \"!^a\" \"id:1\"", "[ARGS]!@rx ^a: id 1, phase 1"},
      {"SecRule ARGS \"! @eq 0\" \"id:1\"", "[ARGS]!@eq 0: id 1, phase 1"},
      {"SecRule \"ARGS|!ARGS:a b\" \"@detectSQLi\" \"id:1\"",
       "[ARGS][not ARGS =a b]@detectSQLi : id 1, phase 1"},
      {"SecRule ARGS:'/a b/' \"x\" \"id:1\"", "[ARGS ~a b]@rx x: id 1, phase 1"},
      {"SecRule ARGS @detectXSS id:1,pass", "[ARGS]@detectXSS : id 1, phase 1, pass"},
      {"SecRule &ARGS @eq 0 id:1", "[count ARGS]@eq 0: id 1, phase 1"},
      {"SecRule ARGS ^/x \"id:1\"", "[ARGS]@rx ^/x: id 1, phase 1"},
      {"SecRule\tARGS\t\"@rx\ta\"\t\"id:1\"\t", "[ARGS]@rx a: id 1, phase 1"},
      {"\xEF\xBB\xBFSecRule ARGS \"a\" \"id:1\"\r\n\r\n", "[ARGS]@rx a: id 1, phase 1"},
      {"SecRule ARGS \"@streq a\\\"b\" \"id:1\"",
       "[ARGS]@streq a\\\"b: id 1, phase 1"},  // as libmodsecurity: the '\' stays
      {"SecRule ARGS \"@rx a\\\\\" \"id:1\"", "[ARGS]@rx a\\\\: id 1, phase 1"},
      {"SecRule ARGS \"@pm a %{b} c\" \"id:1\"", "[ARGS]@pm a %{b} c: id 1, phase 1"},  // no macros in phrases
      {"SecRule ARGS \"@within %{tx.a}\" \"id:1\"", "[ARGS]@within [TX.a]: id 1, phase 1"},
      {"SecRule TX:a \"@streq  b\" \"id:1\"", "[TX =a]@streq  b: id 1, phase 1"},  // and a warning

      {"SecRule ARGS \\\n    \"@rx a\" \\\n    \"id:1,\\\n    phase:2\"", "[ARGS]@rx a: id 1, phase 2"},
      {"SecRule ARGS\\\n    \"@rx a\"\\\n\t\"id:1\"", "[ARGS]@rx a: id 1, phase 1"},
      {"SecRule ARGS|\\\n    FILES \"a\" \"id:1\"", "[ARGS][FILES]@rx a: id 1, phase 1"},
      {"SecRule ARGS \"a\" \\  \r\n  \"id:1\"", "[ARGS]@rx a: id 1, phase 1"},  // blanks behind the '\'
      {"SecRule ARGS \"a\"\n  \"id:1\"", "[ARGS]@rx a: id 1, phase 1"},         // none at all
      {"SecAction \"id:1,msg:'x \\\n      y'\"", "id 1, phase 1, msg x y"},
      {"\\\n  \\\n\nSecAction id:1", "id 1, phase 1"},
      {"SecAction \"id:1,\n   pass\"", "id 1, phase 1, pass"},
      {"# SecRule ARGS \"a\" \\\n   \"id:1\"\nSecAction id:2", "id 2, phase 1"},
      {"# a path: C:\\\nSecAction id:2", "id 2, phase 1"},
      {"#SecAction \\\n# \"id:1,\\\n# pass\"\nSecAction id:2", "id 2, phase 1"},

      {"SecMarker END\nSecMarker \"A B\"\nSecMarker 'C'", "marker END\nmarker A B\nmarker C"},
      {"SecRule ARGS a \"id:1,deny,chain\"\nSecRule FILES b \"chain,setvar:tx.a=1\"\nSecAction capture",
       "[ARGS]@rx a: id 1, phase 1, deny, chain && [FILES]@rx b: phase 1, chain, setvar TX.a=1 && phase 1, "
       "capture"},
      // Without one of its own the first rule tells the message of the next.
      {"SecRule ARGS a \"id:1,phase:2,pass,chain\"\nSecRule FILES b \"msg:m,severity:1\"",
       "[ARGS]@rx a: id 1, phase 2, pass, chain, msg m, severity 1 && [FILES]@rx b: phase 2, msg m, severity "
       "1"},
      {"SecRule ARGS a \"id:1,chain\"\nSecRule FILES b",
       "[ARGS]@rx a: id 1, phase 1, chain && [FILES]@rx b: phase 1"},
      {"", ""},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CHECK(read(c.text) == c.want);
  }
}

TEST_CASE("seclang: SecDefaultAction lies under the rules of its phase, wherever it stands") {
  constexpr Case kCases[] = {
      {"SecDefaultAction \"phase:2,log,auditlog,deny,status:405,t:lowercase\"\nSecAction "
       "\"id:1,phase:2,block\"",
       "id 1, phase 2, t:lowercase, deny, status 405, log, auditlog"},
      {"SecAction \"id:1,phase:2,block,status:406\"\nSecDefaultAction \"phase:2,deny,status:405\"",
       "id 1, phase 2, deny, status 406"},
      {"SecDefaultAction \"phase:2,deny\"\nSecAction \"id:1,phase:1,block\"", "id 1, phase 1, pass"},
      {"SecDefaultAction \"phase:2,deny\"\nSecAction \"id:1,phase:2\"",
       "id 1, phase 2"},  // watches, as in libmodsecurity
      {"SecDefaultAction \"phase:2,deny\"\nSecAction \"id:1,phase:2,drop\"", "id 1, phase 2, drop"},
      {"SecDefaultAction \"phase:2,redirect:'http://a'\"\nSecAction \"id:1,phase:2,block\"",
       "id 1, phase 2, redirect, to http://a"},
      {"SecDefaultAction \"phase:2,pass,t:lowercase\"\nSecAction \"id:1,phase:2,t:none,t:trim\"",
       "id 1, phase 2, t:none, t:trim"},
      {"SecDefaultAction \"phase:2,pass,t:lowercase\"\nSecAction \"id:1,phase:2,t:trim\"",
       "id 1, phase 2, t:lowercase, t:trim"},
      {"SecDefaultAction \"phase:2,pass,log,auditlog,tag:a\"\nSecAction \"id:1,phase:2,nolog,tag:b\"",
       "id 1, phase 2, nolog, noauditlog, tag a, tag b"},
      {"SecDefaultAction \"phase:2,pass,log,noauditlog\"\nSecAction \"id:1,phase:2,nolog,auditlog\"",
       "id 1, phase 2, nolog, auditlog"},
      {"SecDefaultAction \"phase:2,pass,t:lowercase\"\nSecRule ARGS a \"id:1,phase:2,chain\"\nSecRule FILES b "
       "t:trim",
       "[ARGS]@rx a: id 1, phase 2, t:lowercase, chain && [FILES]@rx b: phase 2, t:lowercase, t:trim"},
      {"SecAction \"id:1,phase:2,block\"", "id 1, phase 2, pass"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CHECK(read(c.text) == c.want);
  }
}

TEST_CASE("seclang: exclusions and updates reach every rule, before and behind them") {
  constexpr std::string_view kRules =
      "SecRule ARGS a \"id:1,phase:2,pass,msg:one,tag:x,chain\"\nSecRule FILES b\n"
      "SecRule ARGS b \"id:2,phase:2,pass,msg:two,tag:x,tag:y\"\nSecAction \"id:3,phase:2,pass\"\nSecMarker "
      "M\n";
  constexpr std::string_view k1 =
      "[ARGS]@rx a: id 1, phase 2, pass, chain, msg one, tag x && [FILES]@rx b: phase 2";
  constexpr std::string_view k2 = "[ARGS]@rx b: id 2, phase 2, pass, msg two, tag x, tag y";
  constexpr std::string_view k3 = "id 3, phase 2, pass";
  const auto all = [](std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const auto part : parts) out += std::string(part) + "\n";
    return out + "marker M";
  };
  const struct {
    std::string_view update;
    std::string want;
  } kCases[] = {
      {"SecRuleRemoveById 1", all({k2, k3})},
      {"SecRuleRemoveById 1 3", all({k2})},
      {"SecRuleRemoveById 2-9", all({k1})},
      {"SecRuleRemoveById \"1\" \"3-3\"", all({k2})},
      {"SecRuleRemoveById 1,2", all({k3})},
      {"SecRuleRemoveByTag x", all({k3})},
      {"SecRuleRemoveByTag \"y\"", all({k1, k3})},
      {"SecRuleRemoveByMsg one", all({k2, k3})},
      {"SecRuleRemoveById 77", all({k1, k2, k3})},
      {"SecRuleUpdateTargetById 2 \"!ARGS:csrf|FILES\"",
       all({k1, "[ARGS][not ARGS =csrf][FILES]@rx b: id 2, phase 2, pass, msg two, tag x, tag y", k3})},
      {"SecRuleUpdateTargetById 2 !ARGS:csrf",
       all({k1, "[ARGS][not ARGS =csrf]@rx b: id 2, phase 2, pass, msg two, tag x, tag y", k3})},
      {"SecRuleUpdateTargetById 1-3 !ARGS:/^_/",
       all({"[ARGS][not ARGS ~^_]@rx a: id 1, phase 2, pass, chain, msg one, tag x && [FILES]@rx b: phase 2",
            "[ARGS][not ARGS ~^_]@rx b: id 2, phase 2, pass, msg two, tag x, tag y", k3})},
      {"SecRuleUpdateTargetById 1:1 !FILES:a",
       all({"[ARGS]@rx a: id 1, phase 2, pass, chain, msg one, tag x && [FILES][not FILES =a]@rx b: phase 2",
            k2, k3})},
      {"SecRuleUpdateTargetByTag \"y\" \"!ARGS:a\"",
       all({k1, "[ARGS][not ARGS =a]@rx b: id 2, phase 2, pass, msg two, tag x, tag y", k3})},
      {"SecRuleUpdateTargetByMsg two !ARGS:a",
       all({k1, "[ARGS][not ARGS =a]@rx b: id 2, phase 2, pass, msg two, tag x, tag y", k3})},
      {"SecRuleUpdateActionById 2 \"deny,status:404,t:none,t:trim,tag:z,msg:new,setvar:tx.a=1\"",
       all({k1,
            "[ARGS]@rx b: id 2, phase 2, t:none, t:trim, deny, status 404, msg new, tag x, tag y, tag z, "
            "setvar TX.a=1",
            k3})},
      // What an update says of `block` is resolved like a rule's own.
      {"SecDefaultAction \"phase:2,drop\"\nSecRuleUpdateActionById 3 block",
       all({k1, k2, "id 3, phase 2, drop"})},
      {"SecRuleUpdateActionById 3 \"id:9,phase:4,nolog\"",
       all({k1, k2, "id 3, phase 2, pass, nolog, noauditlog"})},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.update);
    CHECK(read(std::string(kRules) + std::string(c.update)) == c.want);
    CHECK(read(std::string(c.update) + "\n" + std::string(kRules)) == c.want);
  }
}

TEST_CASE("seclang: mistakes are told with their line, what was expected and the nearest name") {
  constexpr Case kCases[] = {
      // Directives.
      {"SecRules ARGS a id:1", "r.conf:1: column 1: 'SecRules' is not a directive | did you mean SecRule?"},
      {"\n\nSecRuleEngin On",
       "r.conf:3: column 1: 'SecRuleEngin' is not a directive | did you mean SecRuleEngine?"},
      {"<IfModule x>", "r.conf:1: column 1: '<IfModule' is not a directive"},
      {"SecRuleEngine Onn",
       "r.conf:1: column 15: SecRuleEngine: expected On, Off or DetectionOnly, found 'Onn' | did you mean On?"},
      {"SecRuleEngine", "r.conf:1: column 14: SecRuleEngine needs a value"},
      {"SecRuleEngine On Off", "r.conf:1: column 18: SecRuleEngine: expected one value, found 'Off' behind it"},
      {"SecRequestBodyLimit 1M",
       "r.conf:1: column 21: SecRequestBodyLimit: expected a number up to 1099511627776, found '1M'"},
      {"SecRequestBodyLimitAction Deny",
       "r.conf:1: column 27: SecRequestBodyLimitAction: expected Reject or ProcessPartial, found 'Deny'"},
      {"SecArgumentSeparator &&",
       "r.conf:1: column 22: SecArgumentSeparator: expected one character, found '&&'"},
      {"SecAuditLogParts ABX",
       "r.conf:1: column 18: SecAuditLogParts: expected letters among ABCDEFGHIJKZ, found 'ABX'"},
      {"SecCookieFormat 1",
       "r.conf:1: column 17: SecCookieFormat 1 is not supported | cookies are read as version 0, as browsers "
       "send them"},
      {"SecUnicodeMapFile unicode.mapping",
       "r.conf:1: column 19: SecUnicodeMapFile: expected a file and the number of a code page, found "
       "'unicode.mapping'"},
      {"SecHashEngine On", "r.conf:1: column 14: SecHashEngine is not supported, only Off is"},
      {"SecServerSignature x", "r.conf:1: column 1: SecServerSignature is not supported"},
      {"SecRuleScript a.lua id:1", "r.conf:1: column 1: SecRuleScript is not supported"},
      {"SecMarker", "r.conf:1: column 10: SecMarker needs a name"},
      {"SecDefaultAction \"phase:2,log\"",
       "r.conf:1: column 19: SecDefaultAction needs one of pass, deny, drop, redirect, allow: it is what "
       "`block` does"},
      {"SecDefaultAction \"phase:2,block\"",
       "r.conf:1: column 19: SecDefaultAction needs one of pass, deny, drop, redirect, allow: it is what "
       "`block` does"},
      {"SecDefaultAction \"phase:2,pass,id:4\"", "r.conf:1: column 32: id cannot stand in SecDefaultAction"},
      {"SecDefaultAction \"phase:2,pass,t:none\"",
       "r.conf:1: column 19: t:none cannot stand in SecDefaultAction"},
      {"SecDefaultAction \"phase:2,pass\"\nSecDefaultAction \"phase:2,deny\"",
       "r.conf:2: column 1: phase 2 has its SecDefaultAction already, at r.conf:1"},
      {"Include a.conf", "r.conf:1: column 9: a.conf: no such file"},
      {"Include \"x/*.conf\"",
       "r.conf:1: column 10: no file is named like x/*.conf | IncludeOptional forgives that"},

      // Rules.
      {"SecRule", "r.conf:1: column 8: SecRule needs variables, an operator and actions"},
      {"SecRule ARGS", "r.conf:1: column 13: expected an operator behind the variables, found nothing"},
      {"SecRule ARGS \"@rxx a\" id:1", "r.conf:1: column 15: '@rxx' is not an operator | did you mean @rx?"},
      {"SecRule ARGS \"@contais a\" id:1",
       "r.conf:1: column 15: '@contais' is not an operator | did you mean @contains?"},
      {"SecRule ARGS \"@somewhere.org\" id:1",
       "r.conf:1: column 15: '@somewhere.org' is not an operator | a pattern that begins with @ is written @rx "
       "@…"},
      {"SecRule ARGS @rx \"a b\" \"id:1\"",
       "r.conf:1: column 14: @rx needs an argument | \"@rx …\", both in one pair of quotes"},
      {"SecRule ARGS \"@eq\" id:1",
       "r.conf:1: column 15: @eq needs an argument | \"@eq …\", both in one pair of quotes"},
      {"SecRule ARGS \"\" id:1", "r.conf:1: column 15: expected an operator, found an empty text"},
      {"SecRule ARGZ \"a\" id:1", "r.conf:1: column 9: 'ARGZ' is not a variable | did you mean ARGS?"},
      {"SecRule ARGS \\\n  \"@rx a\" \\\n  \"id:1,\\\n   deni\"",
       "r.conf:4: column 4: 'deni' is not an action | did you mean deny?"},
      {"SecRule ARGS \"a\" \"id:1\" \"x\"",
       "r.conf:1: column 25: expected nothing behind the actions, found '\"x\"'"},
      {"SecRule ARGS \"a\" \"phase:2\"",
       "r.conf:1: column 1: the rule has no id | add id:… to its actions: logs and exclusions name it by that"},
      {"SecAction pass",
       "r.conf:1: column 1: the rule has no id | add id:… to its actions: logs and exclusions name it by that"},
      {"SecAction", "r.conf:1: column 10: SecAction needs actions"},
      {"SecAction id:1\nSecRule ARGS a \"phase:2,id:1\"",
       "r.conf:2: column 25: the id 1 is taken by the rule of r.conf:1"},
      {"SecRule ARGS a \"id:1,chain\"\nSecRule ARGS b \"deny\"",
       "r.conf:2: column 17: deny can only stand in the first rule of a chain, that of line 1 | a rule that ends with chain goes on in the next one; take chain away where it should not"},
      {"SecRule ARGS \"@rx a \"id:1\"\nSecAction id:2",
       "r.conf:1: column 26: this \" is never closed | write \\\" for a quote inside a quoted text"},
      {"SecAction \"id:1,pass\nSecAction id:2",
       "r.conf:1: column 11: this \" is never closed | write \\\" for a quote inside a quoted text"},
      {"SecRule ARGS \"@pmFromFile no.data\" id:1", "r.conf:1: column 27: @pmFromFile: no.data: no such file"},
      {"SecRule ARGS \"@pmFromFile https://a/b\" id:1",
       "r.conf:1: column 27: @pmFromFile: files are not fetched from other machines"},
      {"SecRule ARGS \"@streq %{TX.}\" id:1", "r.conf:1: column 24: '%{TX.}' names no part of TX"},

      // Actions.
      {"SecAction \"id:1,,pass\"",
       "r.conf:1: column 17: expected an action, found none | is there a comma too many?"},
      {"SecAction \"id:1,\"",
       "r.conf:1: column 17: expected an action, found none | is there a comma too many?"},
      {"SecAction \"id:1,lowercase\"",
       "r.conf:1: column 17: 'lowercase' is not an action | did you mean t:lowercase?"},
      {"SecAction \"id:1,t:lowercas\"",
       "r.conf:1: column 19: 'lowercas' is not a transformation | did you mean t:lowercase?"},
      {"SecAction \"id:1,pass nolog\"", "r.conf:1: column 22: expected a comma behind pass, found 'nolog'"},
      {"SecAction \"id:1 phase:2\"",
       "r.conf:1: column 15: id: expected a number from 1 to 9007199254740991, found '1 phase:2' | is a comma "
       "missing?"},
      {"SecAction \"id:0\"",
       "r.conf:1: column 15: id: expected a number from 1 to 9007199254740991, found '0'"},
      {"SecAction \"id:9007199254740992\"",
       "r.conf:1: column 15: id: expected a number from 1 to 9007199254740991, found '9007199254740992'"},
      {"SecAction \"id:a\"",
       "r.conf:1: column 15: id: expected a number from 1 to 9007199254740991, found 'a'"},
      {"SecAction \"id:1,phase:6\"",
       "r.conf:1: column 23: phase: expected 1 to 5, request, response or logging, found '6'"},
      {"SecAction \"id:1,deny:403\"", "r.conf:1: column 22: deny takes no value, found '403'"},
      {"SecAction \"id:1,status:0\"",
       "r.conf:1: column 24: status: expected a number from 100 to 999, found '0'"},
      {"SecAction \"id:1,msg\"", "r.conf:1: column 17: msg needs a value: msg:…"},
      {"SecAction \"id:1,msg:'a\"", "r.conf:1: column 21: this ' is never closed"},
      {"SecAction \"id:1,msg:'it's'\"", "r.conf:1: column 25: expected a comma behind msg, found 's''"},
      {"SecAction \"id:1,msg:'%{tx.}'\"", "r.conf:1: column 24: '%{tx.}' names no part of TX"},
      {"SecAction \"id:1,logdata:'%{MATCHED_VRA}'\"",
       "r.conf:1: column 28: '%{MATCHED_VRA}' names no variable | did you mean MATCHED_VAR?"},
      {"SecAction \"id:1,severity:'critcal'\"",
       "r.conf:1: column 27: severity: expected EMERGENCY to DEBUG or 0 to 7, found 'critcal' | did you mean "
       "CRITICAL?"},
      {"SecAction \"id:1,allow:phases\"",
       "r.conf:1: column 23: allow: expected phase, request or nothing, found 'phases' | did you mean phase?"},
      {"SecAction \"id:1,exec:/a\"", "r.conf:1: column 17: the action exec is not supported"},
      {"SecAction \"id:1,sanitiseArg:a\"", "r.conf:1: column 17: the action sanitiseArg is not supported"},
      {"SecAction \"id:1,setvar:ty.a=1\"",
       "r.conf:1: column 24: setvar: expected TX, IP, GLOBAL, SESSION, USER, RESOURCE or ENV, found 'ty' | did "
       "you mean TX?"},
      {"SecAction \"id:1,setvar:tx=1\"", "r.conf:1: column 24: setvar: expected tx.name, found 'tx=1'"},
      {"SecAction \"id:1,setvar:tx.=1\"", "r.conf:1: column 27: setvar: tx. is followed by no name"},
      {"SecAction \"id:1,setvar:tx.a=+\"",
       "r.conf:1: column 30: setvar: expected a number to add or subtract, found nothing"},
      {"SecAction \"id:1,setvar:!tx.a=1\"",
       "r.conf:1: column 29: setvar: what ! removes gets no value, found '=1'"},
      {"SecAction \"id:1,ctl:ruleEngin=On\"",
       "r.conf:1: column 21: ctl: 'ruleEngin' is not something that can be set | did you mean ruleEngine?"},
      {"SecAction \"id:1,ctl:ruleEngine=Of\"",
       "r.conf:1: column 32: ctl:ruleEngine: expected On, Off or DetectionOnly, found 'Of' | did you mean "
       "Off?"},
      {"SecAction \"id:1,ctl:ruleEngine\"",
       "r.conf:1: column 21: ctl:ruleEngine needs a value: ctl:ruleEngine=…"},
      {"SecAction \"id:1,ctl:ruleRemoveById=a\"",
       "r.conf:1: column 36: ctl:ruleRemoveById: expected a rule id or a range of them, found 'a'"},
      {"SecAction \"id:1,ctl:ruleRemoveById=9-1\"",
       "r.conf:1: column 36: ctl:ruleRemoveById: expected a rule id or a range of them, found '9-1'"},
      {"SecAction \"id:1,ctl:ruleRemoveTargetById=9\"",
       "r.conf:1: column 42: ctl:ruleRemoveTargetById: expected '…;VARIABLE', found '9'"},
      {"SecAction \"id:1,ctl:ruleRemoveTargetById=9;!ARGS\"",
       "r.conf:1: column 44: ctl:ruleRemoveTargetById: a target is named without ! and &"},
      {"SecAction \"id:1,ctl:ruleRemoveTargetByTag=;ARGS\"",
       "r.conf:1: column 21: ctl:ruleRemoveTargetByTag names no rule"},
      {"SecAction \"id:1,ctl:auditLogParts=+Y\"",
       "r.conf:1: column 35: ctl:auditLogParts: expected letters among ABCDEFGHIJKZ, found '+Y'"},
      {"SecAction \"id:1,initcol:tx=a\"",
       "r.conf:1: column 25: initcol: expected IP, GLOBAL, SESSION, USER or RESOURCE, found 'tx'"},
      {"SecAction \"id:1,expirevar:ip.a\"",
       "r.conf:1: column 27: expirevar: expected COLLECTION.name=seconds, found 'ip.a'"},
      {"SecAction \"id:1,expirevar:ip.a=x\"",
       "r.conf:1: column 32: expirevar: expected a number of seconds up to 3155760000, found 'x'"},
      {"SecAction \"id:1,xmlns:a\"", "r.conf:1: column 23: xmlns: expected prefix=http://…, found 'a'"},

      // Exclusions.
      {"SecRuleRemoveById", "r.conf:1: column 18: SecRuleRemoveById: expected a rule id, found none"},
      {"SecRuleRemoveById abc",
       "r.conf:1: column 19: SecRuleRemoveById: expected a rule id or a range of them, found 'abc'"},
      {"SecRuleRemoveById 9-1", "r.conf:1: column 19: SecRuleRemoveById: the range '9-1' is empty"},
      {"SecRuleRemoveById 9:1",
       "r.conf:1: column 19: SecRuleRemoveById: expected a rule id or a range of them, found '9:1'"},
      {"SecRuleRemoveByTag",
       "r.conf:1: column 19: SecRuleRemoveByTag: expected which rules are meant, found nothing"},
      {"SecRuleUpdateTargetById 1",
       "r.conf:1: column 26: SecRuleUpdateTargetById: expected variables, found nothing"},
      {"SecRuleUpdateTargetById 1 \"!AGRS:a\"",
       "r.conf:1: column 28: '!AGRS:a' is not a variable | did you mean ARGS?"},
      {"SecRuleUpdateActionById 1 \"dney\"",
       "r.conf:1: column 28: 'dney' is not an action | did you mean deny?"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    CHECK(read(c.text) == c.want);
  }
}

TEST_CASE("seclang: what is accepted without effect is a warning with its place") {
  constexpr Case kCases[] = {
      {"SecDebugLog /tmp/x", "r.conf:1: SecDebugLog has no effect here"},
      {"SecHashEngine Off", ""},
      {"SecAuditLogRelevantStatus \"^(?:5|4(?!04))\"", "r.conf:1: SecAuditLogRelevantStatus has no effect here"},
      {"SecAuditLogParts ABZ", "r.conf:1: SecAuditLogParts has no effect here"},
      {"SecPcreMatchLimit 1000", "r.conf:1: SecPcreMatchLimit has no effect here"},
      {"SecXMLExternalEntity On", "r.conf:1: SecXmlExternalEntity has no effect here: external entities are never loaded"},
      {"SecXMLExternalEntity Off", ""},
      {"SecRuleRemoveById 5", "r.conf:1: SecRuleRemoveById names no rule"},
      {"\nSecRuleUpdateTargetByTag \"a.*\" !ARGS:a", "r.conf:2: SecRuleUpdateTargetByTag names no rule"},
      {"SecAction \"id:1,phase:0\"", "r.conf:1: phase:0 is run with phase 1"},
      {"SecAction \"id:1,severity:9\"", "r.conf:1: severity:9 is taken for 7"},
      {"SecAction \"id:1,xmlns:a=http://b\"",
       "r.conf:1: xmlns has no effect here: XML:/* and XML://@* look at all namespaces"},
      {"SecRule ARGS \"@streq  b\" id:1", "r.conf:1: @streq: the blanks before its argument are part of it"},
      {"SecRule ARGS a \"id:1,chain\"",
       "r.conf:1: the rule ends with chain and no rule follows: it stands alone"},
      {"SecRule ARGS a \"id:1,chain\"\nSecRuleEngine On\nSecRule ARGS b",
       "r.conf:2: SecRuleEngine stands between the rules of a chain, which began in line 1"},
      {"SecRule ARGS a \"id:1,chain\"\nSecRule ARGS b \"id:2,block\"",
       "r.conf:2: an id has no effect in the further rules of a chain\nr.conf:2: block has no effect in the "
       "further rules of a chain"},
      {"SecAction id:1\nSecRuleUpdateActionById 1 \"phase:3,pass\"",
       "r.conf:2: SecRuleUpdateActionById cannot change phase"},
  };
  for (const auto& c : kCases) {
    CAPTURE(c.text);
    const auto source = read_seclang(c.text, "r.conf", files_of(kNoFiles));
    CHECK(fmt::format("{}", fmt::join(source.value().warnings, "\n")) == c.want);
  }
}

TEST_CASE("seclang: settings") {
  const auto settings = [](std::string_view text) {
    return read_seclang(text, "r.conf", files_of(kNoFiles)).value().settings;
  };
  CHECK(settings("").engine == Engine::kOff);
  CHECK(settings("SecRuleEngine detectiononly").engine == Engine::kDetectionOnly);
  CHECK(settings("SecRequestBodyAccess \"On\"").request_body_access);
  CHECK(settings("SecRequestBodyLimit 0").request_body_limit == 0);
  CHECK(settings("SecRequestBodyLimit 1099511627776").request_body_limit == 1'099'511'627'776);
  CHECK(settings("SecResponseBodyLimitAction Reject").response_body_limit_action == LimitAction::kReject);
  CHECK(settings("SecArgumentSeparator ;").argument_separator == ';');
  CHECK(settings("SecAuditEngine RelevantOnly").audit_engine == AuditEngine::kRelevantOnly);
  CHECK(settings("SecWebAppId 'a'").web_app_id == "a");
  CHECK(settings("SecComponentSignature \"A/1\"\nSecComponentSignature \"B/2\"").component_signature ==
        "A/1; B/2");
  CHECK(settings("").response_mime_types == std::vector<std::string>{"text/plain", "text/html"});
  CHECK(settings("SecResponseBodyMimeType text/xml \"a/b\"\nSecResponseBodyMimeType c/d").response_mime_types ==
        std::vector<std::string>{"text/xml", "a/b", "c/d"});
  CHECK(settings("SecResponseBodyMimeTypesClear").response_mime_types.empty());
}

TEST_CASE("seclang: files are looked for beside the file that names them") {
  const std::map<std::string, std::string> files = {
      {"/etc/waf/main.conf",
       "Include rules/*.conf\nIncludeOptional none/*.conf\nIncludeOptional none.conf\nInclude /abs.conf"},
      {"/etc/waf/rules/1.conf", "SecRule ARGS \"@pmFromFile words.data\" id:1"},
      {"/etc/waf/rules/2.conf", "SecRule REMOTE_ADDR \"!@ipMatchFromFile ../ips.data\" id:2"},
      {"/etc/waf/rules/words.data", "# words\n  # more\n\nalpha\n beta gamma \r\nde#lta\n   \nlast"},
      {"/etc/waf/rules/../ips.data", "10.0.0.0/8\n ::1 # not a comment\n#x\n"},
      {"/abs.conf", "SecMarker END"},
      {"/bad.conf", "SecMarker A\nInclude abs.conf\nInclude inner.conf"},
      {"/inner.conf", "\nSecRule ARGS \"@rx a\" \\\n \"id:1,\\\n  denny\""},
      {"/self.conf", "Include self.conf"},
      {"/bom.conf", "SecAction id:7"},
      {"/part1.conf", "SecRule ARGS a \"id:1,chain\""},
      {"/part2.conf", "Include part1.conf\nSecRule FILES b"},
      {"/part3.conf", "Include part1.conf\nSecRule FILES b deny"},
  };
  const auto load = [&](const std::string& path) { return show(read_seclang_file(path, files_of(files))); };
  CHECK(load("/etc/waf/main.conf") ==
        "[ARGS]@pmFromFile words.data: id 1, phase 1 <alpha> < beta gamma > <de#lta> <last>\n"
        "[REMOTE_ADDR]!@ipMatchFromFile ../ips.data: id 2, phase 1 <10.0.0.0/8> <::1 # not a comment>\n"
        "marker END");
  CHECK(load("/bad.conf") == "/inner.conf:4: column 3: 'denny' is not an action | did you mean deny?");
  CHECK(load("/self.conf") ==
        "/self.conf:1: column 9: files include one another more than 16 deep | does one include itself?");
  CHECK(load("/missing.conf") == "/missing.conf: no such file");
  CHECK(load("/part2.conf").starts_with("[ARGS]@rx a: id 1, phase 1, chain && [FILES]@rx b"));
  CHECK(load("/part3.conf").starts_with("/part3.conf:2: column 17: deny can only stand in the first rule of a chain, that of /part1.conf:1"));
  const auto source = read_seclang_file("/etc/waf/main.conf", files_of(files)).value();
  CHECK(source.items[1].rule->place.file == "/etc/waf/rules/2.conf");
  CHECK(source.items[1].rule->place.line == 1);
}

TEST_CASE("seclang: limits at their last accepted value and one past it") {
  const auto code = [](const std::string& text) {
    const auto source = read_seclang(text, "r.conf", files_of(kNoFiles));
    return source.ok()                           ? std::string("ok")
           : source.error().code == Errc::kLimit ? source.error().message
                                                 : "other: " + source.error().message;
  };
  const std::string head = "SecAction \"id:1,msg:'", tail = "'\"";
  const auto fill = kLineBytesMax - head.size() - tail.size();
  CHECK(code(head + std::string(fill, 'a') + tail) == "ok");
  CHECK(code(head + std::string(fill + 1, 'a') + tail) ==
        "r.conf:1: column 1: a directive longer than 1048576 bytes");

  std::string markers;
  for (std::size_t i = 0; i < kRulesMax; ++i) markers += "SecMarker A\n";
  CHECK(code(markers) == "ok");
  CHECK(code(markers + "SecMarker A") == "r.conf:100001: column 1: more than 100000 rules");

  std::string selectors = "SecRule ARGS";
  for (int i = 1; i < 4096; ++i) selectors += "|ARGS";
  CHECK(code(selectors + " a id:1") == "ok");
  CHECK(code(selectors + "|ARGS a id:1") == "r.conf:1: column 20489: more than 4096 variables");
  CHECK(code(selectors + " a id:1\nSecRuleUpdateTargetById 1 !ARGS:a") ==
        "r.conf:2: SecRuleUpdateTargetById gives the rule of r.conf:1 more than 4096 variables");

  std::string wide;
  for (int i = 1; i <= 1000; ++i) wide += fmt::format("SecAction id:{}\n", i);
  for (int i = 0; i < 2000; ++i) wide += "SecRuleUpdateActionById 1-1000 pass\n";
  CHECK(code(wide) == "ok");
  CHECK(code(wide + "SecRuleUpdateActionById 1 pass") ==
        "r.conf:3001: SecRuleUpdateActionById is one too many: updates reach more than 2000000 rules and "
        "variables");

  std::string updates;
  for (int i = 0; i < 10'000; ++i) updates += "SecRuleRemoveById 1\n";
  CHECK(code(updates) == "ok");
  CHECK(code(updates + "SecRuleRemoveById 1") ==
        "r.conf:10001: column 1: more than 10000 exclusions and updates");
}

#ifdef RINGWALL_SOURCE_DIR
// Goal: the Core Rule Set loads as it is, whole: 695 SecRule of which 73 are further in chains, 7 SecAction and
// the one of the setup, 30 markers, 629 ids and that of the setup.
TEST_CASE("seclang: the Core Rule Set") {
  const std::string folder = RINGWALL_SOURCE_DIR "/../shared/crs";
  const auto setup = real_files().read(folder + "/crs-setup.conf.example");
  if (!setup.ok()) {
    MESSAGE("skipped: ../shared/crs is not here");
    return;
  }
  const auto text =
      "Include crs-setup.conf.example\nInclude plugins/*-config.conf\nInclude plugins/*-before.conf\n"
      "Include rules/*.conf\nInclude plugins/*-after.conf\n";
  const auto source = read_seclang(text, folder + "/main.conf", real_files());
  REQUIRE_MESSAGE(source.ok(), source.error().message);
  std::size_t heads = 0, links = 0, alone = 0, markers = 0, lines = 0;
  std::map<int, int> phases;
  std::set<std::uint64_t> ids;
  for (const auto& item : source.value().items) {
    if (item.marker) {
      ++markers;
      continue;
    }
    const auto& rule = *item.rule;
    ++(rule.selectors.empty() ? alone : heads);
    links += rule.chained.size();
    ids.insert(rule.actions.id.value());
    if (rule.actions.disruptive == Disruptive::kBlock)
      FAIL_CHECK("block is not resolved in " << *rule.actions.id);
    if (rule.op == Operator::kPmFromFile) {
      ++lines;
      CHECK_FALSE(rule.file_lines.empty());
    }
    if (rule.place.file.find("/rules/") != std::string::npos) ++phases[*rule.actions.phase];
  }
  CHECK(heads + links == 695);
  CHECK(links == 73);
  CHECK(alone == 8);
  CHECK(markers == 30);
  CHECK(ids.size() == 630);
  CHECK(phases == std::map<int, int>{{1, 172}, {2, 292}, {3, 43}, {4, 109}, {5, 13}});
  CHECK(lines == 21);
  CHECK(fmt::format("{}", fmt::join(source.value().warnings, "\n")) == "");
}
#endif
