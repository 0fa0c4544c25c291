// Rows of the search, page after page.  A refresh asks again for as many rows as there are; a page further is appended.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, ApiError, type Range } from "../../api/client";
import type { LogRecord } from "../../api/types";
import { beat } from "../../state/refresh";

export const pageRows = 100;
const refreshRowsMax = 1000; // the server's limit of one answer

export interface LogPages {
  rows: LogRecord[];
  next: string | null;
  tookMs: number;
  loading: boolean;
  stale: boolean;
  loadingMore: boolean;
  error: ApiError | undefined;
  loadMore: () => void;
}

interface Held {
  key: string;
  rows: LogRecord[];
  next: string | null;
  tookMs: number;
  error?: ApiError;
}

export function useLogPages(q: string, range: Range, order: string, rowsWanted: number, mayRefresh: () => boolean, onRows: (rows: number) => void): LogPages {
  const key = `${q}\n${range.from}\n${range.to}\n${order}`;
  const [held, setHeld] = useState<Held>({ key: "", rows: [], next: null, tookMs: 0 });
  const [busy, setBusy] = useState(true);
  const [more, setMore] = useState(false);
  const latest = useRef(held);
  latest.current = held;
  const moreAbort = useRef<AbortController | undefined>(undefined);
  const tick = beat.value;

  useEffect(() => {
    const same = latest.current.key === key;
    if (same && latest.current.rows.length > 0 && !mayRefresh()) return;
    const have = same ? latest.current.rows.length : rowsWanted;
    if (same && have > refreshRowsMax) return;
    moreAbort.current?.abort();
    const abort = new AbortController();
    setBusy(true);
    setMore(false);
    const limit = Math.min(refreshRowsMax, Math.max(pageRows, have));
    api.logs(q, range, limit, undefined, order, abort.signal).then(
      (page) => {
        if (abort.signal.aborted) return;
        setHeld({ key, rows: page.rows, next: page.next, tookMs: page.took_ms });
        setBusy(false);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError(0, "console", String(error));
        setHeld((before) => ({ ...(before.key === key ? before : { rows: [], next: null, tookMs: 0 }), key, error: known }));
        setBusy(false);
      },
    );
    return () => abort.abort();
  }, [key, tick]);

  const loadMore = () => {
    const { next, key: of } = latest.current;
    if (next === null || more || busy || of !== key) return;
    const abort = new AbortController();
    moreAbort.current = abort;
    setMore(true);
    api.logs(q, range, pageRows, next, order, abort.signal).then(
      (page) => {
        if (abort.signal.aborted) return;
        const rows = [...latest.current.rows, ...page.rows];
        setHeld({ key: of, rows, next: page.next, tookMs: page.took_ms });
        setMore(false);
        onRows(rows.length);
      },
      (error: unknown) => {
        if (abort.signal.aborted) return;
        setHeld((before) => ({ ...before, error: error instanceof ApiError ? error : new ApiError(0, "console", String(error)) }));
        setMore(false);
      },
    );
  };
  useEffect(() => () => moreAbort.current?.abort(), [key]);

  return {
    rows: held.rows, next: held.key === key ? held.next : null, tookMs: held.tookMs, loading: busy || held.key !== key, stale: held.key !== key,
    loadingMore: more, error: held.key === key ? held.error : undefined, loadMore,
  };
}
