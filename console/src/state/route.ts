// Where the user is, in the browser's history.
import { computed, signal } from "@preact/signals";
import { formatPlace, merge, parsePlace, type Params, type Place } from "./url";

const read = (): Place => parsePlace(window.location.pathname + window.location.search);

export const place = signal<Place>(read());
export const path = computed(() => place.value.path);

window.addEventListener("popstate", () => (place.value = read()));

export function navigate(url: string, how: "push" | "replace" = "push"): void {
  if (url === window.location.pathname + window.location.search) return;
  history[how === "push" ? "pushState" : "replaceState"](null, "", url);
  place.value = read();
}

// Changes parameters of this view; undefined removes one.
export function setParams(changes: Params, how: "push" | "replace" = "push"): void {
  navigate(formatPlace(place.value.path, merge(place.value.params, changes)), how);
}

// The address of a view, with the time range of this one.
export function href(to: string, params: Params = {}): string {
  const { from, to: end } = place.value.params;
  return formatPlace(to, { from, to: end, ...params });
}

// Plain left clicks on our own links stay in this page; everything else (new tab, download) is the browser's.
document.addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element | null)?.closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== window.location.origin || link.pathname.startsWith("/api/")) return;
  if (link.getAttribute("href")?.startsWith("#")) return;
  event.preventDefault();
  navigate(link.pathname + link.search);
});
