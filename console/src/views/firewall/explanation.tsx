// Why one request was judged so: every rule that found something, where, in what, and which of them decided.
import { api } from "../../api/client";
import type { Firewall, LogRecord } from "../../api/types";
import { addsUp, eventOf, narrowest, severityWord, type WafMatch } from "../../lib/firewall";
import { formatTimestamp, msOf } from "../../lib/time";
import { zone } from "../../state/prefs";
import { useResource } from "../../state/resource";
import { formatPlace } from "../../state/url";
import { StatusCode } from "../../ui/bits";
import { Icon } from "../../ui/icons";
import { ActionBadge } from "./events";
import type { Wanted } from "./index";

// Where an exclusion for this event belongs: its route, or all places when that is gone or was not recorded.
function whereOf(firewall: Firewall | undefined, name: string): { host?: string; route?: string } {
  for (const host of firewall?.hosts ?? []) {
    for (const route of host.routes) if (route.place === name) return { host: host.names[0], route: route.path };
  }
  return {};
}

function Match({ match, decided, onExclude }: { match: WafMatch; decided: boolean; onExclude: (() => void) | undefined }) {
  return (
    <li class={`waf-match${decided ? " waf-decided" : ""}`} data-testid="waf-match" data-rule={match.rule}>
      <div class="record-line">
        <b class="num">{match.rule}</b>
        {match.severity && <span class="badge badge-quiet">{severityWord(match.severity)}</span>}
        {match.phase !== undefined && <span class="quiet">phase {match.phase}</span>}
        {decided && <span class="badge badge-bad" data-testid="decided">gave the verdict</span>}
        {onExclude && <button type="button" class="linklike accent" data-testid="exclude-rule" aria-label={`exclude rule ${match.rule} at ${match.variable}`} onClick={onExclude}>Exclude</button>}
      </div>
      <p>{match.message}</p>
      <dl class="waf-facts">
        {match.variable && <><dt>variable</dt><dd><code data-testid="match-variable">{match.variable}</code></dd></>}
        {match.match && <><dt>match</dt><dd><code data-testid="match-value">{match.match}</code></dd></>}
        {match.data && <><dt>data</dt><dd><code>{match.data}</code></dd></>}
        {match.place && <><dt>rule at</dt><dd><code>{match.place}</code></dd></>}
      </dl>
    </li>
  );
}

export function Explanation({ log, firewall, onChange }: { log: LogRecord; firewall: Firewall | undefined; onChange: (wanted: Wanted) => void }) {
  const event = eventOf(log);
  const ms = msOf(log.ts);
  // The edge record of the request names the rule that decided.
  const edge = useResource(
    log.trace_id ? `verdict ${log.trace_id}` : null,
    async (signal) => (await api.logs(`trace_id:${log.trace_id} source:edge`, { from: new Date(ms - 1000).toISOString(), to: new Date(ms + 60_000).toISOString() }, 20, undefined, undefined, signal)).rows.find((row) => row.attributes["ringwall.waf.rule"] !== undefined),
    { live: false },
  );
  const refused = ["deny", "drop", "redirect"].includes(event.action);
  const verdict = String(edge.data?.attributes["ringwall.waf.rule"] ?? "");
  const found = event.matches.filter((match) => !addsUp(match.rule));
  const sums = event.matches.filter((match) => addsUp(match.rule));
  const where = whereOf(firewall, event.place);
  const exclude = (chosen?: (match: WafMatch) => boolean) => onChange({ title: `Exclude what was found in ${event.method} ${event.path}`, edit: { ...where, exclusions: narrowest(event, chosen) } });
  const excludable = narrowest(event).length > 0;
  return (
    <div class="record" data-testid="waf-detail">
      <div class="record-line">
        <ActionBadge action={event.action} />
        <StatusCode status={event.status} />
        <code>{event.method} {event.path}</code>
      </div>
      <div class="record-time">{formatTimestamp(log.ts, zone.value)}</div>
      <dl class="waf-facts">
        <dt>client</dt><dd>{event.client}</dd>
        {event.host && <><dt>host</dt><dd>{event.host}</dd></>}
        {event.place && <><dt>place</dt><dd>{event.place}</dd></>}
        {event.uri && <><dt>uri</dt><dd><code>{event.uri}</code></dd></>}
        {event.score && <><dt>score</dt><dd><b data-testid="waf-score">{event.score}</b>{firewall && <span class="quiet"> now refused from {firewall.inbound_threshold}</span>}</dd></>}
        <dt>engine</dt><dd>{event.enforcing ? "refuses" : "only logs here"}</dd>
        {refused && <><dt>verdict by</dt><dd>{verdict ? <b data-testid="verdict-rule">{verdict}</b> : <span class="quiet">{edge.loading ? "looking…" : "the edge record is not there"}</span>}</dd></>}
      </dl>
      <div class="toolbar">
        <button type="button" class="button button-primary" disabled={!excludable} data-testid="exclude" onClick={() => exclude()}><Icon name="minus" />Exclude…</button>
        {log.trace_id && <a class="button" href={formatPlace(`/traces/${log.trace_id}`)}><Icon name="traces" />Open trace</a>}
      </div>
      <h3>Rules that found something</h3>
      <ol class="waf-matches">
        {found.map((match, i) => <Match key={i} match={match} decided={refused && match.rule === verdict} onExclude={() => exclude((other) => other.rule === match.rule && other.variable === match.variable)} />)}
      </ol>
      {found.length === 0 && <p class="quiet">None is in the audit record.</p>}
      {event.truncated && <p class="quiet">The audit record was full: further rules found something too.</p>}
      {sums.length > 0 && (
        <>
          <h3>Rules that added up</h3>
          <ol class="waf-matches">{sums.map((match, i) => <Match key={i} match={match} decided={refused && match.rule === verdict} onExclude={undefined} />)}</ol>
        </>
      )}
    </div>
  );
}
