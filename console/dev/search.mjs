// Development only: enough of the search language to look at the console without the program.
// The real one is src/query/search.h.
const special = /[\s()"]/;

export class BadQuery extends Error {
  constructor(message, offset, hint) {
    super(message);
    this.offset = offset;
    this.hint = hint;
  }
}

export function compile(text, fieldOf) {
  let at = 0;
  const skip = () => { while (at < text.length && /\s/.test(text[at])) ++at; };
  const word = (stop) => {
    let out = "";
    while (at < text.length && !special.test(text[at]) && !(stop && text[at] === ":")) {
      if (text[at] === "\\" && at + 1 < text.length) ++at;
      out += text[at++];
    }
    return out;
  };
  const quoted = () => {
    const begin = at++;
    let out = "";
    while (at < text.length && text[at] !== '"') {
      if (text[at] === "\\" && at + 1 < text.length) ++at;
      out += text[at++];
    }
    if (at >= text.length) throw new BadQuery("a quote is not closed", begin, 'add a " at the end of the phrase');
    ++at;
    return out;
  };
  const peekWord = (w) => text.startsWith(w, at) && (at + w.length >= text.length || special.test(text[at + w.length]));
  const or = (field) => {
    const parts = [and(field)];
    for (skip(); peekWord("OR"); skip()) { at += 2; parts.push(and(field)); }
    return parts.length === 1 ? parts[0] : (r) => parts.some((p) => p(r));
  };
  const and = (field) => {
    const parts = [];
    for (skip(); at < text.length && text[at] !== ")" && !peekWord("OR"); skip()) {
      if (peekWord("AND")) { at += 3; continue; }
      parts.push(not(field));
    }
    if (parts.length === 0) throw new BadQuery("nothing to search for here", at);
    return (r) => parts.every((p) => p(r));
  };
  const not = (field) => {
    if (text[at] === "-") { ++at; const p = not(field); return (r) => !p(r); }
    if (peekWord("NOT")) { at += 3; skip(); const p = not(field); return (r) => !p(r); }
    return term(field);
  };
  const group = (field) => {
    const begin = at++;
    const p = or(field);
    skip();
    if (text[at] !== ")") throw new BadQuery("'(' without ')'", begin, "close it, or put it in quotes");
    ++at;
    return p;
  };
  const value = (field) => {
    const compare = (test) => (r) => { const v = fieldOf(r, field); return v !== undefined && v !== null && test(v); };
    if (text[at] === '"') { const v = quoted(); return field === "message" ? (r) => String(fieldOf(r, field)).toLowerCase().includes(v.toLowerCase()) : compare((x) => String(x) === v); }
    const range = /^\[(\S+) TO (\S+)\]/.exec(text.slice(at));
    if (range) { at += range[0].length; return compare((x) => Number(x) >= Number(range[1]) && Number(x) <= Number(range[2])); }
    const op = /^(>=|<=|>|<)/.exec(text.slice(at));
    if (op) at += op[0].length;
    const v = word(false);
    if (v === "") throw new BadQuery(`no value after '${field}:'`, at, `as in ${field}:x`);
    if (op) {
      const rank = (x) => { const i = ["trace", "debug", "info", "warn", "error", "fatal"].indexOf(String(x)); return i >= 0 ? i : Number(x); };
      const tests = { ">": (a, b) => a > b, ">=": (a, b) => a >= b, "<": (a, b) => a < b, "<=": (a, b) => a <= b };
      return compare((x) => tests[op[0]](rank(x), rank(v)));
    }
    const pattern = new RegExp(`^${v.replace(/[.+^${}()|[\]\\]/g, "\\$&").replace(/\*/g, ".*").replace(/\?/g, ".")}$`, "i");
    if (field === "message") return (r) => String(fieldOf(r, field)).toLowerCase().split(/[^a-z0-9_.-]+/).some((w) => pattern.test(w));
    return compare((x) => pattern.test(String(x)));
  };
  const term = (field) => {
    if (text[at] === "(") return group(field);
    if (text[at] === ")") throw new BadQuery("')' without '('", at, "remove it, or put it in quotes");
    if (field) return value(field);
    if (text[at] === '"') return value("message");
    const begin = at;
    const name = word(true);
    if (text[at] !== ":") { at = begin; return name === "*" ? (word(false), () => true) : value("message"); }
    if (!name.startsWith("@") && !/^(service|level|status|host|env|version|source|region|trace_id|span_id|duration|message|name|kind|error)$/.test(name)) {
      throw new BadQuery(`unknown field '${name}'`, begin, "fields: service level status host env version source trace_id span_id duration message; attributes begin with @");
    }
    ++at;
    if (at >= text.length || /\s/.test(text[at])) throw new BadQuery(`no value after '${name}:'`, at, `as in ${name}:x`);
    return text[at] === "(" ? group(name) : value(name);
  };
  skip();
  if (at >= text.length) return () => true;
  const p = or("");
  if (at < text.length) throw new BadQuery("')' without '('", at, "remove it, or put it in quotes");
  return p;
}

export const logField = (r, f) => (f.startsWith("@") ? r.attributes[f.slice(1)] ?? r.resource[f.slice(1)] : f === "duration" ? r.duration_ms : r[f]);
export const spanField = (r, f) =>
  f.startsWith("@") ? r.attributes[f.slice(1)] ?? r.resource[f.slice(1)] : f === "duration" ? r.duration_ms : f === "status" ? r.http_status : f === "error" ? String(r.status === "error") : f === "message" ? r.name : r[f];
