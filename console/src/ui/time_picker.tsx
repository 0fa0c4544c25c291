// The time range of every view: presets, typed ends, steps and zoom.
import { useState } from "preact/hooks";
import { canonicalTime, formatDateTime, isRelative, parseTime, presets, rangeLabel, zoomOut } from "../lib/time";
import { zone } from "../state/prefs";
import { range, rangeMs, setRange, setRangeMs } from "../state/range";
import { Icon } from "./icons";
import { Popover } from "./popover";

function AbsoluteForm({ close }: { close: () => void }) {
  const now = Date.now();
  const shown = (text: string) => {
    const ms = isRelative(text) ? null : parseTime(text, now, zone.value);
    return ms === null ? text : formatDateTime(ms, zone.value);
  };
  const [from, setFrom] = useState(shown(range.value.from));
  const [to, setTo] = useState(shown(range.value.to));
  const [problem, setProblem] = useState("");
  const apply = (event: Event) => {
    event.preventDefault();
    const first = canonicalTime(from, now, zone.value);
    const last = canonicalTime(to, now, zone.value);
    if (first === null) return setProblem(`“${from}” is not a time`);
    if (last === null) return setProblem(`“${to}” is not a time`);
    if (parseTime(first, now, "utc")! >= parseTime(last, now, "utc")!) return setProblem("the range ends before it begins");
    setRange(first, last);
    close();
  };
  return (
    <form class="time-form" onSubmit={apply}>
      <label>
        From
        <input value={from} spellcheck={false} onInput={(e) => setFrom(e.currentTarget.value)} data-testid="time-from" />
      </label>
      <label>
        To
        <input value={to} spellcheck={false} onInput={(e) => setTo(e.currentTarget.value)} data-testid="time-to" />
      </label>
      {problem && <div class="field-error" role="alert">{problem}</div>}
      <button type="submit" class="button button-primary">Apply</button>
      <p class="quiet">
        <code>now-45m</code>, <code>2026-11-23 06:10</code> ({zone.value === "utc" ? "UTC" : "local time"}) or RFC 3339.
      </p>
    </form>
  );
}

export function TimePicker() {
  const { from, to } = range.value;
  const step = (direction: -1 | 1) => {
    const r = rangeMs();
    const length = r.to - r.from;
    setRangeMs(r.from + direction * length, r.to + direction * length);
  };
  const zoom = () => {
    const r = rangeMs();
    const wide = zoomOut(r.from, r.to, Date.now());
    setRangeMs(wide.from, wide.to);
  };
  return (
    <div class="group" role="group" aria-label="time range">
      <button type="button" class="button button-icon" title="earlier" aria-label="earlier" onClick={() => step(-1)}><Icon name="left" /></button>
      <Popover
        title="choose the time range"
        testid="time-picker"
        class="time-button"
        label={<><Icon name="clock" /><span>{rangeLabel(from, to, zone.value)}</span></>}
      >
        {(close) => (
          <div class="time-panel">
            <ul class="menu" aria-label="presets">
              {presets.map((p) => (
                <li key={p.from}>
                  <button
                    type="button"
                    class={p.from === from && to === "now" ? "menu-item chosen" : "menu-item"}
                    data-autofocus={p.from === from && to === "now" ? true : undefined}
                    onClick={() => {
                      setRange(p.from, "now");
                      close();
                    }}
                  >
                    {p.label}
                  </button>
                </li>
              ))}
            </ul>
            <AbsoluteForm close={close} />
          </div>
        )}
      </Popover>
      <button type="button" class="button button-icon" title="later" aria-label="later" disabled={to === "now"} onClick={() => step(1)}><Icon name="chevron" /></button>
      <button type="button" class="button button-icon" title="zoom out to twice the range" aria-label="zoom out" onClick={zoom}><Icon name="minus" /></button>
    </div>
  );
}
