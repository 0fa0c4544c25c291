import { describe, expect, it } from "vitest";
import { addFilter, addTerm, attributeField, charOffset, excludeFilter, filterState, includeFilter, quote, removeFilter, terms, unquote } from "./query";

describe("terms", () => {
  it.each([
    ["", []],
    ["  ", []],
    ["cart timeout", ["cart", "timeout"]],
    ['"two words" x', ['"two words"', "x"]],
    ['service:"a b" y', ['service:"a b"', "y"]],
    ["(a OR b) c", ["(a OR b)", "c"]],
    ["status:[400 TO 499] x", ["status:[400 TO 499]", "x"]],
    ["NOT level:debug x", ["NOT level:debug", "x"]],
    ["service:(a OR b)", ["service:(a OR b)"]],
    ['@k:"a\\"b c" z', ['@k:"a\\"b c"', "z"]],
    ["a\\ b c", ["a\\ b", "c"]],
    ['"open quote x', ['"open quote x']],
    ["(open x", ["(open x"]],
  ])("%s", (text, want) => expect(terms(text).map((t) => t.text)).toEqual(want));

  it("know their sign, field and value", () => {
    expect(terms("-host:a")[0]).toMatchObject({ negative: true, field: "host", value: "a" });
    expect(terms("NOT host:a")[0]).toMatchObject({ negative: true, field: "host", value: "a" });
    expect(terms("@http.route:/cart*")[0]).toMatchObject({ negative: false, field: "@http.route", value: "/cart*" });
    expect(terms("word")[0]).toMatchObject({ field: "", value: "word" });
  });
});

describe("quoting", () => {
  it.each([
    ["edge", "edge"],
    ["/cart/1", "/cart/1"],
    ["127.0.0.1:4800", "127.0.0.1:4800"],
    ["two words", '"two words"'],
    ['say "hi"', '"say \\"hi\\""'],
    ["a*b", '"a*b"'],
    [">5", '">5"'],
    ["-x", '"-x"'],
    ["OR", '"OR"'],
    ["", '""'],
    ["back\\slash", '"back\\\\slash"'],
    ["[x]", '"[x]"'],
  ])("%s", (value, want) => {
    expect(quote(value)).toBe(want);
    expect(unquote(quote(value))).toBe(value);
  });
  it("escapes what would end the name of an attribute", () => {
    expect(attributeField("http.route")).toBe("@http.route");
    expect(attributeField("odd name:x")).toBe("@odd\\ name\\:x");
  });
});

describe("only this value", () => {
  it.each([
    ["", "service:edge"],
    ["timeout", "timeout service:edge"],
    ["service:catalog timeout", "timeout service:edge"],
    ["service:(a OR b)", "service:edge"],
    ["-service:edge x", "x service:edge"],
    ["service:edge", "service:edge"],
    ["service:web* x", "service:web* x service:edge"],
    ["a OR b", "(a OR b) service:edge"],
    ["a AND b", "a b service:edge"],
  ])("%s", (query, want) => expect(addFilter(query, "service", "edge")).toBe(want));
});

describe("this value too", () => {
  it.each([
    ["", "service:edge"],
    ["service:edge x", "service:edge x"],
    ["service:catalog x", "x service:(catalog OR edge)"],
    ["service:(a OR b)", "service:(a OR b OR edge)"],
    ["-service:edge", "service:edge"],
    ["a OR b", "(a OR b) service:edge"],
  ])("%s", (query, want) => expect(includeFilter(query, "service", "edge")).toBe(want));
});

describe("without this value", () => {
  it.each([
    ["", "-service:edge"],
    ["service:edge x", "x -service:edge"],
    ["service:(edge OR b)", "service:b -service:edge"],
    ["-service:edge", "-service:edge"],
    ["a OR b", "(a OR b) -service:edge"],
  ])("%s", (query, want) => expect(excludeFilter(query, "service", "edge")).toBe(want));
});

describe("taking a value out again", () => {
  it.each([
    ["service:edge", ""],
    ["service:(a OR edge) x", "service:a x"],
    ["-service:edge x", "x"],
    ["service:edges", "service:edges"],
    ["a OR service:edge", "a OR service:edge"],
  ])("%s", (query, want) => expect(removeFilter(query, "service", "edge")).toBe(want));
});

it("knows the state of a value", () => {
  expect(filterState("service:edge", "service", "edge")).toBe("included");
  expect(filterState("service:(a OR edge)", "service", "edge")).toBe("included");
  expect(filterState("-service:edge", "service", "edge")).toBe("excluded");
  expect(filterState("service:e*", "service", "edge")).toBe("none");
  expect(filterState('@m:"a b"', "@m", "a b")).toBe("included");
});

it("adds whole terms", () => {
  expect(addTerm("", "error:true")).toBe("error:true");
  expect(addTerm("a OR b", "error:true")).toBe("(a OR b) error:true");
});

it("counts bytes as the server does", () => {
  expect(charOffset("abc", 2)).toBe(2);
  expect(charOffset("äbc", 2)).toBe(1);
  expect(charOffset("😀b", 4)).toBe(2);
  expect(charOffset("a", 9)).toBe(1);
});
