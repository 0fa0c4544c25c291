// The connection of live tail: server-sent events, shown four times a second however fast they come.
import { useEffect, useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { LogRecord } from "../../api/types";
import { emptyTail, push, resume, type Tail, type TailRow } from "../../lib/tail";

const showEveryMs = 250;

export type Connection = "connecting" | "open" | "lost" | "refused";

export interface LiveTail extends Tail {
  connection: Connection;
}

export function useTail(q: string, on: boolean, paused: boolean): LiveTail {
  const [tail, setTail] = useState<Tail>(emptyTail);
  const [connection, setConnection] = useState<Connection>("connecting");
  const isPaused = useRef(paused);
  isPaused.current = paused;

  useEffect(() => {
    if (!on) return;
    setTail(emptyTail);
    setConnection("connecting");
    let arrived: TailRow[] = [];
    let gaps = 0;
    const events = new EventSource(api.tailUrl(q));
    events.onopen = () => setConnection("open");
    // The browser connects again by itself, with Last-Event-ID; CLOSED means that it will not.
    events.onerror = () => setConnection(events.readyState === EventSource.CLOSED ? "refused" : "lost");
    events.addEventListener("log", (event) => {
      const log = JSON.parse((event as MessageEvent<string>).data) as LogRecord;
      arrived.push({ kind: "log", id: log.id, log });
    });
    events.addEventListener("gap", (event) => {
      const { skipped } = JSON.parse((event as MessageEvent<string>).data) as { skipped: number };
      arrived.push({ kind: "gap", id: `gap-${++gaps}`, skipped });
    });
    const timer = setInterval(() => {
      if (arrived.length === 0) return;
      const batch = arrived;
      arrived = [];
      setTail((before) => push(before, batch, isPaused.current));
    }, showEveryMs);
    return () => {
      clearInterval(timer);
      events.close();
    };
  }, [q, on]);

  useEffect(() => {
    if (!paused) setTail(resume);
  }, [paused]);

  return { ...tail, connection };
}
