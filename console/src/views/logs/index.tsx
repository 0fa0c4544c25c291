// Search in what everything said.
import { useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { LogRecord } from "../../api/types";
import { LevelHistogram } from "../../charts/level_histogram";
import { exact } from "../../lib/format";
import { addFilter, excludeFilter } from "../../lib/query";
import { download, logsToCsv } from "../../lib/export";
import type { TailRow } from "../../lib/tail";
import { formatClock, msOf, rangeLabel } from "../../lib/time";
import { useKeys } from "../../state/keys";
import { zone } from "../../state/prefs";
import { range, setRange, setRangeMs } from "../../state/range";
import { useResource } from "../../state/resource";
import { place, setParams } from "../../state/route";
import { intParam } from "../../state/url";
import { LevelBadge, StatusCode } from "../../ui/bits";
import { Icon } from "../../ui/icons";
import { Popover } from "../../ui/popover";
import { SearchBox } from "../../ui/search_box";
import { Busy, Empty, ErrorNote, Skeleton } from "../../ui/states";
import { VirtualList } from "../../ui/virtual_list";
import { defaultFacets, Facets } from "./facets";
import { pageRows, useLogPages } from "./pages";
import { RecordDetail } from "./record";
import { useTail } from "./tail";

const rowHeight = 26;
const buckets = 60;
const facetValues = 10;
const rowsInAddressMax = 1000;

// Another search begins at its top, with nothing selected.
function setQuery(q: string): void {
  setParams({ q: q || undefined, sel: undefined, selt: undefined, rows: undefined });
}

function LogLine({ log, onQuery, query }: { log: LogRecord; query: string; onQuery: (q: string) => void }) {
  const pick = (event: MouseEvent, field: string, value: string) => {
    event.stopPropagation();
    onQuery(event.shiftKey ? excludeFilter(query, field, value) : addFilter(query, field, value));
  };
  const title = (what: string) => `only ${what} (with Shift: without)`;
  return (
    <>
      <span role="gridcell" class="log-time">{formatClock(msOf(log.ts), zone.value, true)}</span>
      <span role="gridcell" class="log-level"><button type="button" tabIndex={-1} class="plain" title={title(log.level)} onClick={(event) => pick(event, "level", log.level)}><LevelBadge level={log.level} /></button></span>
      <span role="gridcell" class="log-service"><button type="button" tabIndex={-1} class="plain" title={title(log.service)} onClick={(event) => pick(event, "service", log.service)}>{log.service}</button></span>
      <span role="gridcell" class="log-message" data-trace={log.trace_id}>
        {log.status !== undefined && <button type="button" tabIndex={-1} class="plain" title={title(`status ${log.status}`)} onClick={(event) => pick(event, "status", String(log.status))}><StatusCode status={log.status} /></button>}
        {log.message}
      </span>
    </>
  );
}

function TailBar({ tail, paused, setPaused }: { tail: ReturnType<typeof useTail>; paused: boolean; setPaused: (p: boolean) => void }) {
  const words = { connecting: "connecting…", open: "live", lost: "connection lost, trying again…", refused: "the server refused the tail" }[tail.connection];
  const waiting = tail.waiting.filter((r) => r.kind === "log").length;
  return (
    <div class="tail-bar" data-testid="tail-bar" role="status">
      <span class={`pulse pulse-${paused ? "paused" : tail.connection}`} />
      <span>{paused ? "paused" : words}</span>
      {paused && <span><b>{exact(waiting + tail.forgotten)}</b> waiting</span>}
      <button type="button" class="button" data-testid="tail-pause" onClick={() => setPaused(!paused)}><Icon name={paused ? "play" : "pause"} />{paused ? "Resume" : "Pause"} <kbd>p</kbd></button>
    </div>
  );
}

function Download({ rows }: { rows: LogRecord[] }) {
  return (
    <Popover title="download the loaded rows" class="button-icon" testid="download" label={<Icon name="download" />}>
      {(close) => (
        <ul class="menu">
          <li><button type="button" class="menu-item" data-autofocus onClick={() => { download("ringwall-logs.csv", "text/csv;charset=utf-8", logsToCsv(rows)); close(); }}>CSV, {exact(rows.length)} rows</button></li>
          <li><button type="button" class="menu-item" onClick={() => { download("ringwall-logs.json", "application/json", JSON.stringify(rows, null, 1)); close(); }}>JSON, {exact(rows.length)} rows</button></li>
        </ul>
      )}
    </Popover>
  );
}

function NoRows({ query }: { query: string }) {
  const { from, to } = range.value;
  const wider: [string, string][] = [["now-1h", "last hour"], ["now-1d", "last day"], ["now-7d", "last 7 days"]];
  return (
    <Empty title={query ? "No log matches" : "No logs here"}>
      <p>Nothing in “{rangeLabel(from, to, zone.value)}”{query && <> matches <code>{query}</code></>}.</p>
      <div class="toolbar toolbar-center">
        {wider.filter(([f]) => f !== from).map(([f, label]) => <button key={f} type="button" class="button" onClick={() => setRange(f, "now")}>Widen to the {label}</button>)}
        {query && <button type="button" class="button" onClick={() => setQuery("")}>Clear the search</button>}
      </div>
      {!query && <p class="quiet">Ringwall collects the edge's requests, the output of services it runs, files, and OTLP from your programs.</p>}
    </Empty>
  );
}

// A record the address names but the loaded rows do not hold is asked for by its time.
function useSelected(rows: TailRow[], id: string, ts: string): LogRecord | undefined {
  const loaded = rows.find((row) => row.id === id);
  const missing = id !== "" && ts !== "" && !loaded;
  const ms = missing ? msOf(ts) : 0;
  const found = useResource<LogRecord | undefined>(
    missing && Number.isFinite(ms) ? `record ${id} ${ts}` : null,
    async (signal) => (await api.logs("", { from: new Date(ms).toISOString(), to: new Date(ms + 1).toISOString() }, 1000, undefined, undefined, signal)).rows.find((r) => r.id === id),
    { live: false },
  );
  if (loaded?.kind === "log") return loaded.log;
  return missing && !found.stale ? found.data : undefined;
}

export function LogsView() {
  const params = place.value.params;
  const q = params["q"] ?? "";
  const r = range.value;
  const order = params["order"] === "asc" ? "asc" : "desc";
  const tailing = params["tail"] === "1";
  const fields = params["facets"] !== undefined ? params["facets"].split(",").filter(Boolean) : defaultFacets;
  const showFacets = params["side"] !== "0";
  const [paused, setPaused] = useState(false);
  const atTop = useRef(true);
  const key = `${q}\n${r.from}\n${r.to}`;

  const pages = useLogPages(q, r, order, intParam(params["rows"], pageRows, pageRows, rowsInAddressMax), () => atTop.current && !tailing && !params["sel"], (rows) => setParams({ rows: String(Math.min(rows, rowsInAddressMax)) }, "replace"));
  const histogram = useResource(`histogram ${key}`, (signal) => api.histogram(q, range.value, buckets, signal));
  const facets = useResource(showFacets ? `facets ${key} ${fields.join()}` : null, (signal) => api.facets(q, range.value, fields, facetValues, signal));
  const tail = useTail(q, tailing, paused);

  const loaded: TailRow[] = pages.rows.map((log) => ({ kind: "log", id: log.id, log }));
  let rows = loaded;
  if (tailing) {
    const seen = new Set(tail.rows.map((row) => row.id));
    rows = [...tail.rows, ...(order === "desc" ? loaded.filter((row) => !seen.has(row.id)) : [])];
  }
  const selectedId = params["sel"] ?? "";
  const selectedIndex = rows.findIndex((row) => row.id === selectedId);
  const selected = useSelected(rows, selectedId, params["selt"] ?? "");

  const open = (index: number, how: "push" | "replace" = selectedId ? "replace" : "push") => {
    const row = rows[index];
    if (row?.kind === "log") setParams({ sel: row.id, selt: row.log.ts }, how);
  };
  const move = (by: number) => {
    if (rows.length === 0) return;
    let at = Math.min(rows.length - 1, Math.max(0, selectedIndex < 0 ? (by > 0 ? 0 : rows.length - 1) : selectedIndex + by));
    while (rows[at]?.kind === "gap" && rows[at + by]) at += by;
    open(at);
    if (by > 0 && at > rows.length - 10) pages.loadMore();
  };
  const close = () => setParams({ sel: undefined, selt: undefined });
  const setFields = (next: string[]) => setParams({ facets: next.join() === defaultFacets.join() ? undefined : next.join(",") || "," }, "replace");
  useKeys({
    j: () => move(1),
    k: () => move(-1),
    Enter: () => document.querySelector<HTMLElement>(".detail")?.focus(),
    Escape: close,
    ...(tailing ? { p: () => setPaused(!paused) } : {}),
  });

  const badQuery = pages.error?.offset !== undefined || pages.error?.code === "bad_query" ? pages.error : undefined;
  return (
    <div class="logs">
      <Busy on={pages.loading && pages.stale} />
      <div class="toolbar logs-tools">
        <SearchBox value={q} onApply={setQuery} placeholder={'Search logs: words, "a phrase", service:edge status:>=500 @http.route:/cart*'} error={badQuery} />
        <button type="button" class={`button${tailing ? " button-on" : ""}`} aria-pressed={tailing} data-testid="tail" title="new records as they come" onClick={() => { setPaused(false); setParams({ tail: tailing ? undefined : "1", order: undefined, ...(tailing ? {} : { to: undefined, from: r.to === "now" ? params["from"] : undefined }) }); }}><Icon name="play" />Live</button>
        <button type="button" class="button hide-narrow" disabled={tailing} title="order of time" data-testid="order" onClick={() => setParams({ order: order === "desc" ? "asc" : undefined, rows: undefined })}>{order === "desc" ? "Newest first" : "Oldest first"}</button>
        <button type="button" class={`button button-icon hide-narrow${showFacets ? " button-on" : ""}`} aria-pressed={showFacets} title="facets" aria-label="facets" data-testid="facets-toggle" onClick={() => setParams({ side: showFacets ? "0" : undefined }, "replace")}><Icon name="services" /></button>
        <Download rows={pages.rows} />
      </div>
      {pages.error && !badQuery && <ErrorNote error={pages.error} />}
      {histogram.data && !badQuery && <div class={`panel histogram-panel${histogram.stale ? " stale" : ""}`}><LevelHistogram data={histogram.data} onZoom={setRangeMs} /></div>}
      {tailing && <TailBar tail={tail} paused={paused} setPaused={setPaused} />}
      <div class={`logs-body${showFacets ? " with-facets" : ""}${selected ? " with-detail" : ""}`}>
        {showFacets && <Facets facets={facets.data} fields={fields} query={q} stale={facets.stale} onQuery={setQuery} onFields={setFields} />}
        <div class={`panel logs-list${pages.stale ? " stale" : ""}`}>
          {badQuery && <Empty title="The search cannot be read">The place is marked above. “?” beside the search has examples; <button type="button" class="linklike accent" onClick={() => setQuery("")}>start again</button>.</Empty>}
          {rows.length === 0 && pages.loading && <Skeleton lines={10} />}
          {rows.length === 0 && !pages.loading && !pages.error && (tailing ? <Empty title="Waiting for the next record">Nothing matched yet; the first one appears here by itself.</Empty> : <NoRows query={q} />)}
          {rows.length > 0 && (
            <VirtualList<TailRow>
              rows={rows}
              rowHeight={rowHeight}
              label="log records"
              testid="log-list"
              rowTestid="log-row"
              selected={selectedIndex}
              onSelect={(index) => open(index, "replace")}
              onOpen={(index) => open(index)}
              rowKey={(row) => row.id}
              keepPlace={tailing}
              onTop={(top) => (atTop.current = top)}
              rowClass={(row) => (row.kind === "gap" ? "log-gap" : `log log-${row.log.level || "none"}`)}
              render={(row) => (row.kind === "gap" ? <span role="gridcell" data-testid="gap">{exact(row.skipped)} records were skipped: more came than could be shown</span> : <LogLine log={row.log} query={q} onQuery={setQuery} />)}
              footer={
                <div class="list-foot">
                  {pages.next !== null && <button type="button" class="button" data-testid="load-more" disabled={pages.loadingMore} onClick={pages.loadMore}>{pages.loadingMore ? "Loading…" : "Load more"}</button>}
                  <span class="quiet">{exact(rows.length)} rows{pages.next === null && !tailing ? ", that is all" : ""}{pages.tookMs > 0 ? ` · ${Math.round(pages.tookMs)} ms` : ""}</span>
                </div>
              }
            />
          )}
        </div>
        {selected && (
          <section class="panel detail" aria-label="log record" tabIndex={-1}>
            <header class="detail-head">
              <button type="button" class="button button-icon button-bare" title="previous (k)" aria-label="previous" onClick={() => move(-1)}><Icon name="up" /></button>
              <button type="button" class="button button-icon button-bare" title="next (j)" aria-label="next" onClick={() => move(1)}><Icon name="down" /></button>
              <span class="grow" />
              <button type="button" class="button button-icon button-bare" title="close (Esc)" aria-label="close" data-testid="close-detail" onClick={close}><Icon name="close" /></button>
            </header>
            <RecordDetail
              log={selected}
              actions={{
                only: (field, value) => setQuery(addFilter(q, field, value)),
                exclude: (field, value) => setQuery(excludeFilter(q, field, value)),
                facet: (field) => !fields.includes(field) && setFields([...fields, field]),
              }}
            />
          </section>
        )}
      </div>
    </div>
  );
}
