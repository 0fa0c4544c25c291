// Traces of which some span matches.
import { useEffect, useState } from "preact/hooks";
import { api } from "../api/client";
import type { TraceSummary } from "../api/types";
import { duration, exact } from "../lib/format";
import { addTerm, removeFilter, terms } from "../lib/query";
import { formatClock, formatDateTime, msOf, rangeLabel } from "../lib/time";
import { useKeys } from "../state/keys";
import { zone } from "../state/prefs";
import { range, setRange } from "../state/range";
import { useResource } from "../state/resource";
import { navigate, place, setParams } from "../state/route";
import { formatSort, intParam, parseSort } from "../state/url";
import { ServiceName, StatusCode } from "../ui/bits";
import { Icon } from "../ui/icons";
import { SearchBox } from "../ui/search_box";
import { Busy, Empty, ErrorNote, Skeleton } from "../ui/states";
import { VirtualList } from "../ui/virtual_list";
import { sorted } from "./services";

const rowHeight = 38;
const pageRows = 100;
const rowsMax = 500; // the server's limit
const defaultSort = "-ts";
const columns: [string, string, string][] = [["ts", "Time", "trace-time"], ["root_name", "Request", "trace-root"], ["duration_ms", "Duration", "trace-duration"], ["spans", "Spans", "trace-spans"]];
const servicesShown = 4;

function Row({ trace, top }: { trace: TraceSummary; top: number }) {
  const ms = msOf(trace.ts);
  return (
    <>
      <span role="gridcell" class="trace-time" title={formatDateTime(ms, zone.value)}>{formatClock(ms, zone.value, true)}</span>
      <span role="gridcell" class="trace-root">
        <ServiceName name={trace.root_service} />
        <span class="trace-name">{trace.root_name}</span>
        <StatusCode status={trace.http_status} />
        {trace.errors > 0 && <span class="badge badge-bad">{trace.errors} {trace.errors === 1 ? "error" : "errors"}</span>}
      </span>
      <span role="gridcell" class="trace-duration">
        <span class="duration-track"><span class={trace.errors > 0 ? "duration-bar duration-bad" : "duration-bar"} style={{ width: `${Math.max(0.5, (trace.duration_ms / top) * 100)}%` }} /></span>
        <span class="duration-text">{duration(trace.duration_ms)}</span>
      </span>
      <span role="gridcell" class="trace-spans num">{exact(trace.spans)}</span>
      <span role="gridcell" class="trace-services">
        {trace.services.slice(0, servicesShown).map((name) => <ServiceName key={name} name={name} />)}
        {trace.services.length > servicesShown && <span class="quiet">+{trace.services.length - servicesShown}</span>}
      </span>
    </>
  );
}

export function TracesView() {
  const params = place.value.params;
  const q = params["q"] ?? "";
  const r = range.value;
  const min = params["min"] ?? "";
  const minMs = /^\d+(\.\d+)?$/.test(min) ? Number(min) : undefined;
  const limit = intParam(params["rows"], pageRows, 1, rowsMax);
  const [minText, setMinText] = useState(min);
  useEffect(() => setMinText(min), [min]);
  const sort = parseSort(params["sort"], defaultSort);
  const list = useResource(`traces ${q} ${r.from} ${r.to} ${min} ${limit}`, (signal) => api.traces(q, range.value, limit, minMs, signal));
  const rows = sorted(list.data?.traces ?? [], sort.column, sort.down);
  const top = Math.max(0.001, ...rows.map((t) => t.duration_ms));
  const chosen = rows.findIndex((t) => t.trace_id === params["sel"]);
  const choose = (index: number) => {
    const row = rows[Math.min(rows.length - 1, Math.max(0, index))];
    if (row) setParams({ sel: row.trace_id }, "replace");
  };
  const open = (index: number) => {
    const row = rows[index];
    if (!row) return;
    // Going back finds the row still chosen.
    setParams({ sel: row.trace_id }, "replace");
    navigate(`/traces/${row.trace_id}`);
  };
  useKeys({
    j: () => choose(chosen + 1),
    k: () => choose(chosen < 0 ? rows.length - 1 : chosen - 1),
    Enter: () => chosen >= 0 && open(chosen),
    Escape: () => setParams({ sel: undefined }, "replace"),
  });
  const setQuery = (next: string) => {
    // An id is what people paste first.
    const id = /^\s*(?:trace_id:)?"?([0-9a-f]{32})"?\s*$/i.exec(next)?.[1];
    if (id) navigate(`/traces/${id.toLowerCase()}`);
    else setParams({ q: next || undefined, sel: undefined, rows: undefined });
  };
  const onlyErrors = terms(q).some((t) => t.text === "error:true");
  const badQuery = list.error?.offset !== undefined || list.error?.code === "bad_query" ? list.error : undefined;
  return (
    <div class="logs">
      <Busy on={list.loading && list.stale} />
      <div class="toolbar logs-tools">
        <SearchBox spans value={q} onApply={setQuery} placeholder={'Search traces by their spans, or paste a trace id: service:catalog name:"GET /cart" duration:>100'} error={badQuery} />
        <button type="button" class={`button${onlyErrors ? " button-on" : ""}`} aria-pressed={onlyErrors} data-testid="only-errors" onClick={() => setQuery(onlyErrors ? removeFilter(q, "error", "true") : addTerm(q, "error:true"))}>Errors</button>
        <form class="min-form" onSubmit={(event) => { event.preventDefault(); setParams({ min: /^\d+(\.\d+)?$/.test(minText.trim()) ? minText.trim() : undefined, sel: undefined }); }}>
          <label>
            <span>at least</span>
            <input class="input" inputMode="decimal" value={minText} data-testid="min-duration" aria-label="least duration in milliseconds" onInput={(event) => setMinText(event.currentTarget.value)} />
            <span>ms</span>
          </label>
        </form>
      </div>
      {list.error && !badQuery && <ErrorNote error={list.error} />}
      <div class={`panel logs-list traces-list${list.stale ? " stale" : ""}`}>
        {!list.data && !list.error && <Skeleton lines={10} />}
        {list.data && rows.length === 0 && (
          <Empty title={q || min ? "No trace matches" : "No traces here"}>
            <p>Nothing in “{rangeLabel(r.from, r.to, zone.value)}”{q && <> has a span that matches <code>{q}</code></>}{min && <> and takes {min} ms or longer</>}.</p>
            <div class="toolbar toolbar-center">
              {r.from !== "now-1h" && <button type="button" class="button" onClick={() => setRange("now-1h", "now")}>Widen to the last hour</button>}
              {r.from !== "now-1d" && <button type="button" class="button" onClick={() => setRange("now-1d", "now")}>Widen to the last day</button>}
              {(q || min) && <button type="button" class="button" onClick={() => setParams({ q: undefined, min: undefined })}>Clear the search</button>}
            </div>
            {!q && !min && <p class="quiet">Every request through the edge begins a trace. Programs with an OpenTelemetry SDK add their spans to it.</p>}
          </Empty>
        )}
        {rows.length > 0 && (
          <VirtualList<TraceSummary>
            rows={rows}
            rowHeight={rowHeight}
            label="traces"
            testid="trace-list"
            rowTestid="trace-row"
            selected={chosen}
            onSelect={choose}
            onOpen={open}
            rowKey={(t) => t.trace_id}
            rowClass={(t) => `trace${t.errors > 0 ? " trace-bad" : ""}`}
            render={(t) => <Row trace={t} top={top} />}
            header={
              <>
                {columns.map(([column, label, cls]) => {
                  const active = sort.column === column;
                  return (
                    <span key={column} role="columnheader" class={cls} aria-sort={active ? (sort.down ? "descending" : "ascending") : "none"}>
                      <button type="button" class="sort" data-testid={`sort-${column}`} onClick={() => setParams({ sort: formatSort({ column, down: active ? !sort.down : column !== "root_name" }, defaultSort) }, "replace")}>
                        {label}
                        <span class={`sort-mark${active ? "" : " sort-none"}`}><Icon name={active && !sort.down ? "up" : "down"} size={12} /></span>
                      </button>
                    </span>
                  );
                })}
                <span role="columnheader" class="trace-services">Services</span>
              </>
            }
            footer={
              <div class="list-foot">
                {rows.length >= limit && limit < rowsMax && <button type="button" class="button" data-testid="load-more" onClick={() => setParams({ rows: String(Math.min(rowsMax, limit + pageRows)) }, "replace")}>Load more</button>}
                <span class="quiet">{exact(rows.length)} traces{rows.length >= rowsMax ? ", the most a page holds: narrow the search or the range" : rows.length < limit ? ", that is all" : ""} · {Math.round(list.data?.took_ms ?? 0)} ms</span>
              </div>
            }
          />
        )}
      </div>
    </div>
  );
}
