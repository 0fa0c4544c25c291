// Judged requests: a list that can be followed live, what is found most, and one request explained.
import { useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Firewall, LogRecord } from "../../api/types";
import { exact } from "../../lib/format";
import { addsUp, countRules, ruleIds, wafTerm } from "../../lib/firewall";
import { addTerm, filterState, filterTerm, removeFilter, terms } from "../../lib/query";
import type { TailRow } from "../../lib/tail";
import { formatClock, msOf, rangeLabel } from "../../lib/time";
import { useKeys } from "../../state/keys";
import { zone } from "../../state/prefs";
import { range } from "../../state/range";
import { useResource } from "../../state/resource";
import { place, setParams } from "../../state/route";
import { intParam } from "../../state/url";
import { Icon } from "../../ui/icons";
import { SearchBox } from "../../ui/search_box";
import { Busy, Empty, ErrorNote, Skeleton } from "../../ui/states";
import { VirtualList } from "../../ui/virtual_list";
import { pageRows, useLogPages } from "../logs/pages";
import { useTail } from "../logs/tail";
import { Explanation } from "./explanation";
import type { Wanted } from "./index";

const rowHeight = 30;
const rowsInAddressMax = 1000;
const shown = 10;
const combinationsMax = 100; // the server's limit of values

const text = (log: LogRecord, key: string) => String(log.attributes[key] ?? "");
const setQuery = (q: string) => setParams({ q: q || undefined, sel: undefined, selt: undefined, rows: undefined });

export function ActionBadge({ action }: { action: string }) {
  const bad = ["deny", "drop", "redirect", "limit", "list"].includes(action);
  return <span class={`badge badge-${bad ? "bad" : "wait"}`}>{action || "–"}</span>;
}

function EventLine({ log }: { log: LogRecord }) {
  const rules = ruleIds(log).filter((id) => !addsUp(id));
  return (
    <>
      <span role="gridcell" class="log-time">{formatClock(msOf(log.ts), zone.value, true)}</span>
      <span role="gridcell" class="waf-action"><ActionBadge action={text(log, "ringwall.waf.action")} /></span>
      <span role="gridcell" class="waf-client">{text(log, "client.address")}</span>
      <span role="gridcell" class="waf-request" data-trace={log.trace_id} title={text(log, "ringwall.waf.place")}>{text(log, "http.request.method")} {text(log, "url.path")}</span>
      <span role="gridcell" class="waf-rules" title={rules.join(", ")}>{rules.join(" ")}</span>
      <span role="gridcell" class="waf-score num" title="anomaly score">{text(log, "ringwall.waf.score")}</span>
    </>
  );
}

function Top({ title, field, values, query, partial }: { title: string; field: string; values: { value: string; count: number }[]; query: string; partial?: boolean }) {
  const most = Math.max(1, ...values.map((v) => v.count));
  const isRules = field === "@ringwall.waf.rules";
  // The attribute holds all rules of an event.
  const term = (value: string) => (isRules ? `${field}:*${value}*` : filterTerm(field, value));
  const on = (value: string) => (isRules ? terms(query).some((t) => t.text === term(value)) : filterState(query, field, value) === "included");
  const toggle = (value: string) => {
    if (!on(value)) setQuery(addTerm(query, term(value)));
    else setQuery(isRules ? terms(query).filter((t) => t.text !== term(value)).map((t) => t.text).join(" ") : removeFilter(query, field, value));
  };
  return (
    <section class="facet" aria-label={title} data-testid={`top-${title.toLowerCase()}`}>
      <h3>{title}</h3>
      {values.length === 0 && <p class="facet-nothing quiet">none</p>}
      <ul>
        {values.slice(0, shown).map(({ value, count }) => (
          <li key={value} class={`facet-value${on(value) ? " facet-included" : ""}`} data-testid="top-value" data-value={value}>
            <button type="button" class="facet-pick" aria-pressed={on(value)} title={`only ${value}`} onClick={() => toggle(value)}>
              <span class="facet-bar" style={{ width: `${(count / most) * 100}%` }} />
              <span class="facet-name">{value}</span>
              <span class="facet-count">{exact(count)}</span>
            </button>
          </li>
        ))}
      </ul>
      {partial && <p class="facet-nothing quiet">of the {combinationsMax} most frequent combinations</p>}
    </section>
  );
}

const tops: [string, string][] = [["Verdicts", "@ringwall.waf.action"], ["Clients", "@client.address"], ["Places", "@ringwall.waf.place"], ["Paths", "@url.path"]];

function TopLists({ query, full }: { query: string; full: string }) {
  const r = range.value;
  const facets = useResource(`waf-facets ${full} ${r.from} ${r.to}`, (signal) => api.facets(full, range.value, ["@ringwall.waf.rules", ...tops.map(([, field]) => field)], combinationsMax, signal));
  const values = (field: string) => facets.data?.find((facet) => facet.field === field)?.values ?? [];
  const combinations = values("@ringwall.waf.rules");
  return (
    <aside class={`facets${facets.stale ? " stale" : ""}`} aria-label="most frequent">
      <Top title="Rules" field="@ringwall.waf.rules" values={countRules(combinations)} query={query} partial={combinations.length >= combinationsMax} />
      {tops.map(([title, field]) => <Top key={field} title={title} field={field} values={values(field)} query={query} />)}
    </aside>
  );
}

// An event the address names but the loaded rows do not hold is asked for by its time.
function useEvent(rows: TailRow[], id: string, ts: string): LogRecord | undefined {
  const loaded = rows.find((row) => row.id === id);
  const ms = msOf(ts);
  const found = useResource<LogRecord | undefined>(
    id !== "" && !loaded && Number.isFinite(ms) ? `event ${id} ${ts}` : null,
    async (signal) => (await api.logs(wafTerm, { from: new Date(ms).toISOString(), to: new Date(ms + 1).toISOString() }, rowsInAddressMax, undefined, undefined, signal)).rows.find((row) => row.id === id),
    { live: false },
  );
  return loaded?.kind === "log" ? loaded.log : id !== "" && !found.stale ? found.data : undefined;
}

export function EventsTab({ firewall, onChange }: { firewall: Firewall | undefined; onChange: (wanted: Wanted) => void }) {
  const params = place.value.params;
  const q = params["q"] ?? "";
  const full = q.includes(wafTerm) ? q : q.trim() === "" ? wafTerm : `${wafTerm} (${q})`;
  const r = range.value;
  const live = params["tail"] === "1";
  const [paused, setPaused] = useState(false);
  const atTop = useRef(true);
  const pages = useLogPages(full, r, "desc", intParam(params["rows"], pageRows, pageRows, rowsInAddressMax), () => atTop.current && !live && !params["sel"], (count) => setParams({ rows: String(Math.min(count, rowsInAddressMax)) }, "replace"));
  const tail = useTail(full, live, paused);
  const loaded: TailRow[] = pages.rows.map((log) => ({ kind: "log", id: log.id, log }));
  const seen = new Set(tail.rows.map((row) => row.id));
  const rows = live ? [...tail.rows, ...loaded.filter((row) => !seen.has(row.id))] : loaded;
  const id = params["sel"] ?? "";
  const index = rows.findIndex((row) => row.id === id);
  const selected = useEvent(rows, id, params["selt"] ?? "");
  const open = (at: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, at))];
    if (row?.kind === "log") setParams({ sel: row.id, selt: row.log.ts }, id ? "replace" : "push");
  };
  const close = () => setParams({ sel: undefined, selt: undefined });
  useKeys({
    j: () => open(index + 1),
    k: () => open(index < 0 ? rows.length - 1 : index - 1),
    Enter: () => document.querySelector<HTMLElement>(".detail")?.focus(),
    Escape: close,
    ...(live ? { p: () => setPaused(!paused) } : {}),
  });
  const badQuery = pages.error?.offset !== undefined || pages.error?.code === "bad_query" ? pages.error : undefined;
  return (
    <>
      <Busy on={pages.loading && pages.stale} />
      <div class="toolbar logs-tools">
        <SearchBox value={q} onApply={setQuery} placeholder={"Search events: @client.address:203.0.113.7 @url.path:/cart* @ringwall.waf.action:deny @ringwall.waf.rules:*942100*"} error={badQuery && full === q ? badQuery : undefined} />
        <button type="button" class={`button${live ? " button-on" : ""}`} aria-pressed={live} data-testid="waf-live" onClick={() => { setPaused(false); setParams({ tail: live ? undefined : "1", to: live ? params["to"] : undefined }); }}><Icon name="play" />Live</button>
        {live && <button type="button" class="button" data-testid="waf-pause" onClick={() => setPaused(!paused)}><Icon name={paused ? "play" : "pause"} />{paused ? "Resume" : "Pause"} <kbd>p</kbd></button>}
      </div>
      {pages.error && <ErrorNote error={pages.error} />}
      <div class={`logs-body with-facets${selected ? " with-detail" : ""}`}>
        <TopLists query={q} full={full} />
        <div class={`panel logs-list${pages.stale ? " stale" : ""}`}>
          {rows.length === 0 && pages.loading && <Skeleton lines={10} />}
          {rows.length === 0 && !pages.loading && !pages.error && (
            <Empty title={q ? "No event matches" : "The firewall found nothing"}>
              <p>Nothing in “{rangeLabel(r.from, r.to, zone.value)}”. Requests in which a rule finds something appear here, refused or not.</p>
            </Empty>
          )}
          {rows.length > 0 && (
            <VirtualList<TailRow>
              rows={rows}
              rowHeight={rowHeight}
              label="firewall events"
              testid="waf-list"
              rowTestid="waf-row"
              selected={index}
              onSelect={open}
              onOpen={open}
              rowKey={(row) => row.id}
              keepPlace={live}
              onTop={(top) => (atTop.current = top)}
              rowClass={(row) => (row.kind === "gap" ? "log-gap" : `log log-${row.log.level || "none"}`)}
              render={(row) => (row.kind === "gap" ? <span role="gridcell">{exact(row.skipped)} events were skipped: more came than could be shown</span> : <EventLine log={row.log} />)}
              footer={
                <div class="list-foot">
                  {pages.next !== null && <button type="button" class="button" disabled={pages.loadingMore} onClick={pages.loadMore}>{pages.loadingMore ? "Loading…" : "Load more"}</button>}
                  <span class="quiet">{exact(rows.length)} {rows.length === 1 ? "event" : "events"}{pages.next === null && !live ? ", that is all" : ""}</span>
                </div>
              }
            />
          )}
        </div>
        {selected && (
          <section class="panel detail" aria-label="why this request was judged so" tabIndex={-1}>
            <header class="detail-head">
              <button type="button" class="button button-icon button-bare" title="previous (k)" aria-label="previous" onClick={() => open(index - 1)}><Icon name="up" /></button>
              <button type="button" class="button button-icon button-bare" title="next (j)" aria-label="next" onClick={() => open(index + 1)}><Icon name="down" /></button>
              <span class="grow" />
              <button type="button" class="button button-icon button-bare" title="close (Esc)" aria-label="close" onClick={close}><Icon name="close" /></button>
            </header>
            <Explanation key={selected.id} log={selected} firewall={firewall} onChange={onChange} />
          </section>
        )}
      </div>
    </>
  );
}
