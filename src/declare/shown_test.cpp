#include "declare/shown.h"

#include "declare/diff.h"
#include "declare/test_support.h"

using namespace ringwall;
using namespace ringwall::declare;

namespace {

const std::string kText =
    "# the shop\n"
    "application: shop\n"
    "services:\n"
    "  - name: web\n"
    "    env: { PASSWORD: &p hunter2 }\n"
    "# old: secret1\n"
    "edge:\n"
    "  hosts: []   # none yet\n"
    "telemetry: { otlp: { listen: '127.0.0.1:1' } }\n"
    "waf:\n"
    "  mode: block\n";

const std::string kShown =
    "# the shop\n"
    "application: shop\n"
    "services: # 4 lines that are not shown\n"
    "edge:\n"
    "  hosts: []   # none yet\n"
    "telemetry: # 1 lines that are not shown\n"
    "waf:\n"
    "  mode: block\n";

std::string said(const Result<std::string>& result) { return result.ok() ? "ok: " + *result : result.error().message; }

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("the shown part of a declaration has no secret and comes back whole") {
  CHECK(said(shown_part(kText)) == "ok: " + kShown);
  CHECK(said(with_hidden_part(kText, kShown)) == "ok: " + kText);
  CHECK(said(with_hidden_part(kText, replaced(kShown, "mode: block", "mode: log"))) == "ok: " + replaced(kText, "mode: block", "mode: log"));
  // A last line without its end.
  const std::string open = "waf: { mode: log }\nservices:\n  - name: web";
  CHECK(said(shown_part(open)) == "ok: waf: { mode: log }\nservices: # 2 lines that are not shown\n");
}

TEST_CASE("what cannot be shown is said") {
  const struct { const char *text, *want; } cases[] = {
      {"{ application: a, services: [] }\n", "line 1: a key of the outermost level does not begin its line"},
      {"services: &s [a]\nwaf: { rules: *s }\n", "the edge or the firewall uses an anchor of a part that is not shown"},
      {"- a\n", "the declaration is not a map"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(said(shown_part(c.text)) == c.want);
  }
}

// Each of these tries to have the hidden lines told, or to lose them.
TEST_CASE("hidden lines can be neither taken in nor left out") {
  const std::string line = "services: # 4 lines that are not shown\n", gone = "the line 'services: # 4 lines that are not shown' must stay as and where it was";
  const struct { const char* what; std::string edited, want; } cases[] = {
      {"left out", replaced(kShown, line, ""), gone},
      {"changed", replaced(kShown, line, "services: []\n"), gone},
      {"twice", kShown + line, gone},
      {"behind another", replaced(kShown, line, "") + line, "the line 'telemetry: # 1 lines that are not shown' must stay as and where it was"},
      {"inside a text", replaced(kShown, line, "environment: \"\n" + line + "\"\n"), gone},
      {"inside a block text", replaced(kShown, line, "environment: |\n  x\n  " + line), gone},
      {"inside another map", replaced(kShown, line, "region: { x: y,\n" + line + "}\n"), gone},
      {"its anchor", kShown + "  exclusions: [{ rules: '1', reason: *p }]\n", "line 9, column 38: not YAML: the referenced anchor is not defined"},
      {"its anchor, with another of that name before", "environment: &p x\n" + kShown + "  exclusions: [{ rules: '1', reason: *p }]\n", "the change reaches into parts that are not shown"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    const auto outcome = with_hidden_part(kText, c.edited);
    CHECK(!outcome.ok());
    CHECK(said(outcome) == c.want);
    CHECK(said(outcome).find("hunter2") == std::string::npos);
  }
}

TEST_CASE("changes of the firewall alone") {
  const std::string good(kGood), route = "          service: web\n";
  const auto with_waf = [](const std::string& text, const std::string& waf) { return text + "waf: { " + waf + " }\n"; };
  const struct { std::string from, to; bool want; } cases[] = {
      {good, good, true},
      {good, with_waf(good, "mode: block"), true},
      {with_waf(good, "mode: block"), with_waf(good, "mode: log, paranoia: 2, exclusions: [{ rules: '942100', path: /a }]"), true},
      {good, with_waf(replaced(good, route, route + "          waf: { mode: log }\n"), "mode: block"), true},
      {good, with_waf(replaced(good, "[shop.example.com]\n", "[shop.example.com]\n      waf: { mode: log }\n"), "mode: block"), true},
      // Which files are loaded, and everything else.
      {with_waf(good, "mode: block"), with_waf(good, "mode: block, rules: [/etc/passwd]"), false},
      {with_waf(good, "mode: block"), with_waf(good, "mode: block, core_rule_set: /tmp"), false},
      {with_waf(good, "mode: block"), with_waf(good, "mode: block, places: [/etc/passwd]"), false},
      {with_waf(good, "mode: block"), with_waf(good, "mode: block, lists: [{ name: a, file: /etc/passwd }]"), false},
      {good, with_waf(replaced(good, route, route + "          waf: { lists: [{ name: a, file: /etc/passwd }] }\n"), "mode: block"), false},
      {with_waf(good, "mode: block, lists: [{ name: a, file: a.txt }]"), with_waf(good, "mode: block, lists: [{ name: b, addresses: [192.0.2.1] }, { name: a, file: a.txt, action: note }]"), true},
      {with_waf(replaced(good, route, route + "          waf: { openapi: { file: a.yaml } }\n"), "mode: block"),
       with_waf(replaced(good, route, route + "          waf: { openapi: { file: a.yaml, mode: log } }\n"), "mode: block"), true},
      {with_waf(good, "mode: block"), with_waf(replaced(good, route, route + "          waf: { openapi: { file: /etc/passwd } }\n"), "mode: block"), false},
      {good, replaced(good, "path: /\n", "path: /a\n"), false},
      {good, replaced(good, route, route + "        - path: \"~ ].waf.x\"\n          redirect_to: /y\n"), false},
      {good, replaced(good, "application: shop", "application: shop2"), false},
  };
  for (const auto& c : cases) {
    CAPTURE(c.to);
    CHECK(changes_firewall_alone(declared(c.from), declared(c.to)) == c.want);
  }
}
