// The address is the state of the view: what can be seen can be sent to a colleague.  Pure functions here; the browser's
// history is in route.ts.

export type Params = Record<string, string | undefined>;

export interface Place {
  path: string;
  params: Record<string, string>;
}

export function parsePlace(url: string): Place {
  const mark = url.indexOf("?");
  const path = mark < 0 ? url : url.slice(0, mark);
  const params: Record<string, string> = {};
  if (mark >= 0) {
    for (const [key, value] of new URLSearchParams(url.slice(mark + 1))) params[key] ??= value;
  }
  return { path: path.length > 1 ? path.replace(/\/+$/, "") || "/" : "/", params };
}

// Empty and absent parameters are left out; the order is alphabetical, so that equal states have equal addresses.
export function formatPlace(path: string, params: Params = {}): string {
  const search = new URLSearchParams();
  for (const key of Object.keys(params).sort()) {
    const value = params[key];
    if (value !== undefined && value !== "") search.set(key, value);
  }
  // These need no escape in a query and make addresses readable.
  const text = search.toString().replace(/%3A/g, ":").replace(/%2C/g, ",").replace(/%40/g, "@").replace(/%2F/g, "/").replace(/%3E/g, ">");
  return text ? `${path}?${text}` : path;
}

export function merge(params: Params, changes: Params): Params {
  return { ...params, ...changes };
}

export type View =
  | { name: "overview" | "logs" | "traces" | "services" | "map" | "firewall" | "missing" }
  | { name: "trace"; id: string }
  | { name: "service"; service: string };

export function viewOf(path: string): View {
  const [first, second, ...rest] = path.split("/").slice(1).map(decode);
  if (rest.length > 0) return { name: "missing" };
  if (path === "/") return { name: "overview" };
  if (first === "traces" && second) return { name: "trace", id: second.toLowerCase() };
  if (first === "services" && second) return { name: "service", service: second };
  if (second === undefined && (first === "logs" || first === "traces" || first === "services" || first === "map" || first === "firewall")) return { name: first };
  return { name: "missing" };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

// `-p95` sorts by p95 downward, `name` upward.
export interface Sort {
  column: string;
  down: boolean;
}

export function parseSort(text: string | undefined, fallback: string): Sort {
  const value = text || fallback;
  return value.startsWith("-") ? { column: value.slice(1), down: true } : { column: value, down: false };
}

export function formatSort(sort: Sort, fallback: string): string | undefined {
  const text = `${sort.down ? "-" : ""}${sort.column}`;
  return text === fallback ? undefined : text;
}

// A whole number between limits, or the fallback: addresses are typed by people too.
export function intParam(text: string | undefined, fallback: number, min: number, max: number): number {
  const value = Number(text);
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(max, Math.max(min, value)) : fallback;
}
