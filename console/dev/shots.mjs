// Development only: pictures of every view from the fixture server, dark and light, wide and narrow.
//   node dev/shots.mjs [--console http://localhost:5181] [--only logs]
import { mkdirSync } from "node:fs";
import { launch } from "./chromium.mjs";

const option = (name, fallback) => {
  const i = process.argv.indexOf(`--${name}`);
  return i < 0 ? fallback : process.argv[i + 1];
};
const base = option("console", "http://localhost:5181");
const only = option("only", "");
const out = new URL("../shots/", import.meta.url).pathname;
mkdirSync(out, { recursive: true });

const browser = await launch();
const problems = [];
async function session(scheme, width, height) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && !m.text().includes("401") && problems.push(`${page.url()}: ${m.text()}`));
  page.on("pageerror", (e) => problems.push(`${page.url()}: ${e}`));
  await page.goto(`${base}/`);
  await page.getByTestId("token").waitFor();
  if (!only) await page.screenshot({ path: `${out}login-${scheme}-${width}.png` });
  await page.getByTestId("token").fill("rw_dev");
  await page.getByTestId("login").click();
  await page.getByTestId("nav-logs").waitFor();
  return page;
}

const { traces } = await (async () => {
  const page = await session("light", 1440, 900);
  return page.evaluate(async () => (await fetch("/api/v1/traces?q=name:*checkout*%20error:true&from=now-1h")).json());
})();
const bad = traces[0].trace_id;
const views = {
  overview: ["/", "equation"],
  logs: ["/logs?from=now-1h", "log-row"],
  "logs-detail": ["/logs?from=now-1h&q=level:error", "log-row", async (page) => { await page.getByTestId("log-row").nth(2).click(); await page.getByTestId("log-detail").waitFor(); }],
  "logs-empty": ["/logs?q=service:nowhere", "empty"],
  "logs-error": ["/logs?q=service:edge+stat:500", "search-error"],
  tail: ["/logs?tail=1&side=0", "tail-bar", (page) => page.waitForTimeout(2500)],
  traces: ["/traces?from=now-1h&sort=-duration_ms", "trace-row"],
  trace: [`/traces/${bad}`, "span-row"],
  "trace-sql": [`/traces/${bad}`, "span-row", async (page) => { await page.getByTestId("sql").nth(3).click(); await page.waitForTimeout(200); }],
  "trace-logs": [`/traces/${bad}?tab=logs`, "trace-log"],
  "trace-edge": [`/traces/${bad}?tab=edge`, "edge-record"],
  services: ["/services?from=now-1h", "service-row"],
  service: ["/services/catalog?from=now-1h", "operations"],
  map: ["/map?from=now-1h", "map-node"],
  "map-chosen": ["/map?from=now-1h&sel=storefront", "map-details"],
};
const sizes = [["dark", 1440, 900], ["light", 1440, 900], ["light", 390, 844], ["dark", 1000, 760]];
for (const [scheme, width, height] of sizes) {
  const page = await session(scheme, width, height);
  for (const [name, [path, ready, then]] of Object.entries(views)) {
    if (only && !only.split(",").includes(name)) continue;
    await page.goto(base + path);
    try {
      await page.getByTestId(ready).first().waitFor({ state: "attached", timeout: 20_000 });
      await then?.(page);
    } catch (error) {
      problems.push(`${name} ${scheme} ${width}: ${error.message.split("\n")[0]}`);
    }
    await page.waitForTimeout(250);
    await page.screenshot({ path: `${out}${name}-${scheme}-${width}.png` });
  }
  await page.context().close();
}
await browser.close();
for (const problem of [...new Set(problems)]) console.log(problem);
console.log(`pictures in ${out}`);
