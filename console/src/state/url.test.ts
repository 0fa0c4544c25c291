import { describe, expect, it } from "vitest";
import { formatPlace, formatSort, intParam, merge, parsePlace, parseSort, viewOf } from "./url";

describe("addresses", () => {
  it.each([
    ["/", {}],
    ["/logs", { q: 'service:edge status:>=500 "a b" -host:ä', from: "now-1h" }],
    ["/logs", { q: "a+b %20 & c=d # ?", sel: "1", facets: "service,@http.route" }],
    ["/traces/abc", { span: "00f1", zoom: "1.5-20" }],
    ["/services/a%20b", { sort: "-p95_ms" }],
  ])("%s %j survives the way there and back", (path, params) => {
    const place = parsePlace(formatPlace(path, params));
    expect(place).toEqual({ path, params });
  });

  it("are equal for equal states", () => {
    expect(formatPlace("/logs", { b: "2", a: "1" })).toBe(formatPlace("/logs", { a: "1", b: "2", c: undefined, d: "" }));
    expect(formatPlace("/logs", { from: "2026-11-23T06:10:10.000Z", q: "@http.route:/cart" })).toBe("/logs?from=2026-11-23T06:10:10.000Z&q=@http.route:/cart");
  });

  it("take the first of doubled parameters and no closing slash", () => {
    expect(parsePlace("/logs/?q=a&q=b")).toEqual({ path: "/logs", params: { q: "a" } });
  });

  it("change by parts", () => {
    expect(formatPlace("/logs", merge({ q: "a", sel: "1" }, { sel: undefined, tail: "1" }))).toBe("/logs?q=a&tail=1");
  });
});

describe("views", () => {
  it.each([
    ["/", { name: "overview" }],
    ["/logs", { name: "logs" }],
    ["/traces", { name: "traces" }],
    ["/traces/ABCDEF", { name: "trace", id: "abcdef" }],
    ["/services/a%20b%2Fc", { name: "service", service: "a b/c" }],
    ["/services/%zz", { name: "service", service: "%zz" }],
    ["/map", { name: "map" }],
    ["/map/x", { name: "missing" }],
    ["/traces/a/b", { name: "missing" }],
    ["/nowhere", { name: "missing" }],
  ])("%s", (path, want) => expect(viewOf(path)).toEqual(want));
});

it("sorts by words of the address", () => {
  expect(parseSort("-p95_ms", "-requests")).toEqual({ column: "p95_ms", down: true });
  expect(parseSort(undefined, "-requests")).toEqual({ column: "requests", down: true });
  expect(formatSort({ column: "requests", down: true }, "-requests")).toBeUndefined();
  expect(formatSort({ column: "service", down: false }, "-requests")).toBe("service");
});

it.each([[undefined, 100], ["250", 250], ["9999999", 1000], ["0", 100], ["-5", 100], ["1e3", 100], ["x", 100]])("number %s", (text, want) => {
  expect(intParam(text, 100, 100, 1000)).toBe(want);
});
