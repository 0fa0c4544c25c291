// The beat of automatic refresh: views ask again when it changes.  It pauses while nobody looks (hidden tab), and for
// ranges that ended in the past, which no longer change.
import { effect, signal } from "@preact/signals";
import { refreshMs } from "./prefs";
import { place } from "./route";

export const beat = signal(0);
export const refreshNow = () => void (beat.value = beat.peek() + 1);

const endsNow = () => (place.value.params["to"] ?? "now") === "now";

effect(() => {
  const every = refreshMs.value;
  if (every === 0 || !endsNow()) return;
  const timer = setInterval(() => {
    if (!document.hidden) refreshNow();
  }, every);
  return () => clearInterval(timer);
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden && refreshMs.value > 0 && endsNow()) refreshNow();
});
