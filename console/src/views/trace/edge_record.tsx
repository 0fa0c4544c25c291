// What the edge saw of the request: who asked, what was answered, where the time went.
import type { LogRecord } from "../../api/types";
import { bytes, duration } from "../../lib/format";
import { attributeField } from "../../lib/query";
import { formatTimestamp } from "../../lib/time";
import { zone } from "../../state/prefs";
import { ServiceName, StatusCode } from "../../ui/bits";
import { FieldTable, type Field } from "../../ui/fields";
import { fieldsOf } from "../logs/record";

const phases: [string, string][] = [
  ["ringwall.phase.tls_handshake_ms", "TLS handshake"],
  ["ringwall.phase.header_ms", "request header"],
  ["ringwall.phase.upstream_connect_ms", "upstream connect"],
  ["ringwall.phase.upstream_header_ms", "upstream first byte"],
  ["ringwall.phase.upstream_ms", "upstream complete"],
];

const numberOf = (value: unknown): number | undefined => {
  const n = typeof value === "number" ? value : typeof value === "string" && value !== "" ? Number(value) : NaN;
  return Number.isFinite(n) ? n : undefined;
};

export function EdgeRecord({ log }: { log: LogRecord }) {
  const a = log.attributes;
  const times = phases.map(([key, label]) => ({ label, ms: numberOf(a[key]) })).filter((p): p is { label: string; ms: number } => p.ms !== undefined);
  const longest = Math.max(0.001, log.duration_ms ?? 0, ...times.map((p) => p.ms));
  const sent = numberOf(a["http.response.size"]);
  const facts: Field[] = [];
  const fact = (label: string, value: unknown) => {
    if (value !== undefined && value !== null && value !== "") facts.push({ name: label, label, value: String(value) });
  };
  fact("client", a["client.address"]);
  fact("user agent", a["user_agent.original"]);
  fact("protocol", [a["network.protocol.version"] ? `HTTP/${String(a["network.protocol.version"])}` : "", a["tls.protocol.version"] ? `TLS ${String(a["tls.protocol.version"])}` : ""].filter(Boolean).join(", "));
  fact("route", a["http.route"]);
  fact("sent to", [a["ringwall.service"], a["ringwall.upstream.address"]].filter(Boolean).join(" at "));
  fact("tries", a["ringwall.upstream.tries"]);
  fact("bytes sent", sent === undefined ? undefined : bytes(sent));
  return (
    <div class="record" data-testid="edge-record">
      <div class="record-line"><ServiceName name="edge" /><StatusCode status={log.status} /><b>{duration(log.duration_ms)}</b></div>
      <div class="record-time">{formatTimestamp(log.ts, zone.value)}</div>
      <div class="record-message-box"><pre class="record-message">{log.message}</pre></div>
      {times.length > 0 && (
        <>
          <h3>Where the time went</h3>
          <div class="phases">
            {[...times, ...(log.duration_ms === undefined ? [] : [{ label: "whole request", ms: log.duration_ms }])].map((p) => (
              <div class="phase" key={p.label}>
                <span>{p.label}</span>
                <span class="duration-track"><span class="duration-bar" style={{ width: `${(p.ms / longest) * 100}%` }} /></span>
                <span class="num">{duration(p.ms)}</span>
              </div>
            ))}
          </div>
        </>
      )}
      {facts.length > 0 && <><h3>Request</h3><FieldTable fields={facts} /></>}
      <h3>Everything recorded</h3>
      <FieldTable fields={[...fieldsOf(log), ...Object.entries(a).map(([k, value]) => ({ name: attributeField(k), label: k, value }))]} />
    </div>
  );
}
