// An attack on the shop is explained in the console; a mode switched and an exclusion made there are in force at the edge.  A real
// Chromium against the real program, as trace.e2e.mjs and with its options.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { launch } from "../dev/chromium.mjs";

const findWithinMs = 30_000;
const stepMs = 15_000;
const option = {};
for (let i = 2; i < process.argv.length; i += 2) option[process.argv[i].slice(2)] = process.argv[i + 1];
if (!option.shop || !option.console || !option.token) {
  console.error("usage: node e2e/firewall.e2e.mjs --shop URL --console URL --token TOKEN [--screenshots DIR]");
  process.exit(2);
}
option.console = option.console.replace(/\/+$/, "");
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
    if (option.screenshots) await page.screenshot({ path: join(option.screenshots, `failed-${failures.length}.png`) });
  }
}
function expect(condition, message) {
  if (!condition) throw new Error(message);
}
function same(have, want, what) {
  expect(have === want, `${what}: have ${JSON.stringify(have)}, want ${JSON.stringify(want)}`);
}
async function until(what, test, withinMs = stepMs) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    if (await test()) return;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs / 1000} s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

const browser = await launch();
const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: { width: 1440, height: 900 }, colorScheme: "light", reducedMotion: "reduce" });
context.setDefaultTimeout(stepMs);
const page = await context.newPage();
const complaints = [];
page.on("console", (message) => {
  if (message.type() === "error" && !/status of 401/.test(message.text())) complaints.push(message.text());
});
page.on("pageerror", (error) => complaints.push(String(error)));
await page.addInitScript(() => document.addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`)));
const id = (name) => page.getByTestId(name);
const param = (name) => new URL(page.url()).searchParams.get(name);
const shot = async (name) => option.screenshots && page.screenshot({ path: join(option.screenshots, `${name}.png`) });

const attackText = "1' UNION SELECT card_number FROM orders-- -";
const address = (path, parameters) => `${new URL(path, option.shop)}?${new URLSearchParams(parameters)}`;
const attack = address("/search", { q: attackText });
const ask = (url) => context.request.get(url, { ignoreHTTPSErrors: true, maxRedirects: 0 });
const status = async (url) => (await ask(url)).status();
const row = (place) => page.locator(`[data-testid=mode-row][data-place="${place}"]`);

await page.goto(`${option.console}/firewall`);
await id("token").fill(option.token);
await id("login").click();
await id("view-firewall").waitFor();

let traceId = "";
await check("an attack is refused and is in the list of events", async () => {
  const answer = await ask(attack);
  same(answer.status(), 403, "status");
  traceId = answer.headers()["x-request-id"] ?? "";
  await until("the event", async () => {
    await page.goto(`${option.console}/firewall?from=now-1h`);
    await id("waf-row").or(id("empty")).first().waitFor();
    return (await page.locator(`[data-testid=waf-row] [data-trace="${traceId}"]`).count()) === 1;
  }, findWithinMs);
});

await check("its explanation names the rules, the variable, the score and who gave the verdict", async () => {
  await page.locator(`[data-testid=waf-row] [data-trace="${traceId}"]`).click();
  await id("waf-detail").waitFor();
  expect(param("sel"), "the event is not in the address");
  const match = page.locator("[data-testid=waf-match][data-rule='942100']");
  await match.waitFor();
  same((await match.getByTestId("match-variable").innerText()).trim(), "ARGS:q", "variable");
  expect((await match.getByTestId("match-value").innerText()).includes("UNION SELECT"), "the value is not shown");
  expect(Number(await id("waf-score").innerText()) >= 5, "the score is below the threshold");
  await id("verdict-rule").waitFor();
  same((await id("verdict-rule").innerText()).trim(), "949110", "verdict");
  same(await id("decided").count(), 1, "rules marked as the one that decided");
  await shot("firewall-event");
});

await check("a secret in the request is masked", async () => {
  const answer = await ask(address("/search", { password: `hunter2${attackText}` }));
  same(answer.status(), 403, "status");
  const trace = answer.headers()["x-request-id"];
  await until("the event", async () => {
    await page.goto(`${option.console}/firewall?from=now-1h`);
    await id("waf-row").first().waitFor();
    return (await page.locator(`[data-testid=waf-row] [data-trace="${trace}"]`).count()) === 1;
  }, findWithinMs);
  await page.locator(`[data-testid=waf-row] [data-trace="${trace}"]`).click();
  await page.locator("[data-testid=waf-match][data-rule='942100']").waitFor();
  const seen = await id("waf-detail").innerText();
  expect(seen.includes("REDACTED") && !seen.includes("hunter2"), "the value of the password is shown");
});

await check("top rules and top clients filter the list, and a search that finds nothing is empty", async () => {
  await page.goto(`${option.console}/firewall?from=now-1h`);
  const rule = page.locator("[data-testid=top-rules] [data-testid=top-value][data-value='942100']");
  await rule.locator(".facet-pick").click();
  await until("the filter is in the address", () => Promise.resolve(param("q") === "@ringwall.waf.rules:*942100*"));
  await page.locator(`[data-testid=waf-row] [data-trace="${traceId}"]`).waitFor();
  await page.locator("[data-testid=top-clients] .facet-pick").first().click();
  await until("both filters", () => Promise.resolve((param("q") ?? "").includes("@client.address:")));
  await page.locator(`[data-testid=waf-row] [data-trace="${traceId}"]`).waitFor();
  await page.goto(`${option.console}/firewall?from=now-1h&q=@client.address:192.0.2.99`);
  await id("empty").waitFor();
});

await check("live: an attack appears by itself", async () => {
  await page.goto(`${option.console}/firewall?tail=1`);
  await page.waitForTimeout(500);
  const answer = await ask(address("/search", { q: `${attackText} live` }));
  await page.locator(`[data-testid=waf-row] [data-trace="${answer.headers()["x-request-id"]}"]`).waitFor();
});

async function applyShown() {
  await id("change-apply").waitFor();
  expect((await id("change-plan").locator("li").count()) >= 1, "the plan is empty");
  await id("change-apply").click();
  await id("change-applied").waitFor();
  await id("change-close").click();
  await id("change-dialog").waitFor({ state: "detached" });
}

await check("a plan that is cancelled changes nothing", async () => {
  await page.goto(`${option.console}/firewall?tab=modes`);
  await row("localhost /").getByTestId("mode-log").click();
  await id("change-apply").waitFor();
  expect((await id("change-diff").innerText()).includes("+ "), "no line is added");
  await shot("firewall-plan");
  await page.keyboard.press("Escape");
  await id("change-dialog").waitFor({ state: "detached" });
  same(await status(attack), 403, "status");
});

await check("log only lets the attack pass, block refuses it again", async () => {
  await page.goto(`${option.console}/firewall?tab=modes`);
  await row("localhost /").getByTestId("mode-log").click();
  await applyShown();
  await until("the attack passes", async () => (await status(attack)) === 200);
  await until("the row says so", async () => (await row("localhost /").getByTestId("mode-log").getAttribute("aria-pressed")) === "true");
  await shot("firewall-modes");
  await row("localhost /").getByTestId("mode-block").click();
  await id("change-apply").waitFor();
  expect((await id("change-diff").innerText()).includes("- ") && (await id("change-diff").innerText()).includes("mode: block"), "the line that is there is not the one that changes");
  await applyShown();
  await until("the attack is refused", async () => (await status(attack)) === 403);
});

await check("an exclusion made from the event lets that request pass, and no other", async () => {
  await page.goto(`${option.console}/firewall?from=now-1h&q=trace_id:${traceId}`);
  await id("waf-row").first().click();
  await id("exclude").click();
  await id("exclusion-form").first().waitFor();
  const forms = await id("exclusion-form").count();
  for (let i = 0; i < forms; ++i) same(await id("exclusion-path").nth(i).inputValue(), "= /search", "path");
  expect((await id("exclusion-targets").first().inputValue()).startsWith("ARGS"), "no target is proposed");
  same(await id("change-apply").count(), 0, "buttons to apply without a plan");
  await id("exclusion-reason").first().fill("e2e: people search for SQL");
  await id("change-show-plan").click();
  await shot("firewall-exclude");
  await applyShown();
  await until("the request passes", async () => (await status(attack)) === 200);
  same(await status(address("/search", { q: "shirt", x: attackText })), 403, "the same in another argument");
  same(await status(address("/", { q: attackText })), 403, "the same on another path");
});

await check("the exclusion is listed with its proof", async () => {
  await page.goto(`${option.console}/firewall?tab=exclusions&from=now-1h`);
  const mine = page.locator("[data-testid=exclusion-row]", { hasText: "e2e: people search for SQL" });
  await mine.getByTestId("proof").waitFor();
  expect(Number(await mine.getByTestId("proof").getAttribute("data-count")) >= 1, "no event proves it");
  await shot("firewall-exclusions");
  await mine.getByTestId("proof").locator("a").click();
  await id("waf-detail").waitFor();
  // Before anything happened there is no proof either.
  await page.goto(`${option.console}/firewall?tab=exclusions&from=now-3d&to=now-2d`);
  await mine.getByTestId("proof").waitFor();
  same(await mine.getByTestId("proof").getAttribute("data-count"), "0", "proof of a time without events");
});

await check("tabs and rows go by keys", async () => {
  await page.goto(`${option.console}/`);
  await id("view-overview").waitFor();
  await page.keyboard.press("g");
  await page.keyboard.press("f");
  await id("view-firewall").waitFor();
  await id("tab-events").focus();
  await page.keyboard.press("ArrowRight");
  await id("modes-table").waitFor();
  same(param("tab"), "modes", "tab");
  await page.goto(`${option.console}/firewall?from=now-1h`);
  await id("waf-row").first().waitFor();
  await page.keyboard.press("j");
  await id("waf-detail").waitFor();
  await page.keyboard.press("Escape");
  await id("waf-detail").waitFor({ state: "detached" });
});

await check("no error and no violation of the policy was written to the browser's console", () => same(complaints.join("; "), "", "errors"));

await browser.close();
console.log(`${passed} passed, ${failures.length} failed`);
for (const failure of failures) console.log(`failed: ${failure}`);
process.exit(failures.length === 0 ? 0 : 1);
