// One log record in full.  Used beside the list and in the trace page.
import type { LogRecord } from "../../api/types";
import { duration } from "../../lib/format";
import { addFilter, attributeField } from "../../lib/query";
import { formatTimestamp, msOf } from "../../lib/time";
import { zone } from "../../state/prefs";
import { formatPlace } from "../../state/url";
import { Copy, LevelBadge, ServiceName, StatusCode } from "../../ui/bits";
import { FieldTable, type Field, type FieldActions } from "../../ui/fields";
import { Icon } from "../../ui/icons";

const aroundMs = 60_000;

export function fieldsOf(log: LogRecord): Field[] {
  const names = ["level", "service", "env", "version", "host", "region", "source", "status", "trace_id", "span_id"] as const;
  return names.filter((n) => log[n] !== undefined && log[n] !== "").map((n) => ({ name: n, label: n, value: log[n]! }));
}

// A message that is JSON reads better on several lines.
function pretty(message: string): string {
  if (!/^\s*[{[]/.test(message)) return message;
  try {
    return JSON.stringify(JSON.parse(message), null, 2);
  } catch {
    return message;
  }
}

function aroundLink(log: LogRecord): string {
  const ms = msOf(log.ts);
  let q = addFilter("", "service", log.service);
  if (log.host) q = addFilter(q, "host", log.host);
  return formatPlace("/logs", { q, from: new Date(ms - aroundMs).toISOString(), to: new Date(ms + aroundMs).toISOString(), sel: log.id, selt: log.ts });
}

export function RecordDetail({ log, actions, inTrace }: { log: LogRecord; actions?: FieldActions; inTrace?: boolean }) {
  const attributes = Object.entries(log.attributes).map(([k, value]) => ({ name: attributeField(k), label: k, value }));
  const resource = Object.entries(log.resource).map(([k, value]) => ({ name: attributeField(k), label: k, value }));
  return (
    <div class="record" data-testid="log-detail">
      <div class="record-line">
        <LevelBadge level={log.level} />
        <ServiceName name={log.service} />
        <StatusCode status={log.status} />
        {log.duration_ms !== undefined && <span class="quiet">{duration(log.duration_ms)}</span>}
      </div>
      <div class="record-time">{formatTimestamp(log.ts, zone.value)} <span class="quiet">{zone.value === "utc" ? "UTC" : ""}</span><Copy text={log.ts} label="copy the time" /></div>
      <div class="record-message-box">
        <pre class="record-message">{pretty(log.message) || "(no message)"}</pre>
        <Copy text={log.message} label="copy the message" />
      </div>
      <div class="toolbar">
        {!inTrace && log.trace_id && (
          <a class="button button-primary" data-testid="open-trace" href={formatPlace(`/traces/${log.trace_id}`, { span: log.span_id })}><Icon name="traces" />Open trace</a>
        )}
        <a class="button" href={aroundLink(log)} title="what this service on this host wrote a minute before and after"><Icon name="logs" />In context</a>
      </div>
      <h3>Fields</h3>
      <FieldTable fields={fieldsOf(log)} actions={actions} />
      {attributes.length > 0 && <><h3>Attributes</h3><FieldTable fields={attributes} actions={actions} /></>}
      {resource.length > 0 && <><h3>Resource</h3><FieldTable fields={resource} actions={actions ? { only: actions.only, exclude: actions.exclude } : undefined} /></>}
      <details class="raw">
        <summary><Icon name="chevron" size={12} />JSON</summary>
        <pre>{JSON.stringify(log, null, 2)}</pre>
      </details>
    </div>
  );
}
