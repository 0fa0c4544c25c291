// Data of a view: asked again when its key changes or at the beat of refresh.  What was there stays in sight until the
// answer comes, marked as stale when it answers another question.
import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError } from "../api/client";
import { beat } from "./refresh";

export interface Resource<T> {
  data: T | undefined;
  error: ApiError | undefined;
  loading: boolean;
  stale: boolean;
}

interface Held<T> {
  key: string | null;
  data?: T;
  error?: ApiError;
  loading: boolean;
}

export function useResource<T>(key: string | null, load: (signal: AbortSignal) => Promise<T>, options: { live?: boolean } = {}): Resource<T> {
  const [held, setHeld] = useState<Held<T>>({ key: null, loading: key !== null });
  const loader = useRef(load);
  loader.current = load;
  // Reading the signal here subscribes this component to the beat.
  const tick = options.live === false ? 0 : beat.value;

  useEffect(() => {
    if (key === null) return;
    const abort = new AbortController();
    setHeld((before) => ({ ...before, loading: true }));
    loader.current(abort.signal).then(
      (data) => !abort.signal.aborted && setHeld({ key, data, loading: false }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const known = error instanceof ApiError ? error : new ApiError(0, "console", String(error), "This is a mistake in the console; the browser's console has more.");
        if (!(error instanceof ApiError)) console.error(error);
        setHeld((before) => ({ key, data: before.key === key ? before.data : undefined, error: known, loading: false }));
      },
    );
    return () => abort.abort();
  }, [key, tick]);

  const same = held.key === key;
  return { data: held.data, error: same ? held.error : undefined, loading: key !== null && (held.loading || !same), stale: !same };
}
