// One span in full.
import type { LogRecord } from "../../api/types";
import { duration } from "../../lib/format";
import { addFilter, attributeField } from "../../lib/query";
import { formatTimestamp, msBetween } from "../../lib/time";
import { statementOf, type SpanNode } from "../../lib/waterfall";
import { zone } from "../../state/prefs";
import { navigate, setParams } from "../../state/route";
import { formatPlace } from "../../state/url";
import { Copy, LevelBadge, ServiceName, StatusCode } from "../../ui/bits";
import { FieldTable } from "../../ui/fields";

export function SpanDetail({ node, color, logs }: { node: SpanNode; color: string; logs: LogRecord[] }) {
  const { span } = node;
  const statement = statementOf(span);
  const toTraces = (q: string) => navigate(formatPlace("/traces", { q }));
  const actions = {
    only: (field: string, value: string) => toTraces(addFilter("", field, value)),
    exclude: (field: string, value: string) => toTraces(`-${addFilter("", field, value)}`),
  };
  const fields = (["kind", "env", "version", "host"] as const).filter((n) => span[n]).map((n) => ({ name: n, label: n, value: span[n] }));
  return (
    <div class="record" data-testid="span-detail">
      <div class="record-line"><ServiceName name={span.service} color={color} /><strong>{span.name}</strong></div>
      <div class="record-line">
        <b>{duration(span.duration_ms)}</b>
        <span class="quiet">begins at {duration(node.startMs)}</span>
        {span.status === "error" && <span class="badge badge-bad">error</span>}
        <StatusCode status={span.http_status} />
      </div>
      {span.status === "error" && span.status_message && <div class="note note-error note-compact"><div class="note-title">{span.status_message}</div></div>}
      {statement && (
        <div class="record-message-box"><pre class="record-message" data-testid="statement">{statement}</pre><Copy text={statement} label="copy the statement" /></div>
      )}
      <div class="toolbar">
        <a class="button" href={formatPlace(`/services/${encodeURIComponent(span.service)}`)}>Service</a>
        <a class="button" href={formatPlace("/traces", { q: addFilter(addFilter("", "service", span.service), "name", span.name) })}>Traces like this</a>
      </div>
      {logs.length > 0 && (
        <>
          <h3>Log lines of this span</h3>
          <ul class="plain-list">
            {logs.map((log) => (
              <li key={log.id}>
                <button type="button" class="linklike log-mini" onClick={() => setParams({ tab: "logs", log: log.id }, "replace")}><LevelBadge level={log.level} /><span>{log.message}</span></button>
              </li>
            ))}
          </ul>
        </>
      )}
      {span.events.length > 0 && (
        <>
          <h3>Events</h3>
          <ul class="plain-list">
            {span.events.map((event, i) => (
              <li key={i} class="span-event">
                <div><span class="quiet">+{duration(msBetween(span.ts, event.ts))}</span> <b>{event.name}</b></div>
                {event.attributes && Object.keys(event.attributes).length > 0 && <FieldTable fields={Object.entries(event.attributes).map(([k, value]) => ({ name: k, label: k, value }))} />}
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>Fields</h3>
      <FieldTable
        fields={[
          ...fields,
          { name: "began", label: "began", value: formatTimestamp(span.ts, zone.value) },
          { name: "span_id", label: "span id", value: span.span_id },
          ...(span.parent_span_id ? [{ name: "parent", label: "parent span", value: span.parent_span_id }] : []),
        ]}
      />
      {Object.keys(span.attributes).length > 0 && (
        <>
          <h3>Attributes</h3>
          <FieldTable fields={Object.entries(span.attributes).map(([k, value]) => ({ name: attributeField(k), label: k, value }))} actions={actions} />
        </>
      )}
      {Object.keys(span.resource).length > 0 && (
        <>
          <h3>Resource</h3>
          <FieldTable fields={Object.entries(span.resource).map(([k, value]) => ({ name: attributeField(k), label: k, value }))} actions={actions} />
        </>
      )}
      {span.links.length > 0 && (
        <>
          <h3>Links</h3>
          <ul class="plain-list">{span.links.map((link) => <li key={link.span_id}><a href={formatPlace(`/traces/${link.trace_id}`, { span: link.span_id })}><code>{link.trace_id}</code></a></li>)}</ul>
        </>
      )}
    </div>
  );
}
