import { describe, expect, it } from "vitest";
import type { LogRecord, WafExclusion } from "../api/types";
import { changedLines, concerns, countRules, eventOf, narrowest, searchFor, type WafEvent } from "./firewall";

const log = (matches: [rule: string, variable: string, tags?: string[]][], path = "/search"): LogRecord => ({
  id: "1", ts: "", level: "warn", severity: 13, service: "edge", env: "", version: "", host: "", region: "", source: "edge", message: "", resource: {},
  attributes: {
    "ringwall.waf.action": "deny", "url.path": path, "ringwall.waf.place": "shop /",
    "ringwall.waf.audit": JSON.stringify({ transaction: { request: { uri: `${path}?q=x`, headers: { HOST: "shop" } }, response: { http_code: 403 }, producer: { secrules_engine: "Enabled" }, messages: matches.map(([ruleId, variable, tags]) => ({ message: `m${ruleId}`, details: { ruleId, variable, tags: tags ?? [], match: "v" } })) } }),
  },
});
const event = (...args: Parameters<typeof log>): WafEvent => eventOf(log(...args));
const exclusion = (rules: string, targets: string[] = [], path = ""): WafExclusion => ({ rules, targets, path, reason: "" });

describe("an event", () => {
  it("is read from the audit record", () => {
    expect(event([["942100", "ARGS:q"]])).toMatchObject({ action: "deny", host: "shop", status: 403, enforcing: true, matches: [{ rule: "942100", variable: "ARGS:q", message: "m942100" }] });
  });
  it.each(["", "{", "[]", "null", '{"transaction":3}'])("survives an audit that is %j", (audit) => {
    const broken = log([]);
    broken.attributes["ringwall.waf.audit"] = audit;
    expect(eventOf(broken)).toMatchObject({ action: "deny", matches: [] });
  });
});

describe("the narrowest exclusion", () => {
  it.each<[string, [string, string][], WafExclusion[]]>([
    ["rules of one variable together", [["942190", "ARGS:q"], ["942100", "ARGS:q"]], [exclusion("942100,942190", ["ARGS:q"], "= /search")]],
    ["an exclusion per variable", [["942100", "ARGS:q"], ["941100", "ARGS:x"]], [exclusion("942100", ["ARGS:q"], "= /search"), exclusion("941100", ["ARGS:x"], "= /search")]],
    ["no target where a rule computed it", [["920420", "TX:content_type"]], [exclusion("920420", [], "= /search")]],
    ["never the rules that add up", [["949110", "TX:blocking_inbound_anomaly_score"], ["980130", ""]], []],
  ])("%s", (_, matches, want) => expect(narrowest(event(matches))).toEqual(want));
  it("is of the chosen rule alone", () => {
    expect(narrowest(event([["942100", "ARGS:q"], ["942190", "ARGS:q"]]), (match) => match.rule === "942190")).toEqual([exclusion("942190", ["ARGS:q"], "= /search")]);
  });
});

describe("an exclusion concerns an event", () => {
  const seen = event([["942100", "ARGS:q", ["attack-sqli"]]]);
  it.each<[WafExclusion, boolean]>([
    [exclusion("942100"), true],
    [exclusion("942000-942999"), true],
    [exclusion("920100, 942100"), true],
    [exclusion("tag:attack-sqli"), true],
    [exclusion("msg:m942100"), true],
    [exclusion("942100", ["ARGS"]), true],
    [exclusion("942100", ["args:Q"]), true],
    [exclusion("942100", ["ARGS:/^q/"]), true],
    [exclusion("942100", ["ARGS:q"], "/sea"), true],
    [exclusion("942100", ["ARGS:q"], "= /search"), true],
    [exclusion("94210"), false],
    [exclusion("942101-942999"), false],
    [exclusion("tag:attack-xss"), false],
    [exclusion("942100", ["ARGS:qq"]), false],
    [exclusion("942100", ["ARGS:/^x/"]), false],
    [exclusion("942100", ["ARGS_NAMES"]), false],
    [exclusion("942100", [], "= /sea"), false],
    [exclusion("942100", [], "/cart"), false],
  ])("%j: %s", (one, want) => expect(concerns(one, seen)).toBe(want));
});

it("the search for an exclusion's events is narrowed where it can be", () => {
  expect(searchFor(exclusion("942100,942190", ["ARGS:q"], "= /search"), ["localhost /"])).toBe('@ringwall.event:waf @ringwall.waf.rules:(*942100* OR *942190*) @url.path:/search @ringwall.waf.place:("localhost /")');
  expect(searchFor(exclusion("942000-942999", [], "/a"), [])).toBe("@ringwall.event:waf");
});

it("rules are counted once an event, without those that add up", () => {
  expect(countRules([{ value: "942100,942190,949110", count: 3 }, { value: "942190,942190", count: 2 }])).toEqual([{ value: "942190", count: 5 }, { value: "942100", count: 3 }]);
});

it("changed lines stand between two that stay", () => {
  expect(changedLines("a\nb\nc\nd", "a\nb\nX\nc\nd").map((line) => line.sign + line.text)).toEqual([" a", " b", "+X", " c", " d"]);
  expect(changedLines("mode: block\nx", "mode: log\nx").map((line) => line.sign + line.text)).toEqual(["-mode: block", "+mode: log", " x"]);
});
