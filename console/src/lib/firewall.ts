// Judged requests and exclusions, as pure functions: what an audit record says, what would have to be excluded for it to pass,
// and which stored events an exclusion is about.
import type { LogRecord, WafExclusion } from "../api/types";
import { addTerm, filterTerm } from "./query";

export const wafTerm = "@ringwall.event:waf";

export interface WafMatch {
  rule: string;
  message: string;
  variable: string; // "ARGS:q"; empty where the rule looked at none
  match: string; // operator and value, masked on the way into the store
  data: string;
  severity: string;
  phase: number | undefined;
  tags: string[];
  place: string; // file and line
}

export interface WafEvent {
  action: string;
  score: string;
  place: string;
  client: string;
  method: string;
  uri: string;
  path: string;
  host: string;
  status: number | undefined;
  enforcing: boolean;
  truncated: boolean;
  matches: WafMatch[];
}

type Loose = Record<string, unknown>;
const object = (value: unknown): Loose => (typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Loose) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
const text = (value: unknown): string => (typeof value === "string" ? value : typeof value === "number" ? String(value) : "");

// A record without a readable audit still has its attributes.
export function eventOf(log: LogRecord): WafEvent {
  let root: Loose = {};
  try {
    root = object(JSON.parse(text(log.attributes["ringwall.waf.audit"]) || "{}"));
  } catch {
    // Cut on its way: what the attributes say is shown.
  }
  const transaction = object(root["transaction"]), request = object(transaction["request"]), response = object(transaction["response"]);
  const headers = Object.entries(object(request["headers"]));
  return {
    action: text(log.attributes["ringwall.waf.action"]),
    score: text(log.attributes["ringwall.waf.score"]),
    place: text(log.attributes["ringwall.waf.place"]),
    client: text(log.attributes["client.address"]),
    method: text(log.attributes["http.request.method"]),
    uri: text(request["uri"]),
    path: text(log.attributes["url.path"]),
    host: text(headers.find(([name]) => name.toLowerCase() === "host")?.[1]),
    status: typeof response["http_code"] === "number" ? response["http_code"] : undefined,
    enforcing: text(object(transaction["producer"])["secrules_engine"]) === "Enabled",
    truncated: text(transaction["truncated"]) === "true",
    matches: list(transaction["messages"]).map((entry) => {
      const message = object(entry), details = object(message["details"]);
      const file = text(details["file"]);
      return {
        rule: text(details["ruleId"]),
        message: text(message["message"]),
        variable: text(details["variable"]),
        match: text(details["match"]),
        data: text(details["data"]),
        severity: text(details["severity"]),
        phase: typeof details["phase"] === "number" ? details["phase"] : undefined,
        tags: list(details["tags"]).map(text),
        place: file ? `${file.slice(file.lastIndexOf("/") + 1)}:${text(details["lineNumber"])}` : "",
      };
    }),
  };
}

export const ruleIds = (log: LogRecord): string[] => text(log.attributes["ringwall.waf.rules"]).split(",").filter(Boolean);

const severities = ["emergency", "alert", "critical", "error", "warning", "notice", "info", "debug"];
export const severityWord = (severity: string): string => severities[Number(severity || "99")] ?? severity;

// Rules that add up what others found, and refuse: to exclude them is to switch the firewall off.
export function addsUp(rule: string): boolean {
  const id = Number(rule);
  return (id >= 949_000 && id < 950_000) || (id >= 959_000 && id < 960_000) || (id >= 980_000 && id < 981_000);
}

// Variables a rule can be told not to look at by name.  What rules compute (TX, MATCHED_VAR…) is none of them.
const targetable = /^(ARGS|ARGS_GET|ARGS_POST|ARGS_NAMES|ARGS_GET_NAMES|ARGS_POST_NAMES|REQUEST_COOKIES|REQUEST_COOKIES_NAMES|REQUEST_HEADERS|REQUEST_HEADERS_NAMES|FILES|FILES_NAMES|REQUEST_BODY|REQUEST_FILENAME|REQUEST_BASENAME|REQUEST_URI|QUERY_STRING|XML|JSON)(:.+)?$/;

// What must not be looked at for this request to pass: the rules that found something, each only where it found it and only on this
// path.  Rules of one variable share an exclusion.
export function narrowest(event: WafEvent, chosen: (match: WafMatch) => boolean = () => true): WafExclusion[] {
  const byTarget = new Map<string, Set<string>>();
  for (const match of event.matches) {
    if (!/^\d+$/.test(match.rule) || addsUp(match.rule) || !chosen(match)) continue;
    const target = targetable.test(match.variable) ? match.variable : "";
    if (!byTarget.has(target)) byTarget.set(target, new Set());
    byTarget.get(target)!.add(match.rule);
  }
  const path = event.path.startsWith("/") ? `= ${event.path}` : "";
  return [...byTarget].map(([target, rules]) => ({ rules: [...rules].sort((a, b) => Number(a) - Number(b)).join(","), targets: target ? [target] : [], path, reason: "" }));
}

function namesRule(rules: string, match: WafMatch): boolean {
  if (rules.startsWith("tag:")) return match.tags.includes(rules.slice(4));
  if (rules.startsWith("msg:")) return match.message === rules.slice(4);
  const id = Number(match.rule);
  return rules.split(/[,\s]+/).some((part) => {
    const range = /^(\d+)(?:-(\d+))?$/.exec(part);
    return range !== null && id >= Number(range[1]) && id <= Number(range[2] ?? range[1]);
  });
}

// "ARGS" is every argument, "ARGS:q" the one, "ARGS:/^q/" those whose names match; names are compared whatever their case.
function namesTarget(target: string, variable: string): boolean {
  const wanted = target.toLowerCase(), have = variable.toLowerCase();
  const pattern = /^([a-z_]+):'?\/(.+)\/'?$/i.exec(target);
  if (!pattern) return have === wanted || have.startsWith(`${wanted}:`);
  const name = have.startsWith(`${pattern[1]!.toLowerCase()}:`) ? variable.slice(pattern[1]!.length + 1) : undefined;
  try {
    return name !== undefined && new RegExp(pattern[2]!, "i").test(name);
  } catch {
    return false; // a pattern of PCRE that browsers do not know
  }
}

function onPath(wanted: string, path: string): boolean {
  if (wanted === "") return true;
  return wanted.startsWith("= ") ? path === wanted.slice(2).trim() : path.startsWith(wanted);
}

// Whether the exclusion is about what was found in this event: the proof that it does something.
export function concerns(exclusion: WafExclusion, event: WafEvent): boolean {
  if (!onPath(exclusion.path, event.path)) return false;
  return event.matches.some((match) => namesRule(exclusion.rules, match) && (exclusion.targets.length === 0 || exclusion.targets.some((target) => namesTarget(target, match.variable))));
}

const idsInSearchMax = 20;

// A search for all events the exclusion may concern, narrowed by what the server has as attributes.
export function searchFor(exclusion: WafExclusion, places: readonly string[]): string {
  let q = wafTerm;
  const ids = exclusion.rules.split(/[,\s]+/);
  if (ids.length <= idsInSearchMax && ids.every((id) => /^\d+$/.test(id))) q = addTerm(q, `@ringwall.waf.rules:(${ids.map((id) => `*${id}*`).join(" OR ")})`);
  if (exclusion.path.startsWith("= ")) q = addTerm(q, filterTerm("@url.path", exclusion.path.slice(2).trim()));
  if (places.length > 0 && places.length <= idsInSearchMax) q = addTerm(q, `@ringwall.waf.place:(${places.map((place) => filterTerm("", place).slice(1)).join(" OR ")})`);
  return q;
}

export function countRules(combinations: readonly { value: string; count: number }[]): { value: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { value, count } of combinations) {
    for (const rule of new Set(value.split(","))) if (rule && !addsUp(rule)) counts.set(rule, (counts.get(rule) ?? 0) + count);
  }
  return [...counts].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count || Number(a.value) - Number(b.value));
}

// Lines that are only in one of two texts that share a beginning and an end: an edit is in one place.
export function changedLines(before: string, after: string): { sign: "+" | "-" | " "; text: string; line: number }[] {
  const a = before.split("\n"), b = after.split("\n");
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) ++head;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) ++tail;
  const around = 2;
  const from = Math.max(0, head - around);
  return [
    ...a.slice(from, head).map((line, i) => ({ sign: " " as const, text: line, line: from + i + 1 })),
    ...a.slice(head, a.length - tail).map((line, i) => ({ sign: "-" as const, text: line, line: head + i + 1 })),
    ...b.slice(head, b.length - tail).map((line, i) => ({ sign: "+" as const, text: line, line: head + i + 1 })),
    ...b.slice(b.length - tail, b.length - tail + around).map((line, i) => ({ sign: " " as const, text: line, line: b.length - tail + i + 1 })),
  ];
}
