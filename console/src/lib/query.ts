// Editing of searches: a click on a value adds, excludes or removes a term without disturbing what the user typed.
//
// Only the outermost terms of the text are understood, by the lexical rules of the server's language: white space
// separates, quotes and parentheses hold together, a backslash makes the next character plain.  A text this file cannot
// cut (an open quote) is left as it is and the term is appended; the server says what is wrong with it.

export interface Term {
  text: string; // as written, with its sign
  begin: number;
  end: number;
  negative: boolean;
  field: string; // "" for words; "@http.route" for attributes
  value: string; // as written, after the colon
}

function endOfTerm(text: string, begin: number): number {
  let depth = 0;
  let at = begin;
  while (at < text.length) {
    const c = text[at]!;
    if (c === "\\") {
      at += 2;
      continue;
    }
    if (c === '"') {
      let quote = at + 1;
      while (quote < text.length && text[quote] !== '"') quote += text[quote] === "\\" ? 2 : 1;
      at = Math.min(quote + 1, text.length);
      if (depth === 0 && (at >= text.length || /\s/.test(text[at]!))) break;
      continue;
    }
    if (c === "(" || c === "[" || c === "{") ++depth;
    if ((c === ")" || c === "]" || c === "}") && depth > 0) --depth;
    if (depth === 0 && /\s/.test(c)) break;
    ++at;
  }
  return Math.min(at, text.length);
}

export function terms(text: string): Term[] {
  const out: Term[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      ++at;
      continue;
    }
    const begin = at;
    let end = endOfTerm(text, begin);
    let body = text.slice(begin, end);
    let negative = body.startsWith("-") && body.length > 1;
    if (negative) body = body.slice(1);
    // NOT belongs to what follows it.
    if (body === "NOT" && !negative && end < text.length) {
      let next = end;
      while (next < text.length && /\s/.test(text[next]!)) ++next;
      if (next < text.length) {
        end = endOfTerm(text, next);
        body = text.slice(next, end);
        negative = true;
      }
    }
    const colon = /^(@?[^\s:"()\\]+):/.exec(body);
    out.push({ text: text.slice(begin, end), begin, end, negative, field: colon ? colon[1]! : "", value: colon ? body.slice(colon[0].length) : body });
    at = end;
  }
  return out;
}

const plainValue = /^[A-Za-z0-9_./][A-Za-z0-9_./+,;=%#&~:-]*$/;

export function quote(value: string): string {
  if (plainValue.test(value) && !["AND", "OR", "NOT"].includes(value)) return value;
  return `"${value.replace(/[\\"]/g, "\\$&")}"`;
}

export function unquote(value: string): string {
  if (value.length >= 2 && value.startsWith('"') && value.endsWith('"')) return value.slice(1, -1).replace(/\\([\\"])/g, "$1");
  return value.replace(/\\(.)/g, "$1");
}

// Attribute names may hold anything; what the lexer would read as the end of the name is escaped.
export function attributeField(name: string): string {
  return `@${name.replace(/[\s:"()\\*?]/g, "\\$&")}`;
}

export function filterTerm(field: string, value: string): string {
  return value === "" && field.startsWith("@") ? `${field}:""` : `${field}:${quote(value)}`;
}

function join(parts: string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}

const isOr = (term: Term) => term.text === "OR";
const isWord = (term: Term, word: string) => term.text === word;

// `a OR b` with a term appended would mean `a OR (b term)`.
function grouped(query: string): string {
  return terms(query).some(isOr) ? `(${query.trim()})` : query.trim();
}

// The texts of a term's values: one, or several for `field:(a OR b)`; null when it is a range, a comparison or a pattern.
function plainValues(term: Term): string[] | null {
  const group = /^\(([\s\S]*)\)$/.exec(term.value);
  if (!group) {
    if (!term.value.startsWith('"') && /^[<>[{]|[*?]/.test(term.value)) return null;
    return [unquote(term.value)];
  }
  const inner = terms(group[1]!);
  if (inner.some((t) => t.negative || isWord(t, "AND"))) return null;
  return inner.filter((t) => !isOr(t)).map((t) => unquote(t.text));
}

function termOf(field: string, values: string[]): string {
  if (values.length === 1) return filterTerm(field, values[0]!);
  return `${field}:(${values.map(quote).join(" OR ")})`;
}

// The outermost terms of a query that is an AND of terms; null when it is not, and then it can only be wrapped.
function conjunction(query: string): Term[] | null {
  const all = terms(query);
  return all.some(isOr) ? null : all.filter((term) => !isWord(term, "AND"));
}

function without(all: Term[], drop: (term: Term) => boolean): string[] {
  return all.filter((term) => !drop(term)).map((term) => term.text);
}

export type FilterState = "none" | "included" | "excluded";

export function filterState(query: string, field: string, value: string): FilterState {
  for (const term of conjunction(query) ?? []) {
    if (term.field === field && plainValues(term)?.includes(value)) return term.negative ? "excluded" : "included";
  }
  return "none";
}

// Only records with this value: it replaces what the query said about the same field.
export function addFilter(query: string, field: string, value: string): string {
  const added = filterTerm(field, value);
  const all = conjunction(query);
  if (all === null) return join([grouped(query), added]);
  return join([...without(all, (term) => term.field === field && plainValues(term) !== null), added]);
}

// Records with this value as well as the values of the field already chosen.
export function includeFilter(query: string, field: string, value: string): string {
  const all = conjunction(query);
  if (all === null) return join([grouped(query), filterTerm(field, value)]);
  const chosen = all.find((term) => term.field === field && !term.negative && plainValues(term) !== null);
  const values = chosen ? plainValues(chosen)! : [];
  if (values.includes(value)) return join(all.map((term) => term.text));
  const rest = without(all, (term) => term === chosen || (term.field === field && term.negative && plainValues(term)?.includes(value) === true));
  return join([...rest, termOf(field, [...values, value])]);
}

export function excludeFilter(query: string, field: string, value: string): string {
  const added = `-${filterTerm(field, value)}`;
  const all = conjunction(query);
  if (all === null) return join([grouped(query), added]);
  return join([removeFilter(query, field, value), added]);
}

// Takes the value out of the query again, included or excluded.
export function removeFilter(query: string, field: string, value: string): string {
  const all = conjunction(query);
  if (all === null) return query.trim();
  return join(
    all.map((term) => {
      const values = term.field === field ? plainValues(term) : null;
      if (values === null || !values.includes(value)) return term.text;
      const rest = values.filter((other) => other !== value);
      return rest.length === 0 ? "" : `${term.negative ? "-" : ""}${termOf(field, rest)}`;
    }),
  );
}

export function addTerm(query: string, term: string): string {
  return join([grouped(query), term]);
}

// The byte offset an error of the server names, as an index into the JavaScript string.
export function charOffset(text: string, byteOffset: number): number {
  let seen = 0;
  let index = 0;
  for (const c of text) {
    if (seen >= byteOffset) break;
    const code = c.codePointAt(0)!;
    seen += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    index += c.length;
  }
  return index;
}
