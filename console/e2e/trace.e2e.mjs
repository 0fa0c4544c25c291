// One page view in the shop is found in the console under its trace id, in a real Chromium against the real program.
//
//   node e2e/trace.e2e.mjs --shop https://localhost:9443/ --console https://localhost:8443 --token rw_… [--screenshots DIR]
//
// The trace id is the shop's answer header `x-request-id`.  Prints one line a check and `N passed, M failed`; the exit
// code is 0 when nothing failed.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "../dev/chromium.mjs";

const findWithinMs = 30_000;
const stepMs = 15_000;

function options(argv) {
  const out = {};
  for (let i = 0; i < argv.length; i += 2) {
    if (!argv[i].startsWith("--") || argv[i + 1] === undefined) usage(`${argv[i]}: an option needs a value`);
    out[argv[i].slice(2)] = argv[i + 1];
  }
  for (const needed of ["shop", "console", "token"]) if (!out[needed]) usage(`--${needed} is missing`);
  out.console = out.console.replace(/\/+$/, "");
  return out;
}
function usage(problem) {
  console.error(`${problem}\nusage: node e2e/trace.e2e.mjs --shop URL --console URL --token TOKEN [--screenshots DIR]`);
  process.exit(2);
}

const option = options(process.argv.slice(2));
if (option.screenshots) mkdirSync(option.screenshots, { recursive: true });

let passed = 0;
const failures = [];
async function check(name, body) {
  try {
    await body();
    ++passed;
    console.log(`ok    ${name}`);
  } catch (error) {
    const reason = String(error?.message ?? error).split("\n").slice(0, 3).join(" | ");
    failures.push(`${name}: ${reason}`);
    console.log(`FAIL  ${name}\n      ${reason}`);
  }
}
function expect(condition, message) {
  if (!condition) throw new Error(message);
}
function same(have, want, what) {
  expect(have === want, `${what}: have ${JSON.stringify(have)}, want ${JSON.stringify(want)}`);
}

const browser = await launch();
const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, colorScheme: "light", reducedMotion: "reduce" });
context.setDefaultTimeout(stepMs);
const page = await context.newPage();

// What the console must never cause.  Two kinds of answer are refusals this program asks for: of an identity (401), and
// of the search with a mistake in it.
const mistaken = "service:edge (open";
const complaints = [];
page.on("console", (message) => {
  if (message.type() !== "error") return;
  const refused = new URL(message.location().url || page.url());
  if (/status of 401/.test(message.text())) return;
  if (/status of 400/.test(message.text()) && refused.searchParams.get("q") === mistaken) return;
  complaints.push(`${new URL(page.url()).pathname}: ${message.text()} ${refused.pathname}`);
});
page.on("pageerror", (error) => complaints.push(`${new URL(page.url()).pathname}: ${error}`));
await page.addInitScript(() => {
  window.policyViolations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.policyViolations.push(`${event.violatedDirective} ${event.blockedURI}`));
});
const violations = () => page.evaluate(() => window.policyViolations);

const id = (name) => page.getByTestId(name);
const url = () => new URL(page.url());
const param = (name) => url().searchParams.get(name);
async function until(what, test, withinMs = stepMs) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    if (await test()) return;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
async function shot(name) {
  if (option.screenshots) await page.screenshot({ path: join(option.screenshots, `${name}.png`) });
}

// ---- the shop -------------------------------------------------------------------------------------------------------

let traceId = "";
await check("the shop answers through the edge and names the trace", async () => {
  const shop = await context.newPage();
  const answer = await shop.goto(option.shop);
  expect(answer && answer.ok(), `the shop answered ${answer?.status()}`);
  traceId = answer.headers()["x-request-id"] ?? "";
  if (option.screenshots) await shop.screenshot({ path: join(option.screenshots, "shop.png") });
  await shop.close();
  expect(/^[0-9a-f]{32}$/.test(traceId), `x-request-id is not a trace id: ${JSON.stringify(traceId)}`);
});

// ---- login ----------------------------------------------------------------------------------------------------------

await check("a wrong token is refused with a reason", async () => {
  await page.goto(`${option.console}/logs?q=level:error`);
  await id("token").fill("rw_wrong");
  await id("login").click();
  await id("error-note").waitFor();
  expect((await id("error-note").innerText()).length > 5, "no reason is shown");
  same(url().pathname + url().search, "/logs?q=level:error", "address");
  await shot("login");
});

await check("the token logs in, and the view that was asked for is there", async () => {
  await id("token").fill(option.token);
  await id("login").click();
  await id("view-logs").waitFor();
  same(param("q"), "level:error", "q");
});

// ---- the trace ------------------------------------------------------------------------------------------------------

await check("the trace is found by searching its id in the logs", async () => {
  await until(
    `a log record of trace ${traceId}`,
    async () => {
      await page.goto(`${option.console}/logs?q=trace_id:${traceId}&from=now-1h`);
      await id("log-row").or(id("empty")).first().waitFor();
      return (await id("log-row").count()) > 0;
    },
    findWithinMs,
  );
  await shot("logs-of-trace");
});

const services = async () => (await page.locator("[data-testid=span-row] .span-service").allInnerTexts()).map((s) => s.trim());

await check("a log record opens, and leads to the trace page", async () => {
  await id("log-row").first().click();
  await id("log-detail").waitFor();
  expect(param("sel"), "the selected record is not in the address");
  await id("open-trace").click();
  await id("waterfall").waitFor();
  same(url().pathname, `/traces/${traceId}`, "path");
});

await check("spans of the edge, the storefront and the catalog and a statement are visible", async () => {
  // Programs send their spans some seconds after the edge has sent its own.
  await until(
    "spans of edge, storefront, catalog, and SQL",
    async () => {
      await page.goto(`${option.console}/traces/${traceId}`);
      await id("span-row").first().waitFor();
      const there = await services();
      return ["edge", "storefront", "catalog"].every((s) => there.includes(s)) && (await id("sql").count()) > 0;
    },
    findWithinMs,
  );
  expect(await id("sql").first().isVisible(), "the statement is not visible");
  same((await id("trace-id").innerText()).trim(), traceId, "trace id");
  const bars = await page.locator("[data-testid=span-row] .bar").count();
  expect(bars >= 4, `${bars} bars are drawn`);
  await shot("trace");
});

await check("a span with SQL shows its statement in full", async () => {
  await id("sql").first().click();
  await id("statement").waitFor();
  expect(/\b(select|insert|update|delete|begin|commit|with)\b/i.test(await id("statement").innerText()), `not a statement: ${await id("statement").innerText()}`);
  expect(/^[0-9a-f]{16}$/.test(param("span") ?? ""), "the selected span is not in the address");
  await shot("trace-sql");
});

await check("the trace's log lines are in their tab", async () => {
  await until(
    "log lines of the programs",
    async () => {
      await page.goto(`${option.console}/traces/${traceId}?tab=logs`);
      await id("trace-logs").waitFor();
      return (await id("trace-log").count()) > 0;
    },
    findWithinMs,
  );
  expect((await id("log-tick").count()) > 0, "no tick of a log line on the timeline");
  await shot("trace-logs");
});

await check("the edge record is in its tab and on the timeline", async () => {
  await id("tab-edge").click();
  await id("edge-record").waitFor();
  same(param("tab"), "edge", "tab");
  expect((await id("edge-record").innerText()).includes(traceId), "the record does not carry the trace id");
  expect((await id("edge-tick").count()) === 1, `${await id("edge-tick").count()} ticks of the edge record`);
  await shot("trace-edge");
});

await check("a reload of the trace page gives the same view", async () => {
  const before = page.url();
  await page.reload();
  await id("edge-record").waitFor();
  same(page.url(), before, "address");
});

await check("spans collapse and move by keys", async () => {
  await page.goto(`${option.console}/traces/${traceId}`);
  await id("span-row").first().waitFor();
  const all = await id("span-row").count();
  await page.keyboard.press("j");
  await until("the first span is selected", async () => (await page.locator("[data-testid=span-row][aria-selected=true]").getAttribute("aria-rowindex")) === "1");
  await page.keyboard.press("h");
  await until("fewer rows", async () => (await id("span-row").count()) < all);
  expect(param("fold"), "the fold is not in the address");
  await page.reload();
  await id("span-row").first().waitFor();
  expect((await id("span-row").count()) < all, "the fold was lost by the reload");
  await page.keyboard.press("l");
  await until("all rows again", async () => (await id("span-row").count()) === all);
});

// ---- all views ------------------------------------------------------------------------------------------------------

await check("overview: what is received is stored, pending or dropped", async () => {
  await page.goto(`${option.console}/`);
  await id("equation").waitFor();
  await until("the equation holds", async () => (await id("equation").getAttribute("data-holds")) === "true");
  await id("edge-state").waitFor();
  for (const chart of ["chart-requests", "chart-errors", "chart-latency", "chart-telemetry"]) await page.locator(`[data-testid=${chart}] canvas`).waitFor();
  await shot("overview");
});

await check("logs: histogram, facets, and a facet filters", async () => {
  await page.goto(`${option.console}/logs?from=now-1h`);
  await id("histogram").waitFor();
  const edge = page.locator("[data-testid=facet-value][data-value=edge]").first();
  await edge.waitFor();
  await edge.locator(".facet-pick").click();
  await until("q is service:edge", () => Promise.resolve(param("q") === "service:edge"));
  await id("log-row").first().waitFor();
  await until("only rows of the edge", async () => {
    const names = await page.locator("[data-testid=log-row] .log-service").allInnerTexts();
    return names.length > 0 && names.every((n) => n.trim() === "edge");
  });
  await shot("logs");
});

await check("logs: a value is excluded by one click", async () => {
  await page.goto(`${option.console}/logs?from=now-1h`);
  const edge = page.locator("[data-testid=facet-value][data-value=edge]").first();
  await edge.hover();
  await edge.getByTestId("facet-exclude").click();
  await until("q is -service:edge", () => Promise.resolve(param("q") === "-service:edge"));
});

await check("logs: a mistake in the search is shown at its place", async () => {
  await page.goto(`${option.console}/logs?q=${encodeURIComponent(mistaken)}`);
  await id("search-error").waitFor();
  same(await id("search-error").locator("mark").innerText(), "(", "marked text");
});

await check("logs: / searches, j and Enter open, Escape closes", async () => {
  await page.goto(`${option.console}/logs?from=now-1h`);
  await id("log-row").first().waitFor();
  await page.keyboard.press("/");
  same(await page.evaluate(() => document.activeElement?.getAttribute("data-testid")), "search", "focus");
  await page.keyboard.type("source:edge");
  await page.keyboard.press("Enter");
  await until("q is applied", () => Promise.resolve(param("q") === "source:edge"));
  await page.keyboard.press("Escape");
  await until("the answer of the new search", async () => (await page.locator(".stale").count()) === 0);
  await id("log-row").first().waitFor();
  await page.keyboard.press("j");
  await id("log-detail").waitFor();
  const first = param("sel");
  await page.keyboard.press("j");
  await until("the next row", () => Promise.resolve(param("sel") !== null && param("sel") !== first));
  await page.keyboard.press("k");
  await until("the first row again", () => Promise.resolve(param("sel") === first));
  await shot("logs-detail");
  const before = page.url();
  await page.reload();
  await id("log-detail").waitFor();
  same(page.url(), before, "address after a reload");
  await page.keyboard.press("Escape");
  await id("log-detail").waitFor({ state: "detached" });
  same(param("sel"), null, "sel");
});

await check("logs: live tail shows a request of the shop", async () => {
  await page.goto(`${option.console}/logs?tail=1&q=source:edge`);
  await page.locator(".pulse-open").waitFor();
  const shop = await context.newPage();
  const answer = await shop.goto(option.shop);
  const tailed = answer?.headers()["x-request-id"] ?? "";
  await shop.close();
  expect(/^[0-9a-f]{32}$/.test(tailed), "the shop named no trace");
  await page.locator(`[data-testid=log-row] [data-trace="${tailed}"]`).waitFor();
  await id("tail-pause").click();
  await shot("tail");
});

await check("traces: the list finds the trace by its id, and opens it by key", async () => {
  await page.goto(`${option.console}/traces?q=trace_id:${traceId}&from=now-1h`);
  await id("trace-row").first().waitFor();
  same(await id("trace-row").count(), 1, "rows");
  await shot("traces");
  await page.keyboard.press("j");
  await until("the row is selected", () => Promise.resolve(param("sel") === traceId));
  await page.keyboard.press("Enter");
  await id("waterfall").waitFor();
  same(url().pathname, `/traces/${traceId}`, "path");
  await page.goBack();
  await id("trace-row").first().waitFor();
  same(param("sel"), traceId, "sel after going back");
});

await check("services: the table sorts, and the order is in the address", async () => {
  await page.goto(`${option.console}/services?from=now-1h`);
  await id("service-row").first().waitFor();
  const names = async () => (await page.locator("[data-testid=service-row] .service").allInnerTexts()).map((n) => n.trim());
  for (const service of ["edge", "storefront", "catalog"]) expect((await names()).includes(service), `${service} is missing`);
  await page.locator("[data-testid=services-table] .sort").first().click();
  await until("sorted by name", async () => param("sort") === "service" && (await names()).join() === [...(await names())].sort((a, b) => a.localeCompare(b)).join());
  const before = await names();
  await page.reload();
  await id("service-row").first().waitFor();
  same((await names()).join(), before.join(), "order after a reload");
  await shot("services");
});

await check("service: charts and operations", async () => {
  await page.goto(`${option.console}/services/catalog?from=now-1h`);
  await id("operations").waitFor();
  await page.locator("[data-testid=chart-latency] canvas").waitFor();
  expect((await id("operations").locator("tbody tr").count()) > 0, "no operation");
  await shot("service");
});

await check("map: the way of a request", async () => {
  await page.goto(`${option.console}/map?from=now-1h`);
  await id("map-node").first().waitFor();
  const nodes = await page.locator("[data-testid=map-node]").evaluateAll((all) => all.map((n) => n.getAttribute("aria-label")));
  for (const service of ["edge", "storefront", "catalog"]) expect(nodes.some((n) => n?.startsWith(`${service},`)), `${service} is missing in ${nodes.join("; ")}`);
  expect(nodes.some((n) => n?.endsWith("database")), `no database in ${nodes.join("; ")}`);
  await page.locator("[data-testid=map-node][aria-label^='storefront,']").click();
  await id("map-details").waitFor();
  same(param("sel"), "storefront", "sel");
  await shot("map");
});

// ---- the frame ------------------------------------------------------------------------------------------------------

await check("g l, g t, g s, g m and g o go to the views, ? helps", async () => {
  await page.goto(`${option.console}/`);
  await id("view-overview").waitFor();
  for (const [key, view, path] of [["l", "logs", "/logs"], ["t", "traces", "/traces"], ["s", "services", "/services"], ["m", "map", "/map"], ["o", "overview", "/"]]) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await id(`view-${view}`).waitFor();
    same(url().pathname, path, "path");
  }
  await page.keyboard.press("?");
  await until("the help is open", () => id("help").isVisible());
  await page.keyboard.press("Escape");
  await until("the help is closed", async () => !(await id("help").isVisible()));
});

await check("the time range is chosen, is in the address, and goes back", async () => {
  await page.goto(`${option.console}/logs`);
  await id("time-picker").click();
  await page.getByText("Last 4 hours").click();
  await until("from is now-4h", () => Promise.resolve(param("from") === "now-4h"));
  await page.goBack();
  await until("from is gone", () => Promise.resolve(param("from") === null));
});

await check("dark and light are switched and remembered", async () => {
  const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
  await page.goto(`${option.console}/`);
  await id("settings").click();
  await id("theme-dark").click();
  same(await theme(), "dark", "theme");
  await page.reload();
  await id("equation").waitFor();
  same(await theme(), "dark", "theme after a reload");
  await shot("overview-dark");
  await page.goto(`${option.console}/traces/${traceId}`);
  await id("waterfall").waitFor();
  await shot("trace-dark");
});

await check("an address that names nothing says so", async () => {
  await page.goto(`${option.console}/no/such/view`);
  await id("empty").waitFor();
});

await check("no part of the console asked for what the policy forbids", async () => {
  const answer = await page.goto(`${option.console}/`);
  const policy = answer?.headers()["content-security-policy"] ?? "";
  expect(policy.includes("default-src 'none'") && !policy.includes("unsafe"), `policy: ${policy}`);
  await id("equation").waitFor();
  for (const view of ["logs", "traces", "services", "map"]) {
    await id(`nav-${view}`).click();
    await id(`view-${view}`).waitFor();
  }
  same((await violations()).join("; "), "", "violations");
});

await check("logging out ends the session", async () => {
  await id("settings").click();
  await id("logout").click();
  await id("view-login").waitFor();
  await page.reload();
  await id("view-login").waitFor();
});

await check("no error was written to the browser's console", () => {
  same(complaints.join("; "), "", "errors");
});

await browser.close();
console.log(`${passed} passed, ${failures.length} failed`);
for (const failure of failures) console.log(`failed: ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);
