#include "declare/edit.h"

#include "declare/test_support.h"

using namespace ringwall;
using namespace ringwall::declare;

namespace {

FirewallEdit mode(std::string host, std::string route, std::string value) { return {std::move(host), std::move(route), std::move(value), {}}; }
FirewallEdit exclude(std::string host, std::string route, std::vector<WafExclusion> list) { return {std::move(host), std::move(route), "", std::move(list)}; }

std::string outcome(const Result<std::string>& result) { return result.ok() ? *result : "refused: " + result.error().message; }

}  // namespace

TEST_CASE("an edit changes one line and nothing else") {
  const std::string good(kGood), host = "shop.example.com";
  const std::string route = "          service: web\n", name = "    - names: [shop.example.com]\n";
  const WafExclusion one{"942100", {"ARGS:q"}, "= /search", "people: search"};
  const std::string line = "{ rules: 942100, targets: [ARGS:q], path: \"= /search\", reason: \"people: search\" }";
  const std::string on = "waf: { mode: block }\n";
  const auto on_with = [&](const char* instead_of, const std::string& text) { return changed(instead_of, text.c_str()) + on; };
  const struct { const char* what; std::string from; FirewallEdit edit; std::string want; } cases[] = {
      // Modes.
      {"a mode that is there", good + "waf:\n  mode: block   # since May\n", mode("", "", "log"), good + "waf:\n  mode: log   # since May\n"},
      {"in quotes", good + "waf: { mode: \"block\", paranoia: 2 }\n", mode("", "", "off"), good + "waf: { mode: off, paranoia: 2 }\n"},
      {"none yet", good, mode("", "", "log"), good + "\nwaf:\n  mode: log\n"},
      {"a map without a mode", good + "waf:\n  paranoia: 2\n", mode("", "", "log"), good + "waf:\n  paranoia: 2\n  mode: log\n"},
      {"no line end", good + "waf:\n  paranoia: 2", mode("", "", "log"), good + "waf:\n  paranoia: 2\n  mode: log\n"},
      {"of a route", good + on, mode(host, "/", "log"), on_with("          service: web\n", route + "          waf: { mode: log }\n")},
      {"of a route that has some", on_with("          service: web\n", route + "          waf: { paranoia: 2 }\n"), mode(host, "/", "log"),
       on_with("          service: web\n", route + "          waf: { mode: log, paranoia: 2 }\n")},
      {"of a host", good + on, mode(host, "", "log"), on_with("    - names: [shop.example.com]\n", name + "      waf: { mode: log }\n")},
      {"of a route in one line", on_with("        - path: /\n          service: web\n", "        - { path: /, service: web }\n"), mode(host, "/", "log"),
       on_with("        - path: /\n          service: web\n", "        - { waf: { mode: log }, path: /, service: web }\n")},
      // Exclusions.
      {"none yet", good + "waf:\n  mode: block\n", exclude("", "", {one}), good + "waf:\n  mode: block\n  exclusions:\n    - " + line + "\n"},
      {"one before another", good + "waf:\n  mode: block\n  exclusions:\n    # editors\n    - rules: 1-2\n      path: /a\n", exclude("", "", {one}),
       good + "waf:\n  mode: block\n  exclusions:\n    # editors\n    - " + line + "\n    - rules: 1-2\n      path: /a\n"},
      {"in brackets", good + "waf: { mode: log, exclusions: [{ rules: 7 }] }\n", exclude("", "", {{"8", {}, "", ""}}), good + "waf: { mode: log, exclusions: [{ rules: 8 }, { rules: 7 }] }\n"},
      {"empty brackets", good + "waf: { mode: log, exclusions: [] }\n", exclude("", "", {{"8", {}, "", ""}, {"9", {}, "/b", ""}}), good + "waf: { mode: log, exclusions: [{ rules: 8 }, { rules: 9, path: /b }] }\n"},
      {"of a route", good + on, exclude(host, "/", {one}), on_with("          service: web\n", route + "          waf: { exclusions: [" + line + "] }\n")},
      {"what looks like an alias stays a text", good + "waf: { mode: log }\n", exclude("", "", {{"8", {"*p"}, "&p", "!!x"}}), good + "waf: { exclusions: [{ rules: 8, targets: [\"*p\"], path: \"&p\", reason: \"!!x\" }], mode: log }\n"},
      {"what a client chose stays a text", good + "waf: { mode: log }\n", exclude("", "", {{"8", {"ARGS:a]}, {rules: 1"}, "", "x\"\n- y"}}),
       good + "waf: { exclusions: [{ rules: 8, targets: [\"ARGS:a]}, {rules: 1\"], reason: \"x\\\"\\n- y\" }], mode: log }\n"},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    CAPTURE(c.from);
    CHECK(outcome(edited(c.from, c.edit)) == c.want);
  }
}

TEST_CASE("edits that cannot be made are refused") {
  const std::string good(kGood);
  const struct { const char* what; std::string from; FirewallEdit edit; const char* want; } cases[] = {
      {"no such host", good, mode("x.example.com", "/", "log"), "refused: there is no host 'x.example.com'"},
      {"no such route", good, mode("shop.example.com", "/a", "log"), "refused: host 'shop.example.com' has no route '/a'"},
      {"a route of no host", good, mode("", "/", "log"), "refused: a route without its host"},
      {"no such mode", good + "waf: { mode: log }\n", mode("", "", "blok"), "refused: mode: expected one of off, log, block, inherit"},
      {"nothing all places could inherit", good + "waf: { mode: log }\n", mode("", "", "inherit"), "refused: declaration:13:14: waf.mode: expected one of off, log, block; found 'inherit'"},
      {"a mode that reaches for a secret", changed("  - name: web\n", "  - name: &p web\n") + "waf: { mode: log }\n", mode("", "", "*p"), "refused: mode: expected one of off, log, block, inherit"},
      {"a mode that brings more", good + "waf: { mode: log }\n", mode("", "", "off, paranoia: 4"), "refused: mode: expected one of off, log, block, inherit"},
      {"the text itself", good + "waf: [\n", mode("", "", "log"), nullptr},
      // An alias has its text elsewhere, and what stands there is used twice.
      {"an alias", changed("      routes:\n", "      waf: &w { paranoia: 2 }\n      routes:\n") + "waf: *w\n", mode("", "", "log"), nullptr},
  };
  for (const auto& c : cases) {
    CAPTURE(c.what);
    const auto got = outcome(edited(c.from, c.edit));
    CHECK(got.starts_with("refused: "));
    if (c.want != nullptr) CHECK(got == c.want);
  }
  CHECK(edited(good + "waf: { mode: log }\n", exclude("", "", std::vector<WafExclusion>(kEditExclusionsMax, {"8", {}, "", ""}))).ok());
  CHECK(!edited(good + "waf: { mode: log }\n", exclude("", "", std::vector<WafExclusion>(kEditExclusionsMax + 1, {"8", {}, "", ""}))).ok());
}
