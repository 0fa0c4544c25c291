// What was said during the trace, in order of time.
import { useState } from "preact/hooks";
import type { LogRecord, Trace } from "../../api/types";
import { duration, exact } from "../../lib/format";
import { msBetween } from "../../lib/time";
import { LevelBadge, ServiceName, StatusCode } from "../../ui/bits";
import { Empty } from "../../ui/states";

const shownFirst = 500;

export function TraceLogs({ trace, baseTs, colorOf, onOpen }: { trace: Trace; baseTs: string; colorOf: (service: string) => string; onOpen: (log: LogRecord) => void }) {
  const [shown, setShown] = useState(shownFirst);
  if (trace.logs.length === 0) return <Empty title="No log lines">Nothing was logged under this trace id. Programs that log with the trace id in their records (pino, OpenTelemetry) appear here.</Empty>;
  const base = baseTs || trace.logs[0]!.ts;
  return (
    <ul class="trace-logs" data-testid="trace-logs">
      {trace.logs.slice(0, shown).map((log) => (
        <li key={log.id}>
          <button type="button" class={`trace-log log-${log.level || "none"}`} data-testid={log.source === "edge" ? "trace-edge-log" : "trace-log"} onClick={() => onOpen(log)}>
            <span class="trace-log-head">
              <span class="num">+{duration(msBetween(base, log.ts))}</span>
              <LevelBadge level={log.level} />
              <ServiceName name={log.service} color={colorOf(log.service)} />
              <StatusCode status={log.status} />
            </span>
            <span class="trace-log-message">{log.message}</span>
          </button>
        </li>
      ))}
      {trace.logs.length > shown && <li class="list-foot"><button type="button" class="button" onClick={() => setShown(shown + shownFirst)}>Show more of {exact(trace.logs.length)}</button></li>}
    </ul>
  );
}
