// Every call the console makes.  A failure is an ApiError with the server's message and hint; an answer of 401 also
// tells the session that it ended, whichever call noticed it.
import type {
  ApiErrorBody, EditedDeclaration, Facet, Firewall, Histogram, LogsPage, Overview, Plan, ServiceMap, ServicePage, ServiceTotals, Session, ShownDeclaration, Status, Trace, TraceList, WafEdit,
} from "./types";

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly hint?: string,
    readonly offset?: number,
  ) {
    super(message);
  }
}

export interface Range {
  from: string;
  to: string;
}

type Params = Record<string, string | number | undefined>;

let sessionEnded: () => void = () => {};
export function onSessionEnded(listener: () => void): void {
  sessionEnded = listener;
}

export function apiUrl(path: string, params: Params = {}): string {
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries(params)) {
    if (value !== undefined && value !== "") search.set(key, String(value));
  }
  const text = search.toString();
  return `/api/v1/${path}${text ? `?${text}` : ""}`;
}

// Searches name their mistake as "byte 12: …"; where the number is known, the place is marked instead.
export function located(status: number, error: ApiErrorBody["error"]): ApiError {
  const begin = /^byte (\d+): /.exec(error.message);
  if (!begin) return new ApiError(status, error.code, error.message, error.hint, error.offset);
  return new ApiError(status, error.code, error.message.slice(begin[0].length), error.hint, error.offset ?? Number(begin[1]));
}

async function failure(response: Response): Promise<ApiError> {
  try {
    const { error } = (await response.json()) as ApiErrorBody;
    return located(response.status, error);
  } catch {
    // Not our API's words: something between the browser and Ringwall answered.
    return new ApiError(response.status, "http", `the server answered ${response.status} ${response.statusText}`.trim());
  }
}

async function call(method: string, url: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  // A page of another origin cannot send this header, so a mutating request that has it comes from this console.
  if (method !== "GET") headers["X-Ringwall"] = "1";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(url, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body), credentials: "same-origin" });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "unreachable", "Ringwall cannot be reached", "Is it running? `ringwall status` on the machine tells. This page tries again by itself.");
  }
  if (!response.ok) {
    const error = await failure(response);
    if (response.status === 401 && !url.endsWith("/session")) sessionEnded();
    throw error;
  }
  return response;
}

async function get<T>(path: string, params: Params, signal?: AbortSignal): Promise<T> {
  const response = await call("GET", apiUrl(path, params), undefined, signal);
  try {
    return (await response.json()) as T;
  } catch (error) {
    // The answer broke off: the page is left, or Ringwall went away in the middle of it.
    if (signal?.aborted || error instanceof SyntaxError) throw error;
    throw new ApiError(0, "unreachable", "Ringwall's answer broke off", "Is it running? `ringwall status` on the machine tells. This page tries again by itself.");
  }
}

async function post<T>(path: string, body: unknown): Promise<T> {
  return (await (await call("POST", apiUrl(path), body)).json()) as T;
}

export const api = {
  session: () => get<Session>("session", {}),
  login: async (token: string) => void (await call("POST", apiUrl("session"), { token })),
  logout: async () => void (await call("DELETE", apiUrl("session"))),

  status: (signal?: AbortSignal) => get<Status>("status", {}, signal),
  overview: (range: Range, buckets: number, signal?: AbortSignal) => get<Overview>("overview", { ...range, buckets }, signal),

  logs: (q: string, range: Range, limit: number, cursor?: string, order?: string, signal?: AbortSignal) =>
    get<LogsPage>("logs", { q, ...range, limit, cursor, order }, signal),
  histogram: (q: string, range: Range, buckets: number, signal?: AbortSignal) => get<Histogram>("logs/histogram", { q, ...range, buckets }, signal),
  facets: async (q: string, range: Range, fields: string[], limit: number, signal?: AbortSignal) =>
    (await get<{ facets: Facet[] }>("logs/facets", { q, ...range, fields: fields.join(","), limit }, signal)).facets,
  tailUrl: (q: string) => apiUrl("logs/tail", { q }),

  traces: (q: string, range: Range, limit: number, minDurationMs: number | undefined, signal?: AbortSignal) =>
    get<TraceList>("traces", { q, ...range, limit, min_duration_ms: minDurationMs }, signal),
  trace: (id: string, signal?: AbortSignal) => get<Trace>(`traces/${encodeURIComponent(id)}`, {}, signal),

  services: async (range: Range, signal?: AbortSignal) => (await get<{ services: ServiceTotals[] }>("services", { ...range }, signal)).services,
  service: (name: string, range: Range, buckets: number, signal?: AbortSignal) =>
    get<ServicePage>(`services/${encodeURIComponent(name)}`, { ...range, buckets }, signal),
  firewall: (signal?: AbortSignal) => get<Firewall>("firewall", {}, signal),
  declaration: (signal?: AbortSignal) => get<ShownDeclaration>("declaration", {}, signal),
  editFirewall: (edit: WafEdit, base: string) => post<EditedDeclaration>("firewall/edit", { ...edit, base }),
  plan: (text: string, base: string) => post<Plan>("plan", { text, base }),
  apply: (text: string, base: string) => post<Plan>("apply", { text, base }),

  map: (range: Range, signal?: AbortSignal) => get<ServiceMap>("map", { ...range }, signal),
};
