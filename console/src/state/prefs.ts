// What this browser remembers about its user: theme, zone, refresh.  Everything else is in the address.
import { computed, effect, signal, type Signal } from "@preact/signals";
import type { Zone } from "../lib/time";

function remembered<T extends string>(key: string, allowed: readonly T[], fallback: T): Signal<T> {
  let first = fallback;
  try {
    const stored = localStorage.getItem(key) as T | null;
    if (stored !== null && allowed.includes(stored)) first = stored;
  } catch {
    // A browser that forbids storage forgets; the console works all the same.
  }
  const value = signal(first);
  effect(() => {
    const now = value.value;
    try {
      if (now === fallback) localStorage.removeItem(key);
      else localStorage.setItem(key, now);
    } catch {
      // As above.
    }
  });
  return value;
}

export type Theme = "system" | "light" | "dark";
export const theme = remembered<Theme>("ringwall.theme", ["system", "light", "dark"], "system");
export const zone = remembered<Zone>("ringwall.zone", ["local", "utc"], "local");

export const refreshChoices = ["off", "5s", "10s", "30s", "1m", "5m"] as const;
export type Refresh = (typeof refreshChoices)[number];
export const refresh = remembered<Refresh>("ringwall.refresh", refreshChoices, "10s");
export const refreshMs = computed(() => ({ off: 0, "5s": 5000, "10s": 10_000, "30s": 30_000, "1m": 60_000, "5m": 300_000 })[refresh.value]);

const dark = window.matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", () => (systemDark.value = dark.matches));

export const shownTheme = computed<"light" | "dark">(() => (theme.value === "system" ? (systemDark.value ? "dark" : "light") : theme.value));
effect(() => {
  document.documentElement.dataset["theme"] = shownTheme.value;
});
